"""R1, X4: live, drill or test from birth, and no way from one to the other."""

import pytest

from store import bulletins, categories, release
from store.bulletins import Text
from store.db import Store
from store.errors import Refused
from store.models import Bulletin, sql
from store.rules import Origin
from tests.ledger import acts, small_town
from tests.ledger.conftest import NOW


@pytest.mark.req("X4")
@pytest.mark.parametrize("realm", ["drill", "test"])
def test_a_drill_reaches_staff_who_subscribe_and_no_resident(store: Store, realm: str) -> None:
    acts.join(store, "resident@example.jp", NOW, ("suspicious", "city", 1))
    staff = acts.join(store, "deputy@police.example.lg.jp", NOW, ("suspicious", "city", 1))
    acts.released(store, NOW, realm=realm)
    assert [mail.subscriber for mail in acts.deliver(store, NOW)] == [staff]


def _correct(store: Store, original: int, realm: str) -> None:
    store.call(
        bulletins.create,
        Text("【訂正】", "お詫びして訂正します。", ((acts.area(store, "city"), 1),)),
        category=store.call(categories.by_key, "suspicious").id,
        level=1,
        origin=Origin.MAIL,
        realm=realm,
        render=small_town.render,
        now=NOW,
        author=acts.person(store, "officer"),
        refers_to=original,
        refers_as="correction",
    )


@pytest.mark.req("X4")
@pytest.mark.parametrize(("first", "then"), [("drill", "live"), ("live", "drill"), ("test", "live")])
def test_nothing_of_one_realm_is_the_base_of_another(store: Store, first: str, then: str) -> None:
    original = acts.draft(store, NOW, realm=first)
    with pytest.raises(Refused, match="other-realm"):
        _correct(store, original.id, then)
    _correct(store, original.id, first)


def test_a_realm_is_one_of_three(store: Store) -> None:
    with pytest.raises(Refused, match="realm-unknown"):
        acts.draft(store, NOW, realm="real")


@pytest.mark.req("X4", "X1")
def test_an_approved_drill_made_live_behind_our_back_is_not_released(store: Store) -> None:
    made = acts.draft(store, NOW, realm="drill")
    acts.approve(store, made, NOW)
    store.call(lambda: sql("UPDATE bulletin SET realm = 'live' WHERE id = ?", made.id))
    assert acts.refusal(store, release.begin, made.id, now=NOW).code == "tampered"
    assert store.call(lambda: Bulletin.get_by_id(made.id).state) == "approved"


@pytest.mark.req("X4")
def test_an_edit_keeps_the_realm(store: Store) -> None:
    made = acts.draft(store, NOW, realm="drill")
    text = Text("改めた題", "本文", ((acts.area(store, "city"), 1),))
    by = acts.person(store, "chief")
    store.call(bulletins.revise, made.id, text, by=by, reason="誤字", render=small_town.render, now=NOW)
    seen = store.call(bulletins.view, made.id)
    assert (seen.realm, seen.rendering.split("|")[1]) == ("drill", "drill")
