"""What a resident may choose, one topic a page: a category, or the kinds of one family that share their areas."""

from collections.abc import Sequence
from dataclasses import dataclass

from inbound.web_ground import Ground, Offer, Spot
from store import categories, choices
from store.categories import Kind
from store.choices import Chosen

OFF = "off"


@dataclass(frozen=True)
class Home(Spot):
    """A ward or station one may name when joining (CA.2)."""

    station: bool


@dataclass(frozen=True)
class KindOffer:
    """One category: its levels as (rank, what choosing it means), whether it may be off, times a day."""

    key: str
    name: str
    levels: tuple[tuple[int, str], ...]
    refuse: bool
    times: tuple[int, ...]


@dataclass(frozen=True)
class Topic:
    """One page of choices; `group` is the heading it stands under."""

    key: str
    name: str
    group: str
    kinds: tuple[KindOffer, ...]
    offer: Offer

    @property
    def only(self) -> str | None:
        """The one area there is to choose, when there is no choice."""
        return self.offer.spots[0].key if len(self.offer.spots) == 1 and not self.offer.folds else None


def homes(town: tuple[str, str]) -> tuple[Home, ...]:
    """The wards and stations joining asks for; empty when no category wants to know."""
    asking = [kind for kind in categories.listed() if kind.range.get("home")]
    ground = Ground(town)
    if not asking or ground.city is None:
        return ()
    offers = [ground.offer({**kind.range, "kinds": ["ward", "station"]}) for kind in asking]
    wards = {spot.key: Home(spot.key, spot.name, False) for one in offers for spot in one.spots[1:]}
    stations = {s.key: Home(s.key, s.name, True) for one in offers for fold in one.folds for s in fold.spots}
    return (*wards.values(), *stations.values())


def topics(town: tuple[str, str], mine: Sequence[Chosen]) -> tuple[Topic, ...]:
    """Every topic, in the town's order. A choice made at a height of its own has a topic of its own, or it were lost."""
    kinds = categories.listed()
    ground = Ground(town)
    by_id = {kind.id: kind for kind in kinds}
    parents = {kind.parent_id for kind in kinds}
    chosen = {one.category for one in mine}
    families: dict[str, list[Kind]] = {}
    for kind in kinds:
        if kind.id not in parents or kind.key in chosen:
            families.setdefault(_family(kind, by_id).key, []).append(kind)
    made = []
    for key, members in families.items():
        head = next(kind for kind in kinds if kind.key == key)
        top = head
        while top.parent_id in by_id:
            top = by_id[top.parent_id]
        offer = ground.offer(members[0].range)
        made.append(Topic(key, head.name, top.name, tuple(map(_offered, members)), offer))
    return tuple(made)


def _family(kind: Kind, by_id: dict[int, Kind]) -> Kind:
    """The parent, when it names the same list of areas as this kind: then they are chosen on one page."""
    parent = by_id.get(kind.parent_id or 0)
    if parent is not None and parent.range.get("list") and parent.range["list"] == kind.range.get("list"):
        return parent
    return kind


def _offered(kind: Kind) -> KindOffer:
    wanted = set(kind.range.get("levels") or ())
    levels = [(r, name) for r, _, name in categories.levels(kind.scale) if not wanted or r in wanted]
    meant = [(rank, f"{name}以上") for rank, name in levels[:-1]] + [(levels[-1][0], f"{levels[-1][1]}だけ")]
    if len(levels) == 1:
        meant = [(levels[0][0], "受け取る")]
    times = tuple(int(n) for n in kind.range.get("times") or ())
    return KindOffer(kind.key, kind.name, tuple(meant), bool(kind.range.get("refuse", True)), times)


@dataclass(frozen=True)
class Own:
    """A topic as one resident has it: per kind the level (OFF for none) and option, the areas ticked."""

    topic: Topic
    levels: dict[str, str]
    options: dict[str, str]
    areas: dict[str, str]
    uneven: bool

    @property
    def others(self) -> tuple[Spot, ...]:
        """Areas chosen once that are not offered now (abolished towns, C5.4): kept until unticked."""
        offered = self.topic.offer.keys()
        return tuple(Spot(key, name) for key, name in self.areas.items() if key not in offered)

    def ticked(self, spots: Sequence[Spot]) -> int:
        """How many of these are chosen."""
        return sum(spot.key in self.areas for spot in spots)


def own(topic: Topic, mine: Sequence[Chosen]) -> Own:
    """What a resident's choices say about a topic; `uneven` when areas or levels differ more than one page can show."""
    by_kind = {kind.key: [one for one in mine if one.category == kind.key] for kind in topic.kinds}
    there = [rows for rows in by_kind.values() if rows]
    uneven = len({frozenset(one.area for one in rows) for rows in there}) > 1 or any(
        len({one.level for one in rows}) > 1 for rows in there
    )
    return Own(
        topic,
        {key: str(min(one.level for one in rows)) if rows else OFF for key, rows in by_kind.items()},
        {key: next((one.option for one in rows if one.option), "") for key, rows in by_kind.items()},
        {one.area: one.area_name for rows in there for one in rows},
        uneven,
    )


def of(subscriber: int, town: tuple[str, str]) -> list[Own]:
    """Every topic as this resident has it."""
    mine = choices.of(subscriber)
    return [own(topic, mine) for topic in topics(town, mine)]
