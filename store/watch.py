"""What residents were last told, per area and phenomenon: a level that has not changed is not mailed again (C8.10, R9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from store.models import Told


@dataclass(frozen=True)
class Change:
    """One area whose level differs from the one last told. Codes are `system:code`; 0 = nothing in force."""

    code: str
    before: int
    now: int


def changes(phenomenon: str, levels: Mapping[str, int], *, event_key: str, complete: bool) -> list[Change]:
    """Compare levels now in force with what was told.

    `complete`: the telegram is the whole state of its phenomenon in its office (the R06 warnings), so an area of
    this `event_key` that it does not name is off.
    """
    told = {row.code: row.level for row in Told.select().where(Told.phenomenon == phenomenon)}
    found = [
        Change(code, told.get(code, 0), level) for code, level in levels.items() if told.get(code, 0) != level
    ]
    if complete:
        mine = Told.select().where(
            (Told.phenomenon == phenomenon) & (Told.event_key == event_key) & (Told.level > 0)
        )
        found += [Change(row.code, row.level, 0) for row in mine if row.code not in levels]
    return found


def rises(phenomenon: str, levels: Mapping[str, int]) -> list[Change]:
    """Areas whose level is above the highest told (earthquakes: the same quake reported again)."""
    told = {row.code: row.level for row in Told.select().where(Told.phenomenon == phenomenon)}
    return [
        Change(code, told.get(code, 0), level) for code, level in levels.items() if told.get(code, 0) < level
    ]


def tell(
    phenomenon: str,
    changed: list[Change],
    *,
    event_key: str,
    telegram: int,
    bulletin: int | None,
    now: datetime,
) -> None:
    """Remember what is told now (`bulletin`), or what was found in force at a first start (None: nobody was mailed)."""
    for change in changed:
        Told.delete().where((Told.code == change.code) & (Told.phenomenon == phenomenon)).execute()
        Told.create(
            code=change.code,
            phenomenon=phenomenon,
            level=change.now,
            event_key=event_key,
            telegram_id=telegram,
            bulletin_id=bulletin,
            at=now,
        )


def told(phenomenon: str, code: str) -> int:
    """The level last told for an area; 0 when none."""
    row = Told.get_or_none((Told.phenomenon == phenomenon) & (Told.code == code))
    return row.level if row is not None else 0
