"""The archive as people see it: built, swapped, read on a phone, and never showing what it must not."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import async_playwright

from config import rendering
from config.rendering import Draft
from config.settings import Settings
from outbound import site
from outbound.archive_standin import ArchiveStandIn
from outbound.desk import Desk
from outbound.publishing import Publisher
from outbound.site import Item
from store.models import Bulletin, Post
from tests.wire.pool import Pool, pool, route, settings

NOW = datetime(2026, 11, 21, 6, 4, tzinfo=UTC)
CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HOSTILE = "<script>alert(1)</script>\"&' {{ 7*7 }}"


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Pool]:
    """No mail server: nothing is sent here."""
    async with pool(tmp_path, route("all", 9, "*")) as made:
        yield made


def make(number: int, **more: object) -> Item:
    """An item as the ledger would give it."""
    base = Item(
        number=f"2026-{number:04d}",
        realm="",
        subject=f"花見川区で声かけ（{number}）",
        category="不審者情報",
        level="",
        areas=("花見川区",),
        released="2026年11月21日（土）15:04",
        released_iso="2026-11-21T15:04:00+09:00",
        state="配信済み",
        paragraphs=("午後3時ごろ、声かけがありました。",),
        detail=(),
        unit="地域安全課",
        phone="043-555-0100",
        refers_to=None,
        refers_as="",
    )
    return replace(base, **more)  # type: ignore[arg-type]


def read(made: Settings, name: str) -> str:
    return (made.archive_folder / "current" / name).read_text(encoding="utf-8")


@pytest.mark.req("C9.1")
@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (120, 3)])
def test_a_site_of_any_size(tmp_path: Path, count: int, pages: int) -> None:
    made = settings(tmp_path)
    site.build(made, [make(n) for n in range(count, 0, -1)], now=NOW)
    names = {path.name for path in (made.archive_folder / "current").iterdir()}
    lists = {"index.html", *(f"list-{n}.html" for n in range(2, pages + 1))}
    assert names == lists | {"bulletins.json"} | {f"2026-{n:04d}.html" for n in range(1, count + 1)}
    found = [re.findall(r'href="(2026-\d+)\.html"', read(made, name)) for name in sorted(lists)]
    assert sorted(number for page in found for number in page) == [
        f"2026-{n:04d}" for n in range(1, count + 1)
    ]
    if not count:
        assert "まだ配信した情報はありません。" in read(made, "index.html")


def test_nothing_of_a_text_becomes_markup(tmp_path: Path) -> None:
    made = settings(tmp_path)
    words = {"subject": HOSTILE, "category": HOSTILE, "unit": HOSTILE, "areas": (HOSTILE,)}
    site.build(made, [make(1, paragraphs=(HOSTILE,), detail=(HOSTILE,), **words)], now=NOW)
    for name in ("index.html", "2026-0001.html"):
        page = read(made, name)
        assert "<script" not in page and "&lt;script&gt;" in page and "49" not in page
        assert "default-src 'none'" in page


def test_old_builds_go_and_a_build_that_fails_leaves_the_old_site(tmp_path: Path) -> None:
    made = settings(tmp_path)
    for hours in (0, 5, -9, -20, -3):  # the training town's clock may go back
        site.build(made, [make(1, subject=f"いま{hours}")], now=NOW + timedelta(hours=hours))
    releases = list((made.archive_folder / "releases").iterdir())
    assert len(releases) == site.KEPT
    assert "いま-3" in read(made, "index.html")
    (made.archive_folder / "releases").chmod(0o500)
    try:
        if os.geteuid() != 0:
            with pytest.raises(OSError):
                site.build(made, [], now=NOW)
    finally:
        (made.archive_folder / "releases").chmod(0o700)
    assert "いま-3" in read(made, "index.html")


@pytest.mark.req("C9.1")
async def test_a_reader_never_meets_half_a_site(tmp_path: Path) -> None:
    made = settings(tmp_path)
    items = [make(n) for n in range(60, 0, -1)]
    site.build(made, items, now=NOW)
    standin = ArchiveStandIn(made.archive_folder)
    await standin.start("127.0.0.1", 0)
    port = standin.port
    done = asyncio.Event()
    seen = 0

    async def visit(name: str) -> None:
        nonlocal seen
        async with aiohttp.ClientSession() as http:
            while not done.is_set():
                async with http.get(f"http://127.0.0.1:{port}/{name}") as answer:
                    page = await answer.text()
                    assert answer.status == 200, name
                    assert page.endswith("</html>\n") or page.endswith("</html>"), name
                    seen += 1

    readers = [asyncio.create_task(visit(name)) for name in ("", "list-2.html", "2026-0001.html")]
    for second in range(25):
        await asyncio.to_thread(site.build, made, items, now=NOW + timedelta(seconds=second // 2))
    done.set()
    await asyncio.gather(*readers)
    await standin.stop()
    assert seen > 50


@pytest.mark.req("C9.1", "X4", "X5")
async def test_the_publisher_shows_what_was_released_and_nothing_else(town: Pool) -> None:
    publisher = Publisher(town.settings, town.store)
    stop = asyncio.Event()
    running = asyncio.create_task(publisher.run(stop))
    town.start(Desk(town.settings, town.store))
    town.write(subject="承認待ちのまま")
    first = town.release(subject="花見川区で声かけ", detail="くわしい話\n\n二つめの段落")
    await _shown(town, first.number)
    fixed = town.release(subject="花見川区で声かけ", refers=(first.id, "correction"))
    drill = town.release(subject="避難訓練", realm="drill")
    await _shown(town, drill.number)
    await _shown(town, fixed.number)
    page = read(town.settings, f"{first.number}.html")
    assert "二つめの段落" in page and "043-555-0102" in page
    assert f'href="{fixed.number}.html"' in page and "訂正を配信しています" in page
    assert f'href="{first.number}.html"' in read(town.settings, f"{fixed.number}.html")
    drilled = read(town.settings, f"{drill.number}.html")
    assert '<p class="drill">訓練</p>' in drilled and drilled.count("これは訓練です。") == 2
    assert "くわしい内容:" not in drilled and "─" not in drilled
    assert "承認待ちのまま" not in read(town.settings, "index.html")
    town.store.call(lambda: Bulletin.update(mail_only=True).where(Bulletin.id == drill.id).execute())
    await _gone(town, drill.number)
    expired = town.now() - timedelta(seconds=1)
    town.store.call(lambda: Bulletin.update(archive_until=expired).where(Bulletin.id == first.id).execute())
    await _gone(town, first.number)
    assert "掲載を終えました" in read(town.settings, f"{fixed.number}.html")
    assert town.store.call(lambda: Post.select().where(Post.done_at.is_null()).count()) == 0
    stop.set()
    await asyncio.wait_for(running, 2)
    town.store.call(lambda: Bulletin.update(mail_only=False).execute())


async def _shown(town: Pool, number: str) -> None:
    await _until(lambda: (town.settings.archive_folder / "current" / f"{number}.html").exists())


async def _gone(town: Pool, number: str) -> None:
    await _until(lambda: not (town.settings.archive_folder / "current" / f"{number}.html").exists())


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the file system rings no bell
            await asyncio.sleep(0.02)


@pytest.mark.req("C9.1")
async def test_on_a_phone_and_a_desktop(tmp_path: Path) -> None:
    """Nothing is wider than the screen, what is touched is large enough, letters are dark enough to read."""
    made = settings(tmp_path)
    long = "https://www.example.lg.jp/" + "a" * 120
    items = [
        make(4, subject="【訂正】花見川区で声かけ", refers_to="2026-0002", refers_as="訂正"),
        make(3, realm="訓練", subject="【訓練】避難訓練のお知らせ", areas=tuple("一二三四五六七八")),
        make(2, paragraphs=("午後3時ごろ、\n声かけがありました。", long), detail=("男は紺の服。",)),
        make(1, subject="とても長い件名" * 12),
    ]
    site.build(made, items, now=NOW)
    standin = ArchiveStandIn(made.archive_folder)
    await standin.start("127.0.0.1", 0)
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path="/usr/bin/chromium", args=list(CHROMIUM))
        for width in (390, 1280):
            page = await browser.new_page(viewport={"width": width, "height": 844})
            for name in ("index.html", "2026-0002.html", "2026-0003.html", "2026-0004.html"):
                await page.goto(f"http://127.0.0.1:{standin.port}/{name}")
                wide = await page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, (name, wide)
                low = await page.evaluate(
                    "Math.min(...[...document.querySelectorAll('main a')]"
                    ".filter(a => getComputedStyle(a).display !== 'inline').map(a => a.offsetHeight), 99)"
                )
                assert low >= 40, (name, low)
            await page.goto(f"http://127.0.0.1:{standin.port}/")
            await page.click("text=花見川区で声かけ（2）")
            assert "訂正を配信しています" in await page.inner_text("main")
            await page.click("text=【訂正】花見川区で声かけ")
            assert await page.inner_text("h1") == "【訂正】花見川区で声かけ"
        await browser.close()
    await standin.stop()


def test_an_item_says_what_the_mail_says() -> None:
    draft = Draft(
        "件名", "一段目\n\n二段目", "地域安全課", "043", archive_url="http://127.0.0.1:8081/2026-0001.html"
    )
    mail = rendering.render(draft)
    text = site._text(mail, "http://127.0.0.1:8081/2026-0001.html")
    assert "一段目" in text and "お問い合わせ：地域安全課" in text and "8081" not in text
