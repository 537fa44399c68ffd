"""The training town's own page: whatever is posted there is refused plainly."""

import aiohttp
import pytest
from aiohttp import web

from config.townpage import TownPage


@pytest.mark.parametrize("path", ["play", "clock"])
@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b"\xff", b'{"days": -1}', b'{"days": "x", "name": {}}']
)
async def test_bad_requests_are_refused(path: str, body: bytes, unused_tcp_port: int) -> None:
    async def never(*_: object) -> str:
        pytest.fail("it was done")

    async def today() -> str:
        return "2026年11月21日"

    page = TownPage([], {}, play=never, advance=never, today=today)  # type: ignore[arg-type]
    await page.start("127.0.0.1", unused_tcp_port)
    try:
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"http://127.0.0.1:{unused_tcp_port}/api/{path}", data=body) as answer,
        ):
            assert answer.status == web.HTTPBadRequest.status_code
    finally:
        await page.stop()
