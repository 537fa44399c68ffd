"""Fetch feeds and telegrams over HTTP, asking first whether anything is new, and never more than fits."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Final, Self
from urllib.parse import urljoin, urlsplit

import aiohttp

FEED_LIMIT: Final = 20 * 1024 * 1024
TELEGRAM_LIMIT: Final = 5 * 1024 * 1024
_CHUNK: Final = 64 * 1024
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 3


class Fault(StrEnum):
    """Why nothing usable came; all of them are temporary, the next poll tries again."""

    TOO_BIG = "too-big"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    REDIRECT = "redirect"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Fetched:
    """`status` is the HTTP status (0 when none came); `body` only with 200, decompressed; 304: nothing new.

    Store `etag` and `last_modified` only after the entries are safe, or a crash loses them (JMA.md 1)."""

    status: int
    body: bytes = b""
    etag: str | None = None
    last_modified: str | None = None
    fault: Fault | None = None

    @property
    def new(self) -> bool:
        return self.status == 200 and self.fault is None


class Puller:
    """One HTTP client for all feeds of the program; use it as an async context manager."""

    def __init__(self, *, timeout: float = 20.0, user_agent: str = "Hansho") -> None:
        # `total` also ends a server that trickles a byte now and then, which per-read timeouts do not.
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "gzip"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=self._timeout, headers=self._headers, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def fetch(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        limit: int = TELEGRAM_LIMIT,
    ) -> Fetched:
        """GET `url`, at most `limit` bytes after decompression. Faults are values, never exceptions."""
        headers: dict[str, str] = {}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        try:
            # The whole chain of redirects shares one deadline.
            async with asyncio.timeout(self._timeout.total):
                return await self._follow(url, headers, limit)
        except TimeoutError:
            return Fetched(0, fault=Fault.TIMEOUT)
        except (aiohttp.ClientError, ValueError, OSError):
            # ValueError: a redirect target or a content encoding that is no such thing.
            return Fetched(0, fault=Fault.CONNECTION)

    async def _follow(self, url: str, headers: dict[str, str], limit: int) -> Fetched:
        if self._session is None:
            raise RuntimeError("Puller must be entered before it fetches")
        origin = _origin(url)
        for _ in range(_MOST_REDIRECTS + 1):
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status not in _REDIRECTS:
                    return await _take(response, limit)
                url = urljoin(url, response.headers.get("Location", ""))
                if _origin(url) != origin:
                    return Fetched(response.status, fault=Fault.REDIRECT)
        return Fetched(0, fault=Fault.REDIRECT)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: a redirect must not lead to another host, nor from https to http."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


async def _take(response: aiohttp.ClientResponse, limit: int) -> Fetched:
    marks = (response.headers.get("ETag"), response.headers.get("Last-Modified"))
    if response.status == 304:
        return Fetched(304, b"", *marks)
    if response.status != 200:
        return Fetched(response.status, fault=Fault.STATUS)
    body = bytearray()
    # aiohttp decompresses as it reads, so a bomb is stopped at the limit and not after it.
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > limit:
            response.close()
            return Fetched(200, fault=Fault.TOO_BIG)
    return Fetched(200, bytes(body), *marks)
