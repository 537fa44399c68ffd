"""Takes every mail that waits in the ledger, has it read by the module its address means, and acts on it once."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from inbound import operators, residents, returns, staff
from inbound.addresses import Meaning
from inbound.belief import TRIES
from inbound.office import Later, Office, Reading
from store import arrivals
from store.arrivals import Received
from store.errors import Refused

log = logging.getLogger(__name__)

AT_ONCE = 4  # mails read at the same time: one may wait for DNS while others go on
BATCH = 20
AGAIN_SECONDS = 20.0
QUIET_SECONDS = 30.0

Reader = Callable[[Office, Received], Reading]

READERS: Mapping[Meaning, Reader] = {
    Meaning.JOIN: residents.join,
    Meaning.LEAVE: residents.leave,
    Meaning.SETTINGS: residents.settings,
    Meaning.STOP: residents.stop,
    Meaning.DRAFT: staff.draft,
    Meaning.BOUNCE: returns.returned,
    Meaning.COMPLAINT: returns.complaint,
    Meaning.OPERATORS: operators.operator,
    Meaning.GENUINE: residents.free_text,
    Meaning.SENDER: residents.free_text,
}


class Desk:
    """Runs until stopped; a mail that could not be read now is looked at again after `again` seconds."""

    def __init__(
        self, office: Office, *, readers: Mapping[Meaning, Reader] = READERS, again: float = AGAIN_SECONDS
    ) -> None:
        self._office = office
        self._store = office.store
        self._readers = readers
        self._again = again
        self._running: dict[int, asyncio.Task[None]] = {}
        self._put_off: dict[int, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Everything that waits, now and whenever somebody commits. What is being read is finished at the end."""
        ear = self._store.ear()
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                await self._begin()
                listening = asyncio.create_task(ear.wait(self._patience()))
                waits: set[asyncio.Task[object]] = {stopping, listening, *self._running.values()}
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        finally:
            stopping.cancel()
            await asyncio.gather(stopping, *self._running.values(), return_exceptions=True)

    def _patience(self) -> float:
        """Seconds until a mail that was put off may be tried again."""
        now = asyncio.get_running_loop().time()
        return max(0.0, min([QUIET_SECONDS, *(until - now for until in self._put_off.values())]))

    async def _begin(self) -> None:
        """Start on as many mails as may be read at the same time."""
        now = asyncio.get_running_loop().time()
        self._put_off = {arrival: until for arrival, until in self._put_off.items() if until > now}
        if len(self._running) >= AT_ONCE:
            return
        for arrival in await self._store.run(arrivals.waiting, BATCH + len(self._put_off)):
            if arrival in self._running or arrival in self._put_off:
                continue
            if len(self._running) >= AT_ONCE:
                return
            self._running[arrival] = asyncio.create_task(self._one(arrival), name=f"arrival-{arrival}")

    async def _one(self, arrival: int) -> None:
        # The named edge of the desk: whatever is in one mail, the next one is read all the same.
        try:
            tries = await self._store.run(arrivals.attempt, arrival)
            if tries > TRIES:  # it died with the program in its hands, more than once
                await self._give_up(arrival, "reader-died")
                return
            await self._understand(arrival)
        except Later:
            self._later(arrival)
        except Exception:
            log.exception("not-read arrival=%d", arrival)
            self._later(arrival)
        finally:
            del self._running[arrival]

    def _later(self, arrival: int) -> None:
        self._put_off[arrival] = asyncio.get_running_loop().time() + self._again

    async def _understand(self, arrival: int) -> None:
        """Read in a thread, act in one transaction; `attempts` already counts this try."""
        received = await self._store.run(arrivals.load, arrival)
        read = self._readers[Meaning(received.meaning)]
        reading = await asyncio.to_thread(read, self._office, received)
        try:
            await self._store.run(reading.act, self._store.now())
        except Refused as refused:
            if reading.refused is None:
                raise
            await self._store.run(reading.refused, refused, self._store.now())
        log.info("read arrival=%d meaning=%s attempts=%d", arrival, received.meaning, received.attempts)

    async def _give_up(self, arrival: int, why: str) -> None:
        log.error("given-up arrival=%d why=%s", arrival, why)
        await self._store.run(arrivals.not_understood, arrival, why, now=self._store.now())
