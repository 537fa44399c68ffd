"""Questions of operators, answered with counts and never with addresses (C2.4)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import fn

from store import bulletins, deliveries, events, telegrams, workers
from store.models import Bounce, Queue, Subscriber, tuples


@dataclass(frozen=True)
class BounceLine:
    """One line of the bounce report: a carrier, a kind, a reason, how many."""

    carrier: str
    kind: str
    reason: str
    count: int


@dataclass(frozen=True)
class Suspension:
    """A subscriber whose delivery was ended by bounces; his number, never his address."""

    subscriber: int
    carrier: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class BounceReport:
    """What came back in a span of time."""

    since: datetime
    until: datetime
    lines: tuple[BounceLine, ...]
    suspended: tuple[Suspension, ...]
    before: int
    record: tuple[int, str] = (0, "")
    """Length and last hash of the audit record: mailed daily, so that a cut tail is seen (MODEL.md, audit)."""

    @property
    def total(self) -> int:
        return sum(line.count for line in self.lines)


def bounces(since: datetime, until: datetime) -> BounceReport:
    """Bounces between `since` and `until`, by carrier and reason; `before` = how many in the span before (trend)."""
    within = (Bounce.at >= since) & (Bounce.at < until)
    counted = (
        Bounce.select(Queue.key, Bounce.kind, Bounce.reason, fn.COUNT(Bounce.id))
        .join(Queue, on=(Queue.id == Bounce.queue_id))
        .where(within)
        .group_by(Queue.key, Bounce.kind, Bounce.reason)
        .order_by(fn.COUNT(Bounce.id).desc())
    )
    ended = (
        Bounce.select(Bounce.subscriber_id, Queue.key, Bounce.reason, Bounce.at)
        .join(Queue, on=(Queue.id == Bounce.queue_id))
        .where(within & (Bounce.suspended == True))  # noqa: E712
        .order_by(Bounce.id)
    )
    earlier = Bounce.select().where((Bounce.at >= since - (until - since)) & (Bounce.at < since)).count()
    return BounceReport(
        since,
        until,
        tuple(BounceLine(*row) for row in tuples(counted)),
        tuple(Suspension(*row) for row in tuples(ended)),
        earlier,
        events.head(),
    )


def registered() -> dict[str, int]:
    """登録件数 by state."""
    rows = Subscriber.select(Subscriber.state, fn.COUNT(Subscriber.id)).group_by(Subscriber.state)
    return {str(state): int(n) for state, n in tuples(rows)}


def standing() -> dict[str, Any]:
    """What waits and what moves, for `hansho status`."""
    return {
        "registered": registered(),
        "waiting": deliveries.waiting(),
        "submitted": [view.number for view in bulletins.listed(["submitted"])],
        "sending": [view.number for view in bulletins.listed(["sending"])],
        "workers": workers.listed(),
        "feeds": telegrams.feeds(),
    }
