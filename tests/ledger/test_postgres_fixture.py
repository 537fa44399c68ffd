"""The PostgreSQL of the tests gives every test a database of its own."""

import psycopg
import pytest


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_finds_an_empty_database(postgres_url: str, turn: int) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE bell (id int)")
        connection.execute(b"INSERT INTO bell VALUES (%d)" % turn)
        assert connection.execute("SELECT id FROM bell").fetchall() == [(turn,)]
