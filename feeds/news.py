"""What a telegram changes against what residents were last told: only that is told to them (C8.10, LESSONS R9)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from feeds import daily, kinds
from feeds.bulletins import event_key
from feeds.item import Action, Area, Item
from feeds.telegram import Telegram
from feeds.words import word
from store import areas, watch
from store.watch import Change

# A weather telegram of 2026 is the whole state of these phenomena in the municipalities it lists.
WHOLE: Final[dict[str, tuple[str, ...]]] = {
    "VPWW55": ("rain",),
    "VPWW56": ("landslide",),
    "VPWW57": ("surge",),
    "VPWW58": ("wind", "snowstorm"),
    "VPWW59": ("wave",),
    "VPWW60": ("snow",),
    "VPWW61": (
        "thunder",
        "melting",
        "fog",
        "dry",
        "avalanche",
        "cold",
        "frost",
        "icing",
        "snow-accretion",
        "other-advisory",
    ),
}
# Levels that rise and fall until they are lifted; all else is told once for each event.
_LASTING: Final = frozenset({"VTSE41", "VXKO", "VXSU", "VFVO50"})
# Nobody lifts a 津波予報: it ends with its event, and the next one is news again.
_PASSING: Final = {"VTSE41": 1}
# Tornado advisories run 60 to 74 minutes, and run out without a lifting (JMA.md 2.4). Longer ones are not believed.
_TORNADO_LASTS: Final = timedelta(minutes=75)
_TORNADO_MOST: Final = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class News:
    """`changes` are what the ledger has to remember under (`phenomenon`, `event_key`); `items`, one for each change
    that is told to people, may be fewer: a 継続 of which we know nothing is remembered and not told. `until`: when it
    runs out by itself."""

    phenomenon: str
    category: str
    event_key: str
    changes: tuple[Change, ...]
    items: tuple[Item, ...]
    until: datetime | None = None

    def told(self) -> list[Change]:
        codes = {area.code for item in self.items for area in item.areas}
        return [change for change in self.changes if change.code in codes]

    def learnt(self) -> list[Change]:
        told = self.told()
        return [change for change in self.changes if change not in told]


def found(telegram: Telegram, ours: Collection[str], *, now: datetime) -> list[News]:
    """What is new in a telegram for the `system:code` of this town, by phenomenon. Runs inside a verb."""
    return [news for name in _phenomena(telegram) if (news := _of(telegram, name, ours, now)) is not None]


def _phenomena(telegram: Telegram) -> tuple[str, ...]:
    whole = WHOLE.get(telegram.type or "", ())
    return tuple(dict.fromkeys((*whole, *(item.phenomenon for item in telegram.items))))


def _of(telegram: Telegram, phenomenon: str, ours: Collection[str], now: datetime) -> News | None:
    # What is not told though it is no continuation (the second copy of a tornado advisory) counts for nothing.
    items = [
        item
        for item in telegram.items
        if item.phenomenon == phenomenon and (item.told or item.action is Action.CONTINUE)
    ]
    key = _key(telegram, phenomenon)
    if phenomenon == "river":
        items = _along(telegram, items, key)
    by_code = _by_code(items, ours)
    levels = {code: max(item.rank for item in of_code) for code, of_code in by_code.items()}
    category = kinds.category(phenomenon)
    incident = event_key(telegram, category)
    type_, until = telegram.type or "", runs_out(telegram)
    if type_ in WHOLE:
        levels = {area.code: 0 for area in telegram.listed if area.code in ours} | levels
    if type_ in WHOLE or type_ in _LASTING:
        passing = _PASSING.get(type_, 0)
        changes = watch.changes(key, levels, event_key=incident, complete=False, passing=passing)
    else:
        changes = watch.rises(key, levels, since=now if until else None)
        if until is not None:
            watch.prolong(key, set(levels) - {change.code for change in changes}, until)
    if not changes:
        return None
    names = {area.code: area for area in telegram.listed}
    told = [
        one for change in changes if (one := _item(change, by_code.get(change.code, []), phenomenon, names))
    ]
    return News(key, category, incident, tuple(changes), tuple(told), until)


def runs_out(telegram: Telegram) -> datetime | None:
    """When a tornado advisory ends; None for all that is lifted, or told once."""
    if (telegram.type or "")[:4] != "VPHW" or telegram.reported_at is None:
        return None
    valid = telegram.valid_until or telegram.reported_at + _TORNADO_LASTS
    return min(valid, telegram.reported_at + _TORNADO_MOST)


def _along(telegram: Telegram, items: list[Item], key: str) -> list[Item]:
    """The forecast of a river for each municipality it concerns: those it names, and those it was told to before.

    The lifting names none, and a lower level fewer: what was told there must not stay in force for good."""
    strongest = max(items, key=lambda item: item.rank, default=None)
    if strongest is None:
        return items
    named = {area.code: area.name for area in telegram.listed}
    standing = watch.levels(key)
    known = areas.by_codes(code for code in standing if code.startswith("city:"))
    places = areas.names(ids[0] for ids in known.values())
    joining = [code for code in named if standing and code not in standing]
    named |= {code: places[ids[0]] for code, ids in known.items() if code not in named}
    river = word("separator").join(area.name for area in strongest.areas)
    there = {code: Area(code, word("river_place", river=river, place=name)) for code, name in named.items()}
    new = replace(strongest, areas=tuple(there.pop(code) for code in joining))
    if new.action is Action.CONTINUE:
        # The flood goes on, and reaches a place it had not reached (R9).
        new = replace(new, action=Action.ISSUE, last_rank=0, last_level=None, told=True)
    return [*items, new, replace(strongest, areas=tuple(there.values()))]


def _key(telegram: Telegram, phenomenon: str) -> str:
    """The name under which the ledger remembers it: a state of its own, or one event among many."""
    if telegram.type in WHOLE or telegram.type == "VTSE41":
        return phenomenon
    if phenomenon == "tornado":
        return "tornado-seen" if telegram.type == "VPHW51" else "tornado"
    if phenomenon == "forecast" and (issue := daily.slot(telegram)) is not None:
        return f"forecast:{issue.key}"
    event = min((telegram.event_id or "").split(), default="").split("_")[0]
    return f"{phenomenon}:{event or (telegram.reported_at.isoformat() if telegram.reported_at else '')}"


def codes(telegram: Telegram) -> set[str]:
    """Every `system:code` a telegram is about: what it names, and for a river what was told of it before."""
    found = {area.code for item in telegram.items for area in item.areas}
    found |= {area.code for area in telegram.listed}
    if any(item.phenomenon == "river" for item in telegram.items):
        found |= set(watch.levels(_key(telegram, "river")))
    return found


def _by_code(items: Iterable[Item], ours: Collection[str]) -> dict[str, list[Item]]:
    """The items of each area of ours, each cut down to that area."""
    by_code: dict[str, list[Item]] = {}
    for item in items:
        for area in item.areas:
            if area.code in ours:
                by_code.setdefault(area.code, []).append(replace(item, areas=(area,)))
    return by_code


def _item(change: Change, items: list[Item], phenomenon: str, names: dict[str, Area]) -> Item | None:
    """How a change is told; None for one that is not. Who was told of the higher level hears its end."""
    if not items:
        if change.code not in names:
            return None
        # Its lifting never reached us, and now JMA says that nothing is in force there.
        gone = Item(phenomenon, None, None, None, 0, (names[change.code],), Action.LIFT)
        return replace(gone, last_rank=change.before)
    strongest = max(items, key=lambda item: (item.rank, item.last_rank))
    if change.now > change.before:
        # In force for a while already, and we do not know since when: a first start, or a gap.
        return None if strongest.action is Action.CONTINUE else replace(strongest, last_rank=change.before)
    if change.now and strongest.action not in (Action.LOWER, Action.CORRECT):
        strongest = replace(strongest, action=Action.LOWER, last_kind_name=None)
    elif not change.now and strongest.action not in (Action.LIFT, Action.CORRECT):
        strongest = replace(strongest, action=Action.LIFT)
    return replace(strongest, last_rank=change.before, told=True)
