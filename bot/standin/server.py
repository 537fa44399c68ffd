"""The stand-in as a server on loopback: Web API, Socket Mode, response addresses, and the page for people."""

import ipaddress
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web

from bot.shape import Json, mapping, text
from bot.standin.acting import Actor
from bot.standin.faults import Fault, Faults, Kind
from bot.standin.link import Link
from bot.standin.pages import Pages
from bot.standin.people import Person, Town
from bot.standin.replies import Replies
from bot.standin.room import Room
from bot.standin.webapi import Refusal, WebApi

# Fixed words of a pretend world, not secrets: they open nothing but a stand-in on loopback.
BOT_TOKEN = "xoxb-training-town"  # noqa: S105
APP_TOKEN = "xapp-training-town"  # noqa: S105


class ChatStandIn:
    """A pretend Slack for the training town.

    It listens on loopback only and answers only to its own tokens, so it can neither be reached from outside
    nor be taken for the real one. What was said is kept in `folder`.
    """

    def __init__(
        self,
        people: Sequence[Person],
        channel: str,
        team: str,
        folder: Path,
        *,
        channel_name: str = "配信承認",
        team_name: str = "訓練のまち",
        now: Callable[[], float] = time.time,
    ) -> None:
        """`channel` and `team` are ids (C01, T01); `now` gives seconds since the epoch."""
        self._town = Town(team, team_name, channel, channel_name, tuple(people))
        self.room = Room(folder, now)
        self.faults = Faults()
        self.link = Link(self.room.changed)
        self._api = WebApi(self._town, self.room, now)
        self._replies = Replies(self.room, now)
        self.act = Actor(self._town, self.room, self._api, self.link, self._replies)
        self._runner: web.AppRunner | None = None
        self.url = ""

    @property
    def api_url(self) -> str:
        """What the app has to be given as Slack's API address."""
        return f"{self.url}/api/"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listens; port 0 takes a free one. ValueError for any address but loopback."""
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the chat stand-in serves on loopback only, not on {host}")
        self.room.open()
        app = web.Application(middlewares=[_only_loopback_names], client_max_size=2 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", self._call)
        app.router.add_get("/link/{ticket}", self.link.serve)
        app.router.add_post("/response/{word}", self._respond)
        Pages(self._town, self.room, self.act, self.link, self.faults).add_to(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        bound = self._runner.addresses[0][1]
        self.url = f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"
        self._replies.base = self.url

    async def stop(self) -> None:
        """Says goodbye to the app and stops listening; what was said stays in the folder."""
        await self.link.close()
        self.room.shut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        asked = await _arguments(request)
        fault = self.faults.take(method)
        if fault is not None and fault.kind is not Kind.LOST:
            return _gone_wrong(fault)
        answer = self._answer(method, _token(request, asked), asked)
        if fault is not None and request.transport is not None:
            request.transport.abort()
        return _json(answer)

    def _answer(self, method: str, token: str, asked: Json) -> Json:
        if not token:
            return {"ok": False, "error": "not_authed"}
        if token != (APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN):
            return {"ok": False, "error": "invalid_auth"}
        if method == "apps.connections.open":
            return {"ok": True, "url": f"ws{self.url.removeprefix('http')}/link/{self.link.ticket()}"}
        run = self._api.methods.get(method)
        if run is None:
            return {"ok": False, "error": "unknown_method"}
        try:
            return {"ok": True, **run(asked)}
        except Refusal as refusal:
            details = {"messages": [f"[ERROR] {one}" for one in refusal.messages]}
            return {"ok": False, "error": refusal.code, "response_metadata": details}

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        try:
            self._replies.answer(request.match_info["word"], await _arguments(request))
        except Refusal as refusal:
            return _json({"ok": False, "error": refusal.code}, 404 if "url" in refusal.code else 200)
        return _json({"ok": True})


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _only_loopback_names(request: web.Request, handler: Handler) -> web.StreamResponse:
    # A page elsewhere could point its own name at 127.0.0.1 (DNS rebinding) and press buttons for people.
    if request.url.host not in ("127.0.0.1", "localhost", "::1"):
        return web.Response(status=403, text="この画面は、このコンピューターからだけ使えます。")
    return await handler(request)


async def _arguments(request: web.Request) -> Json:
    """The arguments of a call, however they were sent: query, form, or JSON."""
    asked: Json = dict(request.query)
    if request.content_type == "application/json":
        try:
            asked |= mapping(await request.json())
        except ValueError:
            return asked
    elif request.can_read_body:
        asked |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    for key in ("blocks", "view", "metadata"):
        if isinstance(given := asked.get(key), str):
            try:
                asked[key] = json.loads(given)
            except ValueError:
                asked[key] = None
    return asked


def _token(request: web.Request, asked: Json) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ") or text(asked.get("token"))


def _gone_wrong(fault: Fault) -> web.Response:
    if fault.kind is Kind.LIMITED:
        headers = {"Retry-After": str(fault.retry_after)}
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
    if fault.kind is Kind.REFUSED:
        return _json({"ok": False, "error": fault.code})
    return web.Response(status=500, text="upstream error")


def _json(answer: Json, status: int = 200) -> web.Response:
    return web.json_response(answer, status=status)
