"""R10, R19, R24, X12: rows are leased once, fenced, given back, deferred, and no resting destination is in the way."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from store import deliveries, letters, queues, release, selfcheck, workers
from store.db import Store
from store.deliveries import Outcome, Result
from store.letters import Purpose
from store.models import Delivery, Letter, Slot
from tests.ledger import acts
from tests.ledger.colleague import Colleague, together
from tests.ledger.conftest import NOW

MINUTE = timedelta(minutes=1)


def _worker(store: Store) -> int:
    return store.call(workers.join, "test", host="here", pid=1, now=NOW)


@pytest.mark.req("X12", "C8.1")
def test_two_threads_share_5000_rows(store: Store) -> None:
    acts.crowd(store, 5_000)
    made = acts.released(store, NOW)

    def drain(worker: int) -> list[int]:
        sent: list[int] = []
        while mails := store.call(deliveries.lease, worker, limit=250, now=NOW):
            results = [Result(mail.id, Outcome.SENT, 250) for mail in mails]
            assert store.call(deliveries.record, worker, results, [], now=NOW) == len(mails)
            sent += [mail.id for mail in mails]
        return sent

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(drain, [_worker(store), _worker(store)])
    assert sorted(first + second) == store.call(
        lambda: [row.id for row in Delivery.select().order_by(Delivery.id)]
    )
    assert len(first) + len(second) == 5_000
    assert store.call(release.finish, made.id, now=NOW)
    assert store.call(selfcheck.check) == []


@pytest.mark.req("X12", "C8.1")
def test_two_processes_share_5000_rows(store: Store, address: str) -> None:
    acts.crowd(store, 5_000)
    made = acts.released(store, NOW)
    first, second = together([Colleague(address, "drain", "250") for _ in range(2)])
    assert isinstance(first, list)
    assert isinstance(second, list)
    assert len(first) + len(second) == len(set(first) | set(second)) == 5_000
    assert store.call(release.progress, made.id).sent == 5_000
    assert store.call(release.finish, made.id, now=NOW)


@pytest.mark.req("X12")
def test_a_process_killed_with_rows_in_its_hands_loses_none(store: Store, address: str) -> None:
    acts.crowd(store, 100)
    made = acts.released(store, NOW)
    victim = Colleague(address, "hold", "50")
    victim.go()
    held = victim.say()
    victim.process.kill()
    victim.end()
    assert len(acts.deliver(store, NOW)) == 50
    assert not store.call(release.finish, made.id, now=NOW)
    assert acts.bury(store, NOW + timedelta(seconds=1), pid=victim.process.pid) == 50
    again = acts.deliver(store, NOW)
    assert sorted(mail.id for mail in again) == sorted(int(n) for n in held.strip("[]").split(","))
    assert store.call(release.finish, made.id, now=NOW)
    attempts = store.call(lambda: {row.attempts for row in Delivery.select()})
    assert attempts == {1}
    assert store.call(selfcheck.check) == []


@pytest.mark.req("X12")
def test_a_buried_worker_is_not_believed_and_gets_nothing(store: Store) -> None:
    acts.crowd(store, 10)
    made = acts.released(store, NOW)
    slow = _worker(store)
    held = store.call(deliveries.lease, slow, limit=4, now=NOW)
    late = NOW + workers.DEAD + timedelta(seconds=1)
    quick = store.call(workers.join, "test", host="here", pid=2, now=late)
    assert acts.bury(store, late, pid=1) == 4
    assert not store.call(workers.beat, slow, now=late)
    assert store.call(deliveries.lease, slow, limit=4, now=late) == []
    assert store.call(deliveries.lease_letters, slow, limit=4, now=late) == []
    results = [Result(mail.id, Outcome.SENT, 250) for mail in held]
    assert store.call(deliveries.record, slow, results, [], now=late) == 0
    taken = store.call(deliveries.lease, quick, limit=10, now=late)
    assert len(taken) == 10
    assert [mail.id for mail in taken[-4:]] == [
        mail.id for mail in held
    ]  # a second try stands behind the first
    assert store.call(deliveries.record, slow, results, [], now=late) == 0
    assert store.call(workers.leave, slow, now=late) == 0
    done = [Result(mail.id, Outcome.SENT, 250) for mail in taken]
    assert store.call(deliveries.record, quick, done, [], now=late) == 10
    assert store.call(deliveries.record, quick, done, [], now=late) == 0
    assert store.call(release.finish, made.id, now=late)
    assert store.call(selfcheck.check) == []


def test_a_buried_worker_s_word_takes_no_token_out_of_a_letter(store: Store) -> None:
    store.call(letters.write, Purpose.JOIN_CONFIRM, "a@example.jp", {"token": "t"}, now=NOW)
    slow = _worker(store)
    (note,) = store.call(deliveries.lease_letters, slow, limit=1, now=NOW)
    late = NOW + MINUTE
    assert acts.bury(store, late, pid=1) == 1
    sent = [Result(note.id, Outcome.SENT, 250)]
    assert store.call(deliveries.record, slow, [], sent, now=late) == 0
    quick = store.call(workers.join, "test", host="here", pid=2, now=late)
    (again,) = store.call(deliveries.lease_letters, quick, limit=1, now=late)
    assert again.params == {"token": "t"}
    assert store.call(deliveries.record, quick, [], sent, now=late) == 1
    assert store.call(lambda: Letter.get().params) is None


def test_lease_and_burial_at_once_leave_no_row_behind(store: Store) -> None:
    acts.crowd(store, 400)
    made = acts.released(store, NOW)
    victims = [_worker(store) for _ in range(8)]

    def act(n: int) -> None:
        if n % 2:
            store.call(workers.leave, victims[n // 2], now=NOW)
        else:
            store.call(deliveries.lease, victims[n // 2], limit=50, now=NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(act, range(16)))
    assert store.call(selfcheck.check) == []
    acts.deliver(store, NOW)
    assert store.call(release.finish, made.id, now=NOW)


@pytest.mark.req("C8.3")
def test_a_resting_destination_is_in_nobody_s_way(store: Store) -> None:
    acts.crowd(store, 20)
    acts.released(store, NOW)
    store.call(queues.pause, "docomo", NOW + MINUTE, "421")
    mails = acts.deliver(store, NOW)
    resting = next(one for one in store.call(queues.listed) if one.key == "docomo")
    assert len(mails) == 10
    assert resting.id not in {mail.queue for mail in mails}
    assert acts.deliver(store, NOW) == []
    assert len(acts.deliver(store, NOW + MINUTE)) == 10
    store.call(queues.pause, "docomo", NOW + 9 * MINUTE, "421")
    store.call(queues.wake, "docomo")
    assert [one.paused_until for one in store.call(queues.listed)] == [None, None]


@pytest.mark.req("C8.3")
def test_what_waits_is_woken_when_it_is_due_and_not_before(store: Store) -> None:
    acts.crowd(store, 3)
    acts.released(store, NOW)
    worker = _worker(store)
    mails = store.call(deliveries.lease, worker, limit=3, now=NOW)
    assert store.call(deliveries.next_due) is None
    results = [
        Result(mail.id, Outcome.DEFERRED, 451, "later", NOW + n * MINUTE) for n, mail in enumerate(mails, 1)
    ]
    store.call(deliveries.record, worker, results, [], now=NOW)
    assert store.call(deliveries.next_due) == NOW + MINUTE
    assert store.call(deliveries.wake_due, now=NOW) == 0
    assert store.call(deliveries.wake_due, now=NOW + 2 * MINUTE) == 2
    assert store.call(deliveries.next_due) == NOW + 3 * MINUTE
    assert store.call(deliveries.waiting) == {"queued": 3, "leased": 0, "deferred": 1}  # and a letter
    assert store.call(deliveries.wake_due, now=NOW + 9 * MINUTE, limit=5) == 1


@pytest.mark.req("X7")
def test_a_flood_of_joins_and_a_warning_do_not_delay_each_other(store: Store) -> None:
    acts.crowd(store, 5, category="weather-rain")
    for n in range(30):
        store.call(letters.write, Purpose.JOIN_CONFIRM, f"j{n}@example.jp", {"token": "t"}, now=NOW)
    acts.join(store, "late@example.jp", NOW)
    for n in range(3):
        store.call(letters.write, Purpose.DECISION_NOTICE, f"s{n}@example.jp", {}, now=NOW)
    made = acts.feed(store, NOW)
    acts.approve(store, made, NOW, person_key="bosai1")
    acts.expand(store, made.id, NOW)
    taken = store.call(deliveries.take, _worker(store), letters_at_most=10, limit=15, now=NOW)
    assert (len(taken.notes), len(taken.mails)) == (10, 5)
    assert {note.purpose for note in taken.notes} == {Purpose.JOIN_CONFIRM}


@pytest.mark.req("C8.3")
def test_a_route_has_so_many_connections_over_all_processes(store: Store, address: str) -> None:
    """MODEL.md, workers: a provider's three connections are three, whoever holds them."""
    taken = together([Colleague(address, "slots", "docomo", "3") for _ in range(3)])
    assert sorted(n for one in taken for n in one) == [0, 1, 2]  # type: ignore[attr-defined]
    mine = _worker(store)
    lasts = timedelta(seconds=30)
    assert store.call(workers.take_slot, "docomo", 3, mine, now=NOW, lasts=lasts) is None
    assert store.call(workers.take_slot, "au", 3, mine, now=NOW, lasts=lasts) == 0
    assert store.call(workers.take_slot, "docomo", 3, mine, now=NOW + MINUTE, lasts=lasts) == 0
    assert store.call(workers.hold_slots, mine, now=NOW + MINUTE, lasts=lasts) == 2
    store.call(workers.free_slot, "docomo", 0, mine)
    assert store.call(lambda: Slot.select().count()) == 1
    store.call(workers.leave, mine, now=NOW)
    assert store.call(lambda: Slot.select().count()) == 0
