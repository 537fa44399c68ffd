"""A ledger for each test: a real SQLite file, and the same on a real PostgreSQL."""

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


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    """A training ledger that knows the small town."""
    opened = Store(address)
    opened.call(ledger.open_ledger, "chiba", "training", now=NOW)
    opened.call(queues.ensure, ["docomo", "*"])
    opened.call(proposals.bootstrap, small_town.CATALOGUE, now=NOW)
    yield opened
    opened.close()
