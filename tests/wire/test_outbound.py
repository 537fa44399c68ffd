"""A released bulletin on its way: whom it reaches, what each mail is, and what becomes of every answer."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from outbound import desk as desks
from outbound.desk import Desk
from store import bulletins, deliveries, letters, release, subscriptions, workers
from store.letters import Purpose
from store.models import Delivery, Worker, sql
from store.tokens import Signed
from tests.ledger import acts
from tests.wire import pool as pools
from tests.wire.peers import serving
from tests.wire.pool import (
    KEYS,
    Pool,
    Post,
    covered,
    pool,
    program,
    route,
    text_of,
    token_in,
    town_folder,
    verified,
)

CITY = ("suspicious", "city", 1)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return str(tmp_path / "ledger.db")


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
async def town(tmp_path: Path, post: Post, address: str) -> AsyncIterator[Pool]:
    """One mail server for everybody, on both databases."""
    async with serving(post) as port:
        routes = route("docomo", port, "docomo.ne.jp"), route("all", port, "*")
        async with pool(tmp_path, *routes, address=address) as made:
            yield made


@pytest.fixture
async def lite(tmp_path: Path, post: Post) -> AsyncIterator[Pool]:
    """The same on SQLite only, where the database does not matter."""
    async with serving(post) as port, pool(tmp_path, route("all", port, "*")) as made:
        yield made


@pytest.mark.req("D5", "C8.1", "C8.2", "C6.2")
async def test_a_bulletin_reaches_exactly_its_audience(town: Pool, post: Post) -> None:
    asked = {f"r{i}@example.jp": town.resident(f"r{i}@example.jp", CITY) for i in range(12)}
    town.resident("other@example.jp", ("weather-rain", "city", 3))
    town.resident("masago@example.jp", ("suspicious", "masago", 1))
    made = town.release(where=("hanamigawa",))
    town.start(Desk(town.settings, town.store), town.sender())
    await town.state(made, "sent")
    mails = post.mails()
    assert sorted(to for _, to, _ in mails) == sorted(asked)
    assert town.progress(made) == release.Progress(12, 12, 0, 0, 0)
    rows = {row.id: row for row in town.rows()}
    raws = {to[0]: raw for _, to, raw in post.got}
    for path, to, mail in mails:
        raw = raws[to]
        names = covered(raw)
        assert {"list-unsubscribe", "list-unsubscribe-post", "to", "message-id", "subject"} <= names
        assert mail["To"] == to
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        read = KEYS.read([Signed.RETURN_DELIVERY], token_in(path))
        assert read is not None
        row = rows[read[1]]
        assert row.subscriber_id == asked[to]
        assert mail["Message-ID"] == f"<{made.number}.{row.subscriber_id}@{pools.DOMAIN}>"
        for kind in ("plain", "html"):
            text = text_of(mail, kind)
            assert "「千葉市・不審者情報」を選択した方" in text
            manage = KEYS.sign(Signed.SETTINGS, row.subscriber_id)
            assert f"/settei/{manage}" in text
            assert "043-555-0102" in text  # the officer's own unit answers for it (K5)
        assert f"/teishi/{KEYS.sign(Signed.STOP, row.subscriber_id)}" in mail["List-Unsubscribe"]
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["X-Hansho-Realm"] == "live"
        assert "訓練" not in mail["Subject"]


@pytest.mark.req("X5")
async def test_a_second_bulletin_of_an_event_and_a_correction_join_the_thread(lite: Pool, post: Post) -> None:
    subscriber = lite.resident("a@example.jp", CITY)
    lite.start(lite.sender())
    first = lite.expanded(event="e1")
    await post.until(1)
    second = lite.expanded(event="e1", subject="花見川区で声かけ（第2報）")
    await post.until(2)
    lonely = lite.expanded(subject="美浜区でつきまとい")
    await post.until(3)
    third = lite.expanded(refers=(lonely.id, "correction"), subject="美浜区でつきまとい")
    await post.until(4)
    by_number = {mail["X-Hansho-Bulletin"]: mail for _, _, mail in post.mails()}
    assert by_number[first.number]["References"] is None
    assert by_number[second.number]["References"] == f"<{first.number}.{subscriber}@{pools.DOMAIN}>"
    assert by_number[second.number]["In-Reply-To"] == by_number[second.number]["References"]
    assert by_number[third.number]["References"] == f"<{lonely.number}.{subscriber}@{pools.DOMAIN}>"
    assert by_number[third.number]["Subject"].startswith("【訂正】")


@pytest.mark.req("C8.7")
async def test_everybody_gets_the_sections_he_chose(lite: Pool, post: Post) -> None:
    lite.resident("west@example.jp", ("suspicious", "hanamigawa", 1))
    lite.resident("bay@example.jp", ("suspicious", "mihama", 1))
    lite.resident("all@example.jp", CITY)
    lite.expanded(parts=(("西警察署", "空き巣1件", "hanamigawa"), ("美浜署", "自転車盗2件", "mihama")))
    lite.start(lite.sender())
    await post.until(3)
    texts = {to: (text_of(mail), text_of(mail, "html")) for _, to, mail in post.mails()}
    for kind in (0, 1):
        assert "空き巣" in texts["west@example.jp"][kind] and "自転車盗" not in texts["west@example.jp"][kind]
        assert "自転車盗" in texts["bay@example.jp"][kind] and "空き巣" not in texts["bay@example.jp"][kind]
        assert "空き巣" in texts["all@example.jp"][kind] and "自転車盗" in texts["all@example.jp"][kind]
    for _, _, raw in post.got:
        verified(raw)


@pytest.mark.req("X4")
async def test_a_drill_says_so_everywhere_and_reaches_staff_only(lite: Pool, post: Post) -> None:
    lite.resident("resident@example.jp", CITY)
    lite.resident("chief@police.example.lg.jp", CITY)
    lite.expanded(realm="drill")
    lite.start(lite.sender())
    await post.until(1)
    ((_, to, mail),) = post.mails()
    assert to == "chief@police.example.lg.jp"
    assert mail["Subject"].startswith("【訓練】")
    assert mail["X-Hansho-Realm"] == "drill"
    assert text_of(mail).startswith("これは訓練です。")
    assert "x-hansho-realm" in covered(post.got[0][2])


@pytest.mark.req("C8.4", "C8.5")
async def test_put_off_is_tried_later_in_its_lane(town: Pool, post: Post) -> None:
    town.resident("full@example.jp", CITY)
    town.resident("fine@example.jp", CITY)
    post.at_rcpt["full@example.jp"] = ["451 4.2.2 mailbox full", "450 4.7.1 greylisted"]
    made = town.expanded()
    town.start(town.sender())
    await town.until(lambda: town.progress(made).sent == 1 and _states(town)[0] == "deferred")
    put_off = town.rows()[0]
    assert (put_off.code, put_off.attempts, put_off.lane) == (451, 1, 2)
    assert put_off.due is not None
    seconds = (put_off.due - town.now()).total_seconds()
    assert 20 < seconds < 40  # immediate: half a minute, spread
    await town.stop()
    for number, outcome in ((2, "deferred"), (3, "sent")):
        town.store.call(lambda: Delivery.update(due=town.now()).where(Delivery.state == "deferred").execute())
        town.start(town.sender())
        await town.until(lambda n=number, o=outcome: town.rows()[0].attempts == n and _states(town)[0] == o)
        await town.stop()
    row = town.rows()[0]
    assert row.retry == 1 and row.lane == 2
    first = next(mail for _, to, mail in post.mails() if to == "full@example.jp")
    assert first["Message-ID"] == f"<{made.number}.{row.subscriber_id}@{pools.DOMAIN}>"
    assert town.bounces() == []


def _states(town: Pool) -> list[str]:
    return [str(row.state) for row in town.rows()]


@pytest.mark.req("C8.6", "D6")
async def test_refused_for_good_is_recorded_with_what_it_says_about_the_address(
    town: Pool, post: Post
) -> None:
    for name, said in (
        ("dead", "550 5.1.1 User unknown"),
        ("policy", "550 5.7.26 unauthenticated"),
        ("blocked", "554 5.7.1 Service unavailable; user unknown"),
    ):
        town.resident(f"{name}@example.jp", CITY)
        post.at_rcpt[f"{name}@example.jp"] = [said]
    town.resident("spmode@docomo.ne.jp", CITY)
    post.at_dot["spmode@docomo.ne.jp"] = ["550 Unknown user spmode@docomo.ne.jp"]
    made = town.release()
    town.start(Desk(town.settings, town.store), town.sender())
    await town.state(made, "sent")
    assert town.progress(made) == release.Progress(4, 0, 4, 0, 0)
    kinds = {bounce.delivery_id: (bounce.kind, bounce.reason) for bounce in town.bounces()}
    dead, policy, blocked, docomo = [kinds[row.id] for row in town.rows()]
    assert dead == ("hard", "user-unknown")
    assert policy[0] == "soft" and blocked[0] == "soft"
    assert docomo == ("soft", "filtered")  # after DATA it is the resident's own filter (MAIL.md 1)


@pytest.mark.req("C8.5")
async def test_lost_after_the_dot_is_put_off_and_recognisable(lite: Pool, post: Post) -> None:
    lite.resident("a@example.jp", CITY)
    post.at_dot["a@example.jp"] = ["lose"]
    made = lite.expanded()
    lite.start(lite.sender())
    await lite.until(lambda: _states(lite) == ["deferred"])
    lite.store.call(lambda: Delivery.update(due=lite.now()).execute())
    await lite.until(lambda: lite.progress(made).sent == 1)
    ids = [mail["Message-ID"] for _, _, mail in post.mails()]
    assert len(ids) == 2 and len(set(ids)) == 1


async def test_a_server_that_goes_away_and_comes_back_loses_nobody(tmp_path: Path, post: Post) -> None:
    post.delay = 0.01
    async with serving(post) as port:
        pass
    async with pool(tmp_path, route("all", port, "*")) as town:
        for i in range(60):
            town.resident(f"r{i}@example.jp", CITY)
        made = town.expanded()
        town.start(town.sender())
        await town.until(lambda: "deferred" in _states(town))
        loop = asyncio.get_running_loop()
        from aiosmtpd.smtp import SMTP

        server = await loop.create_server(
            lambda: SMTP(post, hostname="mx.example.jp", loop=loop), "127.0.0.1", port
        )
        async with server:
            for _ in range(50):
                town.store.call(
                    lambda: Delivery.update(due=town.now()).where(Delivery.state == "deferred").execute()
                )
                if town.progress(made).sent == 60:
                    break
                await town.store.ear().wait(0.2)
            assert town.progress(made) == release.Progress(60, 60, 0, 0, 0)
            await town.stop()
    assert sorted(to for _, to, _ in post.mails()) == sorted(f"r{i}@example.jp" for i in range(60))


@pytest.mark.req("X7", "K3")
async def test_the_stop_button_in_mid_run(town: Pool, post: Post) -> None:
    acts.crowd(town.store, 300)
    made = town.release()
    post.delay = 0.1
    town.start(Desk(town.settings, town.store), town.sender())
    await post.until(20)
    began = asyncio.get_running_loop().time()
    chief = acts.person(town.store, "chief")
    await town.store.run(release.stop, made.id, by=chief, now=town.now())
    handed = len(post.got)
    await town.state(made, "stopped")
    assert asyncio.get_running_loop().time() - began < 2
    told = town.progress(made)
    assert told.sent + told.withdrawn == told.expanded and told.open == 0 and told.failed == 0
    assert told.sent == len(post.got)
    assert (
        len(post.got) - handed <= 8
    )  # what was on the wire: one mail a connection, and its successor at most
    assert town.store.call(bulletins.view, made.id).finished_at is not None


async def test_the_stop_button_when_every_connection_hangs(lite: Pool, post: Post) -> None:
    """Rows that wait for a connection are called off at once, not when their turn comes."""
    for i in range(40):
        lite.resident(f"r{i}@example.jp", CITY)
    post.hold = asyncio.Event()
    made = lite.release()
    lite.start(Desk(lite.settings, lite.store), lite.sender())
    await lite.until(lambda: post.open_now >= 3)
    await lite.store.run(release.stop, made.id, by=acts.person(lite.store, "chief"), now=lite.now())
    await lite.until(lambda: lite.progress(made).withdrawn >= 36, seconds=2)
    post.hold.set()
    await lite.state(made, "stopped")
    told = lite.progress(made)
    assert told.sent == len(post.got) <= 4 and told.sent + told.withdrawn == 40


async def test_sigterm_gives_back_what_nobody_has_heard_of(lite: Pool, post: Post) -> None:
    for i in range(40):
        lite.resident(f"r{i}@example.jp", CITY)
    post.hold = asyncio.Event()
    made = lite.expanded()
    lite.start(lite.sender())
    await lite.until(lambda: post.open_now >= 3)
    stopping = asyncio.create_task(lite.stop())
    await lite.until(lambda: _states(lite).count("queued") >= 36, seconds=2)
    post.hold.set()
    await stopping
    assert _states(lite).count("leased") == 0
    assert lite.progress(made).sent == len(post.got)
    post.hold = None
    lite.start(lite.sender())
    await lite.until(lambda: lite.progress(made).open == 0)
    assert len({to for _, to, _ in post.mails()}) == len(post.got) == 40  # nobody twice


async def test_a_worker_called_dead_stops_at_once(
    lite: Pool, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "BEAT", timedelta(milliseconds=50))
    for i in range(40):
        lite.resident(f"r{i}@example.jp", CITY)
    post.hold = asyncio.Event()
    made = lite.expanded()
    lite.start(lite.sender())
    await lite.until(lambda: post.open_now >= 3)
    (worker,) = lite.store.call(lambda: list(Worker.select()))
    heard = post.open_now
    lite.store.call(workers.leave, worker.id, now=lite.now())
    (task, _) = lite.running.pop()
    # The loop notices within a second; what is on the wire then ends or is cut.
    asyncio.get_running_loop().call_later(1.5, post.hold.set)
    with pytest.raises(Exception) as caught:
        await task
    assert type(caught.value).__name__ == "Fenced"
    assert len(post.got) <= heard
    assert lite.progress(made).sent == 0
    assert lite.progress(made).open == 40
    lite.store.call(lambda: Delivery.update(state="withdrawn").execute())


@pytest.mark.req("C8.3")
async def test_a_route_keeps_its_pace(tmp_path: Path, post: Post) -> None:
    async with serving(post) as port, pool(tmp_path, route("all", port, "*", per_minute=1200)) as town:
        for i in range(16):
            town.resident(f"r{i}@example.jp", CITY)
        town.expanded()
        began = asyncio.get_running_loop().time()
        town.start(town.sender())
        await post.until(16)
        took = asyncio.get_running_loop().time() - began
        assert took >= 15 * 0.05 * 0.9  # 20 a second


@pytest.mark.req("X7")
async def test_an_urgent_bulletin_overtakes_thousands(town: Pool, post: Post) -> None:
    acts.crowd(town.store, 5_000, category="crime")
    for i in range(30):
        town.resident(f"u{i}@example.jp", ("weather-rain", "city", 3))
    for key, right in (("officer", "edit"), ("chief", "approve")):
        acts.entitle(town.store, key, right)
    post.delay = 0.01
    town.expanded(category="crime")
    town.start(Desk(town.settings, town.store), town.sender())
    await post.until(30)
    urgent = town.release(category="weather-rain", level=3, subject="大雨特別警報 千葉市")
    before = len(post.got)
    await town.until(lambda: town.progress(urgent).sent == 30)
    numbers = [mail["X-Hansho-Bulletin"] for _, _, mail in post.mails()[before:]]
    first, last = numbers.index(urgent.number), len(numbers) - numbers[::-1].index(urgent.number)
    assert first < 200  # of 5,000: half a second at what this server takes
    assert last - first < 60  # and then nearly nothing between
    await town.stop()
    town.store.call(lambda: Delivery.update(state="withdrawn").where(Delivery.state != "sent").execute())


async def test_what_is_too_late_is_not_sent(lite: Pool, post: Post) -> None:
    """The senders were down while the bulletin grew old (R6)."""
    lite.resident("a@example.jp", CITY)
    made = lite.expanded(not_after=lite.now() + timedelta(minutes=10))
    lite.store.set_offset(timedelta(minutes=11))
    lite.start(Desk(lite.settings, lite.store), lite.sender())
    await lite.state(made, "sent")
    assert post.got == [] and lite.progress(made).failed == 1
    assert lite.bounces() == []
    assert lite.rows()[0].reply == "too late to send"


@pytest.mark.req("X12")
async def test_a_worker_killed_in_mid_run_loses_nobody(tmp_path: Path, post: Post, address: str) -> None:
    """`kill -9` of the real program; the next one on this machine takes over what it held, at once."""
    post.delay = 0.02
    async with serving(post) as port:
        folder = town_folder(tmp_path / "town", port, address)
        routes = route("docomo", port, "docomo.ne.jp"), route("all", port, "*")
        async with pool(tmp_path, *routes, address=address) as town:
            acts.crowd(town.store, 400)
            made = town.expanded()
            first = await program(folder)
            await post.until(60)
            first.kill()
            await first.wait()
            held = town.store.call(lambda: Delivery.select().where(Delivery.state == "leased").count())
            handed = len(post.got)
            assert 0 < held <= 100
            second = await program(folder)
            await town.until(lambda: town.progress(made).sent == 400)
            second.terminate()
            assert await asyncio.wait_for(second.wait(), 10) == 0
    reached = [to[0] for _, to, _ in post.got]
    assert len(set(reached)) == 400
    assert len(reached) - 400 <= min(held, handed)
    ids = {to[0]: set[bytes]() for _, to, _ in post.got}
    for _, to, raw in post.got:
        ids[to[0]].add(raw.partition(b"Message-ID: ")[2].partition(b"\r\n")[0])
    assert all(len(each) == 1 for each in ids.values())


async def test_a_desk_takes_back_what_a_silent_worker_held(
    lite: Pool, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By watching its heart stand still, whatever the wall clock says."""
    lite.resident("a@example.jp", CITY)
    made = lite.expanded()
    dead = lite.store.call(workers.join, "outbound", host="gone", pid=1, now=lite.now() + timedelta(days=1))
    assert len(lite.store.call(deliveries.lease, dead, limit=10, now=lite.now())) == 1
    monkeypatch.setattr(workers, "DEAD", timedelta(seconds=1))
    monkeypatch.setattr(workers, "BEAT", timedelta(seconds=0.1))
    monkeypatch.setattr(desks, "BURY_EVERY_SECONDS", 0.2)
    lite.start(Desk(lite.settings, lite.store), lite.sender())
    await lite.state(made, "sent")
    assert len(post.got) == 1


