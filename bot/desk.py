"""Keeps every card in the chat true to the ledger, which alone knows; a restart or a lost answer changes nothing."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from bot import memory, outage, showing, sight
from bot.blocks import SMALL_ROOM
from bot.memory import Memory
from bot.pace import Pace
from bot.showing import Face
from bot.sight import Sight
from bot.slack.calls import SlackCalls, SlackRefused, SlackUnreachable
from store import audience, cards, release
from store.cards import Wanted
from store.db import Store
from store.states import BulletinState

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.25
BREATH_SECONDS = 0.03  # the bell rings with every batch that is sent; nobody reads faster than this
LAST_SECONDS = 3.0
PROGRESS = timedelta(seconds=2)
SLOW_PROGRESS = timedelta(
    seconds=10
)  # once it takes longer than a minute: Slack allows fifty changes a minute
LONG = timedelta(minutes=1)


class Desk:
    """One task a card, so that each message has one writer. Cards rest while nobody could click on them (`open`)."""

    def __init__(
        self,
        store: Store,
        calls: SlackCalls,
        channel: str,
        is_open: Callable[[], bool],
        *,
        patience: float = 60.0,
    ) -> None:
        """`is_open` tells whether the line to Slack stands; `patience` seconds later letters take over (X2)."""
        self._store = store
        self._calls = calls
        self._channel = channel
        self._open = is_open
        self._patience = patience
        self._closed_at: float | None = None
        self._posts, self._changes = Pace(5, 1.0), Pace(20, 1.2)
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what is being shown then is finished or left to the next start."""
        ear = self._store.ear()
        try:
            while not stop.is_set():
                if self._open():
                    self._closed_at = None
                    await self._look_around()
                else:
                    await self._wait_for_slack()
                await ear.wait(IDLE_SECONDS)
                await asyncio.sleep(BREATH_SECONDS)
        finally:
            await self._finish()

    async def _wait_for_slack(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._closed_at is None:
            self._closed_at = now
        elif now - self._closed_at >= self._patience:
            self._closed_at = math.inf  # once an outage
            hidden = await self._store.run(outage.out_of_sight, now=self._store.now())
            log.warning("Slack is silent: approvals are asked for by letter cards=%s", hidden)

    async def _look_around(self) -> None:
        asked = self._store.now()
        for wanted in await self._store.run(cards.due, now=asked, limit=500):
            if wanted.id not in self._tasks:
                task = asyncio.create_task(self._attend(wanted, asked))
                self._tasks[wanted.id] = task
                task.add_done_callback(partial(self._tasks.pop, wanted.id))

    async def _finish(self) -> None:
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _attend(self, wanted: Wanted, asked: datetime) -> None:
        try:
            await self._bring_up_to_date(wanted, asked)
        except (SlackRefused, SlackUnreachable) as error:
            # Said once for each wish, not at every try: an hour without Slack must not fill the log.
            level = logging.DEBUG if wanted.attempts else logging.WARNING
            log.log(level, "card not shown yet bulletin=%s why=%s", wanted.bulletin, error)
            await self._store.run(cards.failed, wanted.id, now=self._store.now())
        except (
            Exception
        ):  # named edge: one card that cannot be made must not keep the others from being shown
            log.exception("card failed bulletin=%s", wanted.bulletin)
            with contextlib.suppress(
                Exception
            ):  # the ledger itself may be what failed: the wish is still there
                await self._store.run(cards.failed, wanted.id, now=self._store.now())

    async def _bring_up_to_date(self, wanted: Wanted, asked: datetime) -> None:
        seen = await self._store.run(sight.look, wanted.bulletin)
        if seen.view.state in sight.COUNTED:  # counting rows is slow: on the connection where nobody waits
            seen = replace(seen, progress=await self._store.read(release.progress, wanted.bulletin))
        known = memory.read(wanted.shown).meet(seen)
        if not wanted.ts and not seen.waits and seen.view.state in _NEVER_SHOWN:
            await self._settle(wanted, seen, known, asked)
            return
        wanted, known = await self._show(wanted, seen, known)
        if seen.waits and known.count is None:
            # About how many is there at once (R23); exactly how many follows into the same card.
            await self._store.run(_shown, wanted, known.write(), asked, self._store.now())
            known = await self._count(seen, known)
            wanted, known = await self._show(wanted, seen, known)
        await self._settle(wanted, seen, known, asked)

    async def _count(self, seen: Sight, known: Memory) -> Memory:
        version, realm = seen.view.version, seen.view.realm
        count = await self._store.read(audience.exact, version, realm)
        carriers: list[tuple[str, int]] = []
        if seen.view.refers_as not in ("correction", "cancel"):  # those go to the recipients of the original
            carriers = await self._store.read(audience.by_carrier, version, realm)
        return replace(known, count=count, carriers=tuple(carriers))

    async def _show(self, wanted: Wanted, seen: Sight, known: Memory) -> tuple[Wanted, Memory]:
        """Post or change the message unless it shows just this; where it stands now."""
        if wanted.ts and seen.waits and known.round != seen.returns:
            await self._retire(wanted, seen, known)
            wanted, known = replace(wanted, ts=None, place=None), replace(known, face="")
        if not wanted.ts:
            known = replace(known, round=seen.returns)
        face = showing.face(seen, known)
        if wanted.ts and face.hash == known.face:
            return wanted, known
        urgent = known.buttons != face.buttons
        try:
            wanted = await self._put(wanted, seen, known, face, urgent)
        except SlackRefused as error:
            if error.code != "msg_blocks_too_long":
                raise
            wanted = await self._put(wanted, seen, known, showing.face(seen, known, SMALL_ROOM), urgent)
        return wanted, replace(known, face=face.hash, buttons=face.buttons)

    async def _put(self, wanted: Wanted, seen: Sight, known: Memory, face: Face, urgent: bool) -> Wanted:
        if wanted.ts and wanted.place:
            try:
                await self._changes.turn(urgent=urgent)
                await self._calls.update(wanted.place, wanted.ts, face.blocks, face.words)
                return wanted
            except SlackRefused as error:
                if error.code != "message_not_found":  # somebody took the message away: it is posted again
                    raise
        await self._posts.turn()
        key = f"card-{wanted.id}" + (f".{known.round}" if known.round else "")
        # Slack's clock is the real one, whatever day the training town has.
        born = seen.view.created_at - (self._store.now() - datetime.now(UTC))
        posted = await self._calls.post_once(self._channel, face.blocks, face.words, key, since=born)
        if not posted.fresh:  # posted before, its record lost in a crash: it may show an older version
            await self._calls.update(self._channel, posted.ts, face.blocks, face.words)
        return replace(wanted, ts=posted.ts, place=self._channel)

    async def _retire(self, wanted: Wanted, seen: Sight, known: Memory) -> None:
        """The message of the round before keeps no buttons: the bulletin waits on a new one, which is noticed."""
        if not known.buttons or not wanted.place or not wanted.ts:
            return
        face = showing.returned_face(seen, known)
        try:
            await self._calls.update(wanted.place, wanted.ts, face.blocks, face.words)
        except SlackRefused as error:
            if error.code != "message_not_found":
                raise

    async def _settle(self, wanted: Wanted, seen: Sight, known: Memory, asked: datetime) -> None:
        now = self._store.now()
        again = None
        if seen.view.state is BulletinState.SENDING:
            long = seen.view.released_at is not None and now - seen.view.released_at > LONG
            again = now + (SLOW_PROGRESS if long else PROGRESS)
        await self._store.run(_settled, wanted, known.write(), seen.gist, asked, now, again)


_NEVER_SHOWN = (BulletinState.DRAFT, BulletinState.REJECTED, BulletinState.WITHDRAWN)


def _shown(wanted: Wanted, words: str, asked: datetime, now: datetime, again: datetime | None = None) -> None:
    """Write down where the message stands before anything slow; the card stays due (`again` now)."""
    cards.shown(
        wanted.id,
        words,
        place=wanted.place or "",
        ts=wanted.ts or "",
        wanted_by=asked,
        now=now,
        again=again or now,
    )


def _settled(
    wanted: Wanted,
    words: str,
    gist: tuple[object, ...],
    asked: datetime,
    now: datetime,
    again: datetime | None,
) -> None:
    """The card says all there is to say, unless something happened meanwhile.

    Somebody's wish may carry a time before `asked` and yet have come after our look: so look once more.
    """
    cards.shown(
        wanted.id,
        words,
        place=wanted.place or "",
        ts=wanted.ts or "",
        wanted_by=now,
        now=now,
        again=again,
    )
    if sight.look(wanted.bulletin).gist != gist:
        cards.want(wanted.bulletin, now=now)
