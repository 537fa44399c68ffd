"""What stands around the pages: GET changes nothing, headers, pace, origin, size, time, errors."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbound.web_guard import Limits
from inbound.web_pace import Buckets, client_of
from tests.wire.web_town import Door, opened


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as made:
        yield made


def every_page(door: Door) -> list[str]:
    who, made = door.join(), door.draft()
    own, link = door.settei(who), door.links(made.id)["sato"]
    return [
        "/",
        "/touroku",
        "/help",
        "/chirashi",
        f"/touroku/{door.invite('second@au.com')}",
        own,
        f"{own}/kaijo",
        f"{own}/saikai",
        f"{own}/shubetsu/weather",
        f"{own}/shubetsu/suspicious",
        door.teishi(who),
        link,
        f"{link}/mail",
        f"{link}?action=approve&pin=4649",
    ]


@pytest.mark.req("C5.6")
async def test_a_get_changes_nothing_however_often(door: Door) -> None:
    """R20: link scanners fetch every address in a mail."""
    pages = every_page(door)
    before = door.dump()
    for _ in range(5):
        answers = await asyncio.gather(*(door.get(path) for path in pages))
        for method in ("HEAD", "OPTIONS"):
            for path in pages:
                async with door.client.request(method, door.url + path) as answer:
                    assert answer.status < 500
    assert {status for status, _ in answers} == {200, 405}  # …/saikai is a button only
    assert door.dump() == before


async def test_headers_keep_tokens_at_home(door: Door) -> None:
    for path in (*every_page(door), "/nothing", "/touroku/" + "a" * 24):
        async with door.client.get(door.url + path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'")
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "aiohttp" not in answer.headers["Server"]
            assert not answer.cookies
            if not path.endswith("/mail"):
                assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
                assert "form-action 'self'" in policy


async def test_errors_are_pages_that_say_what_to_do(door: Door) -> None:
    for path, status, said in (("/nothing", 404, "このページはありません"), ("/x" * 2000, 404, "ありません")):
        answer = await door.get(path)
        assert answer[0] == status and said in answer[1] and "119番" in answer[1]
    assert (await door.post("/help"))[0] == 405
    status, text = await door.post("/touroku", ("address", "a" * 100_000))
    assert status == 413 and "大きすぎます" in text


async def test_what_nobody_foresaw_is_a_page_and_a_log_without_an_address(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    token = door.invite()
    with sqlite3.connect(door.store.address) as broken:
        broken.execute("DROP TABLE token")
    with caplog.at_level(logging.ERROR):
        status, text = await door.get(f"/touroku/{token}")
    assert status == 500 and "うまくいきませんでした" in text and "Traceback" not in text
    assert "a page failed: OperationalError" in caplog.text
    assert token not in caplog.text and "docomo" not in caplog.text


async def test_who_asks_too_fast_waits_and_others_do_not(tmp_path: Path) -> None:
    async with opened(tmp_path, limits=Limits(client_burst=3, client_rate=0.001)) as door:
        seen = [(await door.get("/help", **{"X-Forwarded-For": "203.0.113.9"}))[0] for _ in range(4)]
        assert seen == [200, 200, 200, 429]
        async with door.client.get(door.url + "/help", headers={"X-Forwarded-For": "203.0.113.9"}) as answer:
            assert int(answer.headers["Retry-After"]) >= 1
            assert "混み合っています" in await answer.text()
        assert (await door.get("/help", **{"X-Forwarded-For": "203.0.113.10"}))[0] == 200
        # A spoofed entry before the proxy's own changes nothing; one-click is exempt; this machine has no limit.
        assert (await door.get("/help", **{"X-Forwarded-For": "1.2.3.4, 203.0.113.9"}))[0] == 429
        path = door.teishi(door.join())
        one_click = ("List-Unsubscribe", "One-Click")
        assert (await door.post(path, one_click, **{"X-Forwarded-For": "203.0.113.9"}))[0] == 200
        assert [(await door.get("/help"))[0] for _ in range(6)] == [200] * 6


async def test_all_together_have_a_pace_too(tmp_path: Path) -> None:
    async with opened(tmp_path, limits=Limits(burst=2, rate=0.001)) as door:
        assert [(await door.get("/help"))[0] for _ in range(3)] == [200, 200, 429]


def test_buckets_refill_and_forget() -> None:
    at = 0.0
    buckets = Buckets(2, 1, most=2, clock=lambda: at)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 1]
    at = 1.0
    assert [buckets.take("a") for _ in range(2)] == [0, 1]
    buckets.take("b")
    buckets.take("c")
    assert buckets.take("a") == 0  # "a" was not seen for longest, and begins anew


@pytest.mark.parametrize(
    ("headers", "site"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://127.0.0.1:8080"}, 200),
        ({}, 200),
    ],
)
async def test_forms_of_other_sites_are_refused(door: Door, headers: dict[str, str], site: int) -> None:
    assert (await door.post("/touroku", ("address", "a@docomo.ne.jp"), **headers))[0] == site
    path = door.teishi(door.join())  # RFC 8058: a provider's machine posts from anywhere
    assert (await door.post(path, ("List-Unsubscribe", "One-Click"), **headers))[0] == 200


async def test_a_form_sent_too_slowly_is_given_up(tmp_path: Path) -> None:
    async with opened(tmp_path, limits=Limits(seconds=0.2)) as door:
        host, port = door.runner.addresses[0][:2]
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"POST /touroku HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n")
        writer.write(b"Content-Type: application/x-www-form-urlencoded\r\n\r\naddress=")
        assert b"503" in await asyncio.wait_for(reader.readline(), 5)
        writer.close()


class Shared:
    """One door for all examples: hypothesis is not async."""

    def __init__(self, loop: asyncio.AbstractEventLoop, door: Door) -> None:
        self._loop, self._door = loop, door

    def post(self, path: str, body: bytes, kind: str) -> int:
        """The status of a POST of raw bytes."""

        async def send() -> int:
            async with self._door.client.post(
                self._door.url + path, data=body, headers={"Content-Type": kind} if kind else {}
            ) as answer:
                return answer.status

        return self._loop.run_until_complete(send())


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Shared]:
    loop = asyncio.new_event_loop()
    house = opened(tmp_path)
    door = loop.run_until_complete(house.__aenter__())
    yield Shared(loop, door)
    loop.run_until_complete(house.__aexit__(None, None, None))
    loop.close()


async def test_a_head_that_never_ends_is_given_up(tmp_path: Path) -> None:
    async with opened(tmp_path, limits=Limits(seconds=0.2)) as door:
        host, port = door.runner.addresses[0][:2]
        for start in (b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(start)
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
        assert (await door.get("/help"))[0] == 200


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded; charset=nothing",
            "application/x-www-form-urlencoded; charset=utf-16",
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "text/plain",
            "",
        ]
    ),
    wrapped=st.booleans(),
)
def test_no_body_breaks_a_page(shared: Shared, body: bytes, kind: str, wrapped: bool) -> None:
    if wrapped:
        body = b'--x\r\nContent-Disposition: form-data; name="address"\r\n\r\n' + body + b"\r\n--x--\r\n"
    for path in ("/touroku", "/touroku/" + "a" * 24, "/settei/x/kaijo", "/teishi/x", "/shounin/x"):
        assert shared.post(path, body, kind) < 500


def test_a_broken_multipart_is_the_senders_mistake(shared: Shared) -> None:
    for body in (b"--x\r\nbroken", b"--x\r\n: \r\n\r\n", b"--x"):
        assert shared.post("/touroku", body, "multipart/form-data; boundary=x") in (400, 422)


def test_client_of_takes_whole_networks_of_ipv6() -> None:
    class Request:
        remote = "2001:db8::1"
        headers: ClassVar[dict[str, str]] = {}

    assert client_of(Request()) == "2001:db8::/64"  # type: ignore[arg-type]
    Request.remote = "127.0.0.1"
    assert client_of(Request()) is None  # type: ignore[arg-type]
    Request.headers = {"X-Forwarded-For": "nonsense"}
    assert client_of(Request()) == "?"  # type: ignore[arg-type]
