"""A ledger for each test: a real SQLite file, and the same on a real PostgreSQL."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from store import ledger, proposals, queues
from store.db import Store
from tests.ledger import small_town

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return str(tmp_path / "ledger.db")


def _populate(opened: Store) -> None:
    opened.call(ledger.open_ledger, "chiba", "training", now=NOW)
    opened.call(queues.ensure, ["docomo", "*"])
    opened.call(proposals.bootstrap, small_town.CATALOGUE, now=NOW)


@pytest.fixture(scope="session")
def sqlite_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the small town in it, written once and copied for each test."""
    path = tmp_path_factory.mktemp("town") / "ledger.db"
    opened = Store(path)
    _populate(opened)
    opened.close()
    return path


@pytest.fixture
def store(address: str, sqlite_town: Path) -> Iterator[Store]:
    """A training ledger that knows the small town."""
    if address.startswith("postgresql:"):
        opened = Store(address)
        _populate(opened)
    else:
        shutil.copyfile(sqlite_town, address)
        opened = Store(address)
    yield opened
    opened.close()
