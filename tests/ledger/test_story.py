"""The whole life of a bulletin by its rules alone: joined, drafted, approved, expanded, sent, bounced, counted."""

from datetime import timedelta

import pytest

from store import audience, bounces, bulletins, decisions, deliveries, release, selfcheck, subscriptions
from store.bounces import Source, Verdict
from store.db import Store
from store.decisions import Door
from store.deliveries import Outcome
from tests.ledger import acts
from tests.ledger.conftest import NOW

HARD = Verdict("hard", "user-unknown", "5.1.1", 550)


@pytest.mark.req("C8.2", "D4", "X12")
def test_who_chose_it_gets_it_and_nobody_else(store: Store) -> None:
    ward = acts.join(store, "ward@example.jp", NOW, ("suspicious", "hanamigawa", 1))
    town = acts.join(store, "town@example.jp", NOW, ("suspicious", "makuhari", 1))
    station = acts.join(store, "station@example.jp", NOW, ("suspicious", "nishi", 1))
    acts.join(store, "other@example.jp", NOW, ("suspicious", "mihama", 1))
    acts.join(store, "default@example.jp", NOW)
    above = acts.join(store, "above@example.jp", NOW, ("crime", "city", 1))
    store.call(subscriptions.request, "pending@example.jp", queue=1, now=NOW)
    made = acts.draft(store, NOW, where=("hanamigawa",))
    assert store.call(audience.about, made.version) == 3
    assert store.call(audience.exact, made.version, "live") == 3
    chief = acts.person(store, "chief")
    state = store.call(decisions.approve, made.id, made.digest, person=chief, door=Door.SLACK, now=NOW)
    assert state == "approved"
    assert acts.expand(store, made.id, NOW) == 3
    taken = acts.deliver(store, NOW)
    assert {mail.subscriber for mail in taken} == {ward, town, above}
    assert station not in {mail.subscriber for mail in taken}  # 花見川区 is not above or below 千葉西署
    assert store.call(release.finish, made.id, now=NOW)
    assert store.call(bulletins.view, made.id).state == "sent"
    assert store.call(selfcheck.check) == []


@pytest.mark.req("C8.6")
def test_two_hard_bounces_on_different_days_suspend(store: Store) -> None:
    gone = acts.join(store, "gone@example.jp", NOW, ("suspicious", "city", 1))
    for day in range(2):
        now = NOW + timedelta(days=day, minutes=1)
        made = acts.draft(store, now, where=("city",))
        store.call(
            decisions.approve,
            made.id,
            made.digest,
            person=acts.person(store, "chief"),
            door=Door.LINK,
            now=now,
        )
        acts.expand(store, made.id, now)
        (mail,) = acts.deliver(store, now)
        for _ in range(2):  # the same day twice is still one day
            done = store.call(bounces.of_delivery, mail.id, HARD, source=Source.MAIL, now=now)
            if day == 0:
                assert not done.suspended
        assert store.call(subscriptions.resident, gone).state == ("confirmed" if day == 0 else "suspended")
    assert store.call(subscriptions.resume, gone, now=now)
    assert store.call(selfcheck.check) == []


def test_deferred_rows_come_back_behind_first_attempts(store: Store) -> None:
    acts.join(store, "a@example.jp", NOW, ("suspicious", "city", 1))
    made = acts.draft(store, NOW, where=("city",))
    store.call(
        decisions.approve, made.id, made.digest, person=acts.person(store, "chief"), door=Door.LINK, now=NOW
    )
    acts.expand(store, made.id, NOW)
    assert len(acts.deliver(store, NOW, Outcome.DEFERRED, 451)) == 1
    assert acts.deliver(store, NOW) == []
    assert store.call(deliveries.wake_due, now=NOW + timedelta(minutes=1)) == 1
    (mail,) = acts.deliver(store, NOW + timedelta(minutes=1))
    assert mail.attempts == 1
    assert store.call(release.finish, made.id, now=NOW)


@pytest.mark.req("C5.3")
def test_the_case_of_an_address_makes_no_second_subscriber(store: Store) -> None:
    first = acts.join(store, "taro@example.jp", NOW)
    assert store.call(subscriptions.request, "Taro@Example.jp", queue=1, now=NOW) == "already"
    found = store.call(subscriptions.find, "TARO@example.jp")
    assert found is not None
    assert found.id == first