@pytest.mark.req("C8.4")
async def test_a_destination_that_hangs_stands_in_nobodys_way(tmp_path: Path, post: Post) -> None:
    """R10: a server that never answers holds its own rows; the others, and an urgent mail to itself, go on."""
    tarpit = Post()
    tarpit.hold = asyncio.Event()
    async with serving(post) as port, serving(tarpit) as stuck:
        routes = route("tar", stuck, "docomo.ne.jp"), route("all", port, "*")
        async with pool(tmp_path, *routes) as town:
            for i in range(60):
                town.resident(f"s{i}@docomo.ne.jp", CITY)
            for i in range(120):
                town.resident(f"f{i}@example.jp", CITY)
            made = town.expanded()
            town.start(town.sender())
            await post.until(120)
            assert len(tarpit.got) == 0 and tarpit.open_now == 3  # one of its four connections is kept free
            held = sum(row.state == "leased" and row.queue_id == town.ids["tar"] for row in town.rows())
            assert held <= 32
            town.store.call(letters.write, Purpose.NOT_UNDERSTOOD, "x@example.jp", {}, now=town.now())
            await post.until(121)
            town.store.call(subscriptions.request, "new@docomo.ne.jp", queue=town.ids["tar"], now=town.now())
            await _open(tarpit, 4)
            tarpit.hold.set()
            await town.until(lambda: town.progress(made).sent == 180)


