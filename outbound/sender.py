"""A worker: leases small batches, hands each mail over, records what became of it, and fences itself when cut off."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

from config.replies import classify
from outbound.carrier import Carrier
from outbound.mailroom import Errand, Mailroom
from outbound.reply import Kind, Reply
from store import deliveries, workers
from store.bounces import Verdict
from store.db import Store
from store.deliveries import Note, Outcome, Result

log = logging.getLogger(__name__)

LETTERS_AT_ONCE = 20
IDLE_SECONDS = 1.0
# Results land together in one transaction, yet `sent` on a card is never far behind.
GATHER_SECONDS = 0.02


class Fenced(Exception):
    """The ledger has not heard us for too long: somebody else may have our rows by now."""


class Sender:
    """One process, one loop, one row in `worker`; `batch` is how many rows it holds at most."""

    def __init__(self, store: Store, mailroom: Mailroom, carrier: Carrier, *, batch: int) -> None:
        self._store = store
        self._mailroom = mailroom
        self._carrier = carrier
        self._batch = batch
        self._worker = 0
        self._beaten = 0.0
        self._stopped: frozenset[int] = frozenset()
        self._results: list[tuple[bool, Result, Verdict | None]] = []
        self._landed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`; then finish what is in flight, give back the rest, sign off. Raises Fenced."""
        self._worker = await self._store.run(
            workers.join, "outbound", host=socket.gethostname(), pid=os.getpid(), now=datetime.now(UTC)
        )
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
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=10)
            await self._record()
            await self._store.run(workers.leave, self._worker, now=datetime.now(UTC))
            self._carrier.close()

    async def _beat(self) -> None:
        """Tell the ledger we live; who was called dead stops, and is started anew."""
        while True:
            await asyncio.sleep(workers.BEAT.total_seconds())
            if not await self._store.run(workers.beat, self._worker, now=datetime.now(UTC)):
                raise Fenced
            self._beaten = time.monotonic()
            self._carrier.prune()

    def _fenced(self) -> bool:
        """By our own monotonic clock, looked at right before MAIL FROM (MODEL.md, workers)."""
        return time.monotonic() - self._beaten > workers.FENCE.total_seconds()

    async def _turn(self) -> bool:
        """Record what has landed, take what fits, start it; False when nothing was started."""
        await self._record()
        room = self._batch - len(self._tasks)
        if room <= 0:
            return False
        now = self._store.now()
        taken = await self._store.run(
            deliveries.take, self._worker, letters_at_most=min(room, LETTERS_AT_ONCE), limit=room, now=now
        )
        self._stopped = taken.stopped
        await self._mailroom.learn(taken.mails)
        for note in taken.notes:
            self._start(self._letter(note))
        for mail in taken.mails:
            self._start(self._carry(self._mailroom.errand(mail)))
        return bool(taken.notes or taken.mails)

    async def _rest(self, heard: Coroutine[Any, Any, bool], stop: asyncio.Event) -> None:
        """Until the bell rings, a result lands, or we are to stop."""
        waiting = [asyncio.create_task(one) for one in (heard, self._landed.wait(), stop.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        if self._landed.is_set():
            await asyncio.sleep(GATHER_SECONDS)

    def _start(self, sending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(sending)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _letter(self, note: Note) -> None:
        try:
            errand = await self._mailroom.letter(note)
        except Exception:  # a letter that cannot be made must not stop the others; it waits for its mender
            log.exception("letter cannot be made letter=%s purpose=%s", note.id, note.purpose)
            self._land(True, Result(note.id, Outcome.FAILED, None, "letter cannot be made"), None)
            return
        await self._carry(errand)

    async def _carry(self, errand: Errand) -> None:
        def fill() -> bytes | None:
            stopped = errand.bulletin in self._stopped
            return None if stopped or self._fenced() else errand.fill()

        is_letter = errand.bulletin is None
        try:
            reply = await self._carrier.hand_over(errand.mail_from, errand.rcpt_to, fill)
        except Exception:  # unknown means temporary (STYLE.md 3.8): this row comes back, the others go on
            log.exception("attempt broke off row=%s letter=%s", errand.id, is_letter)
            again = errand.again(self._store.now())
            outcome = Outcome.DEFERRED if again is not None else Outcome.FAILED
            self._land(is_letter, Result(errand.id, outcome, None, "internal error", again), None)
            return
        if reply is None:
            outcome = Outcome.WITHDRAWN if errand.bulletin in self._stopped else Outcome.RETURNED
            self._land(is_letter, Result(errand.id, outcome), None)
            return
        self._land(is_letter, *_judge(errand, reply, errand.again(self._store.now())))

    def _land(self, is_letter: bool, result: Result, verdict: Verdict | None) -> None:
        self._results.append((is_letter, result, verdict))
        self._landed.set()

    async def _record(self) -> None:
        self._landed.clear()
        results, self._results = self._results, []
        if not results:
            return
        mails = [result for is_letter, result, _ in results if not is_letter]
        notes = [result for is_letter, result, _ in results if is_letter]
        bounced = [
            (is_letter, result.id, verdict) for is_letter, result, verdict in results if verdict is not None
        ]
        await self._store.run(
            deliveries.record, self._worker, mails, notes, bounced=bounced, now=self._store.now()
        )


def _judge(errand: Errand, reply: Reply, again: datetime | None) -> tuple[Result, Verdict | None]:
    """What a reply means for the row, and for the address when it is final (R21)."""
    text = f"{reply.enhanced or ''} {reply.text}".strip()[:300] or None
    if reply.kind is Kind.SENT:
        return Result(errand.id, Outcome.SENT, reply.code, text), None
    if reply.kind is Kind.DEFERRED and again is not None:
        return Result(errand.id, Outcome.DEFERRED, reply.code, text, again), None
    domain = errand.rcpt_to.rpartition("@")[2]
    said = classify(
        reply.code or None, reply.enhanced, reply.text, domain=domain, stage=str(reply.stage), final=True
    )
    verdict = Verdict(str(said.kind), str(said.reason), said.status, reply.code or None)
    return Result(errand.id, Outcome.FAILED, reply.code, text), verdict
