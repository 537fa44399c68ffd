"""The only writer of a `state` column: compare-and-set, one winner, everybody else refused."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from peewee import Expression, PostgresqlDatabase

from store import events
from store.errors import Refused
from store.models import Arrival, Bulletin, Delivery, Letter, Row, Subscriber, Telegram, database, sql
from store.states import ARRIVAL, BULLETIN, DELIVERY, SUBSCRIBER, TELEGRAM, Cycle, DeliveryState

_CYCLES: dict[type[Row], Cycle] = {
    Subscriber: SUBSCRIBER,
    Bulletin: BULLETIN,
    Delivery: DELIVERY,
    Letter: DELIVERY,
    Arrival: ARRIVAL,
    Telegram: TELEGRAM,
}


def move(table: type[Row], row: int, to: StrEnum, *, by: str, at: datetime, **columns: Any) -> None:
    """Move one row, or raise Refused("moved-already") when it is no longer where it could have moved from."""
    if not move_where(table, table.id == row, to, **columns):  # type: ignore[attr-defined]
        raise Refused("moved-already", thing=_CYCLES[table].name, to=str(to))
    if _CYCLES[table].audited:
        events.record(by, str(to), f"{_CYCLES[table].name}:{row}", at=at)


def move_where(table: type[Row], which: Expression, to: StrEnum, **columns: Any) -> int:
    """Move every row that matches and may move; returns how many did. For cycles that are not audited, and `move`."""
    may = table.state.in_(_CYCLES[table].sources(to))  # type: ignore[attr-defined]
    return int(table.update(state=str(to), **columns).where(which & may).execute())


def lock(table: type[Row], row: int) -> None:
    """Let no other transaction change this row until ours ends; what is read after it stays true.

    PostgreSQL only: on SQLite a verb has the whole ledger to itself from its first statement (IMMEDIATE).
    """
    if isinstance(database.obj, PostgresqlDatabase):
        mine = table.id == row  # type: ignore[attr-defined]
        list(table.select(table.id).where(mine).for_update(True).tuples())  # type: ignore[attr-defined]


# Each (queue, lane) is walked along its own stretch of the index, so that neither a resting destination nor a slow
# one ever lies in front of the others (MODEL.md, delivery row).
_PART = """SELECT id, lane, retry FROM (SELECT id, lane, retry FROM {table}
WHERE state = '{ready}' AND queue_id = {queue} AND lane = {lane} {but} ORDER BY retry, id
LIMIT {limit} {skip}) AS q{queue}_{lane}
"""
_CLAIM = """UPDATE {table} SET state = '{to}', worker_id = ? WHERE state = '{ready}' AND id IN (
SELECT id FROM ({parts}) AS ready ORDER BY lane, retry, id LIMIT {limit}) RETURNING id
"""


def claim(
    table: type[Delivery] | type[Letter],
    queues: Iterable[int],
    lanes: Sequence[int],
    limit: int,
    worker: int,
    but: str = "",
    most: Mapping[tuple[int, int], int] | None = None,
) -> list[int]:
    """Lease at most `limit` ready rows to a worker, each row to one only; returns their ids in no order.

    `but` is a further condition in SQL (`AND …`), of our own making. `most` is a lower limit for a (queue, lane).
    """
    words = {
        "table": table._meta.table_name,
        "ready": str(DeliveryState.QUEUED),
        "to": str(DeliveryState.LEASED),
        "skip": "FOR UPDATE SKIP LOCKED" if isinstance(database.obj, PostgresqlDatabase) else "",
        "but": but,
    }
    rooms = {
        (int(q), int(lane)): min(limit, (most or {}).get((q, lane), limit)) for q in queues for lane in lanes
    }
    parts = [
        _PART.format(queue=queue, lane=lane, limit=int(room), **words)
        for (queue, lane), room in rooms.items()
        if room > 0
    ]
    if not parts:
        return []
    wanted = _CLAIM.format(parts="UNION ALL ".join(parts), limit=int(limit), **words)
    return [row for (row,) in sql(wanted, worker).fetchall()]
