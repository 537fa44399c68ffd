"""X13: the record of who did what shows every tampering, and holds no address."""

import re

import pytest

from store import decisions, events
from store.db import Store
from store.decisions import Door
from store.models import Decision, Event, sql
from tests.ledger import acts
from tests.ledger.conftest import NOW

TAMPERINGS = [
    "UPDATE event SET actor = 'person:99' WHERE id = {n}",
    "UPDATE event SET what = 'reject' WHERE id = {n}",
    "UPDATE event SET subject = 'bulletin:99' WHERE id = {n}",
    "UPDATE event SET detail = '[]' WHERE id = {n}",
    "UPDATE event SET at = at + 1 WHERE id = {n}",
    "UPDATE event SET prev = hash WHERE id = {n}",
    "UPDATE event SET hash = prev WHERE id = {n}",
    "DELETE FROM event WHERE id = {n}",
    "INSERT INTO event (at, actor, what, subject, detail, prev, hash) SELECT at, actor, what, subject, detail, prev,"
    " hash FROM event WHERE id = {n}",
]


class _Undone(Exception):
    pass


def _story(store: Store) -> None:
    acts.join(store, "resident@example.jp", NOW, ("suspicious", "city", 1))
    made = acts.draft(store, NOW)
    chief = acts.person(store, "chief")
    store.call(
        decisions.send_back, made.id, made.digest, person=chief, door=Door.SLACK, note="場所を", now=NOW
    )
    acts.released(store, NOW)
    acts.deliver(store, NOW)


@pytest.mark.req("X13")
def test_any_line_changed_anywhere_is_seen(store: Store) -> None:
    _story(store)
    assert store.call(events.broken) is None
    ids = store.call(lambda: [row.id for row in Event.select().order_by(Event.id)])

    def tamper(statement: str, n: int) -> None:
        sql(statement.format(n=n))
        assert events.broken() is not None, (statement, n)
        raise _Undone

    for statement in TAMPERINGS:
        for n in (ids[0], ids[len(ids) // 2], ids[-1]):
            with pytest.raises(_Undone):
                store.call(tamper, statement, n)
    assert store.call(events.broken) is None


@pytest.mark.req("X13")
def test_a_cut_tail_is_seen_and_named(store: Store) -> None:
    _story(store)
    head = store.call(events.head)
    store.call(lambda: sql("DELETE FROM event WHERE id = (SELECT MAX(id) FROM event)"))
    assert store.call(events.broken) == -1
    # Even a cut that mends the ledger row differs from the head that was mailed yesterday.
    store.call(
        lambda: sql(
            """UPDATE ledger SET chain_length = chain_length - 1,
            chain_head = (SELECT hash FROM event WHERE id = (SELECT MAX(id) FROM event))"""
        )
    )
    assert store.call(events.broken) is None
    assert store.call(events.head) != head


@pytest.mark.req("X13")
def test_two_lines_that_changed_places_are_seen(store: Store) -> None:
    _story(store)

    def swap() -> None:
        first, second = (row.id for row in Event.select().order_by(Event.id.desc()).limit(2))
        for before, after in ((first, -1), (second, first), (-1, second)):
            sql("UPDATE event SET id = ? WHERE id = ?", after, before)

    store.call(swap)
    assert store.call(events.broken) is not None


@pytest.mark.req("X13", "C5.5")
def test_no_address_is_in_the_record(store: Store) -> None:
    _story(store)
    said = store.call(lambda: [str(row.__data__) for table in (Event, Decision) for row in table.select()])
    assert len(said) > 10
    assert not [line for line in said if re.search(r"[@＠]", line)]


@pytest.mark.req("X13")
def test_the_record_says_who_did_what(store: Store) -> None:
    made = acts.draft(store, NOW)
    acts.approve(store, made, NOW, hold_until=None)
    acts.expand(store, made.id, NOW)
    officer, chief = acts.person(store, "officer"), acts.person(store, "chief")
    said = [(line.actor, line.what) for line in store.call(events.about, f"bulletin:{made.id}")]
    by_officer = [(f"person:{officer}", what) for what in ("draft", "version", "submitted")]
    assert said == [*by_officer, (f"person:{chief}", "approved"), ("outbound", "sending")]
