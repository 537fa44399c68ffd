"""The front page of the training town: where everything is, telegrams to play, days to let pass."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

_pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, undefined=StrictUndefined
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True)
class Door:
    """An address to open, and what a person does there."""

    name: str
    url: str
    what: str


class TownPage:
    """Serves `/` (people), and `/api/town`, `/api/play`, `/api/clock` (testers); loopback only."""

    def __init__(
        self,
        doors: Sequence[Door],
        telegrams: Mapping[str, str],
        *,
        play: Callable[[str], Awaitable[None]],
        advance: Callable[[int], Awaitable[str]],
        today: Callable[[], Awaitable[str]],
    ) -> None:
        """`telegrams` are name → Japanese label; `advance(days)` and `today()` give the town's date in words."""
        self._doors = doors
        self._telegrams = telegrams
        self._play = play
        self._advance = advance
        self._today = today
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError."""
        app = web.Application(middlewares=[_loopback_only], client_max_size=65_536)
        app.add_routes(
            [
                web.get("/", self._show),
                web.post("/play", self._form_play),
                web.post("/clock", self._form_clock),
                web.get("/api/town", self._api_town),
                web.post("/api/play", self._api_play),
                web.post("/api/clock", self._api_clock),
            ]
        )
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _show(self, request: web.Request) -> web.Response:
        told = {"play": "電文を流しました。数秒で届きます。", "clock": "日付を進めました。"}.get(
            request.query.get("done", ""), ""
        )
        page = _pages.get_template("town.html").render(
            doors=self._doors, telegrams=self._telegrams, today=await self._today(), told=told
        )
        return web.Response(text=page, content_type="text/html")

    async def _form_play(self, request: web.Request) -> web.Response:
        name = str((await request.post()).get("name", ""))
        if name not in self._telegrams:
            raise web.HTTPBadRequest(text="その電文はありません。")
        await self._play(name)
        raise web.HTTPSeeOther("/?done=play")

    async def _form_clock(self, request: web.Request) -> web.Response:
        await self._advance(1)
        raise web.HTTPSeeOther("/?done=clock")

    async def _api_town(self, request: web.Request) -> web.Response:
        doors = {door.name: door.url for door in self._doors}
        return web.json_response(
            {"doors": doors, "telegrams": list(self._telegrams), "today": await self._today()}
        )

    async def _api_play(self, request: web.Request) -> web.Response:
        name = str((await _asked(request)).get("name", ""))
        if name not in self._telegrams:
            return web.json_response({"error": "その電文はありません。"}, status=400)
        await self._play(name)
        return web.json_response({"played": name})

    async def _api_clock(self, request: web.Request) -> web.Response:
        days = (await _asked(request)).get("days", 1)
        if not isinstance(days, int) or not 1 <= days <= 366:
            return web.json_response({"error": "days は 1 から 366 の整数です。"}, status=400)
        return web.json_response({"today": await self._advance(days)})


async def _asked(request: web.Request) -> dict[str, object]:
    try:
        asked = await request.json()
    except ValueError:  # not UTF-8, not JSON
        asked = None
    if not isinstance(asked, dict):
        raise web.HTTPBadRequest(text="JSON のオブジェクトを送ってください。")
    return asked


@web.middleware
async def _loopback_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Any web page a person has open could post to 127.0.0.1: only our own may."""
    own = {f"http://{request.host}", None}
    if (
        request.host.split(":")[0] not in ("127.0.0.1", "localhost")
        or request.headers.get("Origin") not in own
    ):
        raise web.HTTPForbidden(text="この機械からだけ使えます。")
    response = await handler(request)
    response.headers.update(HEADERS)
    return response
