"""Whom a version reaches: the match rule of MODEL.md as rows, so that counting and expanding are index walks."""

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from typing import Any

from peewee import SQL, Expression, fn

from store import areas, categories
from store.models import (
    Bulletin,
    Choice,
    ChoiceCount,
    Delivery,
    Person,
    Queue,
    Subscriber,
    Target,
    Version,
    sql,
    tuples,
)
from store.states import DeliveryState, SubscriberState
from store.whom import Whom, of_document


@dataclass(frozen=True)
class Aimed:
    """One area of a version: `level` is the strongest thing said about it, which a choice's minimum is held against."""

    section: int
    area_id: int
    level: int


def aim(version: int, category: int, aimed: Iterable[Aimed]) -> None:
    """Write down which (category, area) choices the version reaches: ancestors and descendants of each area.

    Costs what the area tree costs, never what the audience costs (R23).
    """
    reached: dict[tuple[int, int], int] = {}
    for one in aimed:
        for area in areas.related([one.area_id]):
            key = (one.section, area)
            reached[key] = max(reached.get(key, 0), one.level)
    targets = {
        (section, above, area): level
        for (section, area), level in reached.items()
        for above in categories.above(category)
    }
    for other, place, level in whom(version).also:
        for area in areas.related([place]):
            for above in categories.above(other):
                targets[0, above, area] = max(targets.get((0, above, area), 0), level)
    rows = [
        {"version_id": version, "section": section, "category_id": above, "area_id": area, "level": level}
        for (section, above, area), level in targets.items()
    ]
    Target.delete().where(Target.version_id == version).execute()
    for start in range(0, len(rows), 500):
        Target.insert_many(rows[start : start + 500]).execute()


def about(version: int) -> int:
    """約N人: the counters of every choice reached. One who chose twice is counted twice, hence 約 (MODEL.md)."""
    origin = recipients_of(version)
    if origin is not None:
        return Delivery.select().where((Delivery.bulletin_id == origin) & _was_told()).count()
    reached = (
        Target.select(Target.category_id, Target.area_id, fn.MAX(Target.level).alias("level"))
        .where(Target.version_id == version)
        .group_by(Target.category_id, Target.area_id)
        .alias("reached")
    )
    query = (
        ChoiceCount.select(ChoiceCount.category_id, fn.SUM(ChoiceCount.n))
        .join(
            reached,
            on=(
                (ChoiceCount.category_id == reached.c.category_id)
                & (ChoiceCount.area_id == reached.c.area_id)
                & (ChoiceCount.level <= reached.c.level)
            ),
        )
        .group_by(ChoiceCount.category_id)
    )
    counted = {int(category): int(n) for category, n in tuples(query)}
    own = set(categories.above(Bulletin.get_by_id(Version.get_by_id(version).bulletin_id).category_id))
    # Who chose a category it reaches besides its own has mostly chosen its own too: not twice in the number.
    mine = sum(n for category, n in counted.items() if category in own)
    return max(mine, sum(counted.values()) - mine)


def exact(version: int, realm: str) -> int:
    """How many will get it, exactly; a slow question for the reading connection."""
    origin = recipients_of(version)
    if origin is not None:
        return about(version)
    query = _reached(version, realm).select(fn.COUNT(fn.DISTINCT(Choice.subscriber_id)))
    return int(query.scalar() or 0)


def by_carrier(version: int, realm: str) -> list[tuple[str, int]]:
    """(queue key, people), most first; for the card."""
    people = fn.COUNT(fn.DISTINCT(Choice.subscriber_id))
    query = (
        _reached(version, realm)
        .select(Queue.key, people)
        .join(Queue, on=(Queue.id == Subscriber.queue_id))
        .group_by(Queue.key)
        .order_by(people.desc())
    )
    return [(str(key), int(n)) for key, n in tuples(query)]


def _reached(version: int, realm: str) -> Any:
    rule = whom(version)
    query = (
        Choice.select()
        .join(
            Target,
            on=(
                (Target.category_id == Choice.category_id)
                & (Target.area_id == Choice.area_id)
                & (Target.level >= Choice.level)
            ),
        )
        .join(Subscriber, on=(Subscriber.id == Choice.subscriber_id))
        .where((Target.version_id == version) & _may_get(realm))
    )
    if rule.options:
        query = query.where(fn.COALESCE(Choice.option, "1").in_(rule.options))
    if rule.spares:
        query = query.where(~fn.EXISTS(_told_as_much(rule)))
    return query


def _told_as_much(rule: Whom) -> Any:
    """A delivery by which this subscriber heard, through any of his choices, of the level that `Choice` begins at."""
    earlier, before, chosen, said = Delivery.alias(), Bulletin.alias(), Choice.alias(), Target.alias()
    told = [str(state) for state in _TOLD]
    return (
        earlier.select(SQL("1"))
        .join(before, on=(before.id == earlier.bulletin_id))
        .join(chosen, on=(chosen.subscriber_id == earlier.subscriber_id))
        .join(
            said,
            on=(
                (said.version_id == before.approved_version_id)
                & (said.category_id == chosen.category_id)
                & (said.area_id == chosen.area_id)
            ),
        )
        .where(
            (earlier.subscriber_id == Choice.subscriber_id)
            & earlier.bulletin_id.in_(rule.spares)
            & earlier.state.in_(told)
            & (chosen.level <= said.level)
            & (said.level >= Choice.level)
        )
    )