async def _open(post: Post, count: int) -> None:
    async with asyncio.timeout(5):
        while post.open_now < count:  # noqa: ASYNC110 - the other side of a socket rings no bell
            await asyncio.sleep(0.01)


async def test_a_locked_ledger_loses_no_result(
    lite: Pool, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    """A backup holds the database for a while: what was sent meanwhile is recorded later, and nobody gets it twice."""
    for i in range(30):
        lite.resident(f"r{i}@example.jp", CITY)
    made = lite.expanded()
    lite.store.call(sql, "PRAGMA busy_timeout = 50")
    post.hold = asyncio.Event()
    lite.start(lite.sender())
    await _open(post, 3)
    backup = sqlite3.connect(lite.store.address, isolation_level=None)
    backup.execute("BEGIN IMMEDIATE")
    post.hold.set()
    await post.until(30)
    await _until_logged(caplog, "ledger not reached")
    backup.execute("ROLLBACK")
    backup.close()
    await lite.until(lambda: lite.progress(made).sent == 30)
    assert len(post.got) == 30


async def _until_logged(caplog: pytest.LogCaptureFixture, words: str) -> None:
    async with asyncio.timeout(10):
        while words not in caplog.text:  # noqa: ASYNC110 - a log rings no bell
            await asyncio.sleep(0.01)


@pytest.mark.req("C8.3")
async def test_workers_share_a_routes_connections(tmp_path: Path, post: Post) -> None:
    """Two workers of one town open no more than the provider allows to the town."""
    post.delay = 0.01
    async with (
        serving(post) as port,
        pool(tmp_path, route("all", port, "*", connections=4), workers=2) as town,
    ):
        for i in range(60):
            town.resident(f"r{i}@example.jp", CITY)
        made = town.expanded()
        town.start(town.sender(), town.sender())
        await town.until(lambda: town.progress(made).sent == 60)
        assert post.most_open <= 4
        assert len(post.got) == 60
