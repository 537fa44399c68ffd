"""The stand-in feed server of the training town: Atom feeds and telegrams on loopback, played by hand."""

import hashlib
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final
from xml.sax.saxutils import escape

from aiohttp import web

from feeds import telegram

FEEDS: Final = {
    "extra": "高頻度（随時）",
    "eqvol": "高頻度（地震火山）",
    "regular": "高頻度（定時）",
}
# Which feed JMA puts a type into, by its letters; everything else is `extra`.
_EQVOL: Final = ("VXSE", "VTSE", "VYSE", "VZSE", "VFVO")
_REGULAR: Final = ("VPFD", "VPFW", "VPFG", "VPWP", "VPWS")
_FALLBACK_TYPE: Final = "VPWW55"


@dataclass(frozen=True, slots=True)
class Played:
    """One telegram on the air."""

    name: str
    feed: str
    title: str
    headline: str
    author: str
    at: datetime
    xml: bytes


@dataclass(slots=True)
class _Channel:
    key: str
    entries: list[Played] = field(default_factory=list)
    changed: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def document(self, base: str, since: datetime | None = None) -> bytes:
        parts = [
            '<?xml version="1.0" encoding="utf-8"?>',
            '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="ja">',
            f"<title>{FEEDS[self.key]}</title>",
            f"<updated>{self.changed.isoformat()}</updated>",
            f"<id>{base}/{self.key}.xml</id>",
        ]
        parts += [
            _entry(entry, base) for entry in reversed(self.entries) if since is None or entry.at >= since
        ]
        parts.append("</feed>")
        return "\n".join(parts).encode()


def _entry(entry: Played, base: str) -> str:
    url = escape(f"{base}/data/{entry.name}.xml", {'"': "&quot;"})
    return (
        f"<entry><title>{escape(entry.title)}</title><id>{url}</id>"
        f"<updated>{entry.at.strftime('%Y-%m-%dT%H:%M:%SZ')}</updated>"
        f"<author><name>{escape(entry.author)}</name></author>"
        f'<link type="application/xml" href="{url}"/>'
        f'<content type="text">{escape(entry.headline)}</content></entry>'
    )


class FeedStandIn:
    """Serves only on loopback; nothing it says ever comes from JMA.

    GET /extra.xml, /eqvol.xml, /regular.xml and the long /extra_l.xml, … (with ETag, Last-Modified, 304), GET
    /data/NAME.xml. The short feeds hold what is younger than `short` (JMA promises ten minutes), None: all. POST /play
    (a telegram's XML as the body; `?type=` and `?office=` are optional) answers 201 with the telegram's address."""

    def __init__(self, *, now: Callable[[], datetime], short: timedelta | None = None) -> None:
        self._now = now
        self._short = short
        self._channels = {key: _Channel(key) for key in FEEDS}
        self._played: dict[str, Played] = {}
        self._runner: web.AppRunner | None = None
        self.base = ""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen and return the port. Raises ValueError for other than loopback, OSError when it is taken."""
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the stand-in feed serves only on loopback, not on {host}")
        app = web.Application(client_max_size=telegram.LIMIT)
        for key in FEEDS:
            app.router.add_get(f"/{key}.xml", self._feed)
            app.router.add_get(f"/{key}_l.xml", self._feed)
        app.router.add_get("/data/{name}.xml", self._telegram)
        app.router.add_post("/play", self._post)
        runner = web.AppRunner(app, handle_signals=False, access_log=None)
        await runner.setup()
        self._runner = runner
        await web.TCPSite(runner, host, port).start()
        actual = int(runner.addresses[0][1])
        self.base = f"http://[{host}]:{actual}" if ":" in host else f"http://{host}:{actual}"
        return actual

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def play(self, xml: bytes, type: str | None = None, office: str = "120000") -> str:
        """Put a telegram on the air and return its address. What is not understood is aired all the same."""
        read = telegram.read(xml)
        code = type or read.type or _FALLBACK_TYPE
        # VXKO and the like are letters without a number; names in the feed always have one.
        code = code if len(code) == 6 else f"{code}51"[:6]
        at = self._now().astimezone(UTC).replace(microsecond=0)
        name = f"{at:%Y%m%d%H%M%S}_{len(self._played)}_{code}_{office}"
        played = Played(
            name=name,
            feed=_feed(code),
            title=read.title or "",
            headline=f"【{read.head_title or ''}】{read.headline or ''}",
            author=read.publishers or read.office or "",
            at=at,
            xml=xml,
        )
        self._played[name] = played
        channel = self._channels[played.feed]
        channel.entries.append(played)
        channel.changed = max(at, channel.changed)
        return f"{self.base}/data/{name}.xml"

    async def _feed(self, request: web.Request) -> web.Response:
        name = request.path.strip("/").removesuffix(".xml")
        channel = self._channels[name.removesuffix("_l")]
        whole = self._short is None or name.endswith("_l")
        body = channel.document(
            self.base, None if whole or self._short is None else self._now() - self._short
        )
        # Weak, like JMA's own: the gzipped and the plain form share it.
        etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
        modified = format_datetime(channel.changed, usegmt=True)
        headers = {"ETag": etag, "Last-Modified": modified, "Cache-Control": "max-age=60"}
        if _unchanged(request, etag, channel.changed):
            return web.Response(status=304, headers=headers)
        response = web.Response(body=body, content_type="application/xml", headers=headers)
        response.enable_compression()
        return response

    async def _telegram(self, request: web.Request) -> web.Response:
        played = self._played.get(request.match_info["name"])
        if played is None:
            raise web.HTTPNotFound
        return web.Response(body=played.xml, content_type="application/xml")

    async def _post(self, request: web.Request) -> web.Response:
        xml = await request.read()
        office = request.query.get("office", "120000")
        type_ = request.query.get("type")
        plain = (
            office.isascii() and office.isalnum() and (type_ is None or (type_.isascii() and type_.isalnum()))
        )
        if not xml or not plain:
            raise web.HTTPBadRequest
        url = self.play(xml, type_, office)
        return web.json_response({"url": url}, status=201, headers={"Location": url})


def _feed(code: str) -> str:
    if code.startswith(_EQVOL):
        return "eqvol"
    return "regular" if code.startswith(_REGULAR) else "extra"


def _unchanged(request: web.Request, etag: str, changed: datetime) -> bool:
    """RFC 9110 13.2.2: If-None-Match decides where it stands, If-Modified-Since only without it."""
    if "If-None-Match" in request.headers:
        return etag in [mark.strip() for mark in request.headers["If-None-Match"].split(",")]
    since = request.if_modified_since
    return since is not None and changed <= since
