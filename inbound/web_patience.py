"""Hangs up on clients that connect and never finish asking: aiohttp itself waits for a first request for ever."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware
from aiohttp.web_protocol import RequestHandler

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Patience:
    """Knows which connections have asked something; every other one has `seconds` from when it came.

    Later requests of a kept connection are watched by aiohttp's own keep-alive time.
    """

    def __init__(self, seconds: float, connections: Callable[[], list[RequestHandler]]) -> None:
        self._seconds, self._connections = seconds, connections
        self._heard: set[RequestHandler] = set()
        self._came: dict[RequestHandler, float] = {}

    def middleware(self) -> Middleware:
        """Stands outermost: whoever comes here has sent a whole head."""

        @web.middleware
        async def hear(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._heard.add(request.protocol)
            return await handler(request)

        return hear

    async def run(self, _: web.Application) -> AsyncIterator[None]:
        """A cleanup context of the application: looks round from start to end."""
        task = asyncio.create_task(self._look_round())
        yield
        task.cancel()

    async def _look_round(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 4)
            now, here = asyncio.get_running_loop().time(), self._connections()
            self._heard &= set(here)
            self._came = {one: self._came.get(one, now) for one in here if one not in self._heard}
            for one, came in self._came.items():
                if now - came > self._seconds:
                    one.force_close()
