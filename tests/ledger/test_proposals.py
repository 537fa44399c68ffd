"""People, rights and rules change by two persons; the first load of an empty ledger is the only exception."""

import copy
from typing import Any

import pytest

from store import events, people, proposals, rules
from store.db import Store
from store.models import Event, Rule
from store.people import Right
from store.rules import Origin, Way
from tests.ledger import acts, small_town
from tests.ledger.conftest import NOW


def _people() -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(small_town.CATALOGUE["people"])
    document["people"][0]["rights"].append({"action": "approve", "category": "crime"})
    return document


def _propose(store: Store, kind: str, document: Any) -> int:
    return store.call(proposals.propose, kind, document, by=acts.person(store, "bosai1"), now=NOW)


@pytest.mark.req("Y10", "C6.5")
def test_a_second_person_puts_it_in_force(store: Store) -> None:
    officer, bosai1, bosai2 = (acts.person(store, key) for key in ("officer", "bosai1", "bosai2"))
    category = None
    proposal = _propose(store, "people", _people())
    assert not store.call(people.holds, officer, Right.APPROVE, category, now=NOW)
    assert [row[0] for row in store.call(proposals.waiting)] == [proposal]
    assert acts.refusal(store, proposals.agree, proposal, by=bosai1, now=NOW).code == "same-person"
    assert acts.refusal(store, proposals.agree, proposal, by=officer, now=NOW).code == "no-right"
    store.call(proposals.agree, proposal, by=bosai2, now=NOW)
    assert store.call(people.holds, officer, Right.APPROVE, category, now=NOW)
    assert acts.refusal(store, proposals.agree, proposal, by=bosai2, now=NOW).code == "proposal-decided"
    assert store.call(proposals.waiting) == []
    said = [line.what for line in store.call(events.about, f"proposal:{proposal}")]
    assert said == ["proposed", "agreed"]


@pytest.mark.req("Y10")
def test_rules_are_acknowledged_by_who_agreed(store: Store) -> None:
    document = [{"key": "new", "category": "weather", "origin": "partner", "decision": "automatic"}]
    proposal = _propose(store, "rules", document)
    weather = store.call(lambda: Rule.select().count())
    assert weather == 2
    bosai2 = acts.person(store, "bosai2")
    store.call(proposals.agree, proposal, by=bosai2, now=NOW)
    assert store.call(lambda: Rule.get(Rule.key == "new").acknowledged_by) == bosai2
    category = store.call(lambda: Rule.get(Rule.key == "new").category_id)
    assert store.call(rules.policy, category, Origin.PARTNER).way is Way.AUTOMATIC
    assert store.call(rules.policy, category, Origin.FEED).way is Way.TWO_PERSON  # the old rule is gone


def test_who_is_gone_can_do_nothing(store: Store) -> None:
    document = _people()
    document["people"] = [one for one in document["people"] if one["key"] != "chief"]
    chief, bosai2 = acts.person(store, "chief"), acts.person(store, "bosai2")
    store.call(proposals.agree, _propose(store, "people", document), by=bosai2, now=NOW)
    assert not store.call(people.holds, chief, Right.APPROVE, None, now=NOW)
    assert acts.refusal(store, people.by_id, chief).code == "person-unknown"
    assert store.call(people.by_address, "chief@police.example.lg.jp") is None
    assert store.call(people.by_slack, "T01", "U2") is None


def test_a_document_that_cannot_be_changes_nothing(store: Store) -> None:
    document = _people()
    document["people"][0]["unit"] = "nowhere"
    proposal = _propose(store, "people", document)
    bosai2 = acts.person(store, "bosai2")
    assert acts.refusal(store, proposals.agree, proposal, by=bosai2, now=NOW).code == "unit-unknown"
    assert store.call(people.by_key, "officer").unit == "千葉西警察署"
    assert [row[0] for row in store.call(proposals.waiting)] == [proposal]


def test_only_people_and_rules_and_only_by_administrators(store: Store) -> None:
    bosai1, chief = acts.person(store, "bosai1"), acts.person(store, "chief")
    assert acts.refusal(store, proposals.propose, "areas", [], by=bosai1, now=NOW).code == "proposal-kind"
    assert acts.refusal(store, proposals.propose, "rules", [], by=chief, now=NOW).code == "no-right"


def test_a_second_bootstrap_does_nothing(store: Store) -> None:
    before = store.call(lambda: Event.select().count())
    assert not store.call(proposals.bootstrap, small_town.CATALOGUE, now=NOW)
    assert store.call(lambda: Event.select().count()) == before
