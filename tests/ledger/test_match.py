"""MODEL.md, match: what is expanded equals the definition, said naively in Python, for any trees and any choices."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import areas, audience, bulletins, categories, release, subscriptions
from store.bulletins import SECTIONS, Part, Text
from store.choices import count
from store.db import Store
from store.models import Category, Choice, Delivery, Subscriber, sql
from store.queues import Lane
from store.rules import Origin
from store.subscriptions import Reason
from tests.ledger import acts, small_town
from tests.ledger.conftest import NOW


@dataclass(frozen=True)
class World:
    """Areas and categories are numbers; a parent has a smaller number than its child."""

    area_parents: list[list[int]]
    category_parents: list[int | None]
    choices: dict[tuple[int, int, int], int]  # (subscriber, category, area) → minimum level
    category: int
    sections: list[dict[int, int]]  # area → level


@st.composite
def worlds(draw: st.DrawFn) -> World:
    areas_ = draw(st.integers(1, 7))
    kinds = draw(st.integers(1, 4))
    area, kind, level = st.integers(0, areas_ - 1), st.integers(0, kinds - 1), st.integers(1, 3)
    below = [
        st.lists(st.integers(0, n - 1), max_size=2, unique=True) if n else st.just([]) for n in range(areas_)
    ]
    above = [st.none() | st.integers(0, n - 1) if n else st.none() for n in range(kinds)]
    return World(
        [draw(one) for one in below],
        [draw(one) for one in above],
        draw(st.dictionaries(st.tuples(st.integers(0, 4), kind, area), level, max_size=12)),
        draw(kind),
        draw(st.lists(st.dictionaries(area, level, min_size=1, max_size=3), min_size=1, max_size=3)),
    )


def _up(start: int, parents: list[list[int]]) -> set[int]:
    return {start} | {found for parent in parents[start] for found in _up(parent, parents)}


def _reached(world: World) -> dict[int, tuple[int, set[tuple[int, int]]]]:
    """The definition: subscriber → (sections as bits, the choices that say so)."""
    kinds = _up(world.category, [[] if p is None else [p] for p in world.category_parents])
    found: dict[int, tuple[int, set[tuple[int, int]]]] = {}
    for (subscriber, kind, chosen), least in world.choices.items():
        for bit, section in enumerate(world.sections):
            for area, level in section.items():
                near = chosen in _up(area, world.area_parents) or area in _up(chosen, world.area_parents)
                if kind in kinds and near and least <= level:
                    mask, why = found.get(subscriber, (0, set()))
                    found[subscriber] = (mask | 1 << bit, why | {(kind, chosen)})
    return found


class _Undone(Exception):
    pass


def _build(world: World) -> tuple[bulletins.Made, dict[int, int], list[int], list[int]]:
    areas.apply(
        [
            {
                "key": f"a{n}",
                "name": f"a{n}",
                "tree": "admin",
                "kind": "town",
                "parents": [f"a{p}" for p in above],
            }
            for n, above in enumerate(world.area_parents)
        ]
    )
    levels = [{"rank": rank, "code": str(rank), "name": str(rank)} for rank in (1, 2, 3)]
    categories.apply(
        {
            "scales": {"plain": levels},
            "categories": [
                {
                    "key": f"k{n}",
                    "name": f"k{n}",
                    "parent": None if above is None else f"k{above}",
                    "scale": "plain",
                    "urgency": "routine",
                }
                for n, above in enumerate(world.category_parents)
            ],
        }
    )
    where = [areas.by_key(f"a{n}").id for n in range(len(world.area_parents))]
    kinds = [categories.by_key(f"k{n}").id for n in range(len(world.category_parents))]
    people = {n: _subscriber(n) for n in range(5)}
    for (subscriber, kind, area), level in world.choices.items():
        Choice.create(
            subscriber_id=people[subscriber], category_id=kinds[kind], area_id=where[area], level=level
        )
    for one in people.values():
        count(one)
    parts = tuple(
        Part("", f"{n}", tuple((where[area], level) for area, level in section.items()))
        for n, section in enumerate(world.sections)
    )
    made = bulletins.create(
        Text("題", "", (), parts),
        category=kinds[world.category],
        level=1,
        origin=Origin.FEED,
        realm="live",
        render=small_town.render,
        now=NOW,
    )
    return made, people, kinds, where


def _subscriber(n: int) -> int:
    row = Subscriber.create(
        address=f"s{n}@example.jp",
        queue_id=1,
        state="confirmed",
        language="ja",
        format="both",
        created_at=NOW,
        confirmed_at=NOW,
    )
    return int(row.id)


def _compare(world: World) -> None:
    made, people, kinds, where = _build(world)
    expected = _reached(world)
    assert audience.exact(made.version, "live") == len(expected)
    assert audience.about(made.version) == sum(len(why) for _, why in expected.values())
    top = max(people.values())
    assert audience.expand(made.id, made.version, "live", Lane.ROUTINE, 0, top) == len(expected)
    assert audience.expand(made.id, made.version, "live", Lane.ROUTINE, 0, top) == 0
    for row in Delivery.select():
        (one,) = (n for n, subscriber in people.items() if subscriber == row.subscriber_id)
        mask, why = expected[one]
        assert row.sections == mask
        assert (row.category_id, row.area_id) in {(kinds[kind], where[area]) for kind, area in why}
    raise _Undone


@pytest.mark.req("C8.2", "C5.4")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds())
def test_who_is_reached_is_who_the_rule_says(store: Store, world: World) -> None:
    with pytest.raises(_Undone):
        store.call(_compare, world)


@pytest.mark.req("C8.7", "C8.2")
def test_each_of_62_sections_has_its_own_bit(store: Store) -> None:
    """犯罪発生日報: each resident gets only the sections chosen; the last bit still fits the column."""
    wards = [acts.area(store, key) for key in ("hanamigawa", "mihama")]
    acts.join(store, "even@example.jp", NOW, ("suspicious", "hanamigawa", 1))
    acts.join(store, "odd@example.jp", NOW, ("suspicious", "mihama", 1))
    acts.join(store, "both@example.jp", NOW, ("suspicious", "city", 1))
    parts = tuple(Part("", str(n), ((wards[n % 2], 1),)) for n in range(SECTIONS))

    def make(count: int) -> bulletins.Made:
        return bulletins.create(
            Text("日報", "", (), parts[:1] * count if count > SECTIONS else parts),
            category=categories.by_key("suspicious").id,
            level=1,
            origin=Origin.FEED,
            realm="live",
            render=small_town.render,
            now=NOW,
        )

    made = store.call(make, SECTIONS)
    store.call(audience.expand, made.id, made.version, "live", Lane.ROUTINE, 0, 100)
    masks = store.call(lambda: [row.sections for row in Delivery.select().order_by(Delivery.subscriber_id)])
    even = sum(1 << n for n in range(0, SECTIONS, 2))
    assert masks == [even, even << 1, even | even << 1]
    assert acts.refusal(store, make, SECTIONS + 1).code == "too-many-parts"


@pytest.mark.req("C5.4")
def test_a_level_too_low_is_not_told(store: Store) -> None:
    low = acts.join(store, "low@example.jp", NOW, ("weather-rain", "city", 2))
    acts.join(store, "high@example.jp", NOW, ("weather-rain", "city", 5))
    all_weather = acts.join(store, "all@example.jp", NOW, ("weather", "kemigawa", 3))
    made = acts.feed(store, NOW, level=3)
    store.call(audience.expand, made.id, made.version, "live", Lane.LIFE, 0, 100)
    told = store.call(lambda: {row.subscriber_id for row in Delivery.select()})
    assert told == {low, all_weather}


@pytest.mark.req("C8.2")
@pytest.mark.parametrize("state", ["pending", "suspended", "removed"])
def test_only_the_confirmed_are_told(store: Store, state: str) -> None:
    one = acts.join(store, "one@example.jp", NOW, ("suspicious", "city", 1))
    store.call(lambda: sql(f"UPDATE subscriber SET state = '{state}', address = NULL WHERE id = ?", one))
    made = acts.draft(store, NOW)
    assert store.call(audience.exact, made.version, "live") == 0
    assert store.call(audience.expand, made.id, made.version, "live", Lane.ROUTINE, 0, 100) == 0


def test_who_leaves_or_is_suspended_in_between_is_not_sent_to(store: Store) -> None:
    ids = [acts.join(store, f"r{n}@example.jp", NOW, ("suspicious", "city", 1)) for n in range(3)]
    made = acts.released(store, NOW)
    store.call(subscriptions.remove, ids[0], Reason.ONE_CLICK, now=NOW)
    store.call(subscriptions.suspend, ids[1], Reason.NON_EXISTENT, now=NOW)
    assert [mail.subscriber for mail in acts.deliver(store, NOW)] == ids[2:]
    assert store.call(release.progress, made.id).withdrawn == 2
    assert store.call(release.finish, made.id, now=NOW)


def test_a_category_may_not_stand_above_itself(store: Store) -> None:
    def circle() -> None:
        crime = categories.by_key("crime").id
        child = categories.by_key("suspicious").id
        Category.update(parent_id=child).where(Category.id == crime).execute()
        categories.apply(
            {
                "scales": {},
                "categories": [
                    {
                        "key": "crime",
                        "name": "",
                        "parent": "suspicious",
                        "scale": "plain",
                        "urgency": "routine",
                    },
                    {
                        "key": "suspicious",
                        "name": "",
                        "parent": "crime",
                        "scale": "plain",
                        "urgency": "routine",
                    },
                ],
            }
        )

    assert acts.refusal(store, circle).code == "category-cycle"
