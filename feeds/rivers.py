"""River flood forecasts VXKO and VXSU: one item per forecast section, by Kind code."""

import re
from collections.abc import Iterator

from feeds import kinds
from feeds.item import Action, Area, Item
from feeds.warnings import unknown
from feeds.xml import Element, every, text, typed

_MOST_CITIES = 500

_SECTIONS = ("指定河川洪水予報（予報区域）", "水位周知河川に関する情報（発表区間）")
# The headline's 〔新規〕〔継続〕〔…に切替〕〔解除〕 is the only mark of new or continuing (JMA.md 2.6).
# Level 2 is a 警戒レベル itself, only 3 to 5 are 相当; the word may therefore be missing on either side.
_SWITCH = re.compile(r"〔警戒レベル([１-５])(?:相当)?から(?:警戒レベル)?([１-５])(?:相当)?(?:に|へ)切替〕")
_DIGITS = str.maketrans("１２３４５", "12345")


def floods(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """Items of the headline's sections; the whole state of one river stands in one telegram."""
    mark = _mark(text(head, "Headline/Text") or "", text(head, "Serial") == "1")
    return tuple(
        item
        for section in _SECTIONS
        for information in typed(head, "Headline/Information", section)
        for entry in every(information, "Item")
        for item in _items(entry, mark)
    )


def flooded(body: Element | None) -> tuple[Area, ...]:
    """The municipalities expected to flood (対象地域): by them residents are found, not by the gauge of a river.

    VXKO says the city as a whole where warnings split it (仙台市 0410000)."""
    found: dict[Area, None] = {}
    for warning in typed(body, "Warning", "指定河川洪水予報"):
        for element in every(warning, "Item/Areas/Area"):
            code = text(element, "CityCode")
            if code is not None and len(found) < _MOST_CITIES:
                found.setdefault(Area(f"city:{code}", text(element, "City") or code))
    return tuple(found)


def _items(entry: Element, mark: Action | int) -> Iterator[Item]:
    code, name = text(entry, "Kind/Code"), text(entry, "Kind/Name")
    for element in every(entry, "Areas/Area"):
        number = text(element, "Code")
        if number is None:
            continue
        area = Area(f"river:{number}", text(element, "Name") or number)
        rank = kinds.RIVER.get(code or "")
        if rank is None:
            yield unknown("river", code, name, area)
            continue
        action, before = _change(rank, mark)
        yield Item(
            "river",
            code,
            name,
            str(rank) if rank else None,
            rank,
            (area,),
            action,
            last_level=str(before) if before else None,
            last_rank=before,
        )


def _mark(headline: str, first_of_series: bool) -> Action | int:
    """What the headline says of the change: the level before a switch, or new, or continuing.

    Without any mark it counts as issued: the ledger knows what it mailed last."""
    if switch := _SWITCH.search(headline):
        return int(switch[1].translate(_DIGITS))
    if not first_of_series and "〔継続〕" in headline:
        return Action.CONTINUE
    return Action.ISSUE


def _change(rank: int, mark: Action | int) -> tuple[Action, int]:
    """(action, level before); the Kind code decides, the mark only tells new from continuing."""
    if rank == 0:
        # From which level it was lifted is not said: everybody who may have been told hears of it.
        return Action.LIFT, 5
    if isinstance(mark, int):
        return (Action.ISSUE if mark == rank else Action.RAISE if mark < rank else Action.LOWER), mark
    return mark, rank if mark is Action.CONTINUE else 0
