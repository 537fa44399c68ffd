"""How a program notices that somebody committed: a real signal, cheap to ask for and harmless to lose."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable

import psycopg

# `PRAGMA data_version` costs 3.8 microseconds; asking fifty times a second is nothing (DESIGN.md).
POLL_SECONDS = 0.02
RETRY_SECONDS = 1.0


class Bell:
    """Counts rings and wakes whoever listens; one thread hears the commits of other processes."""

    def __init__(self, listen: "Callable[[Bell], None]") -> None:
        self.rings = 0
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._thread = threading.Thread(target=listen, args=(self,), name="store-bell", daemon=True)
        self._thread.start()

    def ring(self) -> None:
        """Wake every waiter of this process."""
        with self._lock:
            self.rings += 1
            for event, loop in self._waiting.items():
                with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits there any more
                    loop.call_soon_threadsafe(event.set)

    async def wait(self, heard: int, within: float) -> int:
        """The number of rings, as soon as it differs from `heard` or after `within` seconds."""
        event = asyncio.Event()
        with self._lock:
            if self.rings != heard:
                return self.rings
            self._waiting[event] = asyncio.get_running_loop()
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), within)
        finally:
            with self._lock:
                self._waiting.pop(event, None)
        return self.rings

    def close(self) -> None:
        self.closing.set()
        self._thread.join(timeout=5)


class Ear:
    """One listener's memory of the rings it has heard, so that a ring between two waits is not lost."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._heard = bell.rings

    async def wait(self, within: float) -> bool:
        """True when something was committed since the last wait; False after `within` quiet seconds."""
        rings = await self._bell.wait(self._heard, within)
        rung, self._heard = rings != self._heard, rings
        return rung


def sqlite_bell(path: str) -> Bell:
    """Another process's commit changes `PRAGMA data_version` of a connection that only watches."""

    def listen(bell: Bell) -> None:
        watching = sqlite3.connect(path, timeout=10)
        seen = None
        while not bell.closing.wait(POLL_SECONDS):
            with contextlib.suppress(sqlite3.OperationalError):
                version = watching.execute("PRAGMA data_version").fetchone()[0]
                if version != seen:
                    seen = version
                    bell.ring()
        watching.close()

    return Bell(listen)


def postgres_bell(address: str) -> Bell:
    """`NOTIFY hansho` in every transaction, heard by one listening connection per process."""

    def listen(bell: Bell) -> None:
        while not bell.closing.is_set():
            try:
                with psycopg.connect(address, autocommit=True) as connection:
                    connection.execute("LISTEN hansho")
                    bell.ring()  # what was said before we listened
                    while not bell.closing.is_set():
                        for _ in connection.notifies(timeout=0.1, stop_after=1):
                            bell.ring()
            except psycopg.Error:
                bell.closing.wait(RETRY_SECONDS)

    return Bell(listen)
