"""C5.4: towns are created, merged and abolished, and nobody's choice is lost; codes belong to their system."""

from typing import Any

import pytest

from store import areas, audience, choices, release
from store.db import Store
from store.models import AreaClosure, tuples
from tests.ledger import acts, small_town
from tests.ledger.conftest import NOW


def _without(*keys: str) -> list[dict[str, Any]]:
    return [entry for entry in small_town.CATALOGUE["areas"] if entry["key"] not in keys]


def _town(key: str, *parents: str, **more: object) -> dict[str, Any]:
    return {"key": key, "name": key, "tree": "admin", "kind": "town", "parents": list(parents)} | more


def _closure() -> list[tuple[int, ...]]:
    return sorted(tuple(row) for row in tuples(AreaClosure.select()))


def _reached(store: Store, place: str) -> int:
    return store.call(audience.exact, acts.draft(store, NOW, where=(place,)).version, "live")


@pytest.mark.req("C5.4")
def test_who_chose_an_abolished_town_still_hears_of_its_ward(store: Store) -> None:
    one = acts.join(store, "one@example.jp", NOW, ("suspicious", "kemigawa", 1))
    store.call(areas.apply, _without("kemigawa"))
    assert [chosen.area for chosen in store.call(choices.of, one)] == ["kemigawa"]
    assert "kemigawa" not in {place.key for place in store.call(areas.listed)}
    for _ in range(2):  # and after the next change of the list, too
        assert _reached(store, "hanamigawa") == 1
        assert _reached(store, "mihama") == 0
        store.call(areas.apply, _without("kemigawa"))


@pytest.mark.req("C5.4")
def test_who_chose_a_merged_town_hears_of_the_new_one(store: Store) -> None:
    acts.join(store, "a@example.jp", NOW, ("suspicious", "kemigawa", 1))
    acts.join(store, "b@example.jp", NOW, ("suspicious", "makuhari", 1))
    acts.join(store, "c@example.jp", NOW, ("suspicious", "masago", 1))
    merged = _town("shin-makuhari", "hanamigawa", replaces=["kemigawa", "makuhari"])
    store.call(areas.apply, [*_without("kemigawa", "makuhari"), merged])
    assert _reached(store, "shin-makuhari") == 2
    assert _reached(store, "hanamigawa") == 2
    assert _reached(store, "nishi") == 2  # makuhari and masago were the station's


@pytest.mark.req("C5.4")
def test_a_new_town_is_covered_by_the_choice_of_its_ward(store: Store) -> None:
    acts.join(store, "ward@example.jp", NOW, ("suspicious", "hanamigawa", 1))
    store.call(areas.apply, [*_without(), _town("new", "hanamigawa")])
    assert _reached(store, "new") == 1


@pytest.mark.req("C5.4")
def test_a_bulletin_approved_before_the_change_reaches_the_towns_of_its_day(store: Store) -> None:
    made = acts.draft(store, NOW, where=("hanamigawa",))
    acts.approve(store, made, NOW)
    store.call(areas.apply, [*_without(), _town("new", "hanamigawa")])
    acts.join(store, "new@example.jp", NOW, ("suspicious", "new", 1))
    assert acts.expand(store, made.id, NOW) == 1
    assert store.call(release.progress, made.id).expanded == 1


@pytest.mark.req("C5.4")
def test_a_town_that_comes_back_is_the_same_row(store: Store) -> None:
    before = store.call(areas.by_key, "kemigawa").id
    closure = store.call(_closure)
    store.call(areas.apply, _without("kemigawa"))
    store.call(areas.apply, _without())
    assert store.call(areas.by_key, "kemigawa").id == before
    assert store.call(_closure) == closure


def test_the_same_number_in_another_system_is_another_place(store: Store) -> None:
    """Tsunami 220 and intensity 220 are not the same (MODEL.md)."""
    more = [
        _town("sea", tree="tsunami", kind="region", aliases=["tsunami:220"]),
        _town("land", tree="seismic", kind="region", aliases=["intensity-region:220"]),
    ]
    store.call(areas.apply, [*_without(), *more])
    assert [place.key for place in store.call(areas.by_alias, "tsunami", "220")] == ["sea"]
    assert [place.key for place in store.call(areas.by_alias, "intensity-region", "220")] == ["land"]
    assert store.call(areas.by_alias, "city", "220") == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ([_town("x", "nowhere")], "area-unknown-parent"),
        ([_town("x", "y"), _town("y", "x")], "area-cycle"),
    ],
)
def test_a_list_that_cannot_be_changes_nothing(store: Store, more: list[dict[str, Any]], code: str) -> None:
    before = store.call(_closure)
    assert acts.refusal(store, areas.apply, [*_without(), *more]).code == code
    assert store.call(_closure) == before
