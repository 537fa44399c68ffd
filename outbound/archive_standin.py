"""Serves the generated archive in the training town, as a web server does in a real one; loopback only."""

from pathlib import Path

from aiohttp import web


class ArchiveStandIn:
    """`folder` is the archive's; what `current` points at is served, looked up anew at every request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen; `port` tells afterwards where. Raises ValueError off loopback, OSError when the port is taken."""
        if not host.startswith("127."):
            raise ValueError("the archive stand-in serves loopback only")
        app = web.Application()
        app.router.add_get("/{name:[A-Za-z0-9._-]*}", self._page)
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        # The link is followed once: what is looked for and what is sent are of the same build.
        path = (self._folder / "current").resolve() / (request.match_info["name"] or "index.html")
        if not path.is_file():
            raise web.HTTPNotFound(text="そのページはありません。")
        return web.FileResponse(path, headers={"Cache-Control": "no-cache"})
