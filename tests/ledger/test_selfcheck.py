"""`hansho check --ledger`: each question finds the breach it is for, and a sound ledger has none."""

import pytest

from store import arrivals, release, selfcheck, subscriptions, telegrams
from store.arrivals import Addressed
from store.db import Store
from store.models import sql
from tests.ledger import acts
from tests.ledger.conftest import NOW
from tests.ledger.test_correction import _correct

# code → what somebody (or a bug) would have to do to the ledger. {b}, {d}: a sent bulletin and one of its rows.
BREACHES = {
    "sent-with-open-rows": "UPDATE delivery SET state = 'queued' WHERE id = {d}",
    "rows-before-release": "UPDATE bulletin SET state = 'scheduled' WHERE id = {b}",
    "released-undecided": "DELETE FROM decision WHERE bulletin_id = {b}",
    "own-approval": "UPDATE decision SET person_id = (SELECT submitter_id FROM bulletin WHERE id = {b})",
    "delivery-without-confirmation": "UPDATE subscriber SET confirmed_at = NULL",
    "leased-by-nobody": "UPDATE delivery SET state = 'leased', worker_id = NULL WHERE id = {d}",
    "letter-leased-by-nobody": "UPDATE letter SET state = 'leased', worker_id = 999",
    "arrival-without-raw": "UPDATE arrival SET raw_id = NULL",
    "telegram-without-raw": "UPDATE telegram SET raw_id = NULL",
    "drill-to-residents": "UPDATE bulletin SET realm = 'drill' WHERE id = {b}",
    "correction-to-others": "UPDATE bulletin SET refers_as = 'cancel', refers_to_id = {c} WHERE id = {b}",
    "address-after-removal": "UPDATE subscriber SET state = 'removed'",
    "chain-broken": "DELETE FROM event WHERE id = (SELECT MAX(id) FROM event)",
    "counters-wrong": "UPDATE choice_count SET n = n + 1 WHERE category_id = (SELECT MAX(category_id) FROM choice_count)",
    "approved-text-altered": "UPDATE version SET body = 'x' WHERE bulletin_id = {b}",
}


def _sound(store: Store) -> tuple[int, int, int]:
    """A ledger with some of everything: a sent bulletin, one of its rows, and the correction of it."""
    acts.join(store, "a@example.jp", NOW, ("suspicious", "city", 1))
    made = acts.released(store, NOW)
    (mail,) = acts.deliver(store, NOW)
    store.call(release.finish, made.id, now=NOW)
    correction = _correct(store, made.id)
    acts.expand(store, correction.id, NOW)
    acts.deliver(store, NOW)
    acts.join(store, "b@example.jp", NOW, ("suspicious", "city", 1))
    other = acts.released(store, NOW)
    acts.deliver(store, NOW)
    store.call(arrivals.receive, b"x", [Addressed("a", "join")], mail_from="", peer="", helo="", now=NOW)
    store.call(telegrams.keep, "http://127.0.0.1/1", "extra", b"<x/>", now=NOW)
    store.call(release.finish, other.id, now=NOW)
    return other.id, mail.id, made.id


class _Undone(Exception):
    pass


@pytest.mark.req("X12", "X13")
def test_each_breach_is_found_by_its_question(store: Store) -> None:
    bulletin, delivery, original = _sound(store)
    assert store.call(selfcheck.check) == []

    def breach(code: str, statement: str) -> None:
        sql(statement.format(b=bulletin, d=delivery, c=original))
        assert code in {finding.code for finding in selfcheck.check()}, code
        raise _Undone

    for code, statement in BREACHES.items():
        with pytest.raises(_Undone):
            store.call(breach, code, statement)
    assert store.call(selfcheck.check) == []


def test_every_question_has_its_breach() -> None:
    asked = {*selfcheck._QUESTIONS, *selfcheck._COUNTED, "chain-broken"}
    assert asked == set(BREACHES)


def test_the_database_itself_refuses_what_must_not_be_twice(store: Store) -> None:
    """The addresses of the living, one URL of a telegram, one queue name: no verb is needed to hold these."""
    acts.join(store, "a@example.jp", NOW)
    one = store.call(subscriptions.find, "a@example.jp")
    assert one is not None
    again = (
        "INSERT INTO subscriber (address, queue_id, state, language, format, created_at)"
        " VALUES ('a@example.jp', 1, 'pending', 'ja', 'both', 1)"
    )
    with pytest.raises(Exception, match=r"(?i)unique"):
        store.call(lambda: sql(again))
    assert store.call(telegrams.keep, "http://127.0.0.1/1", "extra", b"<x/>", now=NOW) is not None
    assert store.call(telegrams.keep, "http://127.0.0.1/1", "extra", b"<x/>", now=NOW) is None
