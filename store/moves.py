"""The only writer of a `state` column: compare-and-set, one winner, everybody else refused."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from peewee import Expression, PostgresqlDatabase

from store import events
from store.errors import Refused
from store.models import Arrival, Bulletin, Delivery, Letter, Row, Subscriber, Telegram, database
from store.states import ARRIVAL, BULLETIN, DELIVERY, SUBSCRIBER, TELEGRAM, Cycle

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


def claim(
    table: type[Row],
    which: Expression,
    order: Sequence[Any],
    limit: int,
    to: StrEnum,
    returning: Sequence[Any],
    **columns: Any,
) -> list[Any]:
    """Move at most `limit` rows, each to one claimer only, and return their `returning` columns as tuples."""
    may = table.state.in_(_CYCLES[table].sources(to))  # type: ignore[attr-defined]
    chosen = table.select(table.id).where(which & may).order_by(*order).limit(limit)  # type: ignore[attr-defined]
    if isinstance(database.obj, PostgresqlDatabase):
        chosen = chosen.for_update("FOR UPDATE SKIP LOCKED")  # type: ignore[arg-type]
    update = table.update(state=str(to), **columns).where(table.id.in_(chosen))  # type: ignore[attr-defined]
    return list(update.returning(*returning).tuples().execute())
