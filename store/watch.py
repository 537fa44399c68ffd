"""What residents were last told, per area and phenomenon: a level that has not changed is not mailed again (C8.10, R9)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from store.models import Told


@dataclass(frozen=True)
class Change:
    """One area whose level differs from the one last told. Codes are `system:code`; 0 = nothing in force."""

    code: str
    before: int
    now: int


def changes(
    phenomenon: str, levels: Mapping[str, int], *, event_key: str, complete: bool, passing: int = 0
) -> list[Change]:
    """Compare levels now in force with what was told.

    `complete`: the telegram is the whole state of its phenomenon in its office (the R06 warnings), so an area of
    this `event_key` that it does not name is off. `passing`: levels up to this one end with their incident, without
    a lifting (津波予報), and count for nothing in the next.
    """
    told = {
        row.code: row.level
        for row in Told.select().where(Told.phenomenon == phenomenon)
        if row.level > passing or row.event_key == event_key
    }
    found = [
        Change(code, told.get(code, 0), level) for code, level in levels.items() if told.get(code, 0) != level
    ]
    if complete:
        mine = Told.select().where(
            (Told.phenomenon == phenomenon) & (Told.event_key == event_key) & (Told.level > 0)
        )
        found += [Change(row.code, row.level, 0) for row in mine if row.code not in levels]
    return found


def rises(phenomenon: str, levels: Mapping[str, int], *, since: datetime | None = None) -> list[Change]:
    """Areas whose level is above the one told (earthquakes: the same quake reported again).

    What ran out before `since` counts for nothing (a tornado advisory has no lifting: it is told with its `until`).
    """
    known = Told.select().where(Told.phenomenon == phenomenon)
    if since is not None:
        known = known.where(Told.at >= since)
    told = {row.code: row.level for row in known}
    return [
        Change(code, told.get(code, 0), level) for code, level in levels.items() if told.get(code, 0) < level
    ]


def prolong(phenomenon: str, codes: Iterable[str], until: datetime) -> None:
    """What runs out by itself was issued again: it is in force until then, and nobody is told a second time."""
    mine = (Told.phenomenon == phenomenon) & Told.code.in_(list(codes)) & (Told.at < until)
    Told.update(at=until).where(mine).execute()


def levels(phenomenon: str) -> dict[str, int]:
    """What is in force, by area: of a river whose next telegram may name no places at all."""
    mine = (Told.phenomenon == phenomenon) & (Told.level > 0)
    return {row.code: row.level for row in Told.select().where(mine)}


def tell(
    phenomenon: str,
    changed: list[Change],
    *,
    event_key: str,
    telegram: int,
    bulletin: int | None,
    now: datetime,
    until: datetime | None = None,
) -> None:
    """Remember what is told now (`bulletin`), or what was found in force at a first start (None: nobody was mailed).

    `until`: when it runs out by itself; it stands in the place of the time of telling.
    """
    for change in changed:
        Told.delete().where((Told.code == change.code) & (Told.phenomenon == phenomenon)).execute()
        Told.create(
            code=change.code,
            phenomenon=phenomenon,
            level=change.now,
            event_key=event_key,
            telegram_id=telegram,
            bulletin_id=bulletin,
            at=until or now,
        )


def standing(event_key: str, *, since: datetime | None = None) -> int | None:
    """The newest bulletin of an incident of which something is still in force; None when nothing is. `since`: what ran
    out before is over (see `rises`)."""
    mine = (Told.event_key == event_key) & (Told.level > 0) & Told.bulletin_id.is_null(False)
    if since is not None:
        mine = mine & (Told.at >= since)
    row = Told.select(Told.bulletin_id).where(mine).order_by(Told.bulletin_id.desc()).first()
    return row.bulletin_id if row is not None else None


def take_back(bulletin: int) -> None:
    """What this bulletin told was cancelled: whatever is issued next for those areas is news again."""
    Told.update(level=0).where(Told.bulletin_id == bulletin).execute()


def forget(*, before: datetime) -> int:
    """Drop what was told of single events (`quake:2026…`) long ago; states (`rain`) are kept. Returns how many."""
    return int(Told.delete().where(Told.phenomenon.contains(":") & (Told.at < before)).execute())


def told(phenomenon: str, code: str) -> int:
    """The level last told for an area; 0 when none."""
    row = Told.get_or_none((Told.phenomenon == phenomenon) & (Told.code == code))
    return row.level if row is not None else 0
