"""A PostgreSQL database of its own on a server, for a measurement: made new, and dropped when it is over."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
from psycopg import sql


class NoServer(Exception):
    """The address names no PostgreSQL server where a database can be made."""


@contextlib.contextmanager
def own_database(server: str) -> Iterator[str]:
    """The URL of a fresh database on `server` (postgresql://user@host/any); raises NoServer with its words."""
    parts = urlsplit(server)
    if parts.scheme not in ("postgresql", "postgres"):
        raise NoServer("postgresql://… ではありません")
    maintenance = parts._replace(path=parts.path if parts.path.strip("/") else "/postgres").geturl()
    name = f"hansho_bench_{os.getpid()}_{secrets.token_hex(4)}"
    try:
        _execute(maintenance, "CREATE DATABASE {}", name)
    except psycopg.Error as error:
        raise NoServer(str(error).strip()) from error
    try:
        yield parts._replace(scheme="postgresql", path=f"/{name}").geturl()
    finally:
        # FORCE: a program that was killed may still seem to be connected.
        _execute(maintenance, "DROP DATABASE {} WITH (FORCE)", name)


def _execute(server: str, statement: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True, connect_timeout=10) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
