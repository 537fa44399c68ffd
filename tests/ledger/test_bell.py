"""Programs notice each other's commits; nothing is rung for a question; close leaves nobody behind."""

import asyncio
import threading
import time

import psycopg
import pytest
from peewee import DatabaseError, InterfaceError

from store import ledger, queues
from store.db import Store
from tests.ledger.colleague import Colleague


async def _quiet(store: Store) -> None:
    """Listen from here: what was rung for the opening itself is heard."""
    ear = store.ear()
    while await ear.wait(0.3):
        pass


async def test_a_commit_elsewhere_is_heard_within_a_second(store: Store, address: str) -> None:
    other = Colleague(address, "commit")
    await _quiet(store)
    ear = store.ear()
    began = time.monotonic()
    other.go()
    assert await ear.wait(10)
    elapsed = time.monotonic() - began
    other.answer()
    assert elapsed < 1.0


async def test_a_ring_between_two_waits_is_not_lost(store: Store) -> None:
    await _quiet(store)
    ear = store.ear()
    await store.run(queues.ensure, ["rung"])
    assert await asyncio.wait_for(ear.wait(60), 1)


async def test_every_waiter_wakes(store: Store) -> None:
    await _quiet(store)
    waiters = [asyncio.create_task(store.ear().wait(60)) for _ in range(3)]
    await asyncio.sleep(0)
    await store.run(queues.ensure, ["rung"])
    assert await asyncio.wait_for(asyncio.gather(*waiters), 1) == [True] * 3


async def test_a_question_rings_nothing(store: Store) -> None:
    """Otherwise each program that wakes and looks would wake all the others, for ever."""
    await _quiet(store)
    ear = store.ear()
    await store.run(ledger.who)
    await store.run(queues.listed)
    await store.read(queues.listed)
    assert not await ear.wait(0.3)


def test_close_leaves_no_thread(address: str) -> None:
    before = set(threading.enumerate())
    opened = Store(address)
    opened.call(queues.ensure, ["x"])
    opened.close()
    assert set(threading.enumerate()) == before


@pytest.mark.req("X12")
def test_postgresql_going_away_is_survived(postgres_url: str) -> None:
    store = Store(postgres_url)
    try:
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        failures = 0
        for _ in range(20):
            try:
                store.call(queues.ensure, ["x"])
            except (DatabaseError, InterfaceError):
                failures += 1
        assert failures <= 4  # one for each connection that was cut
        assert store.call(queues.ensure, ["x"])
    finally:
        store.close()
