"""The stand-in's end of Socket Mode: single-use addresses, envelopes out, acknowledgements back."""

import asyncio
import itertools
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMsgType, web

from bot.shape import Json, mapping, text

ACK_SECONDS = 3.0
"""Slack gives an app three seconds to acknowledge."""


@dataclass(frozen=True)
class Answer:
    """What the app answered to an envelope: the acknowledgement's `payload`, or the `failure`."""

    payload: Json
    failure: str | None = None

    @property
    def acked(self) -> bool:
        """Whether the app acknowledged in time."""
        return self.failure is None


class Link:
    """All WebSocket connections of the app; each envelope goes to one of them, in turn, as Slack does it."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """`changed` is called whenever a connection comes or goes."""
        self._changed = changed
        self._tickets: set[str] = set()
        self.tickets = 0
        self.refusing = 0
        """How many of the next connections fail at the door, their address used up (a fault for tests)."""
        self._open: list[web.WebSocketResponse] = []
        self._wires: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._turn = itertools.count()
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self._arrived = asyncio.Event()
        self.acks: list[str] = []

    def ticket(self) -> str:
        """A word that opens one connection, once."""
        ticket = secrets.token_urlsafe(12)
        self._tickets.add(ticket)
        self.tickets += 1
        return ticket

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._open)

    async def connected(self) -> None:
        """Waits until at least one connection is open."""
        while not self._open:
            await self._arrived.wait()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket endpoint: says hello, then listens for acknowledgements until the end."""
        ticket = request.match_info["ticket"]
        if ticket not in self._tickets:
            return web.Response(status=404, text="this address has been used")
        self._tickets.discard(ticket)
        if self.refusing > 0:
            self.refusing -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        info = {"app_id": "A0HANSHO"}
        await socket.send_json(
            {"type": "hello", "num_connections": len(self._open) + 1, "connection_info": info}
        )
        self._open.append(socket)
        if request.transport is not None:
            self._wires[socket] = request.transport
        self._arrived.set()
        self._changed()
        try:
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    self._heard(frame.data)
        finally:
            self._forget(socket)
            self._wires.pop(socket, None)
        return socket

    async def deliver(self, kind: str, payload: Json, accepts: bool) -> Answer:
        """Sends one envelope and waits for its acknowledgement; Slack does not repeat interactions."""
        if not self._open:
            return Answer({}, "dispatch_failed")
        envelope = secrets.token_hex(16)
        heard: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[envelope] = heard
        socket = self._open[next(self._turn) % len(self._open)]
        words = {
            "envelope_id": envelope,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": accepts,
        }
        try:
            await socket.send_json(words)
            async with asyncio.timeout(ACK_SECONDS):
                return Answer(await heard)
        except ConnectionError:
            return Answer({}, "dispatch_failed")
        except TimeoutError:
            return Answer({}, "operation_timeout")
        finally:
            del self._waiting[envelope]

    async def refresh(self) -> None:
        """Asks the app to come again on a new connection, as Slack does every few hours."""
        for socket in list(self._open):
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})

    def drop(self) -> None:
        """Breaks every connection without a word, as a failing network does."""
        for socket in list(self._open):
            self._forget(socket)
            if (transport := self._wires.pop(socket, None)) is not None:
                transport.abort()

    async def close(self) -> None:
        """Says goodbye on every connection."""
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    def _heard(self, data: str) -> None:
        try:
            words = mapping(json.loads(data))
        except ValueError:
            return
        envelope = text(words.get("envelope_id"))
        self.acks.append(envelope)
        heard = self._waiting.get(envelope)
        if heard is not None and not heard.done():
            heard.set_result(mapping(words.get("payload")))

    def _forget(self, socket: web.WebSocketResponse) -> None:
        if socket in self._open:
            self._open.remove(socket)
            self._changed()
        if not self._open:
            self._arrived.clear()
