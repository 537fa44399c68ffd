"""Earthquake telegrams VXSE51 and VXSE53: the strongest intensity of each region and municipality."""

from collections.abc import Iterator
from dataclasses import dataclass

from feeds import kinds
from feeds.item import Action, Area, Item
from feeds.warnings import unknown
from feeds.xml import Element, every, first, own_text, text


def intensities(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """One item per region (細分区域) and municipality; none for a distant earthquake (no Intensity)."""
    found: list[Item] = []
    for region in every(body, "Intensity/Observation/Pref/Area"):
        found.extend(_item(region, "intensity-region:"))
        for city in every(region, "City"):
            found.extend(_item(city, "intensity-city:"))
    return tuple(found)


def _item(place: Element, system: str) -> Iterator[Item]:
    code = text(place, "Code")
    if code is None:
        return
    area = Area(system + code, text(place, "Name") or code)
    strongest, condition = text(place, "MaxInt"), text(place, "Condition")
    if strongest is None and condition is None:
        return
    rank = kinds.INTENSITIES.get(strongest or "")
    not_received = kinds.NOT_RECEIVED in (condition, strongest)
    if not_received and (rank is None or rank < kinds.INTENSITIES["5-"]):
        # At least 5- is believed, the value has not come in: louder than what the other stations said.
        yield _report(kinds.NOT_RECEIVED_LEVEL, kinds.INTENSITIES["5-"], area)
    elif rank is None or strongest is None:
        yield unknown("quake", strongest, None, area)
    else:
        yield _report(strongest, rank, area)


def _report(level: str, rank: int, area: Area) -> Item:
    return Item("quake", None, None, level, rank, (area,), Action.REPORT)


@dataclass(frozen=True, slots=True)
class Source:
    """Where and how strong; every word as the telegram writes it (`Ｍ７．１`, `Ｍ不明`, `深さ　１０ｋｍ`)."""

    hypocenter: str | None
    magnitude: str | None
    depth: str | None
    origin_time: str | None


def source(body: Element | None) -> Source | None:
    """The first Earthquake of a seismic or tsunami telegram; None where there is none."""
    quake = first(body, "Earthquake")
    if quake is None:
        return None
    detail = text(quake, "Hypocenter/Area/DetailedName")
    name = text(quake, "Hypocenter/Area/Name")
    coordinate = first(quake, "Hypocenter/Area/Coordinate")
    where = (coordinate.get("description") or "") if coordinate is not None else ""
    magnitude = first(quake, "Magnitude")
    size = None
    if magnitude is not None:
        size = (magnitude.get("description") or "").strip() or own_text(magnitude)
    return Source(
        hypocenter=f"{name}（{detail}）" if name and detail else name,
        magnitude=size,
        depth=where[where.index("深さ") :].strip() if "深さ" in where else None,
        origin_time=text(quake, "OriginTime"),
    )