def _may_get(realm: str) -> Expression:
    """Confirmed subscribers; a drill reaches staff who are subscribers, and nobody else (R1, X4)."""
    confirmed: Expression = Subscriber.state == str(SubscriberState.CONFIRMED)
    if realm == "live":
        return confirmed
    staff = Person.select(Person.address).where(Person.active == True)  # noqa: E712
    return confirmed & Subscriber.address.in_(staff)


def _was_told() -> Expression:
    """Who got, or will or may have got, the original: 訂正 and 取消 go to exactly those (R4)."""
    return Delivery.state.in_([str(state) for state in _TOLD])


_TOLD = (DeliveryState.SENT, DeliveryState.LEASED, DeliveryState.QUEUED, DeliveryState.DEFERRED)


def whom(version: int) -> Whom:
    """The audience rule of a version that goes by choices."""
    return of_document(Version.get_by_id(version).audience)


def needs(version: int) -> list[int]:
    """Bulletins whose recipients must be known before those of this version can be: its original, and whom it spares."""
    origin = recipients_of(version)
    return [*whom(version).spares, *([origin] if origin is not None else [])]


def recipients_of(version: int) -> int | None:
    """The bulletin whose recipients this version goes to (訂正, 取消); None when it goes by choices."""
    row = Version.get_by_id(version)
    audience: dict[str, Any] = row.audience
    return int(audience["bulletin"]) if audience["kind"] == "recipients" else None


def expand(bulletin: int, version: int, realm: str, lane: int, above: int, upto: int) -> int:
    """Make a delivery row for everybody reached with `above` < subscriber id <= `upto`; returns how many are new.

    Doing it twice adds nothing: (bulletin, subscriber) is unique (R19).
    """
    origin = recipients_of(version)
    if origin is not None:
        return int(sql(_FROM_ORIGINAL, bulletin, lane, origin, above, upto).rowcount)
    rule = whom(version)
    more = "" if realm == "live" else _STAFF_ONLY
    if rule.options:
        more += f" AND COALESCE(c.option, '1') IN ({_marks(rule.options)})"
    if rule.spares:
        more += _SPARED.format(bulletins=_marks(rule.spares))
    values = (bulletin, lane, version, above, upto, *rule.options, *rule.spares)
    return int(sql(_FROM_CHOICES.format(more=more), *values).rowcount)


def _marks(values: Sized) -> str:
    return ", ".join("?" * len(values))


# Each section is one bit; SUM(DISTINCT bit) is their union, in both databases. Category and area are of one choice:
# the first, as a single number of 64 bits.
_FROM_CHOICES = """
INSERT INTO delivery (bulletin_id, subscriber_id, sections, category_id, area_id, queue_id, lane, retry, state, attempts)
SELECT ?, c.subscriber_id, SUM(DISTINCT (CAST(1 AS BIGINT) << CAST(t.section AS INTEGER))),
       MIN((c.category_id << 32) + c.area_id) >> 32, MIN((c.category_id << 32) + c.area_id) & 4294967295,
       s.queue_id, ?, 0, 'queued', 0
FROM target t
JOIN choice c ON c.category_id = t.category_id AND c.area_id = t.area_id AND c.level <= t.level
JOIN subscriber s ON s.id = c.subscriber_id
WHERE t.version_id = ? AND c.subscriber_id > ? AND c.subscriber_id <= ? AND s.state = 'confirmed' {more}
GROUP BY c.subscriber_id, s.queue_id
ORDER BY c.subscriber_id
ON CONFLICT (bulletin_id, subscriber_id) DO NOTHING
"""
_STAFF_ONLY = "AND s.address IN (SELECT address FROM person WHERE active = 1)"
# The same as _told_as_much, for whole slices.
_SPARED = """ AND NOT EXISTS (
  SELECT 1 FROM delivery e JOIN bulletin b ON b.id = e.bulletin_id
  JOIN choice k ON k.subscriber_id = e.subscriber_id
  JOIN target o ON o.version_id = b.approved_version_id AND o.category_id = k.category_id AND o.area_id = k.area_id
  WHERE e.subscriber_id = c.subscriber_id AND e.bulletin_id IN ({bulletins})
    AND e.state IN ('sent', 'leased', 'queued', 'deferred') AND k.level <= o.level AND o.level >= c.level)"""

_FROM_ORIGINAL = """
INSERT INTO delivery (bulletin_id, subscriber_id, sections, category_id, area_id, queue_id, lane, retry, state, attempts)
SELECT ?, d.subscriber_id, d.sections, d.category_id, d.area_id, s.queue_id, ?, 0, 'queued', 0
FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id
WHERE d.bulletin_id = ? AND d.state IN ('sent', 'leased', 'queued', 'deferred')
  AND d.subscriber_id > ? AND d.subscriber_id <= ? AND s.state = 'confirmed'
ORDER BY d.subscriber_id
ON CONFLICT (bulletin_id, subscriber_id) DO NOTHING
"""
