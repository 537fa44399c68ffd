"""R22, R25, X1: one decision on exactly what was shown; of two clicks one wins and the other is told who."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from store import approvals, bulletins, cards, categories, decisions, release
from store.bulletins import Made, Part, Text
from store.db import Store
from store.decisions import Door
from store.errors import Refused
from store.models import Decision, sql
from store.rules import Origin
from tests.ledger import acts, small_town
from tests.ledger.colleague import Colleague, together
from tests.ledger.conftest import NOW


@pytest.mark.req("D4", "X1")
def test_two_clicks_at_once_one_wins(store: Store) -> None:
    made = acts.draft(store, NOW)
    people = [acts.person(store, key) for key in ("chief", "deputy")] * 3

    def click(person: int) -> str:
        try:
            return store.call(
                decisions.approve, made.id, made.digest, person=person, door=Door.SLACK, now=NOW
            )
        except Refused as refused:
            return f"{refused.code} {refused.values['by']} {refused.values['at']}"

    with ThreadPoolExecutor(len(people)) as pool:
        answers = list(pool.map(click, people))
    (winner,) = store.call(decisions.history, made.id)
    assert answers.count("approved") == 1
    assert set(answers) - {"approved"} == {f"decided {winner.by} 10:00:00"}


@pytest.mark.req("D4", "X1")
def test_two_clicks_in_two_processes_one_wins(store: Store, address: str) -> None:
    made = acts.draft(store, NOW)
    clicks = [Colleague(address, "approve", str(made.id), made.digest, key) for key in ("chief", "deputy")]
    answers = together(clicks)
    (winner,) = store.call(decisions.history, made.id)
    assert answers.count("approved") == 1
    assert ["decided", winner.by] in answers


@pytest.mark.req("X1")
def test_approve_and_edit_at_once_never_release_the_unseen(store: Store) -> None:
    made = acts.draft(store, NOW)
    officer, chief = acts.person(store, "officer"), acts.person(store, "chief")
    text = Text("別の題", "別の本文", ((acts.area(store, "mihama"), 1),))

    def edit() -> Made:
        return store.call(
            bulletins.revise, made.id, text, by=officer, reason="", render=small_town.render, now=NOW
        )

    def click() -> str:
        try:
            return store.call(decisions.approve, made.id, made.digest, person=chief, door=Door.LINK, now=NOW)
        except Refused as refused:
            return refused.code

    with ThreadPoolExecutor(2) as pool:
        clicked, edited = pool.submit(click), pool.submit(edit)
        assert clicked.result() in ("approved", "edited-since")
        saved = edited.result()
    assert store.call(bulletins.view, made.id).digest == saved.digest
    assert store.call(bulletins.view, made.id).state == "submitted"
    assert acts.refusal(store, release.begin, made.id, now=NOW).code == "tampered"


@pytest.mark.req("X1")
def test_a_card_from_before_the_edit_is_worth_nothing(store: Store) -> None:
    made = acts.draft(store, NOW)
    acts.approve(store, made, NOW, hold_until=NOW + timedelta(hours=3))
    text = Text("改めた題", "本文", ((acts.area(store, "city"), 1),))
    by = acts.person(store, "officer")
    store.call(bulletins.revise, made.id, text, by=by, reason="", render=small_town.render, now=NOW)
    seen = store.call(bulletins.view, made.id)
    assert (seen.state, seen.due, seen.held_why) == ("submitted", None, None)
    refused = acts.refusal(
        store,
        decisions.approve,
        made.id,
        made.digest,
        person=acts.person(store, "chief"),
        door=Door.LINK,
        now=NOW,
    )
    assert refused.code == "edited-since"
    assert store.call(release.due, now=NOW + timedelta(days=1)) == []


@pytest.mark.req("X2")
def test_after_an_edit_the_approvers_are_written_to_again(store: Store) -> None:
    made = acts.draft(store, NOW)
    assert store.call(cards.unseen, before=NOW) == [made.id]
    assert store.call(approvals.ask_by_letter, made.id, now=NOW, hours=24) == 2
    assert store.call(cards.unseen, before=NOW) == []
    later = NOW + timedelta(minutes=5)
    text = Text("改めた題", "本文", ((acts.area(store, "city"), 1),))
    by = acts.person(store, "officer")
    store.call(bulletins.revise, made.id, text, by=by, reason="", render=small_town.render, now=later)
    assert store.call(cards.unseen, before=later) == [made.id]


# Everything an approval is bound to, as somebody with a database client would change it.
TAMPERINGS = {
    "subject": "UPDATE version SET subject = subject || '。' WHERE id = {v}",
    "body": "UPDATE version SET body = body || '。' WHERE id = {v}",
    "detail": "UPDATE version SET detail = 'x' WHERE id = {v}",
    "translations": 'UPDATE version SET translations = \'{{"en":"x"}}\' WHERE id = {v}',
    "rendering": "UPDATE version SET rendering = rendering || ' ' WHERE id = {v}",
    "release time": "UPDATE version SET release_at = release_at + 1 WHERE id = {v}",
    "not after": "UPDATE version SET not_after = not_after + 1 WHERE id = {v}",
    "no not after": "UPDATE version SET not_after = NULL WHERE id = {v}",
    "channels": "UPDATE version SET channels = '[\"mail\"]' WHERE id = {v}",
    "audience": 'UPDATE version SET audience = \'{{"kind":"recipients","bulletin":1}}\' WHERE id = {v}',
    "heading": "UPDATE section SET heading = 'x' WHERE version_id = {v} AND n = 1",
    "section body": "UPDATE section SET body = 'x' WHERE version_id = {v} AND n = 0",
    "section gone": "DELETE FROM section WHERE version_id = {v} AND n = 1",
    "area": "UPDATE version_area SET area_id = 1 WHERE version_id = {v} AND section = 0",
    "area more": "INSERT INTO version_area (version_id, section, area_id, level) VALUES ({v}, 0, 1, 1)",
    "area gone": "DELETE FROM version_area WHERE version_id = {v} AND section = 1",
    "level": "UPDATE version_area SET level = 5 WHERE version_id = {v}",
    "realm": "UPDATE bulletin SET realm = 'drill' WHERE id = {b}",
    "category": "UPDATE bulletin SET category_id = 1 WHERE id = {b}",
    "number": "UPDATE bulletin SET number = '2026-9999' WHERE id = {b}",
    "mail only": "UPDATE bulletin SET mail_only = 1 WHERE id = {b}",
    "refers": "UPDATE bulletin SET refers_to_id = id, refers_as = 'correction' WHERE id = {b}",
}


class _Undone(Exception):
    pass


@pytest.mark.req("X1", "X13")
def test_one_character_of_anything_makes_another_digest(store: Store) -> None:
    made = _daily_report(store)
    acts.approve(store, made, NOW)

    def try_one(statement: str) -> None:
        sql(statement.format(v=made.version, b=made.id))
        assert bulletins.digest_of(made.version) != made.digest, statement
        with pytest.raises(Refused, match="tampered"):
            release.begin(made.id, now=NOW)
        raise _Undone

    for statement in TAMPERINGS.values():
        with pytest.raises(_Undone):
            store.call(try_one, statement)
    assert store.call(release.begin, made.id, now=NOW)


def _daily_report(store: Store) -> Made:
    wards = [acts.area(store, key) for key in ("hanamigawa", "mihama")]
    parts = tuple(Part(f"{n}", "車上ねらい", ((ward, 1),)) for n, ward in enumerate(wards))
    text = Text(
        "犯罪発生日報", "", (), parts, release_at=NOW - timedelta(hours=1), not_after=NOW + timedelta(hours=6)
    )
    officer = acts.person(store, "officer")
    made = store.call(_create, text, officer)
    store.call(bulletins.submit, made.id, by=officer, now=NOW)
    return made


def _create(text: Text, author: int) -> Made:
    return bulletins.create(
        text,
        category=categories.by_key("suspicious").id,
        level=1,
        origin=Origin.WEB,
        realm="live",
        render=small_town.render,
        now=NOW,
        author=author,
    )


@pytest.mark.req("X1")
def test_a_version_slipped_in_after_the_approval_is_not_released(store: Store) -> None:
    made = acts.draft(store, NOW)
    acts.approve(store, made, NOW)
    other = acts.draft(store, NOW, subject="別の題")
    store.call(lambda: sql("UPDATE bulletin SET version_id = ? WHERE id = ?", other.version, made.id))
    assert acts.refusal(store, release.begin, made.id, now=NOW).code == "tampered"


@pytest.mark.req("X1")
def test_an_approval_without_its_decision_is_not_released(store: Store) -> None:
    made = acts.draft(store, NOW)
    acts.approve(store, made, NOW)
    store.call(lambda: Decision.delete().execute())
    assert acts.refusal(store, release.begin, made.id, now=NOW).code == "tampered"


@pytest.mark.req("D4")
@pytest.mark.parametrize("action", ["approve", "reject", "send_back"])
def test_a_decided_bulletin_is_not_decided_again(store: Store, action: str) -> None:
    made = acts.draft(store, NOW)
    chief, deputy = acts.person(store, "chief"), acts.person(store, "deputy")
    store.call(decisions.reject, made.id, made.digest, person=chief, door=Door.SLACK, note="", now=NOW)
    more = {} if action == "approve" else {"note": "理由"}
    refused = acts.refusal(
        store,
        getattr(decisions, action),
        made.id,
        made.digest,
        person=deputy,
        door=Door.LINK,
        now=NOW,
        **more,
    )
    assert (refused.code, refused.values["by"]) == ("decided", "安全 花子")
