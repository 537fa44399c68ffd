"""The feeds program against a feed on loopback and a real ledger: polled, stored, interpreted, mailed once."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from config.settings import Source
from feeds.desk import Desk
from feeds.poll import Poller, beside
from feeds.pull import Puller
from feeds.replay import FeedStandIn
from feeds.training import training
from store import bulletins, ledger, telegrams
from store.db import Store
from tests.ledger import acts, feed_town
from tests.telegrams import RAIN, kind, report, warning

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = feed_town.found(str(tmp_path / "ledger.db"), datetime.now(UTC))
    yield opened
    opened.close()


@asynccontextmanager
async def stand_in(store: Store, short: timedelta | None = None) -> AsyncIterator[FeedStandIn]:
    server = FeedStandIn(now=store.now, short=short)
    await server.start("127.0.0.1", 0)
    try:
        yield server
    finally:
        await server.stop()


def source(base: str, name: str = "extra") -> Source:
    return Source(name=name, url=f"{base}/{name}.xml", long_url=f"{base}/{name}_l.xml")


@asynccontextmanager
async def polling(
    store: Store, server: FeedStandIn, name: str = "extra"
) -> AsyncIterator[tuple[Poller, Desk]]:
    """A poller that has had its first look at an empty feed, and the desk."""
    async with Puller(timeout=5) as puller:
        poller = Poller(store, puller, source(server.base, name))
        assert (await poller.poll()).failure is None
        yield poller, Desk(feed_town.settings(), store)


def advance(store: Store, **by: float) -> None:
    store.set_offset(store.now() - datetime.now(UTC) + timedelta(**by))


def lines(store: Store) -> list[tuple[str | None, str, str | None]]:
    """(type, state, why) of every telegram, oldest first."""
    return [tuple(line[2:5]) for line in reversed(store.call(telegrams.listed))]  # type: ignore[misc]


def feed_etag(store: Store, name: str = "extra") -> str | None:
    return store.call(telegrams.feed, name).etag


def mailed(store: Store) -> list[int]:
    """Release and send the newest bulletin; who got it."""
    view = store.call(bulletins.listed)[0]
    assert view.state == "approved"
    acts.expand(store, view.id, store.now())
    return sorted(mail.subscriber for mail in acts.deliver(store, store.now()))


@pytest.mark.req("C7.1", "C7.4", "C8.1", "C8.10")
async def test_from_the_feed_to_the_residents(store: Store) -> None:
    rain = acts.join(store, "rain@example.jp", store.now(), ("weather-rain", "city", 3))
    acts.join(store, "other@example.jp", store.now(), ("weather-rain", "funabashi", 3))
    async with stand_in(store) as server, polling(store, server) as (poller, desk):
        for name, state, who in (
            ("rain-issue", "understood", [rain]),
            ("rain-continue", "passed", None),
            ("rain-raise", "understood", [rain]),
            ("rain-drill", "passed", None),
            ("rain-cancel", "understood", [rain]),
        ):
            advance(store, minutes=1)
            server.play(training(name, store.now()))
            assert (await poller.poll()).stored == 1
            assert lines(store)[-1][1] == "received"  # stored before it is interpreted
            await desk.clear()
            assert lines(store)[-1][1] == state, name
            if who is not None:
                assert mailed(store) == who, name
        assert len(store.call(bulletins.listed)) == 3


@pytest.mark.req("C7.1")
async def test_an_earthquake_comes_through_its_own_feed(store: Store) -> None:
    region = acts.join(store, "region@example.jp", store.now(), ("quake", "seismic-341", 4))
    ward = acts.join(store, "ward@example.jp", store.now(), ("quake", "mihama", 3))
    acts.join(store, "ward5@example.jp", store.now(), ("quake", "mihama", 5))
    async with stand_in(store) as server, polling(store, server, "eqvol") as (poller, desk):
        advance(store, minutes=1)
        for name in ("quake-drill", "quake"):
            server.play(training(name, store.now()))
        await poller.poll()
        await desk.clear()
        assert lines(store)[0][2] == "drill"
        assert mailed(store) == [region, ward]


async def test_nothing_new_is_not_fetched_again(store: Store) -> None:
    async with stand_in(store) as server, polling(store, server) as (poller, _):
        advance(store, minutes=1)
        server.play(training("rain-issue", store.now()))
        assert (await poller.poll()).stored == 1
        etag = feed_etag(store)
        advance(store, minutes=1)
        assert (await poller.poll()).stored == 0
        state = store.call(telegrams.feed, "extra")
        assert (state.etag, state.ok_at, state.failure) == (etag, state.checked_at, None)
        assert len(lines(store)) == 1


async def test_a_first_look_mails_nothing(store: Store) -> None:
    acts.join(store, "rain@example.jp", store.now(), ("weather-rain", "city", 3))
    async with stand_in(store) as server:
        server.play(training("rain-issue", store.now()))
        async with polling(store, server) as (poller, desk):
            await desk.clear()
            assert lines(store) == [("VPWW55", "passed", "baseline")]
            advance(store, minutes=1)
            server.play(training("rain-continue", store.now()))
            await poller.poll()
            await desk.clear()
            assert lines(store)[-1] == ("VPWW55", "passed", "continue")
            advance(store, minutes=1)
            server.play(training("rain-lift", store.now()))
            await poller.poll()
            await desk.clear()
            assert lines(store)[-1][1] == "understood"


async def test_what_was_stored_before_a_restart_is_interpreted_after_it(tmp_path: Path) -> None:
    place = str(tmp_path / "town.db")
    before = feed_town.found(place, datetime.now(UTC))
    rain = acts.join(before, "rain@example.jp", before.now(), ("weather-rain", "city", 3))
    async with stand_in(before) as server, polling(before, server) as (poller, _):
        advance(before, seconds=1)
        server.play(training("rain-issue", before.now()))
        await poller.poll()
    before.close()
    after = Store(place)
    try:
        await Desk(feed_town.settings(), after).clear()
        assert mailed(after) == [rain]
        await Desk(feed_town.settings(), after).clear()
        assert len(after.call(bulletins.listed)) == 1
    finally:
        after.close()


async def test_the_same_telegram_at_another_address_is_told_once(store: Store) -> None:
    async with stand_in(store) as server, polling(store, server) as (poller, desk):
        advance(store, minutes=1)
        for _ in range(2):
            server.play(training("rain-issue", store.now()))
        assert (await poller.poll()).stored == 2
        await desk.clear()
        assert [state for _, state, _ in lines(store)] == ["understood", "passed"]


async def test_a_gap_is_filled_from_the_long_feed(store: Store) -> None:
    async with (
        stand_in(store, short=timedelta(minutes=10)) as server,
        polling(store, server) as (poller, desk),
    ):
        advance(store, minutes=5)
        server.play(training("rain-issue", store.now()))
        advance(store, minutes=20)
        server.play(training("rain-raise", store.now()))
        assert (await poller.poll()).stored == 2
        await desk.clear()
        assert [state for _, state, _ in lines(store)] == ["understood", "understood"]


async def test_without_a_gap_the_long_feed_is_left_alone(store: Store) -> None:
    async with stand_in(store, short=timedelta(minutes=10)) as server, polling(store, server) as (poller, _):
        for minutes in (0.1, 9, 9):
            advance(store, minutes=minutes)
            server.play(training("rain-continue", store.now()))
            assert (await poller.poll()).stored == 1
            assert (await poller.poll()).stored == 0


async def test_a_long_feed_that_is_gone_keeps_us_coming_back(store: Store) -> None:
    async with odd(store, long=True) as (server, poller, _):
        await poller.poll()
        etag = feed_etag(store)
        advance(store, minutes=20)
        server.add("1", training("rain-issue", store.now()))
        polled = await poller.poll()
        assert (polled.stored, polled.failure) == (1, "long-feed status 404")
        assert feed_etag(store) == etag
        server.bodies["/extra_l.xml"] = server.document()
        advance(store, minutes=1)
        assert (await poller.poll()).failure is None
        assert feed_etag(store) != etag
        # The long feed is written once an hour: it is not read more often.
        advance(store, minutes=20)
        asked = len(server.asked)
        await poller.poll()
        assert server.asked[asked:] == ["/extra.xml"]


@dataclass
class Odd:
    """A feed server whose every answer the test decides; `asked` are the paths in order."""

    entries: list[tuple[str, str]] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)
    down: bool = False
    feed: Callable[[], bytes] | None = None
    asked: list[str] = field(default_factory=list)
    base: str = ""

    def document(self) -> bytes:
        parts = [
            f"<entry><title>{title}</title><id>{url}</id><updated>2026-11-20T00:00:05Z</updated>"
            f'<link href="{url}"/></entry>'
            for url, title in reversed(self.entries)
        ]
        return f'<feed xmlns="http://www.w3.org/2005/Atom">{"".join(parts)}</feed>'.encode()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if self.down:
            return web.Response(status=503)
        if request.path == "/extra.xml":
            body = self.feed() if self.feed else self.document()
            return web.Response(body=body, headers={"ETag": f'"{len(body)}"'})
        if request.path not in self.bodies:
            return web.Response(status=404)
        return web.Response(body=self.bodies[request.path])

    def add(self, name: str, body: bytes | None, title: str = "") -> None:
        self.entries.append((f"{self.base}/data/{name}.xml", title))
        if body is not None:
            self.bodies[f"/data/{name}.xml"] = body


@asynccontextmanager
async def odd(store: Store, *, long: bool = False) -> AsyncIterator[tuple[Odd, Poller, Desk]]:
    server = Odd()
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with Puller(timeout=5) as puller:
            url = f"{server.base}/extra"
            long_url = f"{url}_l.xml" if long else None
            poller = Poller(store, puller, Source(name="extra", url=f"{url}.xml", long_url=long_url))
            yield server, poller, Desk(feed_town.settings(), store)
    finally:
        await runner.cleanup()


async def test_one_telegram_that_cannot_be_fetched_loses_neither_the_others_nor_itself(store: Store) -> None:
    async with odd(store) as (server, poller, desk):
        await poller.poll()
        before = feed_etag(store)
        advance(store, minutes=1)
        rain = training("rain-issue", store.now())
        for name, body in (("1", rain), ("2", None), ("3", training("rain-drill", store.now()))):
            server.add(name, body)
        polled = await poller.poll()
        assert (polled.stored, polled.missing, polled.failure) == (2, 1, None)
        state = store.call(telegrams.feed, "extra")
        assert (state.etag, state.failure) == (before, "1 telegrams")
        server.bodies["/data/2.xml"] = training("quake", store.now())
        assert (await poller.poll()).stored == 1
        assert feed_etag(store) != before
        assert server.asked.count("/data/1.xml") == 1
        await desk.clear()
        assert [state for _, state, _ in lines(store)] == ["understood", "passed", "understood"]


async def test_a_first_look_ends_even_if_a_telegram_is_gone(store: Store) -> None:
    async with odd(store) as (server, poller, _):
        server.add("gone", None)
        await poller.poll()
        assert lines(store) == [(None, "passed", "not-fetched")]
        assert store.call(telegrams.feed, "extra").baseline_at is not None


async def test_hostile_telegrams_are_kept_and_marked_and_polling_goes_on(store: Store) -> None:
    async with odd(store) as (server, poller, desk):
        await poller.poll()
        advance(store, minutes=1)
        bodies = {
            "text": b"\x00\xff this is not XML",
            "empty": b"",
            "dtd": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
            "huge": b"<a>" + b"x" * (50 * 1024 * 1024) + b"</a>",
            "new": report("令和九年の新しい電文"),
            "deep": b"<a>" * 5000,
            "rain": training("rain-issue", store.now()),
        }
        for name, body in bodies.items():
            server.add(name, body)
        polled = await poller.poll()
        assert (polled.missing, polled.failure) == (0, None)
        await desk.clear()
        found = {line[5].rsplit("/", 1)[1]: line[3:5] for line in store.call(telegrams.listed)}
        bad = "not-understood"
        assert found == {
            "text.xml": (bad, "bad-xml"),
            "empty.xml": (bad, "bad-xml"),
            "dtd.xml": (bad, "has-dtd"),
            "huge.xml": (bad, "too-big"),
            "new.xml": (bad, "unknown-type"),
            "deep.xml": (bad, "bad-xml"),
            "rain.xml": ("understood", store.call(bulletins.listed)[0].number),
        }
        advance(store, minutes=1)
        assert (await poller.poll()).stored == 0
        assert server.asked.count("/data/huge.xml") == 1


async def test_only_the_feeds_own_server_is_asked_for_telegrams(store: Store) -> None:
    async with odd(store) as (server, poller, _):
        server.entries += [
            ("http://127.0.0.2:9/data/1.xml", ""),
            ("https://127.0.0.1/data/1.xml", ""),
            (f"{server.base}/../1.xml", ""),
        ]
        polled = await poller.poll()
        assert (polled.stored, polled.missing) == (0, 0)
        assert server.asked == ["/extra.xml"]


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("https://a.example/xml/data/20260730125055_0_VPWW55_120000.xml", True),
        ("https://a.example/other/data/1.xml", False),
        ("http://a.example/xml/data/1.xml", False),
        ("https://a.example:444/xml/data/1.xml", False),
        ("https://b.example/xml/data/1.xml", False),
        ("https://me@a.example/xml/data/1.xml", False),
        ("https://a.example/xml/%2e%2e/1.xml", False),
        ("https://a.example/xml/data/" + "1" * 500, False),
        ("https://a.example:x/xml/data/1.xml", False),
    ],
)
def test_beside_the_feed(url: str, near: bool) -> None:
    assert beside("https://a.example/xml/feed/extra.xml", url) is near


async def test_what_nobody_reads_is_recorded_and_not_fetched(store: Store) -> None:
    async with odd(store) as (server, poller, _):
        await poller.poll()
        advance(store, minutes=1)
        title = "気象警報・注意報（Ｒ０６）（集約通報）"
        server.add("20261120000000_0_VPWS50_010000", None, title)
        # The name alone is not believed: the title says what it is.
        server.add("20261120000000_1_VPWS50_010000", report(RAIN, warning(kind("03", "継続"))), RAIN)
        polled = await poller.poll()
        assert (polled.stored, polled.missing) == (1, 0)
        assert lines(store)[0] == (None, "passed", "not-wanted")


async def test_a_dead_feed_is_asked_less_often_and_recovers_alone(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with odd(store) as (server, poller, _):
        await poller.run(store.now())
        server.down = True
        asked = []
        for _ in range(12):
            advance(store, minutes=1)
            before = len(server.asked)
            await poller.run(store.now())
            asked.append(len(server.asked) - before)
        assert asked == [1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]
        state = store.call(telegrams.feed, "extra")
        assert (state.failure, state.ok_at is not None) == ("status 503", True)
        assert "feed failed name=extra why=status 503" in caplog.text
        assert [r.levelname for r in caplog.records if "feed failed" in r.message][-1] == "ERROR"
        server.down = False
        for _ in range(2):
            advance(store, minutes=1)
            await poller.run(store.now())
        state = store.call(telegrams.feed, "extra")
        assert (state.failure, state.ok_at) == (None, state.checked_at)


@pytest.mark.parametrize("body", [b"", b"<html/>", b"<!DOCTYPE x><feed/>", b"\xff\xfe\x00", b"<feed>" * 9000])
async def test_a_feed_that_is_no_feed_is_a_failure_and_keeps_what_was_known(
    store: Store, body: bytes
) -> None:
    async with odd(store) as (server, poller, _):
        await poller.poll()
        etag = feed_etag(store)
        server.feed = lambda: body
        assert (await poller.poll()).failure is not None
        assert feed_etag(store) == etag


async def test_what_the_desk_cannot_finish_is_set_aside_for_a_person(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with stand_in(store) as server, polling(store, server) as (poller, desk):
        advance(store, minutes=1)
        server.play(training("rain-issue", store.now()))
        server.play(training("quake-drill", store.now()))
        await poller.poll()
        # A renderer that breaks stands for any mistake of ours.
        desk._render = lambda sheet: str(1 / 0)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await desk.clear()
            assert lines(store)[0][1] == "received"
        await desk.clear()
        assert lines(store)[0] == ("VPWW55", "held", "failed ZeroDivisionError")
        assert store.call(bulletins.listed) == []


class Program:
    """`python -m feeds` as the supervisor starts it."""

    def __init__(self, folder: Path) -> None:
        self.ready, ready = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "feeds", "--config", str(folder)],
            cwd=ROOT,
            env={**os.environ, "HANSHO_READY_FD": str(ready)},
            pass_fds=(ready,),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        os.close(ready)

    async def started(self) -> None:
        said = await asyncio.wait_for(asyncio.to_thread(os.read, self.ready, 100), 20)
        assert said.startswith(b"ready"), said

    async def end(self, number: int) -> int:
        self.process.send_signal(number)
        output, _ = await asyncio.to_thread(self.process.communicate, None, 20)
        os.close(self.ready)
        assert b"Traceback" not in output, output.decode()
        return self.process.returncode


def configuration(folder: Path, base: str) -> None:
    """hansho.yaml of the sample, with its feed on the stand-in."""
    text = (ROOT / "config" / "sample" / "hansho.yaml").read_text(encoding="utf-8")
    text = text.replace("http://127.0.0.1:8083", base).replace("poll_seconds: 60", "poll_seconds: 1")
    (folder / "hansho.yaml").write_text(text, encoding="utf-8")


async def until(store: Store, what: Callable[[], bool]) -> None:
    """Wait for something that another process commits."""
    ear = store.ear()
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(what):
            await ear.wait(1)


@pytest.mark.req("D5", "C7.4", "X12")
async def test_the_program_polls_survives_a_kill_and_stops_when_asked(tmp_path: Path) -> None:
    store = feed_town.found(str(tmp_path / "ledger.db"), datetime.now(UTC))
    acts.join(store, "rain@example.jp", store.now(), ("weather-rain", "city", 3))
    try:
        async with stand_in(store) as server:
            configuration(tmp_path, server.base)
            first = Program(tmp_path)
            await first.started()
            await until(store, lambda: len(store.call(telegrams.feeds)) == 3)
            server.play(training("rain-issue", store.now()))
            await until(store, lambda: [s for _, s, _ in lines(store)] == ["understood"])
            assert await first.end(signal.SIGKILL) == -signal.SIGKILL
            server.play(training("rain-raise", store.now()))
            second = Program(tmp_path)
            await second.started()
            await until(store, lambda: [s for _, s, _ in lines(store)] == ["understood", "understood"])
            assert await second.end(signal.SIGTERM) == 0
        assert [view.state for view in store.call(bulletins.listed)] == ["approved", "approved"]
    finally:
        store.close()


@pytest.mark.req("D5")
async def test_two_programs_tell_it_once(tmp_path: Path) -> None:
    store = feed_town.found(str(tmp_path / "ledger.db"), datetime.now(UTC))
    try:
        async with stand_in(store) as server:
            configuration(tmp_path, server.base)
            programs = [Program(tmp_path), Program(tmp_path)]
            for one in programs:
                await one.started()
            await until(store, lambda: len(store.call(telegrams.feeds)) == 3)
            for name in ("rain-issue", "rain-continue", "quake"):
                server.play(training(name, store.now()))
            await until(
                store, lambda: len(lines(store)) == 3 and all(s != "received" for _, s, _ in lines(store))
            )
            for one in programs:
                assert await one.end(signal.SIGTERM) == 0
        assert len(store.call(bulletins.listed)) == 2
    finally:
        store.close()


async def test_the_program_refuses_another_towns_ledger(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "ledger.db"))
    store.call(ledger.open_ledger, "funabashi", "training", now=datetime.now(UTC))
    store.close()
    configuration(tmp_path, "http://127.0.0.1:9")
    program = Program(tmp_path)
    assert await asyncio.to_thread(program.process.wait, 20) == 78
    await program.end(signal.SIGTERM)
