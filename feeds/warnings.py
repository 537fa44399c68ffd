"""Weather warnings and what is shaped like them: VPWW5x, VPNO50, VXWW50, VPHW5x (JMA.md 2.1-2.4)."""

from collections.abc import Iterator

from feeds import kinds
from feeds.item import Action, Area, Item
from feeds.xml import Element, every, own_text, text, typed

# Only municipalities count: a prefecture's Item may say 継続 while one city has 発表, or the reverse.
_MUNICIPALITIES = "（市町村等）"


def municipalities(body: Element | None) -> tuple[Area, ...]:
    """Every municipality a warning telegram speaks of, those with 発表警報・注意報はなし too: what it does not say
    of one of them is off there."""
    found = (
        area
        for warning in every(body, "Warning")
        if (warning.get("type") or "").endswith(_MUNICIPALITIES)
        for entry in every(warning, "Item")
        if (area := _municipality(entry))
    )
    return tuple(dict.fromkeys(found))


def weather(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """One item per (municipality, kind) of a warning telegram."""
    warnings = [w for w in every(body, "Warning") if (w.get("type") or "").endswith(_MUNICIPALITIES)]
    return tuple(
        item
        for warning in warnings
        for entry in every(warning, "Item")
        if (area := _municipality(entry))
        for kind in every(entry, "Kind")
        for item in _weather_item(type_, kind, area)
    )


def _municipality(entry: Element) -> Area | None:
    """The one Area of an Item (more of them would let a hostile file multiply areas by kinds)."""
    code = text(entry, "Area/Code")
    return Area(f"city:{code}", text(entry, "Area/Name") or code) if code else None


def _area(entry: Element, path: str, system: str) -> Iterator[Area]:
    for element in every(entry, path):
        if code := text(element, "Code"):
            yield Area(system + code, text(element, "Name") or code)


def _weather_item(type_: str, kind: Element, area: Area) -> Iterator[Item]:
    # Status before code: a lifted Kind carries the code of what was lifted.
    status = text(kind, "Status")
    if status == kinds.NOTHING:
        return
    action = kinds.STATUSES.get(status or "")
    code, last = text(kind, "Code"), text(kind, "LastKind/Code")
    if action is Action.LIFT and code == "00" and last:
        code = last
    known = kinds.WEATHER.get(code or "")
    if action is None or known is None or code is None:
        yield unknown("weather", code, text(kind, "Name"), area)
        return
    before = kinds.WEATHER.get(last or "")
    if action is Action.LIFT and before is None:
        last, before = code, known
    last_rank = before.rank if before else 0
    if action is Action.ISSUE and before and before.phenomenon == known.phenomenon and last_rank < known.rank:
        action = Action.RAISE
    lifted = action is Action.LIFT
    yield Item(
        phenomenon=known.phenomenon,
        kind=code,
        kind_name=text(kind, "Name"),
        level=None if lifted else kinds.weather_level(type_, code),
        rank=0 if lifted else known.rank,
        areas=(area,),
        action=action,
        last_kind=last,
        last_kind_name=text(kind, "LastKind/Name"),
        last_level=kinds.weather_level(type_, last) if last else None,
        last_rank=last_rank,
        sentences=tuple(_sentences(kind)),
    )


def unknown(phenomenon: str, code: str | None, name: str | None, area: Area | None) -> Item:
    """An item whose Kind or Status is in no table: a person must look (LESSONS R7)."""
    areas = (area,) if area else ()
    return Item(phenomenon, code, name, None, 0, areas, Action.UNKNOWN, told=False)


def _sentences(kind: Element) -> Iterator[str]:
    """When which level is expected, in JMA's words: `２日８時から１５時まで、警戒レベル４相当`."""
    for base in every(kind, "Property/CriteriaPeriod/Base"):
        yield from filter(None, (own_text(s) for s in every(base, "Sentence")))
        for local in every(base, "Local"):
            place = text(local, "AreaName") or ""
            yield from (f"{place}：{words}" for s in every(local, "Sentence") if (words := own_text(s)))


def special_notice(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VPNO50 has no Body items: Headline/Information names the areas; a lifting names the prefecture only."""
    found: list[Item] = []
    for part, system in ((_MUNICIPALITIES, "city:"), ("（府県予報区等）", "pref:")):
        for information in typed(head, "Headline/Information", "気象特別警報報知" + part):
            for entry in every(information, "Item"):
                found.extend(_notice_items(entry, system))
    return tuple(found)


def _notice_items(entry: Element, system: str) -> Iterator[Item]:
    code, name = text(entry, "Kind/Code"), text(entry, "Kind/Name")
    lifting = code == "00"
    if not lifting and system == "pref:":
        return
    known = kinds.WEATHER.get(code or "")
    for area in _area(entry, "Areas/Area", system):
        if lifting:
            yield Item("other", code, name, None, 0, (area,), Action.LIFT, last_level="special", last_rank=5)
        elif known is None or code is None:
            yield unknown("weather", code, name, area)
        else:
            yield Item(
                known.phenomenon,
                code,
                name,
                kinds.weather_level("VPNO50", code),
                known.rank,
                (area,),
                Action.ISSUE,
            )


def landslide(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VXWW50: Kind 3 警戒 | 1 解除 | 0 なし, Status 発表 | 継続 | 解除 | なし."""
    found: list[Item] = []
    for warning in typed(body, "Warning", "土砂災害警戒情報"):
        for entry in every(warning, "Item"):
            if area := _municipality(entry):
                found.extend(_soil_item(entry, area))
    return tuple(found)


def _soil_item(entry: Element, area: Area) -> Iterator[Item]:
    for kind in every(entry, "Kind"):
        code, name, status = text(kind, "Code"), text(kind, "Name"), text(kind, "Status")
        if code not in kinds.SOIL or status not in kinds.SOIL_STATUSES:
            yield unknown("landslide-alert", code, name, area)
            continue
        action = kinds.SOIL_STATUSES[status]
        if action is None or code == "0":
            continue
        if action is Action.LIFT or code == "1":
            yield Item(
                "landslide-alert",
                code,
                name,
                None,
                0,
                (area,),
                Action.LIFT,
                last_level="warning",
                last_rank=4,
            )
        else:
            yield Item("landslide-alert", code, name, "warning", 4, (area,), action)


def tornado(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VPHW50/51: 発表 and なし only; 51 repeats 50 and is news only with a sighting."""
    told = type_ != "VPHW51" or _sighted(head)
    found: list[Item] = []
    for warning in typed(body, "Warning", "竜巻注意情報" + _MUNICIPALITIES):
        for entry in every(warning, "Item"):
            if area := _municipality(entry):
                found.extend(_tornado_item(entry, area, told))
    return tuple(found)


def _sighted(head: Element | None) -> bool:
    return any(
        text(entry, "Kind/Code") == "1"
        for information in typed(head, "Headline/Information", "竜巻注意情報（目撃情報あり）")
        for entry in every(information, "Item")
    )


def _tornado_item(entry: Element, area: Area, told: bool) -> Iterator[Item]:
    for kind in every(entry, "Kind"):
        code, name, status = text(kind, "Code"), text(kind, "Name"), text(kind, "Status")
        if code not in ("0", "1") or status not in kinds.SOIL_STATUSES:
            yield unknown("tornado", code, name, area)
            continue
        action = kinds.SOIL_STATUSES[status]
        if action is not None and code == "1":
            yield Item("tornado", code, name, "advisory", 1, (area,), action, told=told)
