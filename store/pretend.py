"""Pretend residents for the training town: many at once, never in a live ledger."""

import random
from collections.abc import Sequence
from datetime import datetime

from store import choices, ledger
from store.errors import Refused
from store.models import Area, Category, Choice, ChoiceCount, Subscriber, sql
from store.states import SubscriberState

# Rows a statement: SQLite takes 32,766 values at once.
AT_ONCE = 200


def settle(
    addresses: Sequence[tuple[str, int]],
    wanted: Sequence[tuple[str, str, int]],
    *,
    now: datetime,
    seed: int = 0,
) -> int:
    """Move in: each (address, queue) gets the town's defaults and one of `wanted` (category, area, level) at random.

    Addresses that live here already are passed over; returns how many moved in. Raises Refused("live-pretend").
    """
    if ledger.who().realm is not ledger.Realm.TRAINING:
        raise Refused("live-pretend")
    dice = random.Random(seed)  # noqa: S311 - the same town at every start
    categories = {row.key: row.id for row in Category.select(Category.id, Category.key)}
    areas = {row.key: row.id for row in Area.select(Area.id, Area.key)}
    known = {
        row.address for row in Subscriber.select(Subscriber.address).where(Subscriber.address.is_null(False))
    }
    movers = [(address, queue) for address, queue in addresses if address not in known]
    initial = choices.defaults(home=None)
    for start in range(0, len(movers), AT_ONCE):
        ids = _register(movers[start : start + AT_ONCE], now)
        rows = []
        for subscriber in ids:
            category, area, level = dice.choice(wanted)
            own = initial | {(categories[category], areas[area]): (level, None)}
            rows += [
                {"subscriber_id": subscriber, "category_id": c, "area_id": a, "level": rank, "option": option}
                for (c, a), (rank, option) in own.items()
            ]
        Choice.insert_many(rows).execute()
    recount()
    return len(movers)


def _register(movers: Sequence[tuple[str, int]], now: datetime) -> list[int]:
    rows = [
        {
            "address": address,
            "queue_id": queue,
            "state": str(SubscriberState.CONFIRMED),
            "language": "ja",
            "format": "both",
            "created_at": now,
            "confirmed_at": now,
            "changed_at": now,
        }
        for address, queue in movers
    ]
    Subscriber.insert_many(rows).execute()
    found = Subscriber.select(Subscriber.id).where(Subscriber.address.in_([address for address, _ in movers]))
    return [row.id for row in found.order_by(Subscriber.id)]


def recount() -> None:
    """Count every confirmed subscriber's choices anew: cheaper than one by one when many move in."""
    ChoiceCount.delete().execute()
    sql("""INSERT INTO choice_count (category_id, area_id, level, queue_id, n)
        SELECT c.category_id, c.area_id, c.level, s.queue_id, COUNT(*) FROM choice c
        JOIN subscriber s ON s.id = c.subscriber_id WHERE s.state = 'confirmed'
        GROUP BY c.category_id, c.area_id, c.level, s.queue_id""")
