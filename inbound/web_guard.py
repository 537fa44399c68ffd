"""What stands around every page: headers, pace, origin, a time limit, and errors told in plain Japanese."""

import asyncio
import logging
import math
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from inbound.web_pace import Buckets, client_of
from inbound.web_pages import STYLE_HASH, Pages

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# Tokens stand in addresses: nothing may be kept, indexed or told to another site.
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "hansho",
}
ONE_CLICK = "/teishi/"


@dataclass(frozen=True)
class Limits:
    """Bytes, seconds and drops. A carrier puts thousands of phones behind one address, so a client has many."""

    body: int = 64 * 1024
    seconds: float = 20.0
    client_burst: float = 120
    client_rate: float = 20
    burst: float = 5000
    rate: float = 1000
    joins_burst: float = 2000  # of one mail domain: half a town may read of us on one day
    joins_rate: float = 2000 / 3600


def headed() -> Middleware:
    """Security headers on every answer, errors too; a page may bring stricter or looser ones of its own."""

    @web.middleware
    async def head(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return head


_TOLD = {
    400: ("送られた内容を読み取れませんでした", "前のページに戻って、もう一度お試しください。"),
    403: (
        "このページからは操作できません",
        "メールのリンクをもう一度開いて、そのページのボタンを押してください。",
    ),
    404: ("このページはありません", "メールのリンクを、最後まで写しているか確かめてください。"),
    405: ("この操作はできません", "前のページに戻って、ボタンを押してください。"),
    413: ("送られた内容が大きすぎます", "前のページに戻り、短くしてもう一度お試しください。"),
}


def told(pages: Pages) -> Middleware:
    """Every error as a page that says what to do; what nobody foresaw is logged without a resident's address."""

    @web.middleware
    async def tell(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPTooManyRequests as error:
            return _later(pages, 429, float(error.headers.get("Retry-After", 1)))
        except web.HTTPException as error:
            title, line = _TOLD.get(error.status, _TOLD[400])
            response = pages.tell(title, line, status=error.status)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
            return response
        except TimeoutError:
            return _later(pages, 503, 10)
        except (
            Exception
        ) as error:  # the edge: one broken page must not be a stack trace, nor the end of the rest
            # Messages of databases quote values, so only where and what kind (no address in a log).
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("a page failed: %s at\n%s", type(error).__name__, where)
            return pages.tell(
                "うまくいきませんでした",
                "こちらの不具合です。変更されたかどうかは、もう一度ページを開くと分かります。",
                "しばらく待って、もう一度お試しください。",
                status=500,
            )

    return tell


def _later(pages: Pages, status: int, wait: float) -> web.Response:
    response = pages.tell("混み合っています", "少し待って、もう一度お試しください。", status=status)
    response.headers["Retry-After"] = str(max(1, math.ceil(wait)))
    return response


def paced(pages: Pages, limits: Limits) -> Middleware:
    """429 for who asks too fast. One-click answers are exempt: one provider speaks for thousands (RFC 8058)."""
    everybody = Buckets(limits.burst, limits.rate)
    clients = Buckets(limits.client_burst, limits.client_rate)

    @web.middleware
    async def pace(request: web.Request, handler: Handler) -> web.StreamResponse:
        client = client_of(request)
        wait = everybody.take("all")
        if not wait and client is not None and not request.path.startswith(ONE_CLICK):
            wait = clients.take(client)
        return _later(pages, 429, wait) if wait else await handler(request)

    return pace


def own_pages(base: str) -> Middleware:
    """403 for a form that another site sends; the mail provider's one-click comes from nowhere and may (RFC 8058)."""
    ours = urlsplit(base).netloc

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "POST" and not request.path.startswith(ONE_CLICK):
            # Under no-referrer a browser's Origin is "null" even at home; Sec-Fetch-Site tells what it is.
            site = request.headers.get("Sec-Fetch-Site", "none")
            origin = request.headers.get("Origin", "null")
            strange = origin != "null" and urlsplit(origin).netloc not in (ours, request.host)
            if strange or site not in ("none", "same-origin"):
                raise web.HTTPForbidden
        return await handler(request)

    return check


def timed(seconds: float) -> Middleware:
    """Nobody holds a page for longer, neither by sending slowly nor by asking for something slow."""

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        async with asyncio.timeout(seconds):
            return await handler(request)

    return limit
