"""The release desk: begins what is due, writes down recipients, sweeps what was stopped, writes `sent` when it is true."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from config.settings import Settings
from store import approvals, cards, release, workers
from store.db import Store
from store.errors import Refused

log = logging.getLogger(__name__)

IDLE_SECONDS = 1.0
BURY_EVERY = timedelta(seconds=5)


class Desk:
    """One per town is enough; two do no harm, because every step is a compare-and-set."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._tampered: set[int] = set()
        self._buried = datetime.min.replace(tzinfo=UTC)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        ear = self._store.ear()
        while not stop.is_set():
            busy = await self._round()
            if not busy:
                await ear.wait(IDLE_SECONDS)

    async def _round(self) -> bool:
        """Everything that can be done now; True when there is more of it."""
        now = self._store.now()
        for bulletin in await self._store.run(release.due, now=now):
            await self._begin(bulletin)
        more = False
        # One slice of the most urgent bulletin, then look again: an emergency never waits for an expansion (X7).
        for bulletin in (await self._store.run(release.unexpanded))[:1]:
            more = await self._store.run(release.expand, bulletin, now=now) is not None or more
        for bulletin in await self._store.run(release.stopped):
            swept = await self._store.run(release.sweep, bulletin)
            more = more or swept > 0
        for bulletin in await self._store.run(release.sending):
            if await self._store.run(release.finish, bulletin, now=now):
                log.info("finished bulletin=%s", bulletin)
        await self._ask_by_letter(now)
        await self._bury()
        return more

    async def _begin(self, bulletin: int) -> None:
        try:
            if await self._store.run(release.begin, bulletin, now=self._store.now()):
                log.info("released bulletin=%s", bulletin)
        except Refused as refusal:
            if bulletin not in self._tampered:  # it stays where it is; say so once, not every second
                self._tampered.add(bulletin)
                log.error("not released bulletin=%s why=%s", bulletin, refusal)

    async def _ask_by_letter(self, now: datetime) -> None:
        """Nobody waits for a vendor in a disaster (X2)."""
        slack = self._settings.slack
        patience = timedelta(seconds=slack.fallback_seconds if slack is not None else 0)
        for bulletin in await self._store.run(cards.unseen, before=now - patience):
            hours = self._settings.approval.link_hours
            written = await self._store.run(approvals.ask_by_letter, bulletin, now=now, hours=hours)
            log.info("asked by letter bulletin=%s letters=%s", bulletin, written)

    async def _bury(self) -> None:
        real = datetime.now(UTC)  # hearts beat in real time, whatever day the training town has
        if self._buried + BURY_EVERY <= real:
            self._buried = real
            returned = await self._store.run(workers.bury, now=real)
            if returned:
                log.warning("rows of dead workers returned=%s", returned)
