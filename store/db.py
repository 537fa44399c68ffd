"""The one door to the ledger: one call, one transaction, on a thread that owns its connection."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar
from urllib.parse import urlsplit

import psycopg
from peewee import Database, OperationalError, PostgresqlDatabase, SqliteDatabase

from store import ledger, migrations, models
from store.bell import Ear, postgres_bell, sqlite_bell

P = ParamSpec("P")
T = TypeVar("T")

# One connection for SQLite (a second writer would only wait); a few for PostgreSQL (MODEL.md, threads).
POSTGRES_CONNECTIONS = 4
# Two verbs that touch the same rows in another order: PostgreSQL undoes one of them, and it is simply done again.
DEADLOCKS = 5
OPENING_SECONDS = 10.0


def connect(address: str) -> Database:
    """The peewee database for a `postgresql://…` address or a file path; nothing is opened yet."""
    if address.startswith(("postgresql://", "postgres://")):
        parts = urlsplit(address)
        return PostgresqlDatabase(
            parts.path.lstrip("/"),
            user=parts.username,
            password=parts.password,
            host=parts.hostname,
            port=parts.port,
            autoconnect=False,
            prefer_psycopg3=True,
            isolation_level=None,
        )
    # IMMEDIATE: a read-then-write transaction that begins deferred loses to every other writer (DEPENDENCIES.md 3).
    return SqliteDatabase(
        address,
        autoconnect=False,
        lock_type="IMMEDIATE",
        pragmas={"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1, "busy_timeout": 10_000},
    )


class Store:
    """The ledger as a program sees it: `run` and `call` for verbs, `read` for slow questions, `ear` to be woken.

    A process has one Store at a time (the tables are bound to it). Verbs are plain functions; each call is one
    transaction that is committed when the verb returns and rolled back when it raises.
    """

    def __init__(self, address: str | Path, *, migrate: bool = True) -> None:
        self.address = str(address)
        self._database = connect(self.address)
        models.database.initialize(self._database)
        self.is_postgres = isinstance(self._database, PostgresqlDatabase)
        writers = POSTGRES_CONNECTIONS if self.is_postgres else 1
        self._writers = ThreadPoolExecutor(writers, "store", initializer=self._open)
        self._readers = ThreadPoolExecutor(1, "store-read", initializer=self._open_for_reading)
        self._offset = timedelta(0)
        if migrate:
            self._migrate()
        self._bell = postgres_bell(self.address) if self.is_postgres else sqlite_bell(self.address)

    def _migrate(self) -> None:
        try:
            self._writers.submit(migrations.migrate, self._database).result()
        except BaseException:
            self._hang_up_all()
            raise

    def _open(self) -> None:
        """Connect. Several programs that make a new SQLite file at once are told `locked` whatever the busy timeout."""
        patience = time.monotonic() + OPENING_SECONDS
        while True:
            try:
                self._database.connect()
                return
            except OperationalError:
                if self.is_postgres or time.monotonic() > patience:
                    raise
                time.sleep(0.02)

    def _open_for_reading(self) -> None:
        self._open()
        if not self.is_postgres:
            self._database.execute_sql("PRAGMA query_only = 1")

    def _submit(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        def transact() -> T:
            self._heal()
            for _ in range(DEADLOCKS):
                try:
                    return self._transact(lambda: verb(*args, **kwargs))
                except OperationalError as error:
                    if not error.args or not isinstance(error.args[0], psycopg.errors.DeadlockDetected):
                        raise
            return self._transact(lambda: verb(*args, **kwargs))

        return self._writers.submit(transact)

    def _transact(self, verb: Callable[[], T]) -> T:
        """One transaction; the bell is rung only when it wrote something, or every question would wake everybody."""
        if self.is_postgres:
            with self._database.atomic():
                done = verb()
                rung = self._database.execute_sql(
                    "SELECT pg_notify('hansho', '') WHERE txid_current_if_assigned() IS NOT NULL"
                ).fetchone()
        else:
            before = self._database.connection().total_changes
            with self._database.atomic():
                done = verb()
            rung = self._database.connection().total_changes != before
        if rung:
            self._bell.ring()
        return done

    def _heal(self) -> None:
        """Reconnect after PostgreSQL went away; SQLite's connection cannot."""
        if not self.is_postgres:
            return
        if not self._database.is_closed() and self._database.connection().closed:
            self._database.close()
        if self._database.is_closed():
            self._database.connect()

    def call(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a verb from a thread (or a command); returns what it returns, raises what it raises."""
        return self._submit(verb, *args, **kwargs).result()

    async def run(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a verb from a coroutine. A cancelled caller does not undo the verb: it is finished all the same."""
        return await asyncio.shield(asyncio.wrap_future(self._submit(verb, *args, **kwargs)))

    async def read(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask something slow on the read-only connection, so that no count delays a `250`."""

        def ask() -> T:
            self._heal()
            with self._snapshot():
                return question(*args, **kwargs)

        return await asyncio.wrap_future(self._readers.submit(ask))

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[None]:
        if self.is_postgres:
            with self._database.atomic():
                yield
            return
        # A plain BEGIN: the default of this database is IMMEDIATE, which a reading connection may not take.
        with self._database.transaction("DEFERRED"):
            yield

    def now(self) -> datetime:
        """The ledger's clock: real time, plus the training town's offset (CONTRACTS.md, demo)."""
        return datetime.now(UTC) + self._offset

    def set_offset(self, offset: timedelta) -> None:
        """Follow the training town's clock."""
        self._offset = offset

    def enter(self, town: str, realm: str) -> None:
        """Be sure that this is that town's ledger of that realm (it is born here if it is new). Raises WrongLedger."""
        identity = self.call(ledger.open_ledger, town, realm, now=datetime.now(UTC))
        self.set_offset(identity.clock_offset)

    async def keep_time(self) -> None:
        """Run beside a program in the training town: when somebody lets a day pass there, this clock jumps too."""
        ear = self.ear()
        while True:
            await ear.wait(60)
            self.set_offset((await self.run(ledger.who)).clock_offset)

    def ear(self) -> Ear:
        """A listener: `await ear.wait(seconds)` returns as soon as anybody has committed anything."""
        return Ear(self._bell)

    def close(self) -> None:
        """Finish what was begun, then close every connection."""
        self._bell.close()
        self._hang_up_all()

    def _hang_up_all(self) -> None:
        writers = POSTGRES_CONNECTIONS if self.is_postgres else 1
        for pool, threads in ((self._writers, writers), (self._readers, 1)):
            # A connection belongs to its thread: the barrier makes each thread of the pool take one goodbye.
            barrier = threading.Barrier(threads)
            with contextlib.suppress(BrokenExecutor):  # a pool that could not connect has nothing to close
                for goodbye in [pool.submit(self._hang_up, barrier) for _ in range(threads)]:
                    goodbye.result()
            pool.shutdown(wait=True)

    def _hang_up(self, barrier: threading.Barrier) -> None:
        barrier.wait(timeout=30)
        if not self._database.is_closed():
            self._database.close()


class Place(Protocol):
    """What says where a town's ledger is: `config.settings.Settings` has it."""

    @property
    def database_place(self) -> str: ...
    @property
    def realm(self) -> str: ...
    @property
    def town(self) -> "TownKey": ...


class TownKey(Protocol):
    """The short name of a town."""

    @property
    def key(self) -> str: ...


@contextlib.contextmanager
def opened(place: Place) -> Iterator[Store]:
    """A town's ledger for as long as one command runs. Raises WrongLedger."""
    store = Store(place.database_place)
    try:
        store.enter(place.town.key, place.realm)
        yield store
    finally:
        store.close()
