"""The stand-in's page for people, and the same acts as a small JSON API for testers."""

import dataclasses
import json
from importlib import resources

from aiohttp import web

from bot.shape import Json, mapping, number, text
from bot.standin.acting import Actor, Done, NotThere
from bot.standin.faults import Fault, Faults, Kind
from bot.standin.link import Link
from bot.standin.people import BOT, HOUSE, Town
from bot.standin.room import Room

LONGEST_WAIT = 25
"""Seconds a page may wait for news in one request."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_FILES = {"/": ("chat.html", "text/html"), "/chat.css": ("chat.css", "text/css")}
_FILES["/chat.js"] = ("chat.js", "text/javascript")


class Pages:
    """Routes `/` (the chat) and `/api-standin/*`.

    * GET messages, ephemerals, state (all take `since=VERSION&wait=SECONDS` to wait for news)
    * POST click `{user, ts, action_id | text}`, command `{user, text}`, submit `{user, view_id, values}`,
      dismiss `{user, view_id}`, fault `{method, kind, times, retry_after, code}`, drop `{}`, refresh `{}`
    """

    def __init__(self, town: Town, room: Room, act: Actor, link: Link, faults: Faults) -> None:
        """All of them belong to one stand-in."""
        self._town = town
        self._room = room
        self._act = act
        self._link = link
        self._faults = faults

    def add_to(self, app: web.Application) -> None:
        """Adds the routes to a server."""
        for path in _FILES:
            app.router.add_get(path, self._file)
        app.router.add_get("/api-standin/{what:messages|ephemerals|state}", self._look)
        app.router.add_post("/api-standin/{what:click|command|submit|dismiss}", self._do)
        app.router.add_post("/api-standin/fault", self._fault)
        app.router.add_post("/api-standin/{what:drop|refresh}", self._break)

    async def _file(self, request: web.Request) -> web.Response:
        name, kind = _FILES[request.path]
        body = resources.files("bot.standin").joinpath("pages", name).read_bytes()
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=_HEADERS)

    async def _look(self, request: web.Request) -> web.Response:
        if "since" in request.query:
            seconds = min(number(request.query.get("wait"), LONGEST_WAIT), LONGEST_WAIT)
            await self._room.news(number(request.query["since"], -1), seconds)
        what, user = request.match_info["what"], request.query.get("user", "")
        answer: Json = {"version": self._room.version}
        if what == "ephemerals":
            return _json(answer | {"ephemerals": self._whispers(user)})
        answer["messages"] = [one.as_json() for one in self._room.messages.values()]
        if what == "state":
            answer |= {
                "town": self._town.team_name,
                "channel": self._town.channel_name,
                "connected": self._link.connections > 0,
                "people": [dataclasses.asdict(one) for one in self._town.people],
                "faces": [dataclasses.asdict(one) for one in (BOT, HOUSE)],
                "ephemerals": self._whispers(user) if user else [],
                "views": [one.as_json() for one in self._room.dialogs.values() if one.user == user],
            }
        return _json(answer)

    def _whispers(self, user: str) -> list[Json]:
        return [one.as_json() for one in self._room.whispers if user in ("", one.to)]

    async def _do(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        try:
            done = await self._done(request.match_info["what"], asked)
        except NotThere as absent:
            return _json({"ok": False, "error": str(absent)}, 404)
        return _json({"ok": done.acked and not done.errors, **dataclasses.asdict(done)})

    async def _done(self, what: str, asked: Json) -> Done:
        user, view = text(asked.get("user")), text(asked.get("view_id"))
        if what == "click":
            button = text(asked.get("action_id")) or text(asked.get("text"))
            return await self._act.click(user, text(asked.get("ts")), button)
        if what == "command":
            return await self._act.say(user, text(asked.get("text")))
        if what == "submit":
            return await self._act.submit(user, view, mapping(asked.get("values")))
        return await self._act.dismiss(user, view)

    async def _fault(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        if text(asked.get("kind")) not in list(Kind):
            return _json({"ok": False, "error": f"kind: {', '.join(Kind)}"}, 400)
        fault = Fault(
            Kind(text(asked["kind"])),
            number(asked.get("retry_after"), 1),
            text(asked.get("code"), "fatal_error"),
        )
        self._faults.add(text(asked.get("method")), fault, number(asked.get("times"), 1))
        return _json({"ok": True})

    async def _break(self, request: web.Request) -> web.Response:
        await _asked(request)
        if request.match_info["what"] == "drop":
            self._link.drop()
        else:
            await self._link.refresh()
        return _json({"ok": True})


async def _asked(request: web.Request) -> Json:
    # Asking for JSON keeps a form on another site from acting here: a browser asks first, and we decline.
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="application/json を送ってください。")
    try:
        return mapping(await request.json())
    except ValueError as error:
        raise web.HTTPBadRequest(text="JSON として読めません。") from error


def _json(answer: Json, status: int = 200) -> web.Response:
    body = json.dumps(answer, ensure_ascii=False)
    return web.Response(text=body, content_type="application/json", status=status, headers=_HEADERS)
