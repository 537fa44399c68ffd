"""The feed client against real servers on loopback: the stand-in, and servers that misbehave."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web

from feeds import atom, telegram
from feeds.pull import FEED_LIMIT, Fault, Puller
from feeds.replay import FeedStandIn
from feeds.training import training

NOW = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def stand_in(now: list[datetime] | None = None) -> AsyncIterator[FeedStandIn]:
    clock = now or [NOW]
    server = FeedStandIn(now=lambda: clock[0])
    await server.start("127.0.0.1", 0)
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.req("C8.1")
async def test_from_the_feed_to_the_telegram() -> None:
    async with stand_in() as server, Puller() as puller:
        url = server.play(training("rain-issue", NOW))
        server.play(training("quake", NOW))
        assert url.endswith("/data/20261120000000_0_VPWW55_120000.xml")
        for name, type_ in (("extra", "VPWW55"), ("eqvol", "VXSE53")):
            fetched = await puller.fetch(f"{server.base}/{name}.xml", limit=FEED_LIMIT)
            assert fetched.new
            (entry,) = atom.read(fetched.body).entries
            assert (entry.type, entry.office, entry.updated) == (type_, "120000", NOW)
            body = (await puller.fetch(entry.url)).body
            assert telegram.read(body).type == type_


async def test_nothing_new_costs_no_body() -> None:
    clock = [NOW]
    async with stand_in(clock) as server, Puller() as puller:
        url = f"{server.base}/extra.xml"
        first = await puller.fetch(url)
        marks = [(first.etag, None), (None, first.last_modified), (first.etag, first.last_modified)]
        for etag, modified in marks:
            again = await puller.fetch(url, etag=etag, last_modified=modified)
            assert (again.status, again.body, again.new, again.fault) == (304, b"", False, None)
            assert again.etag == first.etag
        clock[0] += timedelta(seconds=5)
        server.play(training("rain-issue", clock[0]))
        news = await puller.fetch(url, etag=first.etag, last_modified=first.last_modified)
        assert news.new
        assert news.etag != first.etag


async def test_two_of_one_second_are_two_entries_newest_first() -> None:
    async with stand_in() as server, Puller() as puller:
        older, newer = (server.play(training(name, NOW)) for name in ("rain-issue", "rain-lift"))
        entries = atom.read((await puller.fetch(f"{server.base}/extra.xml")).body).entries
        assert [entry.url for entry in entries] == [newer, older]


async def test_anybody_on_loopback_may_play_a_telegram() -> None:
    async with stand_in() as server, Puller() as puller, aiohttp.ClientSession() as tester:
        async with tester.post(f"{server.base}/play", data=training("quake-drill", NOW)) as answer:
            assert answer.status == 201
            url = (await answer.json())["url"]
        assert telegram.read((await puller.fetch(url)).body).status == "訓練"
        async with tester.post(f"{server.base}/play?type=../x", data=b"<a/>") as refused:
            assert refused.status == 400
        async with tester.post(f"{server.base}/play") as refused:
            assert refused.status == 400


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.jp"])
async def test_the_stand_in_stays_on_loopback(host: str) -> None:
    with pytest.raises(ValueError):
        await FeedStandIn(now=lambda: NOW).start(host, 0)


async def test_a_missing_telegram_is_a_value() -> None:
    async with stand_in() as server, Puller() as puller:
        fetched = await puller.fetch(f"{server.base}/data/none.xml")
        assert (fetched.status, fetched.fault, fetched.new) == (404, Fault.STATUS, False)


async def test_a_gzip_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * (50 * 1024 * 1024))

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async with serving(answer) as base, Puller() as puller:
        fetched = await puller.fetch(base, limit=1024 * 1024)
        assert (fetched.fault, fetched.body) == (Fault.TOO_BIG, b"")


async def test_a_body_of_exactly_the_limit_is_taken() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 1000)

    async with serving(answer) as base, Puller() as puller:
        assert len((await puller.fetch(base, limit=1000)).body) == 1000
        assert (await puller.fetch(base, limit=999)).fault is Fault.TOO_BIG


async def test_a_trickle_ends_at_the_total_timeout() -> None:
    gone = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x")
                await asyncio.sleep(0.02)
        finally:
            gone.set()

    async with serving(answer) as base, Puller(timeout=0.3) as puller:
        assert (await puller.fetch(base)).fault is Fault.TIMEOUT
        await asyncio.wait_for(gone.wait(), 5)


async def test_redirects_stay_on_the_host() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        where = {"/here": "/there", "/away": "http://127.0.0.2:1/x", "/round": "/round", "/odd": "file:///x"}
        if request.path in where:
            return web.Response(status=302, headers={"Location": where[request.path]})
        return web.Response(body=b"found")

    async with serving(answer) as base, Puller() as puller:
        assert (await puller.fetch(f"{base}/here")).body == b"found"
        for path in ("/away", "/round", "/odd"):
            assert (await puller.fetch(base + path)).fault is Fault.REDIRECT


async def test_a_refused_connection_and_a_broken_answer_are_values() -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"this is not HTTP\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Puller() as puller:
        assert (await puller.fetch(f"http://127.0.0.1:{port}/")).fault is Fault.CONNECTION
        server.close()
        await server.wait_closed()
        assert (await puller.fetch(f"http://127.0.0.1:{port}/")).fault is Fault.CONNECTION
        assert (await puller.fetch("not a url")).fault is Fault.CONNECTION
