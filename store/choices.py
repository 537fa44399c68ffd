"""What a subscriber wants to hear: (category, area, minimum level), counted as they change so that cards are instant."""

from collections.abc import Iterable
from dataclasses import dataclass

from store import areas, categories
from store.errors import Refused
from store.models import Area, Category, Choice, ChoiceCount, Subscriber, tuples
from store.moves import lock


@dataclass(frozen=True)
class Chosen:
    """One choice, with the names people read."""

    category: str
    category_name: str
    area: str
    area_name: str
    level: int
    option: str | None


def of(subscriber: int) -> list[Chosen]:
    """What this subscriber has chosen, in the town's order."""
    rows = (
        Choice.select(Category.key, Category.name, Area.key, Area.name, Choice.level, Choice.option)
        .join(Category, on=(Category.id == Choice.category_id))
        .switch(Choice)
        .join(Area, on=(Area.id == Choice.area_id))
        .where(Choice.subscriber_id == subscriber)
        .order_by(Category.sort, Category.id, Area.sort, Area.id)
    )
    return [Chosen(*row) for row in tuples(rows)]


def give_defaults(subscriber: int, *, home: int | None) -> None:
    """The town's initial settings (初期設定, CA.*); `home` narrows what asks for a ward or station (CA.2)."""
    _write(subscriber, defaults(home=home))
    count(subscriber)


def defaults(*, home: int | None) -> dict[tuple[int, int], tuple[int, str | None]]:
    """(category, area) → (minimum level, option) of the initial settings."""
    wanted: dict[tuple[int, int], tuple[int, str | None]] = {}
    for kind in categories.listed():
        asks = bool(kind.range.get("home"))
        for default in kind.defaults:
            area = home if asks and home is not None else areas.by_key(default["area"]).id
            wanted[(kind.id, area)] = (int(default["level"]), default.get("option"))
    return wanted


def _write(subscriber: int, wanted: dict[tuple[int, int], tuple[int, str | None]]) -> None:
    rows = [
        {"subscriber_id": subscriber, "category_id": c, "area_id": a, "level": level, "option": option}
        for (c, a), (level, option) in wanted.items()
    ]
    if rows:
        Choice.insert_many(rows).execute()


def choose(subscriber: int, wanted: Iterable[tuple[str, str, int, str | None]]) -> None:
    """Replace all choices by (category key, area key, minimum level, option). Raises Refused for unknown keys."""
    new: dict[tuple[int, int], tuple[int, str | None]] = {}
    for category, area, level, option in wanted:
        kind = categories.by_key(category)
        ranks = [rank for rank, _, _ in categories.levels(kind.scale)]
        if level not in ranks:
            raise Refused("level-unknown", category=category, level=str(level))
        new[(kind.id, areas.by_key(area).id)] = (level, option)
    lock(Subscriber, subscriber)
    uncount(subscriber)
    Choice.delete().where(Choice.subscriber_id == subscriber).execute()
    _write(subscriber, new)
    count(subscriber)


def clear(subscriber: int) -> None:
    """Forget what somebody who leaves had chosen."""
    uncount(subscriber)
    Choice.delete().where(Choice.subscriber_id == subscriber).execute()


def count(subscriber: int) -> None:
    """Add a confirmed subscriber's choices to the counters behind 約N人 (R23)."""
    _tally(subscriber, 1)


def uncount(subscriber: int) -> None:
    """Take them out again; nothing happens for somebody who is not counted (not confirmed)."""
    _tally(subscriber, -1)


def _tally(subscriber: int, by: int) -> None:
    row = Subscriber.get_by_id(subscriber)
    if row.state != "confirmed":
        return
    mine = Choice.select().where(Choice.subscriber_id == subscriber)
    for choice in mine.order_by(Choice.category_id, Choice.area_id):
        key = {
            "category_id": choice.category_id,
            "area_id": choice.area_id,
            "level": choice.level,
            "queue_id": row.queue_id,
        }
        ChoiceCount.insert(n=0, **key).on_conflict_ignore().execute()
        match = (
            (ChoiceCount.category_id == key["category_id"])
            & (ChoiceCount.area_id == key["area_id"])
            & (ChoiceCount.level == key["level"])
            & (ChoiceCount.queue_id == key["queue_id"])
        )
        ChoiceCount.update(n=ChoiceCount.n + by).where(match).execute()
