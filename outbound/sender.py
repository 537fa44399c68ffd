"""A worker: leases small batches, hands each mail over, records what became of it, and fences itself when cut off."""

import asyncio
import contextlib
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

from outbound import neighbours
from outbound.carrier import Carrier
from outbound.errand import Errand
from outbound.judging import Landed, judged, put_off, unsent
from outbound.mailroom import Mailroom
from outbound.reply import Stage, lost
from outbound.turnstile import is_urgent
from store import deliveries, workers
from store.db import Store
from store.deliveries import ALL_LANES, Outcome, Result, Taken
from store.queues import Lane

log = logging.getLogger(__name__)

LETTERS_AT_ONCE = 20
# With all hands full of bulk, so many more rows are taken if they are urgent (R24).
URGENT_HANDS = 20
IDLE_SECONDS = 1.0
# Results land together in one transaction, yet `sent` on a card is never far behind.
GATHER_SECONDS = 0.05
TROUBLE_SECONDS = 0.5
# What is on the wire when we are told to stop gets this long; then its connection is cut.
LAST_SECONDS = 6.0


class Fenced(Exception):
    """The ledger has not heard us for too long: somebody else may have our rows by now."""


class Trip:
    """An errand on its way; `begun` once its bytes are made: from then on the peer may have it."""

    def __init__(self, errand: Errand) -> None:
        self.errand = errand
        self.begun = False
        self.stale = False


