"""What people do, in one line each, for the tests of the rules."""

from collections.abc import Callable
from datetime import datetime

import pytest

from store import (
    areas,
    bulletins,
    categories,
    decisions,
    deliveries,
    people,
    release,
    rules,
    subscriptions,
    workers,
)
from store.bulletins import Made, Text
from store.choices import choose
from store.db import Store
from store.decisions import Door
from store.deliveries import Mail, Outcome, Result
from store.errors import Refused
from store.models import Letter, PersonRight, Subscriber, Token, sql
from store.rules import Origin
from tests.ledger import small_town


def join(store: Store, address: str, now: datetime, *choices: tuple[str, str, int]) -> int:
    """Ask, confirm with the mailed token, and choose; returns the subscriber's id."""
    store.call(subscriptions.request, address, queue=1, now=now)
    token = store.call(
        lambda: Letter.select().where(Letter.address == address).order_by(Letter.id.desc()).get().params
    )["token"]
    assert store.call(subscriptions.confirm, token, now=now) == "now"
    subscriber = store.call(lambda: Subscriber.get(Subscriber.address == address).id)
    if choices:
        store.call(choose, subscriber, [(c, a, level, None) for c, a, level in choices])
    return int(subscriber)


def person(store: Store, key: str) -> int:
    """A person's id."""
    return store.call(people.by_key, key).id


def area(store: Store, key: str) -> int:
    """An area's id."""
    return store.call(areas.by_key, key).id


def draft(
    store: Store,
    now: datetime,
    *,
    author: str = "officer",
    category: str = "suspicious",
    where: tuple[str, ...] = ("hanamigawa",),
    subject: str = "不審者情報 花見川区",
    realm: str = "live",
    submit: bool = True,
) -> Made:
    """An officer's draft, submitted."""
    by = person(store, author)
    text = Text(subject, "声かけ事案がありました。", tuple((area(store, key), 1) for key in where))
    made = store.call(
        bulletins.create,
        text,
        category=store.call(categories.by_key, category).id,
        level=1,
        origin=Origin.MAIL,
        realm=realm,
        render=small_town.render,
        now=now,
        author=by,
    )
    if submit:
        store.call(bulletins.submit, made.id, by=by, now=now)
    return made


def expand(store: Store, bulletin: int, now: datetime) -> int:
    """Begin and write all delivery rows; returns how many."""
    assert store.call(release.begin, bulletin, now=now)
    total = 0
    while (added := store.call(release.expand, bulletin, now=now)) is not None:
        total += added
    return total


def deliver(store: Store, now: datetime, outcome: Outcome = Outcome.SENT, code: int = 250) -> list[Mail]:
    """One worker takes everything that is ready and reports the same outcome for each."""
    worker = store.call(workers.join, "test", host="here", pid=1, now=now)
    taken = store.call(deliveries.lease, worker, limit=10_000, now=now)
    due = now if outcome is Outcome.DEFERRED else None
    store.call(
        deliveries.record, worker, [Result(m.id, outcome, code, None, due) for m in taken], [], now=now
    )
    return taken


def tokens_of(store: Store, purpose: str) -> int:
    """How many tokens of a purpose there are."""
    return store.call(lambda: Token.select().where(Token.purpose == purpose).count())


def approve(
    store: Store, made: Made, now: datetime, *, person_key: str = "chief", hold_until: datetime | None = None
) -> str:
    """A click on 承認 by this person; returns the new state."""
    return store.call(
        decisions.approve,
        made.id,
        made.digest,
        person=person(store, person_key),
        door=Door.SLACK,
        now=now,
        hold_until=hold_until,
    )


def released(
    store: Store,
    now: datetime,
    *,
    category: str = "suspicious",
    where: tuple[str, ...] = ("city",),
    realm: str = "live",
) -> Made:
    """An officer's bulletin, approved by the chief, with all its delivery rows written."""
    made = draft(store, now, category=category, where=where, realm=realm)
    approve(store, made, now)
    expand(store, made.id, now)
    return made


def entitle(store: Store, key: str, action: str, category: str | None = None, order: int = 0) -> None:
    """Give a person one more right, for a category or for all."""

    def write() -> None:
        covered = None if category is None else categories.by_key(category).id
        PersonRight.create(
            person_id=people.by_key(key).id, action=action, category_id=covered, deputy_order=order
        )

    store.call(write)


def decide_by(store: Store, category: str, way: str, now: datetime, **more: object) -> None:
    """Make this the only rule for staff drafts of the category."""
    rule = {"key": "only", "category": category, "origin": "staff", "decision": way} | more
    store.call(rules.apply, [rule], by="test", acknowledged_by=None, now=now)


def feed(store: Store, now: datetime, *, submit: bool = True, level: int = 3) -> Made:
    """A weather warning as the feeds write it, submitted."""
    made = store.call(
        bulletins.create,
        Text("大雨警報 千葉市", "大雨警報が発表されました。", ((area(store, "city"), level),)),
        category=store.call(categories.by_key, "weather-rain").id,
        level=level,
        origin=Origin.FEED,
        realm="live",
        render=small_town.render,
        now=now,
    )
    if submit:
        store.call(bulletins.submit, made.id, by=None, now=now)
    return made


def crowd(store: Store, people_: int, *, category: str = "suspicious", place: str = "city") -> None:
    """Many confirmed residents at once, half of them in each queue, with one choice each."""

    def write() -> None:
        kind, where = categories.by_key(category).id, areas.by_key(place).id
        sql(
            """INSERT INTO subscriber (address, queue_id, state, language, format, created_at, confirmed_at)
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            SELECT 'r' || i || '@crowd.example.jp', 1 + (i & 1), 'confirmed', 'ja', 'both', 1, 1 FROM n""",
            people_,
        )
        members = "FROM subscriber WHERE address LIKE ?"
        sql(
            f"""INSERT INTO choice (subscriber_id, category_id, area_id, level)
            SELECT id, CAST(? AS BIGINT), CAST(? AS BIGINT), 1 {members}""",
            *(kind, where, "%@crowd.example.jp"),
        )
        sql(
            f"""INSERT INTO choice_count (category_id, area_id, level, queue_id, n)
            SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), 1, queue_id, COUNT(*) {members} GROUP BY queue_id""",
            *(kind, where, "%@crowd.example.jp"),
        )

    store.call(write)


def refusal(store: Store, verb: Callable[..., object], *args: object, **kwargs: object) -> Refused:
    """The refusal that this verb answers with."""
    with pytest.raises(Refused) as caught:
        store.call(verb, *args, **kwargs)
    return caught.value


def bury(store: Store, now: datetime, *, pid: int) -> int:
    """End the workers of a process that is gone; returns how many rows came back."""
    dead = {one.id: one.heartbeat_at for one in store.call(workers.listed) if one.pid == pid}
    return store.call(workers.bury, dead, now=now)
