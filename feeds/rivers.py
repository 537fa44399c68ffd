"""River flood forecasts VXKO and VXSU: one item per forecast section, by Kind code."""

import re
from collections.abc import Iterator

from feeds import kinds
from feeds.item import Action, Area, Item
from feeds.warnings import unknown
from feeds.xml import Element, every, text, typed

_SECTIONS = ("指定河川洪水予報（予報区域）", "水位周知河川に関する情報（発表区間）")
# The only mark of new or continuing in the format: a closed set in the headline (JMA.md 2.6).
_MARKS = {"〔新規〕": Action.ISSUE, "〔継続〕": Action.CONTINUE, "〔解除〕": Action.LIFT}
_SWITCH = re.compile(r"〔警戒レベル([１-５])相当から(?:警戒レベル)?([１-５])相当に切替〕")
_DIGITS = str.maketrans("１２３４５", "12345")


def floods(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """Items of the headline's sections; the whole state of one river stands in one telegram."""
    headline = text(head, "Headline/Text") or ""
    first_of_series = text(head, "Serial") == "1"
    return tuple(
        item
        for section in _SECTIONS
        for information in typed(head, "Headline/Information", section)
        for entry in every(information, "Item")
        for item in _items(entry, headline, first_of_series)
    )


def _items(entry: Element, headline: str, first_of_series: bool) -> Iterator[Item]:
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
        action, before = _change(rank, headline, first_of_series)
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


def _change(rank: int, headline: str, first_of_series: bool) -> tuple[Action, int]:
    """(action, level before). Without a mark it counts as issued: the ledger knows what it mailed last."""
    if rank == 0:
        # From which level it was lifted is not said: everybody who may have been told hears of it.
        return Action.LIFT, 5
    if switch := _SWITCH.search(headline):
        before = int(switch[1].translate(_DIGITS))
        if before != rank:
            return (Action.RAISE if rank > before else Action.LOWER), before
    if first_of_series:
        return Action.ISSUE, 0
    for mark, action in _MARKS.items():
        if mark in headline and action is not Action.LIFT:
            return action, rank if action is Action.CONTINUE else 0
    return Action.ISSUE, 0
