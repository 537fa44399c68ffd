"""A number of places; the most urgent who waits goes in first, and a place may be kept free for the urgent."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from store.queues import Lane


def is_urgent(lane: Lane) -> bool:
    """Confirmations and sign-in, and life-safety (R24)."""
    return lane <= Lane.LIFE


class Turnstile:
    """Per event loop. From four places up one is reserved: bulk on a slow server never takes them all."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._reserved = 1 if places >= 4 else 0
        self._arrivals = 0
        self._waiting: list[tuple[Lane, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def place(self, lane: Lane) -> AsyncIterator[None]:
        """A place for as long as the block runs."""
        await self._enter(lane)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, lane: Lane) -> None:
        if self._open(lane) and not (self._waiting and self._waiting[0][0] <= lane):
            self._free -= 1
            return
        admitted = asyncio.get_running_loop().create_future()
        self._arrivals += 1
        heapq.heappush(self._waiting, (lane, self._arrivals, admitted))
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.done() and not admitted.cancelled():
                self._leave()  # admitted and called off at once: the place goes to the next
            raise

    def _open(self, lane: Lane) -> bool:
        return self._free > (0 if is_urgent(lane) else self._reserved)

    def _leave(self) -> None:
        self._free += 1
        while self._waiting and (self._waiting[0][2].done() or self._open(self._waiting[0][0])):
            _, _, admitted = heapq.heappop(self._waiting)
            if not admitted.done():
                self._free -= 1
                admitted.set_result(None)
