"""The kept connections of one destination: opened when needed, lent to one task, kept while fresh."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from outbound.errors import Deferred
from outbound.mx import Hop
from outbound.reply import Reply, Stage
from outbound.smtp import Connection
from outbound.turnstile import Turnstile
from store.queues import Lane


@dataclass(frozen=True, slots=True)
class Limits:
    """At most ``connections`` at once, ``mails`` a connection (None = no limit), ``idle`` seconds kept
    unused.
    """

    connections: int
    mails: int | None = None
    idle: float = 30.0


async def reach(hops: Iterable[Hop], connect: Callable[[Hop], Awaitable[Connection]]) -> Connection:
    """Connect to the first of ``hops`` that answers; raises the last Deferred (one even if there is no
    hop).
    """
    failed = Deferred(Reply(0, "4.4.4", "no server to try", Stage.ROUTE))
    for hop in hops:
        try:
            return await connect(hop)
        except Deferred as error:
            failed = error
    raise failed


class Pool:
    """Kept connections to one destination of a route; not shared between event loops."""

    def __init__(self, limits: Limits, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._limits = limits
        self._connect = connect
        self._free: list[tuple[float, Connection]] = []
        self._places = Turnstile(limits.connections)
        self._loop = asyncio.get_running_loop()

    @asynccontextmanager
    async def connection(
        self, lane: Lane = Lane.ROUTINE, pace: Callable[[], Awaitable[None]] | None = None
    ) -> AsyncIterator[Connection]:
        """A usable connection for as long as the block runs; waits for a place, raises Deferred if none opens.

        The most urgent ``lane`` is served first; ``pace`` is waited for once a place is won, so that the urgent
        stand behind as many mails as there are connections, not behind everybody who waits for his minute. The
        connection given back last is lent first, so that what a lull leaves over grows idle and is closed.
        """
        async with self._places.place(lane):
            if pace is not None:
                await pace()
            connection = self._kept() or await self._connect()
            done = False
            try:
                yield connection
                done = True
            finally:
                # A block that was broken off may have left an announced envelope or half a transaction.
                if done and self._fresh(connection):
                    self._free.append((self._loop.time(), connection))
                else:
                    connection.close()

    def prune(self) -> int:
        """Close what was unused for longer than the limit, or died meanwhile; how many stay. Call it now
        and then.
        """
        until = self._loop.time() - self._limits.idle
        for since, connection in self._free:
            if since <= until or not connection.usable:
                connection.close()
        self._free = [(since, each) for since, each in self._free if since > until and each.usable]
        return len(self._free)

    def close(self) -> None:
        """Close all kept connections; those lent close when they are given back."""
        for _, connection in self._free:
            connection.close()
        self._free = []
        self._limits = Limits(self._limits.connections, 0, self._limits.idle)

    def _kept(self) -> Connection | None:
        self.prune()
        return self._free.pop()[1] if self._free else None

    def _fresh(self, connection: Connection) -> bool:
        if connection.promised or not connection.usable:
            return False
        return self._limits.mails is None or connection.mails < self._limits.mails
