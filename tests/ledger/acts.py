"""What people do, in one line each, for the tests of the rules."""

from datetime import datetime

from store import areas, bulletins, categories, deliveries, people, release, subscriptions, workers
from store.bulletins import Made, Text
from store.choices import choose
from store.db import Store
from store.deliveries import Mail, Outcome, Result
from store.models import Letter, Subscriber, Token
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
