"""R4, X5: 訂正 and 取消 go to exactly those who got, or are still to get, the original."""

import pytest

from store import audience, bulletins, categories, choices, release, selfcheck, subscriptions, workers
from store import deliveries as queue
from store.bulletins import Made, Text
from store.db import Store
from store.deliveries import Outcome, Result
from store.rules import Origin
from store.subscriptions import Reason
from tests.ledger import acts, small_town
from tests.ledger.conftest import NOW


def _correct(store: Store, original: int, kind: str = "correction") -> Made:
    officer = acts.person(store, "officer")
    made = store.call(
        bulletins.create,
        Text("【訂正】不審者情報", "お詫びして訂正します。", ((acts.area(store, "masago"), 1),)),
        category=store.call(categories.by_key, "suspicious").id,
        level=1,
        origin=Origin.MAIL,
        realm="live",
        render=small_town.render,
        now=NOW,
        author=officer,
        refers_to=original,
        refers_as=kind,
    )
    store.call(bulletins.submit, made.id, by=officer, now=NOW)
    acts.approve(store, made, NOW)
    return made


@pytest.mark.req("X5", "C8.2")
@pytest.mark.parametrize("kind", ["correction", "cancel"])
def test_exactly_the_recipients(store: Store, kind: str) -> None:
    got = acts.join(store, "got@example.jp", NOW, ("suspicious", "city", 1))
    refused = acts.join(store, "refused@example.jp", NOW, ("suspicious", "city", 1))
    left = acts.join(store, "left@example.jp", NOW, ("suspicious", "city", 1))
    changed = acts.join(store, "changed@example.jp", NOW, ("suspicious", "hanamigawa", 1))
    acts.join(store, "never@example.jp", NOW, ("suspicious", "masago", 1))
    original = acts.released(store, NOW, where=("hanamigawa",))
    worker = store.call(workers.join, "test", host="here", pid=1, now=NOW)
    mails = store.call(queue.lease, worker, limit=10, now=NOW)
    assert {mail.subscriber for mail in mails} == {got, refused, left, changed}
    results = [Result(m.id, Outcome.FAILED if m.subscriber == refused else Outcome.SENT, 250) for m in mails]
    store.call(queue.record, worker, results, [], now=NOW)
    store.call(subscriptions.remove, left, Reason.BY_LINK, now=NOW)
    store.call(choices.choose, changed, [])
    acts.join(store, "new@example.jp", NOW, ("suspicious", "city", 1))
    made = _correct(store, original.id, kind)
    acts.expand(store, made.id, NOW)
    assert {mail.subscriber for mail in acts.deliver(store, NOW)} == {got, changed}
    assert store.call(audience.about, made.version) == 3  # 約: the one who left is still counted
    assert store.call(selfcheck.check) == []


@pytest.mark.req("X5")
def test_while_the_original_is_still_going_out(store: Store) -> None:
    """A correction that overtakes the original's last mails must reach their recipients too."""
    ids = [acts.join(store, f"r{n}@example.jp", NOW, ("suspicious", "city", 1)) for n in range(4)]
    original = acts.released(store, NOW)
    worker = store.call(workers.join, "test", host="here", pid=1, now=NOW)
    first, second = store.call(queue.lease, worker, limit=2, now=NOW)
    results = [Result(first.id, Outcome.SENT, 250), Result(second.id, Outcome.DEFERRED, 451, None, NOW)]
    store.call(queue.record, worker, results, [], now=NOW)
    made = _correct(store, original.id)
    assert acts.expand(store, made.id, NOW) == len(ids)


@pytest.mark.req("X5")
def test_after_a_stop_only_those_it_reached(store: Store) -> None:
    for n in range(4):
        acts.join(store, f"r{n}@example.jp", NOW, ("suspicious", "city", 1))
    original = acts.released(store, NOW)
    worker = store.call(workers.join, "test", host="here", pid=1, now=NOW)
    (mail,) = store.call(queue.lease, worker, limit=1, now=NOW)
    store.call(queue.record, worker, [Result(mail.id, Outcome.SENT, 250)], [], now=NOW)
    store.call(release.stop, original.id, by=acts.person(store, "chief"), now=NOW)
    made = _correct(store, original.id)
    assert store.call(release.begin, made.id, now=NOW)
    assert (
        store.call(release.expand, made.id, now=NOW) is None
    )  # it is being stopped: who gets it is not known
    assert made.id not in store.call(release.unexpanded)
    assert store.call(release.sweep, original.id) == 3
    assert store.call(release.finish, original.id, now=NOW)
    assert store.call(release.unexpanded) == [made.id]
    assert store.call(release.expand, made.id, now=NOW) == 1
    assert [m.subscriber for m in acts.deliver(store, NOW)] == [mail.subscriber]


@pytest.mark.req("X5")
def test_it_waits_until_the_original_s_recipients_are_written_down(store: Store) -> None:
    for n in range(3):
        acts.join(store, f"r{n}@example.jp", NOW, ("suspicious", "city", 1))
    original = acts.draft(store, NOW, where=("city",))
    acts.approve(store, original, NOW)
    store.call(release.begin, original.id, now=NOW)
    assert store.call(release.expand, original.id, now=NOW, size=1) == 1
    made = _correct(store, original.id)
    assert store.call(release.begin, made.id, now=NOW)
    assert store.call(release.expand, made.id, now=NOW) is None
    assert store.call(release.unexpanded) == [original.id]
    while store.call(release.expand, original.id, now=NOW) is not None:
        pass
    assert store.call(release.unexpanded) == [made.id]
    assert store.call(release.expand, made.id, now=NOW) == 3
