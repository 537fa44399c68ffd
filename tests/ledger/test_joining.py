"""C5.3, C5.6, R27: one address once, nobody registers another's, and who left leaves no address behind."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from store import bounces, choices, deliveries, selfcheck, subscriptions, tokens, workers
from store.bounces import Source, Verdict
from store.db import Store
from store.deliveries import Outcome, Result
from store.models import Letter, Subscriber, database
from store.subscriptions import Asked, Confirmed, Reason
from store.tokens import Once
from tests.ledger import acts
from tests.ledger.colleague import Colleague, together
from tests.ledger.conftest import NOW

DAY = timedelta(days=1)


def _tokens(store: Store) -> list[str]:
    return [
        letter.params["token"]
        for letter in store.call(lambda: list(Letter.select().order_by(Letter.id)))
        if "token" in letter.params
    ]


@pytest.mark.req("C5.3")
def test_the_same_address_twice_is_one_subscriber(store: Store) -> None:
    assert store.call(subscriptions.request, "a@example.jp", queue=1, now=NOW) == Asked.NEW
    assert store.call(subscriptions.request, "a@example.jp", queue=1, now=NOW) == Asked.AGAIN
    assert store.call(subscriptions.confirm, _tokens(store)[1], now=NOW) == Confirmed.NOW
    assert store.call(subscriptions.request, "a@example.jp", queue=1, now=NOW) == Asked.ALREADY
    assert store.call(lambda: Subscriber.select().count()) == 1


@pytest.mark.req("C5.3")
def test_the_same_address_at_the_same_moment_is_one_subscriber(store: Store) -> None:
    def ask(_n: int) -> Asked:
        return store.call(subscriptions.request, "a@example.jp", queue=1, now=NOW)

    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(ask, range(8)))
    assert (asked.count(Asked.NEW), asked.count(Asked.ENOUGH)) == (1, 5)
    assert store.call(lambda: Subscriber.select().count()) == 1


@pytest.mark.req("C5.3")
def test_the_same_address_in_two_processes_is_one_subscriber(store: Store, address: str) -> None:
    asked = together([Colleague(address, "join", "a@example.jp") for _ in range(2)])
    assert sorted(str(one) for one in asked) == ["again", "new"]
    assert store.call(lambda: Subscriber.select().count()) == 1


@pytest.mark.req("C5.6")
def test_the_link_of_the_letter_works_once_for_a_day(store: Store) -> None:
    store.call(subscriptions.request, "a@example.jp", queue=1, now=NOW)
    (token,) = _tokens(store)
    assert store.call(subscriptions.confirm, token, now=NOW + DAY) == Confirmed.EXPIRED
    assert store.call(lambda: Subscriber.get().state) == "pending"
    store.call(subscriptions.request, "a@example.jp", queue=1, now=NOW + DAY)
    assert store.call(subscriptions.look, _tokens(store)[1], now=NOW + DAY) == "good"
    assert store.call(subscriptions.confirm, _tokens(store)[1].upper(), now=NOW + DAY) == Confirmed.NOW
    for again in _tokens(store):
        assert store.call(subscriptions.confirm, again, now=NOW + DAY) == Confirmed.ALREADY
    assert store.call(selfcheck.check) == []


@pytest.mark.req("C5.6")
@pytest.mark.parametrize("forged", ["", "a" * 24, "あ" * 24, "a" * 1000, "' OR 1=1 --"])
def test_an_unknown_token_is_worth_nothing(store: Store, forged: str) -> None:
    store.call(subscriptions.request, "a@example.jp", queue=1, now=NOW)
    assert store.call(subscriptions.confirm, forged, now=NOW) == Confirmed.UNKNOWN
    assert store.call(lambda: Subscriber.get().state) == "pending"


@pytest.mark.req("C5.6")
def test_a_token_for_something_else_does_not_join(store: Store) -> None:
    store.call(subscriptions.request, "a@example.jp", queue=1, now=NOW)
    one = store.call(lambda: Subscriber.get().id)
    other = store.call(tokens.issue, Once.APPROVE, one, now=NOW, lasts=DAY)
    assert store.call(subscriptions.confirm, other, now=NOW) == Confirmed.UNKNOWN
    gone = _tokens(store)[0]
    store.call(subscriptions.remove, one, Reason.EXPIRED, now=NOW, farewell=False)
    assert store.call(subscriptions.confirm, gone, now=NOW) == Confirmed.UNKNOWN


@pytest.mark.req("C5.6")
def test_a_stranger_s_mailbox_is_not_flooded(store: Store) -> None:
    asked = [store.call(subscriptions.request, "a@example.jp", queue=1, now=NOW) for _ in range(5)]
    assert asked[3:] == [Asked.ENOUGH, Asked.ENOUGH]
    assert store.call(lambda: Letter.select().count()) == 3


def _holding(text: str) -> set[str]:
    """The tables in which these letters stand anywhere."""
    found = set()
    for table in database.get_tables():
        for row in database.execute_sql(f'SELECT * FROM "{table}"').fetchall():
            if any(text in str(value) for value in row):
                found.add(table)
    return found


@pytest.mark.req("C5.5")
@pytest.mark.parametrize("reason", list(Reason))
def test_why_somebody_left_is_kept_and_his_address_is_not(store: Store, reason: Reason) -> None:
    one = acts.join(store, "leaver@example.jp", NOW, ("suspicious", "city", 1))
    worker = store.call(workers.join, "test", host="here", pid=1, now=NOW)

    def send_letters() -> None:
        notes = store.call(deliveries.lease_letters, worker, limit=10, now=NOW)
        results = [Result(note.id, Outcome.SENT, 250) for note in notes]
        assert store.call(deliveries.record, worker, [], results, now=NOW) == len(notes)

    send_letters()
    store.call(
        subscriptions.request, "leaver@example.jp", queue=1, now=NOW
    )  # still on its way when he leaves
    assert store.call(subscriptions.remove, one, reason, now=NOW)
    assert store.call(_holding, "leaver@") == {"letter"}
    send_letters()
    assert store.call(_holding, "leaver@") == set()
    assert store.call(lambda: Subscriber.get_by_id(one).reason) == reason
    assert store.call(choices.of, one) == []
    assert not store.call(subscriptions.remove, one, Reason.OPERATOR, now=NOW)
    assert store.call(lambda: Subscriber.get_by_id(one).reason) == reason
    assert store.call(subscriptions.request, "leaver@example.jp", queue=1, now=NOW) == Asked.NEW
    assert store.call(selfcheck.check) == []


def test_who_never_confirmed_is_forgotten(store: Store) -> None:
    store.call(subscriptions.request, "never@example.jp", queue=1, now=NOW)
    assert store.call(subscriptions.expire_pending, before=NOW + DAY, now=NOW + DAY) == 1
    store.call(workers.join, "test", host="here", pid=1, now=NOW)
    notes = store.call(deliveries.lease_letters, 1, limit=10, now=NOW)
    store.call(deliveries.record, 1, [], [Result(note.id, Outcome.FAILED, 550) for note in notes], now=NOW)
    assert store.call(_holding, "never@") == set()
    assert store.call(lambda: Subscriber.get().reason) == "expired"


def test_many_changes_at_once_keep_the_counters_true(store: Store) -> None:
    """On PostgreSQL these deadlock now and then; one of them is undone and done again."""
    ids = [acts.join(store, f"r{n}@example.jp", NOW) for n in range(8)]
    one = [("suspicious", "city", 1, None), ("crime", "mihama", 1, None)]
    other = [("crime", "mihama", 1, None), ("weather", "city", 3, None), ("suspicious", "nishi", 1, None)]

    def act(n: int) -> None:
        subscriber = ids[n % 8]
        if n % 5 == 4:
            store.call(subscriptions.suspend, subscriber, Reason.NON_EXISTENT, now=NOW)
            store.call(subscriptions.resume, subscriber, now=NOW)
        else:
            store.call(choices.choose, subscriber, one if n % 2 else other[:: 1 if n % 3 else -1])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(80)))
    assert store.call(selfcheck.check) == []


@pytest.mark.req("C8.6")
def test_a_complaint_removes_at_once_and_soft_never(store: Store) -> None:
    one = acts.join(store, "a@example.jp", NOW, ("suspicious", "city", 1))
    acts.released(store, NOW)
    (mail,) = acts.deliver(store, NOW)
    for day in range(3):
        soft = Verdict("soft", "mailbox-full", "4.2.2", 452)
        done = store.call(bounces.of_delivery, mail.id, soft, source=Source.MAIL, now=NOW + day * DAY)
        assert (done.suspended, done.removed) == (False, False)
    complaint = Verdict("complaint", "feedback", None, None)
    assert store.call(bounces.of_delivery, mail.id, complaint, source=Source.MAIL, now=NOW).removed
    assert store.call(lambda: Subscriber.get_by_id(one).reason) == "complaint"
