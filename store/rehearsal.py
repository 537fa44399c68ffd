"""What a rehearsal needs of two ledgers: the choices of the town, without addresses, and who would have been mailed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from store import ledger, queues, release
from store.errors import Refused
from store.models import (
    Area,
    Bulletin,
    Category,
    Choice,
    Delivery,
    Rule,
    Subscriber,
    Telegram,
    TelegramRaw,
    tuples,
)
from store.states import BulletinState, SubscriberState

# A 取消 reaches back a day; after that nobody asks any more who got a bulletin.
REMEMBERED = timedelta(hours=30)
_AT_ONCE = 1_000
_WHOLE = 1 << 40


class Wish(NamedTuple):
    """One choice of a confirmed resident, who is a number here and nothing else."""

    resident: int
    category: str
    area: str
    level: int
    option: str | None


@dataclass(frozen=True)
class Outcome:
    """What one telegram's bulletin would have done. `rule` None: no rule covers it; `released` False: it waits for a
    person; `residents` are the numbers of those mailed."""

    number: str
    rule: str | None
    released: bool
    residents: tuple[int, ...]


def wishes() -> list[Wish]:
    """The choices of everybody who would be mailed now. Reads only."""
    rows = (
        Choice.select(Choice.subscriber_id, Category.key, Area.key, Choice.level, Choice.option)
        .join(Subscriber, on=(Subscriber.id == Choice.subscriber_id))
        .join(Category, on=(Category.id == Choice.category_id))
        .join(Area, on=(Area.id == Choice.area_id))
        .where(Subscriber.state == str(SubscriberState.CONFIRMED))
        .order_by(Choice.subscriber_id)
    )
    return [Wish(*row) for row in tuples(rows)]


def stored(since: datetime, until: datetime) -> list[tuple[datetime, bytes]]:
    """(when it came, compressed bytes) of the telegrams that came then, oldest first. Reads only."""
    rows = (
        Telegram.select(Telegram.fetched_at, TelegramRaw.body)
        .join(TelegramRaw, on=(TelegramRaw.id == Telegram.raw_id))
        .where((Telegram.fetched_at >= since) & (Telegram.fetched_at < until))
        .order_by(Telegram.id)
    )
    return [(at, bytes(body)) for at, body in tuples(rows)]


def move_in(wanted: Iterable[Wish], *, now: datetime) -> int:
    """Put residents with these choices into a rehearsal's own ledger; returns how many. What the configuration does
    not offer is left out. Raises Refused("live-pretend") for a ledger that could mail somebody."""
    if ledger.who().realm is not ledger.Realm.TRAINING:
        raise Refused("live-pretend")
    kinds = {row.key: row.id for row in Category.select(Category.id, Category.key)}
    places = {row.key: row.id for row in Area.select(Area.id, Area.key)}
    home = queues.default()
    rows: dict[tuple[int, int, int], tuple[int, str | None]] = {}
    for one in wanted:
        if one.category in kinds and one.area in places:
            rows[one.resident, kinds[one.category], places[one.area]] = (one.level, one.option)
    people = sorted({resident for resident, _, _ in rows})
    residents = (
        {
            "id": n,
            "address": f"{n}@rehearsal.invalid",
            "queue_id": home,
            "state": str(SubscriberState.CONFIRMED),
            "language": "ja",
            "format": "both",
            "created_at": now,
        }
        for n in people
    )
    chosen = (
        {"subscriber_id": n, "category_id": kind, "area_id": place, "level": level, "option": option}
        for (n, kind, place), (level, option) in rows.items()
    )
    for table, made in ((Subscriber, residents), (Choice, chosen)):
        batch = list(made)
        for start in range(0, len(batch), _AT_ONCE):
            table.insert_many(batch[start : start + _AT_ONCE]).execute()
    return len(people)


def happened(number: str, *, now: datetime) -> Outcome:
    """Write down whom a bulletin reaches, as if it had been sent, in a rehearsal's own ledger."""
    row = Bulletin.get(Bulletin.number == number)
    rule = Rule.get_or_none(Rule.id == row.rule_id)
    key = rule.key if rule is not None else None
    if row.state != BulletinState.APPROVED or not release.begin(row.id, now=now):
        return Outcome(number, key, False, ())
    while release.expand(row.id, now=now, size=_WHOLE) is not None:
        pass
    mine = Delivery.select(Delivery.subscriber_id).where(Delivery.bulletin_id == row.id)
    return Outcome(number, key, True, tuple(n for (n,) in tuples(mine)))


def forget(*, before: datetime) -> None:
    """Drop the recipients of bulletins so old that no telegram refers to them any more."""
    old = Bulletin.select(Bulletin.id).where(Bulletin.created_at < before)
    Delivery.delete().where(Delivery.bulletin_id.in_(old)).execute()
