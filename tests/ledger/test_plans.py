"""R23: nothing before approval grows with the audience; leases walk an index (50,000 choices, SQLite's own plans)."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store import (
    approvals,
    audience,
    bulletins,
    decisions,
    deliveries,
    ledger,
    proposals,
    queues,
    release,
    workers,
)
from store.db import Store
from store.decisions import Door
from store.models import Choice, database
from tests.ledger import acts, small_town
from tests.ledger.conftest import NOW

AUDIENCE = 50_000
# A walk over any of these costs what the audience costs.
LARGE = ("choice", "delivery", "subscriber")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store(Path(tmp_path_factory.mktemp("city")) / "ledger.db")
    opened.call(ledger.open_ledger, "chiba", "training", now=NOW)
    opened.call(queues.ensure, ["docomo", "*"])
    opened.call(proposals.bootstrap, small_town.CATALOGUE, now=NOW)
    acts.crowd(opened, AUDIENCE)
    yield opened
    opened.close()


class Watch:
    """What a verb asked of the database: the plan of every statement, with its values bound as they were."""

    def __init__(self) -> None:
        self.plans: list[str] = []
        self.instructions = 0

    def _count(self) -> int:
        self.instructions += 1000
        return 0

    def __call__(self, verb: Callable[..., object], *args: object, **kwargs: object) -> object:
        connection: sqlite3.Connection = database.connection()
        said: list[str] = []
        connection.set_trace_callback(said.append)
        connection.set_progress_handler(self._count, 1000)
        try:
            return verb(*args, **kwargs)
        finally:
            connection.set_progress_handler(None, 0)
            connection.set_trace_callback(None)
            self.plans = [line for text in said for line in _plan(connection, text)]

    def full_walks(self) -> list[str]:
        return [line for line in self.plans if line.startswith("SCAN") and line.split(" | ")[1] in LARGE]


def _plan(connection: sqlite3.Connection, text: str) -> list[str]:
    if text.split(maxsplit=1)[0] not in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"):
        return []
    names = _aliases(text)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {text}").fetchall()
    steps = [row[3].split() for row in rows]
    return [f"{' '.join(step)} | {names.get(step[1], step[1])}" for step in steps if len(step) > 1]


def _aliases(text: str) -> dict[str, str]:
    words = text.replace('"', "").replace("(", " ").replace(")", " ").split()
    named = {words[n + 2]: words[n] for n in range(len(words) - 2) if words[n + 1].upper() == "AS"}
    bare = {words[n + 2]: words[n + 1] for n in range(len(words) - 2) if words[n].upper() in ("FROM", "JOIN")}
    return bare | named


@pytest.mark.req("C8.5")
def test_nothing_before_the_release_grows_with_the_audience(city: Store) -> None:
    watch = Watch()
    made = acts.draft(city, NOW, where=("city",), submit=False)
    officer, chief = acts.person(city, "officer"), acts.person(city, "chief")
    steps: list[tuple[Callable[..., object], tuple[object, ...], dict[str, object]]] = [
        (bulletins.submit, (made.id,), {"by": officer, "now": NOW}),
        (audience.about, (made.version,), {}),
        (bulletins.view, (made.id,), {}),
        (approvals.ask_by_letter, (made.id,), {"now": NOW, "hours": 24}),
        (
            decisions.approve,
            (made.id, made.digest),
            {"person": chief, "door": Door.SLACK, "now": NOW},
        ),
        (release.due, (), {"now": NOW}),
        (release.begin, (made.id,), {"now": NOW}),
    ]
    for verb, args, kwargs in steps:
        watch.instructions = 0
        city.call(watch, verb, *args, **kwargs)
        assert watch.full_walks() == [], verb
        assert watch.instructions < AUDIENCE, f"{verb} took {watch.instructions} steps of the database"
    assert city.call(audience.about, made.version) == AUDIENCE


@pytest.mark.req("C8.4", "C8.5")
def test_expanding_and_leasing_walk_an_index(city: Store) -> None:
    watch = Watch()
    made = acts.draft(city, NOW, where=("hanamigawa",))
    assert city.call(watch, audience.exact, made.version, "live") == AUDIENCE
    assert watch.full_walks() == []
    acts.approve(city, made, NOW)
    city.call(release.begin, made.id, now=NOW)
    city.call(watch, release.expand, made.id, now=NOW)
    assert watch.full_walks() == []
    while city.call(release.expand, made.id, now=NOW) is not None:
        pass
    worker = city.call(workers.join, "test", host="here", pid=1, now=NOW)
    lease: tuple[Callable[..., object], dict[str, object]] = (
        deliveries.take,
        {"letters_at_most": 10, "limit": 100},
    )
    for verb, more in (lease, (release.finish, {}), (deliveries.wake_due, {})):
        watch.instructions = 0
        subject = () if verb is deliveries.wake_due else (worker if verb is deliveries.take else made.id,)
        city.call(watch, verb, *subject, now=NOW, **more)
        assert watch.full_walks() == [], verb
        assert watch.instructions < AUDIENCE, f"{verb} took {watch.instructions} steps of the database"
    city.call(watch, deliveries.next_due)
    assert watch.full_walks() == []


def test_a_lease_beside_a_resting_destination_costs_the_same(city: Store) -> None:
    """MODEL.md, delivery row: 25,000 rows of a paused queue are not walked to reach the others."""
    acts.released(city, NOW)
    worker = city.call(workers.join, "test", host="here", pid=2, now=NOW)
    costs = []
    for paused in (False, True):
        if paused:
            city.call(queues.pause, "docomo", NOW.replace(year=2027), "421")
        watch = Watch()
        mails = city.call(watch, deliveries.lease, worker, limit=100, now=NOW)
        assert len(mails) == 100  # type: ignore[arg-type]
        costs.append(watch.instructions)
    assert costs[1] <= costs[0] + 2_000


def test_the_watch_sees_a_walk(city: Store) -> None:
    watch = Watch()
    city.call(watch, lambda: Choice.select().where(Choice.level == 7).count())
    assert watch.full_walks()
    assert watch.instructions > AUDIENCE
