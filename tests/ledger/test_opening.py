"""Whose ledger it is, its clock, its times and its schema, on both databases."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from peewee import BigIntegerField, BlobField, OperationalError

from store import ledger, migrations, models
from store.db import Store
from store.errors import WrongLedger
from store.fields import UtcField, from_micros, to_micros
from store.models import Ledger, Queue, database, sql
from tests.ledger import acts
from tests.ledger.colleague import Colleague, together
from tests.ledger.conftest import NOW

NAIVE = datetime(2026, 11, 21, 1, 0)  # noqa: DTZ001 - the point


@pytest.mark.parametrize(("town", "realm"), [("chiba", "live"), ("sendai", "training")])
def test_the_wrong_ledger_is_refused(store: Store, town: str, realm: str) -> None:
    with pytest.raises(WrongLedger):
        store.enter(town, realm)
    store.enter("chiba", "training")


def test_a_ledger_without_a_town_is_refused(address: str) -> None:
    empty = Store(address)
    try:
        with pytest.raises(WrongLedger):
            empty.call(ledger.who)
        with pytest.raises(ValueError, match="rehearsal"):
            empty.call(ledger.open_ledger, "chiba", "rehearsal", now=NOW)
    finally:
        empty.close()


@pytest.mark.req("X4")
def test_time_passes_by_itself_in_a_live_ledger(address: str) -> None:
    live = Store(address)
    try:
        live.call(ledger.open_ledger, "chiba", "live", now=NOW)
        day = timedelta(days=1)
        assert acts.refusal(live, ledger.advance_clock, day, now=NOW).code == "live-clock"
        live.call(lambda: sql("UPDATE ledger SET clock_offset = 86400000000"))
        assert live.call(ledger.who).clock_offset == timedelta(0)
    finally:
        live.close()


def test_days_pass_in_the_training_town(store: Store) -> None:
    store.call(ledger.advance_clock, timedelta(days=2), now=NOW)
    store.enter("chiba", "training")
    assert store.now() - timedelta(days=2) < datetime.now(NOW.tzinfo) + timedelta(minutes=1)
    assert store.call(ledger.who).clock_offset == timedelta(days=2)


def test_a_time_without_its_zone_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="zone"):
        store.call(lambda: Queue.update(paused_until=NAIVE).execute())
    with pytest.raises(ValueError, match="zone"):
        store.call(lambda: list(Queue.select().where(Queue.paused_until < NAIVE)))
    with pytest.raises(ValueError, match="zone"):
        store.call(ledger.open_ledger, "chiba", "training", now=NAIVE)


def test_a_microsecond_comes_back_as_it_went(store: Store) -> None:
    exact = datetime.fromisoformat("2026-11-21T10:00:00.123457+09:00")
    store.call(lambda: Queue.update(paused_until=exact).where(Queue.key == "docomo").execute())
    back = store.call(lambda: Queue.get(Queue.key == "docomo").paused_until)
    assert back == exact
    assert back.utcoffset() == timedelta(0)
    assert from_micros(to_micros(exact)) == exact


def _columns(table: str) -> dict[str, tuple[str, bool]]:
    """Column → (type in three words, may be null), as the database says."""
    if database.param == "?":
        rows = database.execute_sql(f'PRAGMA table_info("{table}")').fetchall()
        return {row[1]: (_word(row[2]), not row[3] and not row[5]) for row in rows}
    rows = database.execute_sql(
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = %s",
        (table,),
    ).fetchall()
    return {name: (_word(kind), nullable == "YES") for name, kind, nullable in rows}


def _word(kind: str) -> str:
    return {"bigint": "number", "integer": "number", "text": "text", "blob": "bytes", "bytea": "bytes"}[
        kind.lower()
    ]


def _declared(model: type[models.Row]) -> dict[str, tuple[str, bool]]:
    def word(field: object) -> str:
        number = isinstance(field, BigIntegerField | UtcField) or type(field).__name__ == "AutoField"
        return "number" if number else "bytes" if isinstance(field, BlobField) else "text"

    return {name: (word(field), bool(field.null)) for name, field in model._meta.columns.items()}


def test_models_and_schema_say_the_same(store: Store) -> None:
    declared = {model._meta.table_name: _declared(model) for model in models.Row.__subclasses__()}
    actual = store.call(
        lambda: {
            table: _columns(table)
            for table in database.get_tables()
            if table != "migration" and not table.startswith("sqlite_")
        }
    )
    assert actual == declared


def test_a_newer_schema_is_refused_and_left_alone(store: Store, address: str) -> None:
    newer = len(migrations.MIGRATIONS) + 1
    store.call(lambda: sql("INSERT INTO migration (number, name) VALUES (?, 'later')", newer))
    bound = models.database.obj
    try:
        with pytest.raises(WrongLedger, match=f"have={newer}"):
            Store(address)
    finally:
        models.database.initialize(bound)
    assert store.call(lambda: Ledger.select().count()) == 1


@pytest.mark.parametrize("turn", [1, 2])
def test_three_programs_start_on_an_empty_database(address: str, turn: int) -> None:
    assert together([Colleague(address, "open") for _ in range(3)]) == [None] * 3
    opened = Store(address)
    try:
        numbers = opened.call(lambda: sql("SELECT number FROM migration ORDER BY number").fetchall())
        assert [row[0] for row in numbers] == list(range(1, len(migrations.MIGRATIONS) + 1))
    finally:
        opened.close()


def test_what_a_verb_did_before_it_failed_is_undone(store: Store) -> None:
    def fail() -> None:
        Queue.create(key="half")
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        store.call(fail)
    assert store.call(lambda: Queue.select().where(Queue.key == "half").count()) == 0


async def test_the_reading_connection_reads_only(tmp_path: Path) -> None:
    opened = Store(tmp_path / "ledger.db")
    try:
        assert await opened.read(lambda: Queue.select().count()) == 0
        with pytest.raises(OperationalError, match="readonly"):
            await opened.read(lambda: Queue.create(key="x"))
    finally:
        opened.close()
