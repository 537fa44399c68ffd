"""Keeps every card in the chat true to the ledger, which alone knows; a restart or a lost answer changes nothing."""

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from bot import memory, outage, sight
from bot.board import Board
from bot.memory import Memory
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
        self._board = Board(calls, channel, store.now)
        self._open = is_open
        self._patience = patience
        self._closed_at: float | None = None
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
        asked, busy = self._store.now(), set(self._tasks)
        for wanted in await self._store.run(cards.due, now=asked, limit=500):
            if wanted.id not in busy:  # what a task has finished meanwhile was read too early
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
            await self._put_off(wanted)
        except Exception:  # named edge: one card that cannot be made must not hide the others
            log.exception("card failed bulletin=%s", wanted.bulletin)
            await self._put_off(wanted)

    async def _put_off(self, wanted: Wanted) -> None:
        try:
            await self._store.run(cards.failed, wanted.id, now=self._store.now())
        except Exception:  # named edge: the ledger itself may be what failed; the wish is still in it
            log.exception("card not put off bulletin=%s", wanted.bulletin)

    async def _bring_up_to_date(self, wanted: Wanted, asked: datetime) -> None:
        seen = await self._store.run(sight.look, wanted.bulletin)
        if seen.view.state in sight.COUNTED:  # counting rows is slow: on the connection where nobody waits
            seen = replace(seen, progress=await self._store.read(release.progress, wanted.bulletin))
        known = memory.read(wanted.shown).meet(seen)
        if not wanted.ts and not seen.waits and seen.view.state in _NEVER_SHOWN:
            await self._settle(wanted, seen, known)
            return
        wanted, known = await self._board.show(wanted, seen, known)
        if seen.waits and known.count is None:
            # About how many is there at once (R23); exactly how many follows into the same card.
            now = self._store.now()
            where = {"place": wanted.place or "", "ts": wanted.ts or ""}
            await self._store.run(
                cards.shown, wanted.id, known.write(), **where, wanted_by=asked, now=now, again=now
            )
            known = await self._count(seen, known)
            wanted, known = await self._board.show(wanted, seen, known)
        await self._settle(wanted, seen, known)

    async def _count(self, seen: Sight, known: Memory) -> Memory:
        version, realm = seen.view.version, seen.view.realm
        count = await self._store.read(audience.exact, version, realm)
        carriers: list[tuple[str, int]] = []
        if seen.view.refers_as not in ("correction", "cancel"):  # those go to the recipients of the original
            carriers = await self._store.read(audience.by_carrier, version, realm)
        return replace(known, count=count, carriers=tuple(carriers))

    async def _settle(self, wanted: Wanted, seen: Sight, known: Memory) -> None:
        now = self._store.now()
        again = None
        if seen.view.state is BulletinState.SENDING:
            long = seen.view.released_at is not None and now - seen.view.released_at > LONG
            again = now + (SLOW_PROGRESS if long else PROGRESS)
        await self._store.run(_settled, wanted, known.write(), seen.gist, now, again)


_NEVER_SHOWN = (BulletinState.DRAFT, BulletinState.REJECTED, BulletinState.WITHDRAWN)


def _settled(
    wanted: Wanted, words: str, gist: tuple[object, ...], now: datetime, again: datetime | None
) -> None:
    """The card says all there is to say, unless something happened since we looked.

    A wish may carry a time before our look and yet have been written after it, so the look decides, not the time.
    """
    where = {"place": wanted.place or "", "ts": wanted.ts or ""}
    cards.shown(wanted.id, words, **where, wanted_by=now, now=now, again=again)
    if sight.look(wanted.bulletin).gist != gist:
        cards.want(wanted.bulletin, now=now)
