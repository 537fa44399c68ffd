"""R6, R8, R19, R24, R25: when things begin, in which order they go, and when they count as sent."""

from datetime import timedelta

import pytest
from peewee import IntegrityError

from store import bulletins, decisions, deliveries, release, rules, selfcheck, workers
from store.bulletins import Text
from store.db import Store
from store.decisions import Door
from store.deliveries import Outcome, Result
from store.models import Delivery, Event, Rule, sql
from tests.ledger import acts, small_town
from tests.ledger.conftest import NOW

HOUR = timedelta(hours=1)


def _state(store: Store, bulletin: int) -> str:
    return store.call(bulletins.view, bulletin).state


@pytest.mark.req("C6.6")
def test_scheduled_is_not_begun_before_its_time(store: Store) -> None:
    officer = acts.person(store, "officer")
    made = acts.draft(store, NOW, submit=False)
    text = Text("題", "本文", ((acts.area(store, "city"), 1),), release_at=NOW + HOUR)
    made = store.call(
        bulletins.revise, made.id, text, by=officer, reason="", render=small_town.render, now=NOW
    )
    store.call(bulletins.submit, made.id, by=officer, now=NOW)
    assert acts.approve(store, made, NOW) == "scheduled"
    assert store.call(release.due, now=NOW + HOUR - timedelta(seconds=1)) == []
    assert acts.refusal(store, release.begin, made.id, now=NOW).code == "not-due"
    assert store.call(release.due, now=NOW + HOUR) == [made.id]
    assert store.call(release.begin, made.id, now=NOW + HOUR)
    assert _state(store, made.id) == "sending"


@pytest.mark.req("M5.2")
def test_held_for_office_hours_says_so(store: Store) -> None:
    made = acts.draft(store, NOW)
    opening = NOW + 3 * HOUR
    assert acts.approve(store, made, NOW, hold_until=opening) == "scheduled"
    seen = store.call(bulletins.view, made.id)
    assert (seen.due, seen.held_why) == (opening, "office-hours")
    later = acts.draft(store, NOW)
    assert acts.approve(store, later, NOW, hold_until=NOW - HOUR) == "approved"
    assert store.call(bulletins.view, later.id).held_why is None


def test_too_late_is_never_sent(store: Store) -> None:
    """R6: a not-after that has passed withdraws, and nobody can approve it any more."""
    officer = acts.person(store, "officer")
    made = acts.draft(store, NOW, submit=False)
    text = Text("題", "本文", ((acts.area(store, "city"), 1),), not_after=NOW + HOUR)
    made = store.call(
        bulletins.revise, made.id, text, by=officer, reason="", render=small_town.render, now=NOW
    )
    store.call(bulletins.submit, made.id, by=officer, now=NOW)
    chief = acts.person(store, "chief")
    late = acts.refusal(
        store, decisions.approve, made.id, made.digest, person=chief, door=Door.LINK, now=NOW + HOUR
    )
    assert late.code == "too-late"
    acts.approve(store, made, NOW)
    assert not store.call(release.begin, made.id, now=NOW + HOUR)
    assert _state(store, made.id) == "withdrawn"


def test_nothing_a_day_old_goes_out_at_a_restart(store: Store) -> None:
    """R6: a machine that stood still for two days does not tell the news of the day before yesterday."""
    fresh, stale = acts.draft(store, NOW), acts.draft(store, NOW)
    acts.approve(store, stale, NOW)
    acts.approve(store, fresh, NOW, hold_until=NOW + 40 * HOUR)
    now = NOW + 48 * HOUR
    begun = {
        bulletin: store.call(release.begin, bulletin, now=now)
        for bulletin in store.call(release.due, now=now)
    }
    assert begun == {stale.id: False, fresh.id: True}
    assert _state(store, stale.id) == "withdrawn"


@pytest.mark.req("X12")
def test_a_restart_in_the_middle_of_writing_recipients(address: str, store: Store) -> None:
    acts.crowd(store, 10)
    made = acts.draft(store, NOW, where=("city",))
    acts.approve(store, made, NOW)
    store.call(release.begin, made.id, now=NOW)
    assert store.call(release.expand, made.id, now=NOW, size=3) == 3
    # A program killed after the rows and before the cursor (another database would have undone both).
    store.call(lambda: sql("UPDATE bulletin SET expand_cursor = 0 WHERE id = ?", made.id))
    assert store.call(release.unexpanded) == [made.id]
    added = 0
    while (more := store.call(release.expand, made.id, now=NOW, size=4)) is not None:
        added += more
    assert added == 7
    assert len(acts.deliver(store, NOW)) == 10
    assert store.call(release.due, now=NOW + HOUR) == []


@pytest.mark.req("X12")
def test_one_row_for_each_recipient(store: Store) -> None:
    """R19: (bulletin, subscriber) is unique in the database itself."""
    acts.crowd(store, 2)
    acts.released(store, NOW)

    def again() -> None:
        row = Delivery.select().dicts().first()
        del row["id"]
        Delivery.create(**row)

    with pytest.raises(IntegrityError):
        store.call(again)


