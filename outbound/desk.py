"""The release desk: begins what is due, writes down recipients, sweeps what was stopped, writes `sent` when it is true."""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from config.settings import Settings
from store import approvals, cards, release, workers
from store.db import Store
from store.errors import Refused

log = logging.getLogger(__name__)

IDLE_SECONDS = 1.0
# While mails go out somebody commits many times a second; the desk looks again this often and no oftener.
BREATH_SECONDS = 0.05
BURY_EVERY_SECONDS = 2.0


@dataclass(frozen=True)
class Agenda:
    """What there is to do now, most urgent first: ids of bulletins."""

    due: list[int]
    unexpanded: list[int]
    stopped: list[int]
    sending: list[int]
    unasked: list[int]


class Desk:
    """One per town is enough; two do no harm, because every step is a compare-and-set."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._tampered: set[int] = set()
        self._looked = float("-inf")
        self._hearts: dict[int, tuple[datetime, float]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        ear = self._store.ear()
        while not stop.is_set():
            began = time.monotonic()
            busy = await self._round()
            if not busy:
                await ear.wait(IDLE_SECONDS)
                # A click that comes to a desk at rest is taken up at once.
                await asyncio.sleep(max(0.0, BREATH_SECONDS - (time.monotonic() - began)))

    async def _round(self) -> bool:
        """Everything that can be done now; True when there is more of it."""
        now = self._store.now()
        slack = self._settings.slack
        patience = timedelta(seconds=slack.fallback_seconds if slack is not None else 0)
        # A question of the reading connection: a desk with nothing to do never stands in a sender's way.
        agenda = await self._store.read(_agenda, now, now - patience)
        more = False
        for bulletin in agenda.due:
            more = await self._begin(bulletin) or more
        # One slice of the most urgent bulletin, then look again: an emergency never waits for an expansion (X7).
        for bulletin in agenda.unexpanded[:1]:
            more = await self._store.run(release.expand, bulletin, now=now) is not None or more
        for bulletin in agenda.stopped:
            more = await self._store.run(release.sweep, bulletin) > 0 or more
        for bulletin in agenda.sending:
            if await self._store.run(release.finish, bulletin, now=now):
                log.info("finished bulletin=%s", bulletin)
        for bulletin in agenda.unasked:
            await self._ask_by_letter(bulletin, now)
        await self._bury()
        return more

    async def _begin(self, bulletin: int) -> bool:
        """True when it moved; one that was tampered with stays where it is, and is told once, not every second."""
        try:
            if await self._store.run(release.begin, bulletin, now=self._store.now()):
                log.info("released bulletin=%s", bulletin)
            return True
        except Refused as refusal:
            if bulletin not in self._tampered:
                self._tampered.add(bulletin)
                log.error("not released bulletin=%s why=%s", bulletin, refusal)
            return False

    async def _ask_by_letter(self, bulletin: int, now: datetime) -> None:
        """Nobody waits for a vendor in a disaster (X2)."""
        hours = self._settings.approval.link_hours
        written = await self._store.run(approvals.ask_by_letter, bulletin, now=now, hours=hours)
        log.info("asked by letter bulletin=%s letters=%s", bulletin, written)

    async def _bury(self) -> None:
        """Take back the rows of workers whose heart was seen to stand still for long enough.

        By our own monotonic clock: when the machine's clock jumps, a living worker must not lose rows it is sending.
        """
        seen = time.monotonic()
        if seen - self._looked < BURY_EVERY_SECONDS:
            return
        self._looked = seen
        beating = {one.id: one.heartbeat_at for one in await self._store.read(workers.listed)}
        self._hearts = {
            worker: self._hearts[worker] if self._hearts.get(worker, (None,))[0] == beat else (beat, seen)
            for worker, beat in beating.items()
        }
        still = {
            worker: beat
            for worker, (beat, since) in self._hearts.items()
            if seen - since > workers.DEAD.total_seconds()
        }
        if still:
            returned = await self._store.run(workers.bury, still, now=datetime.now(UTC))
            log.warning("dead workers=%s rows returned=%s", len(still), returned)


def _agenda(now: datetime, asked_before: datetime) -> Agenda:
    return Agenda(
        release.due(now=now),
        release.unexpanded(),
        release.stopped(),
        release.sending(),
        cards.unseen(before=asked_before),
    )
