"""Tsunami telegrams: VTSE41 says what is in force on each coast, VTSE51 repeats it beside arrival times."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from feeds import kinds
from feeds.item import Action, Area, Item
from feeds.warnings import unknown
from feeds.words import clock, word
from feeds.xml import Element, every, text


def forecast(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """One item per coast; new or continuing by comparing Kind with LastKind (there is no Serial)."""
    return tuple(item for entry in every(body, "Tsunami/Forecast/Item") for item in _item(entry))


def information(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VTSE51 changes no warning: the state of each coast stands in it as a continuation."""
    found: list[Item] = []
    for item in forecast(type_, head, body):
        if item.action is Action.UNKNOWN:
            found.append(item)
        elif item.rank:
            found.append(
                Item(
                    "tsunami",
                    item.kind,
                    item.kind_name,
                    item.level,
                    item.rank,
                    item.areas,
                    Action.CONTINUE,
                    told=False,
                )
            )
    return tuple(found)


def _item(entry: Element) -> Iterator[Item]:
    number = text(entry, "Area/Code")
    area = Area(f"tsunami:{number}", text(entry, "Area/Name") or number or "")
    code, name = text(entry, "Category/Kind/Code"), text(entry, "Category/Kind/Name")
    last = text(entry, "Category/LastKind/Code") or "00"
    if number is None or code not in kinds.TSUNAMI or last not in kinds.TSUNAMI:
        yield unknown("tsunami", code, name, area if number else None)
        return
    now, before = kinds.TSUNAMI[code], kinds.TSUNAMI[last]
    # 50 and 60 lift whatever LastKind says; 00 after 00 says nothing at all.
    if code in ("50", "60") and before == 0:
        before = 3 if code == "50" else 2
    if now == before == 0:
        return
    yield Item(
        phenomenon="tsunami",
        kind=code,
        kind_name=name,
        level=kinds.TSUNAMI_WORDS.get(now),
        rank=now,
        areas=(area,),
        action=_action(now, before),
        last_kind=last,
        last_kind_name=text(entry, "Category/LastKind/Name"),
        last_level=kinds.TSUNAMI_WORDS.get(before),
        last_rank=before,
        sentences=tuple(_sentences(entry)),
    )


def _action(now: int, before: int) -> Action:
    if now == before:
        return Action.CONTINUE
    if now > before:
        return Action.RAISE if before else Action.ISSUE
    return Action.LOWER if now else Action.LIFT


def _sentences(entry: Element) -> Iterator[str]:
    """When it comes and how high, in JMA's words (`津波到達中と推測`, `巨大`, `３ｍ`)."""
    if arrival := text(entry, "FirstHeight/ArrivalTime"):
        with suppress(ValueError):
            yield word("tsunami_arrival", at=clock(datetime.fromisoformat(arrival)))
    elif condition := text(entry, "FirstHeight/Condition"):
        yield condition
    for height in every(entry, "MaxHeight/TsunamiHeight"):
        if words := (height.get("description") or "").strip():
            yield word("tsunami_height", height=words)
