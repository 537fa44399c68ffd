"""Volcano telegrams: warnings VFVO50, eruption flashes VFVO56, ash forecasts VFVO54/55, commentary VFVO51."""

from collections.abc import Iterator

from feeds import kinds
from feeds.item import Action, Area, Item
from feeds.warnings import unknown
from feeds.xml import Element, every, text, typed


def _areas(entry: Element, system: str) -> Iterator[Area]:
    for element in every(entry, "Areas/Area"):
        if code := text(element, "Code"):
            yield Area(system + code, text(element, "Name") or code)


def warnings(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VFVO50: one item per volcano, by its Condition; Kind 11-15 are the 噴火警戒レベル."""
    return tuple(_warned(body, "噴火警報・予報（対象火山）", told=True))


def commentary(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VFVO51 explains a state announced before: never told by itself."""
    return tuple(_warned(body, "火山の状況に関する解説情報（対象火山）", told=False))


def _warned(body: Element | None, part: str, told: bool) -> Iterator[Item]:
    for information in typed(body, "VolcanoInfo", part):
        for entry in every(information, "Item"):
            for area in _areas(entry, "volcano:"):
                yield _warning(entry, area, told)


def _warning(entry: Element, area: Area, told: bool) -> Item:
    code, name = text(entry, "Kind/Code"), text(entry, "Kind/Name")
    last = text(entry, "LastKind/Code")
    action = kinds.VOLCANO_CONDITIONS.get(text(entry, "Kind/Condition") or "")
    if code not in kinds.VOLCANO or action is None:
        return unknown("volcano", code, name, area)
    level, rank = kinds.VOLCANO[code]
    last_level, last_rank = kinds.VOLCANO.get(last or "", (None, 0))
    return Item(
        phenomenon="volcano",
        kind=code,
        kind_name=name,
        level=level,
        rank=rank,
        areas=(area,),
        action=action if told else Action.CONTINUE,
        last_kind=last,
        last_kind_name=text(entry, "LastKind/Name"),
        last_level=last_level,
        last_rank=last_rank,
        told=told,
    )


def eruption(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VFVO56: the eruption itself, told once."""
    return tuple(_reports(body, "噴火速報", "volcano:", "volcano", kinds.ERUPTIONS))


def ash(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VFVO54/55: the municipalities where ash is expected (the regular VFVO53 is no news)."""
    return tuple(_reports(body, "降灰予報（対象市町村等）", "city:", "ash", kinds.ASH))


def _reports(
    body: Element | None, part: str, system: str, phenomenon: str, codes: frozenset[str]
) -> Iterator[Item]:
    for information in typed(body, "VolcanoInfo", part):
        for entry in every(information, "Item"):
            code, name = text(entry, "Kind/Code"), text(entry, "Kind/Name")
            for area in _areas(entry, system):
                if code in codes:
                    yield Item(phenomenon, code, name, None, 1, (area,), Action.REPORT)
                else:
                    yield unknown(phenomenon, code, name, area)
