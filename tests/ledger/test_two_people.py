"""R3: two different people, whatever their rights; deputies are recorded as such; no administrator's bypass."""

from datetime import timedelta

import pytest

from store import bulletins, decisions, release
from store.bulletins import Made, Text
from store.db import Store
from store.decisions import Door
from store.models import Decision, PersonRight, sql
from tests.ledger import acts, small_town
from tests.ledger.conftest import NOW


def _approve(store: Store, made: Made, key: str) -> str:
    """The new state, or the code of the refusal."""
    by = acts.person(store, key)
    if code := store.call(decisions.may_decide, made.id, by, now=NOW):
        found = acts.refusal(
            store, decisions.approve, made.id, made.digest, person=by, door=Door.LINK, now=NOW
        )
        assert found.code == code
        return code
    return acts.approve(store, made, NOW, person_key=key)


def _revise(store: Store, made: Made, key: str, subject: str = "改めた題") -> Made:
    text = Text(subject, "本文", ((acts.area(store, "city"), 1),))
    by = acts.person(store, key)
    return store.call(
        bulletins.revise, made.id, text, by=by, reason="誤字", render=small_town.render, now=NOW
    )


def _return(store: Store, made: Made, key: str) -> None:
    by = acts.person(store, key)
    store.call(decisions.send_back, made.id, made.digest, person=by, door=Door.SLACK, note="場所を", now=NOW)


@pytest.mark.req("D4", "C6.5")
def test_nobody_approves_his_own_draft(store: Store) -> None:
    made = acts.draft(store, NOW, author="chief")
    assert _approve(store, made, "chief") == "own-draft"
    assert _approve(store, made, "deputy") == "approved"


def test_an_administrator_is_no_way_round(store: Store) -> None:
    for right in ("admin", "operate", "stop", "edit"):
        acts.entitle(store, "bosai1", right)
    assert _approve(store, acts.draft(store, NOW), "bosai1") == "no-right"  # 発信 for weather only
    acts.entitle(store, "officer", "admin")
    acts.entitle(store, "officer", "approve")
    assert _approve(store, acts.draft(store, NOW), "officer") == "own-draft"


@pytest.mark.req("X1")
def test_the_author_of_an_edit_is_an_author(store: Store) -> None:
    made = _revise(store, acts.draft(store, NOW), "chief")
    assert _approve(store, made, "chief") == "own-draft"
    assert _approve(store, made, "deputy") == "approved"


def test_who_returned_it_may_not_edit_it(store: Store) -> None:
    made = acts.draft(store, NOW)
    _return(store, made, "chief")
    text = Text("題", "本文", ((acts.area(store, "city"), 1),))
    by = acts.person(store, "chief")
    refused = acts.refusal(
        store, bulletins.revise, made.id, text, by=by, reason="", render=small_town.render, now=NOW
    )
    assert refused.code == "returner-edits"


@pytest.mark.req("D4")
def test_a_returned_draft_is_edited_and_waits_only_when_submitted_again(store: Store) -> None:
    made = acts.draft(store, NOW)
    _return(store, made, "chief")
    again = _revise(store, made, "officer")
    assert store.call(bulletins.view, made.id).state == "draft"
    officer = acts.person(store, "officer")
    store.call(bulletins.submit, made.id, by=officer, now=NOW)
    assert _approve(store, again, "chief") == "approved"


def test_a_return_needs_a_reason(store: Store) -> None:
    made = acts.draft(store, NOW)
    by = acts.person(store, "chief")
    refused = acts.refusal(
        store, decisions.send_back, made.id, made.digest, person=by, door=Door.SLACK, note=" ", now=NOW
    )
    assert refused.code == "no-note"


@pytest.mark.req("C6.5")
def test_only_who_may_edit_submits_withdraws_or_stops(store: Store) -> None:
    made = acts.draft(store, NOW, submit=False)
    stranger, officer = acts.person(store, "bosai1"), acts.person(store, "officer")
    assert acts.refusal(store, bulletins.submit, made.id, by=stranger, now=NOW).code == "no-right"
    assert acts.refusal(store, bulletins.submit, made.id, by=None, now=NOW).code == "no-right"
    store.call(bulletins.submit, made.id, by=officer, now=NOW)
    withdraw = acts.refusal(store, bulletins.withdraw, made.id, by=stranger, why="", now=NOW)
    assert withdraw.code == "no-right"
    acts.approve(store, made, NOW)
    acts.expand(store, made.id, NOW)
    assert acts.refusal(store, release.stop, made.id, by=officer, now=NOW).code == "no-right"
    store.call(release.stop, made.id, by=acts.person(store, "deputy"), now=NOW)


