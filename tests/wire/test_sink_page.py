"""The training mailboxes in a real browser, on a phone and a desktop: join, read, open the HTML, answer, sign."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from playwright.async_api import Browser, Page, async_playwright, expect

from outbound.signing import Signer
from tests.wire.test_sink import TOWN, deliver, town

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--no-proxy-server",
]
SIZES = {"phone": (390, 844), "desktop": (1280, 860)}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as play:
        chromium = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


async def fits(page: Page, width: int) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.req("D2", "Y20")
@pytest.mark.parametrize("size", SIZES)
async def test_a_trainee_joins_reads_and_answers(browser: Browser, tmp_path: Path, size: str) -> None:
    width, height = SIZES[size]
    page = await browser.new_page(viewport={"width": width, "height": height}, locale="ja-JP")
    page.set_default_timeout(5000)
    async with town(tmp_path) as (sink, intake, url):
        await page.goto(url)
        await expect(page.get_by_text("まだ一通も届いていません。")).to_be_visible()
        await fits(page, width)
        await page.get_by_label("だれから").fill("hanako@example.jp")
        await page.get_by_role("button", name="空メールを送る").click()
        await expect(page.get_by_role("heading", name="hanako@example.jp")).to_be_visible()
        assert (await intake.next())[:2] == ("hanako@example.jp", [TOWN.join_address])

        await deliver(sink, "hanako@example.jp")
        # The page reads itself anew every few seconds; nobody has to find a button.
        await page.get_by_role("link", name="【警報】花見川区 大雨警報").click(timeout=10_000)
        await fits(page, width)
        await expect(page.get_by_role("link", name="http://127.0.0.1:8080/k/abc")).to_be_visible()
        await page.get_by_text("HTML での見え方").click()
        inside = page.frame_locator("iframe").locator("p")
        await expect(inside).to_contain_text("本文です。")
        await page.get_by_label("本文", exact=True).fill("解除")
        await page.get_by_role("button", name="返信する").click()
        await expect(page.get_by_role("heading", name="hanako@example.jp")).to_be_visible()
        _, to, message = await intake.next()
        assert (to, message.get_content()) == (["kaijo+t@anzen.example.lg.jp"], "解除")
        await page.close()


@pytest.mark.req("D3", "Y20")
async def test_an_officer_sends_a_signed_draft(browser: Browser, tmp_path: Path) -> None:
    signer = Signer(rsa.generate_private_key(65537, 2048), "police.example.jp", "p1")
    page = await browser.new_page(viewport={"width": 390, "height": 844}, locale="ja-JP")
    page.set_default_timeout(5000)
    async with town(tmp_path, signer) as (_, intake, url):
        await page.goto(url)
        await page.get_by_role("link", name="署名つきで送る（警察官の下書き）: 千葉中央署 佐藤").click()
        await page.get_by_label("件名").fill("不審者情報")
        await page.get_by_label("本文").fill("花見川区で不審者が目撃されました。")
        await expect(page.get_by_role("checkbox")).to_be_checked()
        await page.get_by_role("button", name="送る").click()
        mail_from, to, message = await intake.next()
        assert (mail_from, to) == ("sato@police.example.jp", [TOWN.draft_address])
        assert message["DKIM-Signature"].startswith("v=1; a=rsa-sha256;")
        assert message["From"] == "千葉中央署 佐藤 <sato@police.example.jp>"
        await page.close()
