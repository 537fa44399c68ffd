"""Workers are rows with a heartbeat; a lease belongs to a worker and comes back only when the worker is dead."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from store.models import Delivery, Letter, Slot, Worker
from store.moves import move_where
from store.states import DeliveryState

BEAT = timedelta(seconds=2)
# A worker stops sending by its own monotonic clock after FENCE without a beat; only later is it called dead.
FENCE = timedelta(seconds=10)
DEAD = timedelta(seconds=20)


@dataclass(frozen=True)
class Colleague:
    """A worker as `hansho status` shows it."""

    id: int
    program: str
    host: str
    pid: int
    started_at: datetime
    heartbeat_at: datetime
    alive: bool


def join(program: str, *, host: str, pid: int, now: datetime) -> int:
    """Sign on; returns the worker's id."""
    row = Worker.create(program=program, host=host, pid=pid, started_at=now, heartbeat_at=now)
    return row.id


def beat(worker: int, *, now: datetime) -> bool:
    """I am alive. False when somebody has called this worker dead: it must stop and join anew."""
    mine = (Worker.id == worker) & Worker.ended_at.is_null()
    return bool(Worker.update(heartbeat_at=now).where(mine).execute())


def leave(worker: int, *, now: datetime) -> int:
    """Sign off; everything still held goes back to the queue. Returns how many rows."""
    Worker.update(ended_at=now).where(Worker.id == worker).execute()
    Slot.delete().where(Slot.worker_id == worker).execute()
    return _give_back(worker)


def _give_back(worker: int) -> int:
    return sum(
        move_where(
            table,
            (table.worker_id == worker) & (table.state == "leased"),
            DeliveryState.QUEUED,
            worker_id=None,
            retry=1,
        )
        for table in (Delivery, Letter)
    )


def bury(hearts: Mapping[int, datetime], *, now: datetime) -> int:
    """End the workers whose last heartbeat is still this one; returns how many rows came back.

    Who asks has watched them by a monotonic clock for longer than DEAD, so that no jump of the wall clock kills, or
    knows that their process is gone. The only duplicate possible is a mail handed over and not recorded (X12).
    """
    return sum(_end(worker, heart, now) for worker, heart in sorted(hearts.items()))


def _end(worker: int, heart: datetime, now: datetime) -> int:
    """One UPDATE: a worker that beats at this very moment lives on, and is told so."""
    still = (Worker.id == worker) & Worker.ended_at.is_null() & (Worker.heartbeat_at == heart)
    return leave(worker, now=now) if Worker.update(ended_at=now).where(still).execute() else 0


def listed() -> list[Colleague]:
    """Workers that have not ended."""
    rows = Worker.select().where(Worker.ended_at.is_null()).order_by(Worker.id)
    return [Colleague(r.id, r.program, r.host, r.pid, r.started_at, r.heartbeat_at, True) for r in rows]


def take_slot(route: str, most: int, worker: int, *, now: datetime, lasts: timedelta) -> int | None:
    """One of a route's connections over all processes and machines; None when all are taken (MODEL.md, workers)."""
    Slot.delete().where((Slot.route == route) & (Slot.until <= now)).execute()
    taken = {row.n for row in Slot.select(Slot.n).where(Slot.route == route)}
    for n in range(most):
        if n not in taken:
            row = Slot.insert(route=route, n=n, worker_id=worker, until=now + lasts).on_conflict_ignore()
            if row.as_rowcount().execute():
                return n
    return None


def hold_slots(worker: int, *, now: datetime, lasts: timedelta) -> int:
    """Keep every slot of this worker for another while (with each beat)."""
    return int(Slot.update(until=now + lasts).where(Slot.worker_id == worker).execute())


def free_slot(route: str, n: int, worker: int) -> None:
    """Give a connection back."""
    Slot.delete().where((Slot.route == route) & (Slot.n == n) & (Slot.worker_id == worker)).execute()
