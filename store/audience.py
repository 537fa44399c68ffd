"""Whom a version reaches: the match rule of MODEL.md as rows, so that counting and expanding are index walks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from peewee import Expression, fn

from store import areas, categories
from store.models import (
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
    rows = [
        {"version_id": version, "section": section, "category_id": above, "area_id": area, "level": level}
        for (section, area), level in reached.items()
        for above in categories.above(category)
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
    total = (
        ChoiceCount.select(fn.SUM(ChoiceCount.n))
        .join(
            reached,
            on=(
                (ChoiceCount.category_id == reached.c.category_id)
                & (ChoiceCount.area_id == reached.c.area_id)
                & (ChoiceCount.level <= reached.c.level)
            ),
        )
        .scalar()
    )
    return int(total or 0)


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
    return (
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


def _may_get(realm: str) -> Expression:
    """Confirmed subscribers; a drill reaches staff who are subscribers, and nobody else (R1, X4)."""
    confirmed: Expression = Subscriber.state == str(SubscriberState.CONFIRMED)
    if realm == "live":
        return confirmed
    staff = Person.select(Person.address).where(Person.active == True)  # noqa: E712
    return confirmed & Subscriber.address.in_(staff)


def _was_told() -> Expression:
    """Who got, or will or may have got, the original: 訂正 and 取消 go to exactly those (R4)."""
    told = [DeliveryState.SENT, DeliveryState.LEASED, DeliveryState.QUEUED, DeliveryState.DEFERRED]
    return Delivery.state.in_([str(state) for state in told])


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
    staff_only = "" if realm == "live" else _STAFF_ONLY
    return int(
        sql(_FROM_CHOICES.format(staff_only=staff_only), bulletin, lane, version, above, upto).rowcount
    )


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
WHERE t.version_id = ? AND c.subscriber_id > ? AND c.subscriber_id <= ? AND s.state = 'confirmed' {staff_only}
GROUP BY c.subscriber_id, s.queue_id
ORDER BY c.subscriber_id
ON CONFLICT (bulletin_id, subscriber_id) DO NOTHING
"""
_STAFF_ONLY = "AND s.address IN (SELECT address FROM person WHERE active = 1)"

_FROM_ORIGINAL = """
INSERT INTO delivery (bulletin_id, subscriber_id, sections, category_id, area_id, queue_id, lane, retry, state, attempts)
SELECT ?, d.subscriber_id, d.sections, d.category_id, d.area_id, s.queue_id, ?, 0, 'queued', 0
FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id
WHERE d.bulletin_id = ? AND d.state IN ('sent', 'leased', 'queued', 'deferred')
  AND d.subscriber_id > ? AND d.subscriber_id <= ? AND s.state = 'confirmed'
ORDER BY d.subscriber_id
ON CONFLICT (bulletin_id, subscriber_id) DO NOTHING
"""
