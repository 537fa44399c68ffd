"""The ways out: for each destination its route, its kept connections, its pace; a mail in, a reply out."""

import asyncio
import logging
from collections.abc import Callable
from functools import cached_property, lru_cache

from config.routes import Route
from config.settings import Settings
from outbound.address import BadAddress, split
from outbound.connections import Limits, Pool, reach
from outbound.errors import Deferred, Rejected
from outbound.mx import Hop, MailExchangers
from outbound.reply import Reply, Stage
from outbound.smtp import Connection, Tls
from store.queues import Lane

log = logging.getLogger(__name__)

SMTP_PORT = 25
# A destination unused for this long is forgotten, so that a million odd domains do not fill the memory.
MOST_POOLS = 2_000


# Rows held for each connection of a route: enough that none waits for the ledger between two mails.
HELD_PER_CONNECTION = 8


def share(route: Route, batch: int) -> int:
    """How many of a worker's `batch` rows may be of this route: half at most, so that no other is shut out (R10)."""
    half = max(1, batch // 2)
    return half if "*" in route.domains else min(half, route.connections * HELD_PER_CONNECTION)


class Carrier:
    """Hands mails over; one per worker, not shared between event loops."""

    def __init__(self, settings: Settings, route_for: Callable[[str], Route]) -> None:
        self._settings = settings
        # Asked for every mail, and a town's residents have few domains.
        self._route_for = lru_cache(maxsize=MOST_POOLS)(route_for)
        # A provider's limits hold for all of us together: each worker has its part, until slots are shared (MODEL.md).
        self._workers = settings.outbound.workers
        self._pools: dict[str, Pool] = {}
        self._paces: dict[str, Pace] = {}

    @cached_property
    def _exchangers(self) -> MailExchangers:
        resolver = self._settings.mail.resolver
        return MailExchangers((resolver.host, resolver.port) if resolver is not None else None)

    async def hand_over(
        self, mail_from: str, rcpt_to: str, fill: Callable[[], bytes | None], lane: Lane = Lane.ROUTINE
    ) -> Reply | None:
        """Send what `fill` gives once a connection is free; None when it gives nothing (stopped meanwhile).

        `fill` is called at the last moment, right before MAIL FROM (MODEL.md, stop). Never raises for what the
        network does; an address that cannot be sent is a final reply.
        """
        try:
            domain = split(rcpt_to)[1]
            route = self._route_for(domain)
            pace = self._pace(route).turn if route.per_minute else None
            async with self._pool(route, domain).connection(lane, pace) as connection:
                data = fill()
                return None if data is None else await connection.send(mail_from, rcpt_to, data)
        except (Deferred, Rejected) as error:
            return error.reply
        except BadAddress as error:
            return Reply(550, "5.1.3", str(error), Stage.ROUTE)

    def _pace(self, route: Route) -> "Pace":
        return self._paces.setdefault(route.name, Pace((route.per_minute or 0) / self._workers))

    def _pool(self, route: Route, domain: str) -> Pool:
        key = domain if route.via == "mx" else route.name
        pool = self._pools.pop(key, None)
        if pool is None:
            limits = Limits(max(1, route.connections // self._workers), route.mails_per_connection)
            pool = Pool(limits, lambda: self._open(route, domain))
            while len(self._pools) >= MOST_POOLS:
                self._pools.pop(next(iter(self._pools))).close()
        self._pools[key] = pool  # the last used is last
        return pool

    async def _open(self, route: Route, domain: str) -> Connection:
        tls = Tls(route.tls)
        hello = self._settings.mail.host
        if route.via != "mx":
            return await Connection.open(route.via.host, route.via.port, hello=hello, tls=tls)
        hops = await self._exchangers.lookup(domain)

        async def connect(hop: Hop) -> Connection:
            return await Connection.open(hop.address, SMTP_PORT, hello=hello, tls=tls, name=hop.name)

        return await reach(hops, connect)

    def prune(self) -> None:
        """Close connections that were idle for too long."""
        for pool in self._pools.values():
            pool.prune()

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()


class Pace:
    """At most so many mails a minute on a route, evenly spread (C8.3); 0 = as fast as it goes."""

    def __init__(self, per_minute: float) -> None:
        self._gap = 60 / per_minute if per_minute else 0.0
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for this mail's turn."""
        if not self._gap:
            return
        now = asyncio.get_running_loop().time()
        start = max(now, self._next)
        self._next = start + self._gap
        await asyncio.sleep(start - now)