class Sender:
    """One process, one loop, one row in `worker`; `batch` is how many rows it holds at most.

    `shares`: how many of them may be of one queue (by id), so that a slow destination never fills all hands (R10).
    """

    def __init__(
        self,
        store: Store,
        mailroom: Mailroom,
        carrier: Carrier,
        *,
        batch: int,
        shares: Mapping[int, int] | None = None,
    ) -> None:
        self._store = store
        self._mailroom = mailroom
        self._carrier = carrier
        self._batch = batch
        self._shares = dict(shares or {})
        self._worker = 0
        self._beaten = 0.0
        self._stopped: frozenset[int] = frozenset()
        self._landed: list[Landed] = []
        self._heard = asyncio.Event()
        self._plenty = asyncio.Event()
        self._trips: dict[asyncio.Task[None], Trip] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`; then finish what is on the wire, give back the rest, sign off. Raises Fenced."""
        self._worker = await self._store.run(
            workers.join, "outbound", host=neighbours.place(), pid=os.getpid(), now=datetime.now(UTC)
        )
        await self._bury_neighbours()
        self._beaten = time.monotonic()
        heart = asyncio.create_task(self._beat())
        ear = self._store.ear()
        try:
            while not stop.is_set() and not heart.done():
                if not await self._turn():
                    await self._rest(ear.wait(IDLE_SECONDS), stop)
            if heart.done():
                heart.result()
        finally:
            heart.cancel()
            await self._put_down()

    async def _bury_neighbours(self) -> None:
        """A worker killed on this machine leaves its rows to the next at once, not after its heart was missed."""
        dead = neighbours.dead(await self._store.run(workers.listed))
        returned = await self._store.run(workers.bury, dead, now=datetime.now(UTC))
        if returned:
            log.warning("rows of a dead neighbour returned=%s", returned)

    async def _beat(self) -> None:
        """Tell the ledger we live; who was called dead, or cannot reach it, stops and is started anew."""
        while not self._fenced():
            await asyncio.sleep(workers.BEAT.total_seconds())
            asked = time.monotonic()
            try:
                alive = await self._store.run(workers.beat, self._worker, now=datetime.now(UTC))
            except Exception:  # the ledger's edge: locked, full or gone; the fence ends us if it lasts
                log.exception("heartbeat not recorded")
                continue
            # From before the question: the ledger may have written it down as early as that.
            self._beaten = asked if alive else float("-inf")
            self._carrier.prune()
        raise Fenced

    def _fenced(self) -> bool:
        """By our own monotonic clock, looked at right before MAIL FROM (MODEL.md, workers)."""
        return time.monotonic() - self._beaten > workers.FENCE.total_seconds()

    async def _turn(self) -> bool:
        """Record what has landed, take what fits, start it; True when there may be more to take at once."""
        room, lanes = self._room()
        taken = await self._tell(room, lanes)
        if taken is None:
            return False
        self._stopped = taken.stopped
        self._drop(lambda errand: errand.bulletin in self._stopped)
        errands, spoilt, unreadable = await self._mailroom.errands(taken)
        for note in spoilt:
            self._land(Landed(True, Result(note.id, Outcome.FAILED, None, "letter cannot be made")))
        for mail in unreadable:
            self._land(Landed(False, Result(mail.id, Outcome.FAILED, None, "bulletin cannot be made")))
        for errand in errands:
            self._start(Trip(errand))
        # A visit for every few mails would cost more than they do: better wait until some more have landed.
        return 0 < room <= len(taken.notes) + len(taken.mails) and self._room()[0] > self._batch // 4

    def _room(self) -> tuple[int, tuple[int, ...]]:
        """How many rows to take, of which lanes."""
        held = len(self._trips)
        if held < self._batch:
            return self._batch - held, ALL_LANES
        urgent = tuple(lane for lane in ALL_LANES if is_urgent(Lane(lane)))
        return max(0, self._batch + URGENT_HANDS - held), urgent

    def _most(self) -> dict[tuple[int, int], int]:
        """What each queue may still give us; the urgent may be twice a queue's share, bulk and all."""
        held = Counter(trip.errand.queue for trip in self._trips.values())
        return {
            (queue, lane): share * (2 if is_urgent(Lane(lane)) else 1) - held[queue]
            for queue, share in self._shares.items()
            for lane in ALL_LANES
        }

    async def _tell(self, room: int, lanes: tuple[int, ...]) -> Taken | None:
        """One visit to the ledger; None when it could not be reached, and then nothing that landed is lost."""
        landed, self._landed = self._landed, []
        self._heard.clear()
        self._plenty.clear()
        try:
            return await self._store.run(
                deliveries.turn,
                self._worker,
                [one.result for one in landed if not one.is_letter],
                [one.result for one in landed if one.is_letter],
                bounced=[(o.is_letter, o.result.id, o.verdict) for o in landed if o.verdict is not None],
                letters_at_most=LETTERS_AT_ONCE,
                limit=room,
                now=self._store.now(),
                lanes=lanes,
                most=self._most(),
            )
        except (
            Exception
        ):  # the ledger's edge: locked, full or gone; told again later, the fence ends us if it lasts
            log.exception("ledger not reached results=%s", len(landed))
            self._landed = landed + self._landed
            await asyncio.sleep(TROUBLE_SECONDS)
            return None

    async def _rest(self, rung: Coroutine[Any, Any, bool], stop: asyncio.Event) -> None:
        """Until the bell rings, a result lands, or we are to stop; at work a moment more, for results to gather."""
        waiting = [asyncio.create_task(one) for one in (rung, self._heard.wait(), stop.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        if self._trips:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._plenty.wait(), GATHER_SECONDS)

    def _start(self, trip: Trip) -> None:
        task = asyncio.create_task(self._carry(trip))
        self._trips[task] = trip
        task.add_done_callback(self._trips.pop)

    async def _carry(self, trip: Trip) -> None:
        errand = trip.errand
        try:
            reply = await self._carrier.hand_over(
                errand.mail_from, errand.rcpt_to, lambda: self._fill(trip), errand.lane
            )
        except asyncio.CancelledError:  # dropped by ourselves
            reply = lost(Stage.TEXT, "we were stopped", maybe_sent=True) if trip.begun else None
        except Exception:  # unknown means temporary (STYLE.md 3.8): this row comes back, the others go on
            log.exception("attempt broke off row=%s letter=%s", errand.id, errand.bulletin is None)
            self._land(put_off(errand, "internal error", self._store.now()))
            return
        if reply is not None:
            self._land(judged(errand, reply, self._store.now()))
        elif trip.stale:
            self._land(unsent(errand, Outcome.FAILED, "too late to send"))
        else:
            self._land(unsent(errand, Outcome.WITHDRAWN if self._is_stopped(errand) else Outcome.RETURNED))

    def _fill(self, trip: Trip) -> bytes | None:
        """The last look before MAIL FROM: stopped, fenced, or older than anybody wants it."""
        if self._is_stopped(trip.errand) or self._fenced():
            return None
        trip.stale = trip.errand.stale(self._store.now())
        if trip.stale:
            return None
        trip.begun = True
        return trip.errand.fill()

    def _is_stopped(self, errand: Errand) -> bool:
        return errand.bulletin in self._stopped

    def _land(self, landed: Landed) -> None:
        self._landed.append(landed)
        self._heard.set()
        if len(self._landed) >= self._batch // 4:
            self._plenty.set()

    def _drop(self, which: Callable[[Errand], bool]) -> None:
        """Call off what still waits for a connection: nobody has heard of it yet."""
        for task, trip in self._trips.items():
            if not trip.begun and which(trip.errand):
                task.cancel()

    async def _put_down(self) -> None:
        """End well: nothing of ours is on any wire when our rows go back to the queue."""
        self._drop(lambda errand: True)
        await asyncio.sleep(0)  # what was called off lands, and can be taken by others at once
        await self._tell(0, ())
        if self._trips:
            await asyncio.wait(list(self._trips), timeout=LAST_SECONDS)
        for task in self._trips:
            task.cancel()
        if self._trips:
            await asyncio.wait(list(self._trips))
        self._carrier.close()
        await self._tell(0, ())
        await self._store.run(workers.leave, self._worker, now=datetime.now(UTC))