def test_sent_is_counted_from_rows(store: Store) -> None:
    """R19, R25: approved is not sent; `sent` comes when the last row has ended, and not before."""
    acts.crowd(store, 3)
    made = acts.draft(store, NOW, where=("city",))
    acts.approve(store, made, NOW)
    assert not store.call(release.finish, made.id, now=NOW)
    store.call(release.begin, made.id, now=NOW)
    assert not store.call(release.finish, made.id, now=NOW)
    while store.call(release.expand, made.id, now=NOW) is not None:
        pass
    worker = store.call(workers.join, "test", host="here", pid=1, now=NOW)
    for outcome in (Outcome.SENT, Outcome.FAILED, Outcome.DEFERRED):
        assert not store.call(release.finish, made.id, now=NOW)
        (mail,) = store.call(deliveries.lease, worker, limit=1, now=NOW)
        store.call(deliveries.record, worker, [Result(mail.id, outcome, due=NOW)], [], now=NOW)
    assert not store.call(release.finish, made.id, now=NOW)
    store.call(deliveries.wake_due, now=NOW)
    acts.deliver(store, NOW)
    assert store.call(release.finish, made.id, now=NOW)
    assert store.call(release.progress, made.id) == release.Progress(3, 2, 1, 0, 0)
    assert acts.refusal(store, release.begin, made.id, now=NOW).code in ("moved-already", "not-due")


@pytest.mark.req("X7")
def test_the_urgent_overtake(store: Store) -> None:
    """R24: life before immediate before routine, a retry behind the first attempts of its own lane only."""
    for name, category in (("a", "weather-rain"), ("b", "suspicious"), ("c", "crime")):
        acts.join(store, f"{name}@example.jp", NOW, (category, "city", 1 if name != "a" else 3))
    acts.join(store, "d@example.jp", NOW, ("suspicious", "city", 1))
    routine = acts.released(store, NOW, category="crime")
    immediate = acts.released(store, NOW)
    worker = store.call(workers.join, "test", host="here", pid=1, now=NOW)
    retried = next(
        mail
        for mail in store.call(deliveries.lease, worker, limit=10, now=NOW)
        if mail.bulletin == immediate.id
    )
    store.call(deliveries.record, worker, [Result(retried.id, Outcome.DEFERRED, 451, None, NOW)], [], now=NOW)
    store.call(workers.leave, worker, now=NOW)
    store.call(lambda: Delivery.update(retry=0).where(Delivery.id != retried.id).execute())
    store.call(deliveries.wake_due, now=NOW)
    warning = acts.feed(store, NOW)
    assert store.call(decisions.release_by_rule, warning.id, now=NOW)
    acts.expand(store, warning.id, NOW)
    order = [(mail.bulletin, mail.id == retried.id) for mail in acts.deliver(store, NOW)]
    lanes = [warning.id, *(bulletin for bulletin, _ in order[1:-1]), routine.id]
    assert [bulletin for bulletin, _ in order] == lanes
    assert [again for bulletin, again in order if bulletin == immediate.id] == [False, False, True]
    assert store.call(selfcheck.check) == []


@pytest.mark.req("D4", "Y5")
def test_the_ceiling_trips_to_a_human(store: Store) -> None:
    """R8: three in an hour go by themselves; the fourth waits, and a person of the section may release it."""
    made = [acts.feed(store, NOW) for _ in range(4)]
    assert [store.call(decisions.release_by_rule, one.id, now=NOW) for one in made] == [True] * 3 + [False]
    assert _state(store, made[3].id) == "submitted"
    assert store.call(release.due, now=NOW) == [one.id for one in made[:3]]
    assert store.call(lambda: Event.select().where(Event.what == "ceiling").count()) == 1
    assert acts.approve(store, made[3], NOW, person_key="bosai2") == "approved"
    later = acts.feed(store, NOW + HOUR)
    assert store.call(decisions.release_by_rule, later.id, now=NOW + HOUR)
    assert store.call(bulletins.view, later.id).not_after == NOW + 2 * HOUR


def test_what_a_person_wrote_into_it_is_not_automatic_any_more(store: Store) -> None:
    made = acts.feed(store, NOW)
    text = Text("大雨警報 千葉市", "川に近づかないでください。", ((acts.area(store, "city"), 3),))
    by = acts.person(store, "bosai1")
    store.call(bulletins.revise, made.id, text, by=by, reason="", render=small_town.render, now=NOW)
    assert not store.call(decisions.release_by_rule, made.id, now=NOW)
    assert _state(store, made.id) == "submitted"


@pytest.mark.req("D4")
def test_staff_text_is_never_released_by_a_rule(store: Store) -> None:
    acts.decide_by(store, "crime", "automatic", NOW)
    made = acts.draft(store, NOW)
    assert not store.call(decisions.release_by_rule, made.id, now=NOW)


@pytest.mark.req("D4")
def test_an_unacknowledged_rule_asks_two_people(store: Store) -> None:
    store.call(lambda: Rule.update(acknowledged_at=None).execute())
    made = acts.feed(store, NOW)
    assert store.call(bulletins.view, made.id).way == rules.Way.TWO_PERSON
    assert not store.call(decisions.release_by_rule, made.id, now=NOW)
    assert acts.approve(store, made, NOW, person_key="bosai1") == "approved"
