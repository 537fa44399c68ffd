"""Takes stored telegrams one by one, in the order in which they came, and has each interpreted exactly once."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Final

from config.settings import Settings
from config.sheet import renderer
from feeds import telegram
from feeds.interpret import envelope_of, interpret, set_aside
from store import telegrams
from store.db import Store
from store.states import TelegramState
from store.telegrams import Stored

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 1.0
_AT_ONCE: Final = 5
# What still fails then is set aside for a person, so that it does not stand in the way of the next one.
_TRIES: Final = 3


class Desk:
    """One for each feeds program; two on two machines share the work without doing any twice."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self._render = renderer(settings)
        self._tries: dict[int, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what was stored and not interpreted before a restart comes first."""
        ear = self._store.ear()
        while not stop.is_set():
            seconds = IDLE_SECONDS
            try:
                await self.clear(stop)
            except Exception:  # the desk's edge: the ledger may be away for a moment (STYLE 3.8)
                log.exception("telegrams wait")
                seconds = RETRY_SECONDS
            await _first(stop, ear.wait(seconds))

    async def clear(self, stop: asyncio.Event | None = None) -> None:
        """Interpret everything that waits. Raises what the ledger raises when it cannot be reached."""
        while waiting := await self._store.read(telegrams.waiting, _AT_ONCE):
            for stored in waiting:
                if stop is not None and stop.is_set():
                    return
                await self._take(stored)

    async def _take(self, stored: Stored) -> None:
        try:
            # Five megabytes of XML take a while: not on the loop, nor inside the transaction.
            understood = await asyncio.to_thread(telegram.read, stored.raw)
            outcome = await self._store.run(
                interpret, stored, understood, render=self._render, now=self._store.now()
            )
        except Exception as error:  # the edge of one telegram: no telegram may stop those behind it
            self._tries[stored.id] = self._tries.get(stored.id, 0) + 1
            if self._tries[stored.id] < _TRIES:
                raise
            log.exception("telegram set aside id=%s", stored.id)
            await self._set_aside(stored, type(error).__name__)
            return
        self._tries.pop(stored.id, None)
        if outcome is not None:
            level = logging.WARNING if outcome.state is TelegramState.HELD else logging.INFO
            log.log(level, "telegram id=%s state=%s why=%s", stored.id, outcome.state, outcome.why)

    async def _set_aside(self, stored: Stored, what: str) -> None:
        envelope = envelope_of(await asyncio.to_thread(telegram.read, stored.raw))
        await self._store.run(set_aside, stored.id, f"failed {what}", envelope, now=self._store.now())
        self._tries.pop(stored.id, None)


async def _first(stop: asyncio.Event, ring: Coroutine[None, None, bool]) -> None:
    """Wait for the bell, but not beyond `stop`."""
    waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(ring)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for one in waits:
        one.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
