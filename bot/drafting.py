"""A draft from Slack's form: what may be chosen in it, and the bulletin that comes of it."""

from datetime import datetime

from bot.modals import Choice, DraftWords, Field
from bot.names import JST
from store import areas, bulletins, categories, people
from store.areas import Place
from store.bulletins import Made, Renderer, Text
from store.categories import Kind
from store.errors import Refused
from store.people import Right
from store.rules import Origin

_GROUND = ("ward", "town", "station")
_TREES = ("admin", "police")
_FIELDS = {
    "no-subject": Field.SUBJECT,
    "no-body": Field.BODY,
    "no-area": Field.AREAS,
    "area-unknown": Field.AREAS,
    "area-unclear": Field.AREAS,
    "realm-unknown": Field.REALM,
    "half-time": Field.TIME,
    "past-time": Field.TIME,
    "unclear-time": Field.TIME,
}


def category_choices(person: int, *, now: datetime) -> list[Choice]:
    """The categories this person may write for, one choice a level where there are several."""
    listed = categories.listed()
    parents = {kind.parent_id for kind in listed}
    mine = [
        kind
        for kind in listed
        if kind.id not in parents and people.holds(person, Right.EDIT, kind.id, now=now)
    ]
    return [choice for kind in mine for choice in _levels(kind)]


def _levels(kind: Kind) -> list[Choice]:
    wanted = kind.range.get("levels") or []
    levels = [(rank, name) for rank, _, name in categories.levels(kind.scale) if not wanted or rank in wanted]
    if len(levels) == 1:
        return [Choice(f"{kind.key}:{levels[0][0]}", kind.name)]
    return [Choice(f"{kind.key}:{rank}", f"{kind.name}（{name}）") for rank, name in levels]


def area_choices() -> list[Choice]:
    """Where officers write for: the wards, towns and stations, and the municipality they lie in."""
    listed = areas.listed()
    ground = [place for place in listed if place.kind in _GROUND and place.tree in _TREES]
    around = areas.related(place.id for place in ground)
    home = [place for place in listed if place.kind == "municipality" and place.id in around]
    return [Choice(place.key, place.name) for place in [*home, *ground]]


def submit(words: DraftWords, *, author: int, render: Renderer, once: str, now: datetime) -> Made:
    """The draft as a bulletin that waits for approval; sent again (`once`), it is the same one. Raises Refused."""
    for made in bulletins.of_event(once):
        return Made(made.id, made.number, made.version, made.n, made.digest)
    key, _, rank = words.category.rpartition(":")
    kind = categories.by_key(key)
    level = next((one for one, _, _ in categories.levels(kind.scale) if str(one) == rank), None)
    if level is None:
        raise Refused("level-unknown")
    places = [_place(name, typed=words.areas_typed) for name in words.areas]
    text = Text(
        words.subject,
        words.body,
        tuple((place.id, level) for place in places),
        release_at=_release_at(words, now),
    )
    made_now = bulletins.create(
        text,
        category=kind.id,
        level=level,
        origin=Origin.SLACK,
        realm=str(words.realm or ""),
        render=render,
        now=now,
        author=author,
        event_key=once,
    )
    bulletins.submit(made_now.id, by=author, now=now)
    return made_now


def _place(name: str, *, typed: bool) -> Place:
    if not typed:
        return areas.by_key(name)
    found = [place for place in areas.by_name(name) if place.tree in _TREES]
    if not found:
        raise Refused("area-unknown", area=name)
    if len(found) > 1:
        raise Refused("area-unclear", area=name)
    return found[0]


def _release_at(words: DraftWords, now: datetime) -> datetime | None:
    """The time of a 予約配信; None for 即時配信."""
    if words.date is None and words.time is None:
        return None
    if words.date is None or words.time is None:
        raise Refused("half-time")
    try:
        moment = datetime.fromisoformat(f"{words.date}T{words.time}").replace(tzinfo=JST)
    except ValueError:
        raise Refused("unclear-time") from None
    if moment <= now:
        raise Refused("past-time")
    return moment


def field(refused: Refused) -> Field:
    """The field of the form that a refusal is about."""
    return _FIELDS.get(refused.code, Field.CATEGORY)
