"""Telegrams and feeds: stored before they are interpreted, known by their URL, never by a time cursor (R6)."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from peewee import IntegrityError

from store.errors import Refused
from store.models import Counter, Feed, Telegram, TelegramRaw, database
from store.moves import move
from store.states import TelegramState


@dataclass(frozen=True)
class FeedState:
    """What we remember of a feed between polls; `baseline_at` None until the first complete poll."""

    name: str
    etag: str | None
    last_modified: str | None
    checked_at: datetime | None
    ok_at: datetime | None
    failure: str | None
    baseline_at: datetime | None


@dataclass(frozen=True)
class Stored:
    """A telegram to be interpreted."""

    id: int
    url: str
    feed: str
    fetched_at: datetime
    raw: bytes


@dataclass(frozen=True)
class Envelope:
    """What the reader says a telegram is, kept beside it."""

    type: str | None
    status: str | None
    info_type: str | None
    office: str | None
    event_id: str | None
    serial: str | None
    reported_at: datetime | None


def unseen(urls: Iterable[str]) -> list[str]:
    """Those of the URLs we have never stored, in the order given."""
    wanted = list(dict.fromkeys(urls))
    known: set[str] = set()
    for start in range(0, len(wanted), 500):
        rows = Telegram.select(Telegram.url).where(Telegram.url.in_(wanted[start : start + 500]))
        known |= {row.url for row in rows}
    return [url for url in wanted if url not in known]


def keep(url: str, feed: str, raw: bytes, *, now: datetime) -> int | None:
    """Store a telegram as it came; None when somebody stored it meanwhile (two nodes)."""
    if Telegram.select().where(Telegram.url == url).exists():
        return None
    try:
        with database.atomic():
            body = TelegramRaw.create(body=zlib.compress(raw, 6))
            row = Telegram.create(
                url=url, feed=feed, fetched_at=now, state=str(TelegramState.RECEIVED), raw_id=body.id
            )
    except IntegrityError:  # the other node was a moment faster
        return None
    return row.id


def keep_unread(url: str, feed: str, state: TelegramState, why: str, *, now: datetime) -> None:
    """Record a telegram without its bytes: one nobody reads, or one too big to keep. It is not fetched again."""
    row = keep(url, feed, b"", now=now)
    if row is not None:
        interpreted(row, state, why, None, now=now)


def waiting(limit: int = 50) -> list[Stored]:
    """Telegrams not interpreted yet, oldest first."""
    query = (
        Telegram.select()
        .where(Telegram.state == str(TelegramState.RECEIVED))
        .order_by(Telegram.id)
        .limit(limit)
    )
    return [_stored(row) for row in query]


def _stored(row: Telegram) -> Stored:
    raw = TelegramRaw.get_by_id(row.raw_id)
    return Stored(row.id, row.url, row.feed, row.fetched_at, zlib.decompress(bytes(raw.body)))


def take(telegram: int) -> bool:
    """Begin to interpret one; False when it is interpreted already. Until this transaction ends no other node
    interprets anything, so that what residents were told is compared with one telegram after the other."""
    Counter.insert(name="telegrams", value=0).on_conflict_ignore().execute()
    Counter.update(value=Counter.value + 1).where(Counter.name == "telegrams").execute()
    still = (Telegram.id == telegram) & (Telegram.state == str(TelegramState.RECEIVED))
    return bool(Telegram.select().where(still).exists())


def load(telegram: int) -> Stored:
    """Raises Refused("telegram-unknown")."""
    row = Telegram.get_or_none(Telegram.id == telegram)
    if row is None:
        raise Refused("telegram-unknown")
    return _stored(row)


def interpreted(
    telegram: int, to: TelegramState, why: str | None, envelope: Envelope | None, *, now: datetime
) -> None:
    """Say what became of it, with what the reader saw on its envelope."""
    columns: dict[str, object] = {"why": why}
    if envelope is not None:
        columns |= envelope.__dict__
    move(Telegram, telegram, to, by="feeds", at=now, **columns)


def feed(name: str) -> FeedState:
    """The state of a feed; an unknown one has never been polled."""
    row = Feed.get_or_none(Feed.name == name)
    if row is None:
        return FeedState(name, None, None, None, None, None, None)
    return FeedState(
        row.name, row.etag, row.last_modified, row.checked_at, row.ok_at, row.failure, row.baseline_at
    )


def polled(name: str, *, etag: str | None, last_modified: str | None, now: datetime) -> None:
    """A poll whose every new entry is stored: only now may the ETag be kept (JMA.md 1)."""
    Feed.insert(name=name).on_conflict_ignore().execute()
    Feed.update(etag=etag, last_modified=last_modified, checked_at=now, ok_at=now, failure=None).where(
        Feed.name == name
    ).execute()
    Feed.update(baseline_at=now).where((Feed.name == name) & Feed.baseline_at.is_null()).execute()


def poll_failed(name: str, failure: str, *, now: datetime) -> None:
    """A poll that did not work; the ETag stays what it was."""
    Feed.insert(name=name).on_conflict_ignore().execute()
    Feed.update(checked_at=now, failure=failure[:200]).where(Feed.name == name).execute()


def feeds() -> list[FeedState]:
    """Every feed ever polled."""
    return [feed(row.name) for row in Feed.select(Feed.name).order_by(Feed.name)]


class Line(NamedTuple):
    """A telegram in a list: never its content."""

    id: int
    fetched_at: datetime
    type: str | None
    state: str
    why: str | None
    url: str


def listed(state: str | None = None, limit: int = 100) -> list[Line]:
    """The newest telegrams, of one state or all, for `hansho telegrams`."""
    query = Telegram.select().order_by(Telegram.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Telegram.state == state)
    return [Line(r.id, r.fetched_at, r.type, r.state, r.why, r.url) for r in query]