@pytest.mark.req("C6.5")
def test_rights_begin_and_end(store: Store) -> None:
    made = acts.draft(store, NOW)
    chief = acts.person(store, "chief")
    for column, moment in (("ends_at", NOW), ("starts_at", NOW + timedelta(seconds=1))):
        store.call(
            lambda column=column, moment=moment: (
                PersonRight.update({column: moment})  # type: ignore[misc]
                .where(PersonRight.person_id == chief)
                .execute()
            )
        )
        assert _approve(store, made, "chief") == "no-right"
        store.call(lambda: sql("UPDATE person_right SET starts_at = NULL, ends_at = NULL"))
    assert _approve(store, made, "chief") == "approved"


@pytest.mark.req("Y10")
def test_a_deputy_is_recorded_as_one(store: Store) -> None:
    deputy = acts.person(store, "deputy")
    store.call(
        lambda: sql(
            "UPDATE person_right SET deputy_order = 2 WHERE action = 'approve' AND person_id = ?", deputy
        )
    )
    made = acts.draft(store, NOW)
    first = [one.key for one in store.call(decisions.deciders, made.id, now=NOW)]
    assert first == ["chief", "deputy"]
    assert _approve(store, made, "deputy") == "approved"
    assert store.call(lambda: [row.deputy for row in Decision.select()]) == [True]


@pytest.mark.req("C6.5")
def test_sending_without_approving_is_for_one_s_own_section(store: Store) -> None:
    """発信 without 承認 (防災対策課): what a colleague wrote, never one's own; and what a feed wrote for the section."""
    made = acts.draft(store, NOW, author="bosai1", category="weather-rain", where=("city",))
    assert _approve(store, made, "bosai1") == "own-draft"
    assert _approve(store, made, "bosai2") == "approved"
    acts.entitle(store, "officer", "edit", "weather")
    assert _approve(store, acts.draft(store, NOW, category="weather-rain"), "bosai1") == "other-section"
    assert _approve(store, acts.feed(store, NOW), "bosai1") == "approved"


@pytest.mark.req("M5.1")
def test_adjust_and_confirm_is_one_decision_on_another_s_request(store: Store) -> None:
    acts.decide_by(store, "crime", "adjust-and-confirm", NOW)
    acts.entitle(store, "chief", "adjust", "crime")
    made = _revise(store, acts.draft(store, NOW), "chief")
    assert store.call(bulletins.view, made.id).submitter == "西 一郎"
    assert _approve(store, made, "officer") == "own-draft"
    assert _approve(store, made, "chief") == "approved"
    own = acts.draft(store, NOW, author="chief")
    assert _approve(store, own, "chief") == "own-draft"


@pytest.mark.req("M5.1")
def test_stages_are_different_people_in_turn(store: Store) -> None:
    acts.decide_by(store, "crime", "two-person", NOW, stages=["署長", "運用責任者"])
    made = acts.draft(store, NOW)
    assert _approve(store, made, "chief") == "submitted"
    chief = acts.person(store, "chief")
    twice = acts.refusal(
        store, decisions.approve, made.id, made.digest, person=chief, door=Door.LINK, now=NOW
    )
    assert twice.code == "own-stage"
    assert store.call(release.due, now=NOW) == []
    assert _approve(store, made, "deputy") == "approved"


@pytest.mark.req("M5.1", "X1")
def test_an_edit_or_a_return_begins_the_stages_again(store: Store) -> None:
    acts.decide_by(store, "crime", "two-person", NOW, stages=["署長", "運用責任者"])
    made = acts.draft(store, NOW)
    assert _approve(store, made, "chief") == "submitted"
    edited = _revise(store, made, "officer")
    assert _approve(store, edited, "deputy") == "submitted"
    _return(store, edited, "chief")
    officer = acts.person(store, "officer")
    store.call(bulletins.submit, made.id, by=officer, now=NOW)
    assert _approve(store, edited, "chief") == "submitted"
    assert _approve(store, edited, "deputy") == "approved"
