"""Subject and body of every bulletin but the earthquakes'."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from feeds.advice import advice
from feeds.groups import Group
from feeds.item import Action, Item
from feeds.telegram import Telegram
from feeds.words import clock, letter, word

# The louder news leads: what gets worse, then what is told, then what gets better.
_ORDER: Final = (
    Action.ISSUE,
    Action.RAISE,
    Action.REPORT,
    Action.CORRECT,
    Action.LOWER,
    Action.LIFT,
)
# More places than this are too many for the periods of each (the web page has them all).
_FEW: Final = 3


@dataclass(frozen=True, slots=True)
class Line:
    """The places to which exactly the same happens."""

    action: Action
    kind: str
    last: str
    rank: int
    places: tuple[str, ...]


def lines(items: Iterable[Item]) -> tuple[Line, ...]:
    """One line per (action, kind, kind before), the gravest first."""
    found: dict[tuple[Action, str, str, int], dict[str, None]] = {}
    for item in items:
        last = (item.last_kind_name or "") if item.action in (Action.RAISE, Action.LOWER) else ""
        name = _name(item)
        if item.action is Action.CORRECT and item.rank == 0 and item.last_rank:
            # In a 訂正 what was lifted must not read like what is in force.
            name = word("lifted", kind=name)
        places = found.setdefault((item.action, name, last, item.match_rank), {})
        places.update(dict.fromkeys(area.name for area in item.areas))
    made = (Line(a, k, last, rank, tuple(places)) for (a, k, last, rank), places in found.items())
    return tuple(sorted(made, key=lambda line: (_ORDER.index(line.action), -line.rank)))


def _name(item: Item) -> str:
    """The kind as JMA names it, without the change the tsunami tables write into the name (大津波警報：発表,
    津波注意報解除): the line says the change itself."""
    name = (item.kind_name or "").partition("：")[0]
    return name.removesuffix("解除") if item.action is Action.LIFT else name


def subject(telegram: Telegram, group: Group) -> str:
    """Level and what, place, change: 「レベル３大雨警報 千葉市（発表）」."""
    if group.category == "heat" and telegram.head_title:
        # The areas come from the office, whose name is no place: JMA's own title has both.
        return telegram.head_title
    found = lines(group.items)
    lead = found[0]
    kind = lead.kind or word(group.category)
    if len({line.kind for line in found}) > 1:
        kind += word("and_others")
    places = {place for line in found for place in line.places}
    place = (lead.places[0] if lead.places else "") + (word("and_more") if len(places) > 1 else "")
    if lead.action is Action.CORRECT:
        return word("subject_correct", kind=kind, place=place)
    changes = dict.fromkeys(word(line.action.value) for line in found)
    return word("subject", kind=kind, place=place, change=word("both").join(changes))


def body(telegram: Telegram, group: Group) -> str:
    """JMA's headline, what changed where, its periods where there are few places, and the source."""
    values = {
        "headline": telegram.headline or telegram.head_title or "",
        "lines": "\n".join(_words(line, group.category) for line in lines(group.items))
        if group.category != "heat"
        else "",
        "reported": clock(telegram.reported_at),
        "office": telegram.publishers or telegram.office or "",
        "advice": advice(group),
    }
    values["periods"] = _periods(group)
    if group.category.startswith("weather-") and not _reports(group):
        return letter("weather", **values)
    until = clock(telegram.valid_until)
    return letter(
        "notice",
        text=telegram.body_text or "",
        comment=telegram.comment or "",
        valid=word("valid_until", until=until) if until and group.category == "tornado" else "",
        **values,
    )


def _reports(group: Group) -> bool:
    return all(item.action is Action.REPORT for item in group.items)


def _words(line: Line, category: str) -> str:
    action = line.action
    if action is Action.RAISE and not line.last:
        action = Action.ISSUE
    places = word("separator").join(line.places)
    values = {"kind": line.kind or word(category), "places": places}
    if action is Action.LOWER and not line.last:
        return word("line_lower_plain", **values)
    if action in (Action.RAISE, Action.LOWER):
        values["last"] = line.last
    return word(f"line_{action.value}", **values)


def _periods(group: Group) -> str:
    if len(group.codes) > _FEW:
        return ""
    return "\n".join(
        word("period", place=item.areas[0].name, sentences=word("separator").join(item.sentences))
        for item in group.items
        if item.sentences and item.areas
    )
