"""The stand-in's page in a real browser: a chief reads the card and clicks 承認, on a desktop and on a phone."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from bot import blocks
from bot.card import Outcome, Realm, Verdict
from bot.slack import SlackCalls
from bot.standin import BOT_TOKEN
from tests.unit.test_blocks import LIVE
from tests.wire.test_standin import House, connected

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
]
SIZES = {"desktop": (1280, 860), "phone": (390, 844)}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as play:
        chromium = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with connected(tmp_path) as made:
        yield made


async def opened(browser: Browser, house: House, size: str) -> Page:
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, has_touch=size == "phone", locale="ja-JP"
    )
    context.set_default_timeout(5000)
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    await page.goto(house.chat.url)
    await expect(page.locator("#link")).to_have_text("半鐘と接続中")
    return page


@pytest.mark.req("D4")
@pytest.mark.parametrize("size", SIZES)
async def test_a_chief_reads_the_card_and_approves(browser: Browser, house: House, size: str) -> None:
    page = await opened(browser, house, size)
    await expect(page.get_by_text("まだ何も届いていません。")).to_be_visible()
    ts = (await house.calls.post_once("C01", blocks.approval_card(LIVE), blocks.waiting_words(LIVE), "1")).ts
    card = page.locator(f"[data-ts='{ts}']")
    await expect(card).to_contain_text(LIVE.body)
    for fact in ("大雨（警報）", "中央区、花見川区", "12,345件", "即時配信"):
        await expect(card).to_contain_text(fact)
    assert await page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]

    await card.get_by_role("button", name="承認して配信する（12,345件）").click()
    ask = page.locator("#ask")
    await expect(ask).to_contain_text("【本番】この内容で配信しますか？")
    await expect(ask).to_contain_text("配信地域: 中央区、花見川区")
    await ask.get_by_role("button", name="やめる").click()
    assert house.desk.decided == []
    await card.get_by_role("button", name="承認して配信する").click()
    await ask.get_by_role("button", name="承認して配信する").click()
    await expect(card.get_by_role("button")).to_have_count(0)
    assert house.desk.decided == ["T01/U01"]


async def test_the_late_one_alone_is_told(browser: Browser, house: House) -> None:
    page = await opened(browser, house, "desktop")
    drill = dataclasses.replace(LIVE, realm=Realm.DRILL)
    ts = (await house.calls.post_once("C01", blocks.approval_card(drill), "x", "1")).ts
    await page.get_by_role("button", name="鈴木 一郎").click()
    house.desk.decided.append("T01/U01")
    await page.locator(f"[data-ts='{ts}']").get_by_role("button", name="訓練として配信する").click()
    await expect(page.locator(".private")).to_contain_text("この配信は承認済みです。")
    await page.get_by_role("button", name="佐藤 花子").click()
    await expect(page.get_by_role("button", name="佐藤 花子")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator(".private")).to_have_count(0)


@pytest.mark.req("D3")
@pytest.mark.parametrize("size", SIZES)
async def test_a_draft_is_written_in_the_form(browser: Browser, house: House, size: str) -> None:
    page = await opened(browser, house, size)
    await page.get_by_label("発言またはコマンド").fill("/hansho draft")
    await page.get_by_role("button", name="送る").click()
    form = page.locator("#modal")
    await form.get_by_role("button", name="承認を依頼する").click()
    await expect(form.get_by_role("alert").first).to_have_text("入力してください。")
    await form.get_by_label("訓練").check()
    await form.get_by_label("情報種別").select_option("防犯")
    await form.get_by_label("花見川区").check()
    await form.get_by_label("件名").fill("件名です")
    await form.get_by_label("本文").fill("一行目\n二行目")
    await form.get_by_label("配信日").fill("2026-11-22")
    await form.get_by_role("button", name="承認を依頼する").click()
    await expect(form).to_be_hidden()
    heard = [await house.desk.heard.get() for _ in range(2)]
    assert getattr(heard[1], "values", None) == {
        "realm": "drill",
        "category": "crime",
        "areas": ("hanamigawa",),
        "subject": "件名です",
        "body": "一行目\n二行目",
        "date": "2026-11-22",
        "time": None,
    }


async def test_nothing_in_a_text_becomes_part_of_the_page(browser: Browser, house: House) -> None:
    page = await opened(browser, house, "phone")
    hostile = "<img src=x onerror=alert(1)> <!channel> *太字* <https://x.example|押す>"
    card = dataclasses.replace(LIVE, subject=hostile, body=hostile, author=hostile, link=None)
    outcome = Outcome(Verdict.RETURNED, hostile, "14:12", "Slack", hostile)
    await house.calls.post_once("C01", blocks.approval_card(card), hostile, "1")
    ts = (await house.calls.post_once("C01", blocks.decided_card(card, outcome), hostile, "2")).ts
    shown = page.locator(f"[data-ts='{ts}']")
    await expect(shown).to_contain_text("<img src=x onerror=alert(1)> <!channel> *太字*")
    assert await page.locator("#messages img, #messages a, #messages .mention").count() == 0


async def test_the_page_finds_its_way_back_after_a_restart(browser: Browser, tmp_path: Path) -> None:
    async with connected(tmp_path) as house:
        page = await opened(browser, house, "desktop")
        port = int(house.chat.url.rpartition(":")[2])
        await house.card()
    await expect(page.locator("#link")).to_have_text("半鐘と切れています")
    await house.chat.start(port=port)
    try:
        async with SlackCalls(house.chat.api_url, BOT_TOKEN) as calls:
            await calls.tell("C01", "U01", "再開しました")
        await expect(page.get_by_text("再開しました")).to_be_visible()
    finally:
        await house.chat.stop()
