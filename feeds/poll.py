"""Polls the Atom feeds: every telegram is stored before anybody interprets it, and known by its address (R6)."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from config.settings import Source
from feeds import atom
from feeds.atom import Entry, Feed
from feeds.pull import FEED_LIMIT, Fault, Fetched, Puller
from feeds.telegram import reads
from feeds.titles import TYPES
from store import telegrams
from store.db import Store
from store.states import TelegramState
from store.telegrams import FeedState

log = logging.getLogger(__name__)

# The short feeds hold at least the last ten minutes; the long ones are written once an hour (JMA.md 1).
SHORT_HOLDS: Final = timedelta(minutes=10)
LONG_EVERY: Final = timedelta(hours=1)
DEAD_AFTER: Final = timedelta(minutes=5)
_AT_ONCE: Final = 4
_LONGEST_URL: Final = 500
_MOST_PATIENCE: Final = 5


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll did: telegrams stored, telegrams that could not be fetched, and why the feed failed, if it did."""

    stored: int = 0
    missing: int = 0
    failure: str | None = None


class Poller:
    """All that is remembered of one source between polls is in the ledger, but for its patience after failures."""

    def __init__(self, store: Store, puller: Puller, source: Source, *, seconds: float = 60) -> None:
        self._store = store
        self._puller = puller
        self._source = source
        self._seconds = seconds
        self._failures = 0
        self._not_before: datetime | None = None
        self._long_at: datetime | None = None

    async def run(self, _due: datetime) -> None:
        """One turn of the clock: poll, unless the feed failed a moment ago (up to five turns are left out)."""
        now = self._store.now()
        if self._not_before is not None and self._not_before > now:
            return
        polled = await self.poll()
        if polled.failure is None:
            if self._failures:
                log.info("feed recovered name=%s", self._source.name)
            self._failures, self._not_before = 0, None
            return
        self._failures += 1
        turns = min(2 ** (self._failures - 1), _MOST_PATIENCE)
        # Half a turn less, so that the jitter of the clock does not make it one more.
        self._not_before = now + timedelta(seconds=self._seconds * (turns - 0.5))
        await self._complain(polled.failure)

    async def _complain(self, failure: str) -> None:
        state = await self._store.run(telegrams.feed, self._source.name)
        dead = state.ok_at is None or self._store.now() - state.ok_at > DEAD_AFTER
        level = logging.ERROR if dead else logging.WARNING
        log.log(level, "feed failed name=%s why=%s times=%s", self._source.name, failure, self._failures)

    async def poll(self) -> Polled:
        """Ask once, and store whatever is new; never raises for what the other side does."""
        name = self._source.name
        state = await self._store.run(telegrams.feed, name)
        fetched = await self._puller.fetch(
            self._source.url, etag=state.etag, last_modified=state.last_modified, limit=FEED_LIMIT
        )
        if fetched.status == 304 and fetched.fault is None:
            await self._polled(state.etag, state.last_modified)
            return Polled()
        feed = await _read(fetched)
        if feed.why is not None:
            return await self._failed(feed.why)
        entries = self._near(feed.entries)
        new = await self._store.run(telegrams.unseen, [entry.url for entry in entries])
        if self._gap(state, entries, new):
            long = await self._long()
            if long.why is not None:
                # The short feed's telegrams are stored all the same; its ETag is not, so that we come back.
                stored, missing = await self._store_new(entries, new, baseline=False)
                return await self._failed(f"long-feed {long.why}", stored, missing)
            entries = self._near((*feed.entries, *long.entries))
            new = await self._store.run(telegrams.unseen, [entry.url for entry in entries])
        stored, missing = await self._store_new(entries, new, baseline=state.baseline_at is None)
        if missing:
            await self._store.run(telegrams.poll_failed, name, f"{missing} telegrams", now=self._store.now())
            log.warning("telegrams missing name=%s n=%s", name, missing)
        else:
            await self._polled(fetched.etag, fetched.last_modified)
        return Polled(stored, missing)

    async def _polled(self, etag: str | None, last_modified: str | None) -> None:
        now = self._store.now()
        await self._store.run(
            telegrams.polled, self._source.name, etag=etag, last_modified=last_modified, now=now
        )

    async def _failed(self, why: str, stored: int = 0, missing: int = 0) -> Polled:
        await self._store.run(telegrams.poll_failed, self._source.name, why, now=self._store.now())
        return Polled(stored, missing, why)

    def _near(self, entries: Iterable[Entry]) -> list[Entry]:
        """Each telegram once, oldest first, and only from the feed's own server."""
        near: dict[str, Entry] = {}
        strange = 0
        for entry in entries:
            if beside(self._source.url, entry.url):
                near.setdefault(entry.url, entry)
            else:
                strange += 1
        if strange:
            log.warning("entries elsewhere name=%s n=%s", self._source.name, strange)
        return sorted(reversed(near.values()), key=_updated)

    def _gap(self, state: FeedState, entries: Sequence[Entry], new: Sequence[str]) -> bool:
        """Whether telegrams may have come and gone unseen since the last good poll."""
        if state.ok_at is None or state.baseline_at is None or not entries:
            return False
        now = self._store.now()
        all_new = len(new) == len(entries) and _updated(entries[0]) > state.ok_at
        if not all_new and now - state.ok_at <= SHORT_HOLDS:
            return False
        if self._source.long_url is None:
            log.warning("gap without a long feed name=%s", self._source.name)
            return False
        return self._long_at is None or now - self._long_at >= LONG_EVERY

    async def _long(self) -> Feed:
        log.info("reading the long feed name=%s", self._source.name)
        long = await _read(await self._puller.fetch(self._source.long_url or "", limit=FEED_LIMIT))
        if long.why is None:
            self._long_at = self._store.now()
        return long

    async def _store_new(
        self, entries: Sequence[Entry], new: Sequence[str], *, baseline: bool
    ) -> tuple[int, int]:
        """Fetch and keep, oldest first; returns how many were stored and how many could not be fetched."""
        wanted = set(new)
        fresh = [entry for entry in entries if entry.url in wanted]
        stored = missing = 0
        for start in range(0, len(fresh), _AT_ONCE):
            batch = fresh[start : start + _AT_ONCE]
            for entry, fetched in zip(batch, await asyncio.gather(*map(self._fetch, batch)), strict=True):
                if fetched is None:
                    await self._pass(entry.url, TelegramState.PASSED, "not-wanted")
                elif fetched.new:
                    await self._store.run(
                        telegrams.keep, entry.url, self._source.name, fetched.body, now=self._store.now()
                    )
                    stored += 1
                elif fetched.fault is Fault.TOO_BIG:
                    await self._pass(entry.url, TelegramState.NOT_UNDERSTOOD, "too-big")
                elif baseline:
                    # Nothing of a first look is mailed: one that is gone must not keep us from looking again.
                    await self._pass(entry.url, TelegramState.PASSED, "not-fetched")
                else:
                    missing += 1
        return stored, missing

    async def _fetch(self, entry: Entry) -> Fetched | None:
        """None for what need not be fetched: both its name and its title say a type that nobody reads."""
        known = TYPES.get(entry.title or "")
        if known and entry.type and not reads(entry.type) and not reads(known.code):
            return None
        return await self._puller.fetch(entry.url)

    async def _pass(self, url: str, state: TelegramState, why: str) -> None:
        await self._store.run(
            telegrams.keep_unread, url, self._source.name, state, why, now=self._store.now()
        )


def _updated(entry: Entry) -> datetime:
    return entry.updated or _EARLY


_EARLY: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


async def _read(fetched: Fetched) -> Feed:
    """The feed, or why there is none; a large one must not hold up the loop."""
    if fetched.fault is not None:
        return Feed(why=f"{fetched.fault} {fetched.status}" if fetched.status else str(fetched.fault))
    if not fetched.new:
        return Feed(why=f"status {fetched.status}")
    return await asyncio.to_thread(atom.read, fetched.body)


def beside(feed: str, url: str) -> bool:
    """Whether an address is on the feed's own server, in the folder above the feed's (…/xml/feed/ → …/xml/)."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable():
        return False
    try:
        here, there = urlsplit(feed), urlsplit(url)
        same = (here.scheme, here.hostname, here.port) == (there.scheme, there.hostname, there.port)
    except ValueError:
        return False
    folder = here.path.rsplit("/", 2)[0] if here.path.count("/") > 1 else ""
    inside = there.path.startswith(f"{folder}/") and "/.." not in there.path and "%" not in there.path
    return same and inside and there.username is None
