"""The web door: residents join, choose and leave, chiefs approve by a mailed link; served by aiohttp, no script."""

from collections.abc import Callable

from aiohttp import web

from config.settings import Settings
from inbound.web_approval import Approval
from inbound.web_guard import Limits, headed, own_pages, paced, timed, told
from inbound.web_join import Join
from inbound.web_pace import Buckets
from inbound.web_pages import Pages
from inbound.web_patience import Patience
from inbound.web_room import Room, Route
from inbound.web_settings import OwnSettings
from inbound.web_stop import Stop
from store.db import Store
from store.tokens import Keys

# Behind a reverse proxy, which keeps its connections longer than this and has its own patience.
KEEPALIVE_SECONDS = 75.0
GOODBYE_SECONDS = 3.0


async def serve_web(
    settings: Settings,
    store: Store,
    keys: Keys,
    *,
    route_for: Callable[[str], Route],
    limits: Limits | None = None,
) -> web.AppRunner:
    """Listen on `settings.web.listen`; `runner.addresses[0]` tells where, `await runner.cleanup()` ends it.

    `keys` are the town's token keys, `route_for` the catalogue's (domain in lower case → route). Queues must have
    been ensured. Raises OSError when the port is taken.
    """
    limits = limits or Limits()
    pages = Pages(settings)
    room = Room(settings, store, keys, route_for, pages, Buckets(limits.joins_burst, limits.joins_rate))
    runner: web.AppRunner
    patience = Patience(limits.seconds, lambda: runner.server.connections if runner.server else [])
    around = [
        patience.middleware(),
        headed(),
        told(pages),
        paced(pages, limits),
        own_pages(settings.web.base),
        timed(limits.seconds),
    ]
    app = web.Application(middlewares=around, client_max_size=limits.body)
    app.cleanup_ctx.append(patience.run)
    for part in (Join(room), OwnSettings(room), Stop(room), Approval(room)):
        app.add_routes(part.routes())
    runner = web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,  # an address of a page holds a token
        keepalive_timeout=KEEPALIVE_SECONDS,
        shutdown_timeout=GOODBYE_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.web.listen.host, settings.web.listen.port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner
