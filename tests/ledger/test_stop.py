"""R5: 配信を中止する: nothing more is leased, what was queued is withdrawn, and the numbers add up."""

import pytest

from store import bulletins, deliveries, release, selfcheck, workers
from store.db import Store
from store.deliveries import Outcome, Result
from tests.ledger import acts
from tests.ledger.conftest import NOW


@pytest.mark.req("Y11", "K3")
def test_handed_over_and_withdrawn_add_up(store: Store) -> None:
    acts.crowd(store, 10)
    made = acts.released(store, NOW)
    worker = store.call(workers.join, "test", host="here", pid=1, now=NOW)
    held = store.call(deliveries.lease, worker, limit=4, now=NOW)
    deferred, *rest = held
    store.call(
        deliveries.record, worker, [Result(deferred.id, Outcome.DEFERRED, 451, None, NOW)], [], now=NOW
    )
    store.call(release.stop, made.id, by=acts.person(store, "deputy"), now=NOW)
    assert store.call(deliveries.wake_due, now=NOW) == 1
    assert store.call(deliveries.lease, worker, limit=10, now=NOW) == []
    taken = store.call(deliveries.take, worker, letters_at_most=0, limit=10, now=NOW)
    assert (taken.mails, taken.stopped) == ([], frozenset({made.id}))
    assert store.call(release.stopped) == [made.id]
    assert not store.call(release.finish, made.id, now=NOW)
    assert [store.call(release.sweep, made.id, limit=5) for _ in range(3)] == [5, 2, 0]
    outcomes = [Outcome.SENT, Outcome.SENT, Outcome.WITHDRAWN]
    results = [Result(mail.id, outcome) for mail, outcome in zip(rest, outcomes, strict=True)]
    store.call(deliveries.record, worker, results, [], now=NOW)
    assert store.call(release.finish, made.id, now=NOW)
    progress = store.call(release.progress, made.id)
    assert (progress.sent, progress.withdrawn, progress.open) == (2, 8, 0)
    assert progress.sent + progress.withdrawn == progress.expanded == 10
    assert store.call(bulletins.view, made.id).state == "stopped"
    assert store.call(selfcheck.check) == []


@pytest.mark.req("Y11")
def test_a_stop_in_the_middle_of_writing_recipients(store: Store) -> None:
    acts.crowd(store, 10)
    made = acts.draft(store, NOW, where=("city",))
    acts.approve(store, made, NOW)
    store.call(release.begin, made.id, now=NOW)
    assert store.call(release.expand, made.id, now=NOW, size=4) == 4
    store.call(release.stop, made.id, by=acts.person(store, "deputy"), now=NOW)
    assert store.call(release.unexpanded) == []
    assert store.call(release.expand, made.id, now=NOW) is None
    assert store.call(release.sweep, made.id) == 4
    assert store.call(release.finish, made.id, now=NOW)
    assert store.call(bulletins.view, made.id).state == "stopped"


def test_only_what_is_being_sent_is_stopped_and_only_once(store: Store) -> None:
    deputy = acts.person(store, "deputy")
    made = acts.draft(store, NOW, where=("city",))
    assert acts.refusal(store, release.stop, made.id, by=deputy, now=NOW).code == "not-sending"
    acts.approve(store, made, NOW)
    assert acts.refusal(store, release.stop, made.id, by=deputy, now=NOW).code == "not-sending"
    acts.expand(store, made.id, NOW)
    store.call(release.stop, made.id, by=deputy, now=NOW)
    assert acts.refusal(store, release.stop, made.id, by=deputy, now=NOW).code == "not-sending"


def test_one_stopped_bulletin_stands_in_nobody_s_way(store: Store) -> None:
    acts.crowd(store, 10)
    stopped, other = acts.released(store, NOW), acts.released(store, NOW)
    store.call(release.stop, stopped.id, by=acts.person(store, "deputy"), now=NOW)
    assert {mail.bulletin for mail in acts.deliver(store, NOW)} == {other.id}


def test_what_is_not_sent_yet_is_withdrawn_instead(store: Store) -> None:
    made = acts.draft(store, NOW)
    acts.approve(store, made, NOW)
    store.call(bulletins.withdraw, made.id, by=acts.person(store, "officer"), why="誤報", now=NOW)
    assert store.call(release.due, now=NOW) == []
    assert acts.refusal(store, release.begin, made.id, now=NOW).code == "moved-already"
