"""The web door in a real browser, on a phone and a desktop: join, change, approve; nothing runs over the edge."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from store import bulletins, choices, subscriptions
from tests.wire.web_town import PIN, Door, opened

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
SIZES = {"phone": (390, 844), "desktop": (1280, 860)}
NARROW = 320


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as made:
        yield made


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as play:
        chromium = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture(params=SIZES)
async def context(request: pytest.FixtureRequest, browser: Browser) -> AsyncIterator[BrowserContext]:
    width, height = SIZES[request.param]
    made = await browser.new_context(
        viewport={"width": width, "height": height},
        has_touch=request.param == "phone",
        locale="ja-JP",
        java_script_enabled=False,
    )
    made.set_default_timeout(5000)
    yield made
    await made.close()


async def seen(page: Page, name: str) -> None:
    """No sideways scrolling, also at 320 px; a picture for people, if they asked for one."""
    size = page.viewport_size
    assert size is not None
    for width in (NARROW, size["width"]):
        await page.set_viewport_size({"width": width, "height": size["height"]})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
    if folder := os.environ.get("WEB_PICTURES"):
        await page.screenshot(path=f"{folder}/{name}-{size['width']}.png", full_page=True)


@pytest.mark.req("C5.1", "CA.2")
async def test_a_resident_joins_and_chooses_without_script(door: Door, context: BrowserContext) -> None:
    page = await context.new_page()
    await page.goto(door.url)
    await seen(page, "front")
    await page.get_by_label("メールアドレス", exact=True).fill("hanako")
    await page.get_by_role("button", name="仮登録のご案内を受け取る").click()
    await expect(page.get_by_role("alert")).to_contain_text("「@」が入っていません。")
    await seen(page, "front-problem")
    await page.get_by_label("メールアドレス", exact=True).fill("hanako@docomo.ne.jp")
    await page.get_by_role("button", name="仮登録のご案内を受け取る").click()
    await expect(page.get_by_role("heading", name="メールを確かめてください")).to_be_visible()
    await seen(page, "asked")

    await page.goto(f"{door.url}/touroku/{door.invite()}")
    await page.get_by_label("花見川区").check()
    await seen(page, "confirm")
    await page.get_by_role("button", name="登録する").click()
    await expect(page.get_by_role("heading", name="登録が完了しました")).to_be_visible()
    await seen(page, "welcome")
    await page.get_by_role("link", name="受け取る情報と地域を選ぶ").click()
    await seen(page, "settings")

    await page.get_by_role("link", name="不審者情報を変える").click()
    await page.get_by_label("受け取る", exact=True).check()
    await page.get_by_text("花見川区", exact=True).click()
    await page.get_by_label("幕張本郷").check()
    await seen(page, "topic-towns")
    await page.get_by_role("button", name="この内容で保存する").click()
    await expect(page.get_by_text("加えた地域：幕張本郷")).to_be_visible()
    await seen(page, "saved")
    await page.get_by_role("link", name="登録内容の一覧に戻る").click()
    await page.get_by_role("link", name="気象特別警報・警報・注意報を変える").click()
    await page.get_by_label("大雨").select_option("注意報以上")
    await seen(page, "topic-weather")
    await page.get_by_role("button", name="この内容で保存する").click()
    await expect(page.get_by_text("大雨：警報以上 → 注意報以上")).to_be_visible()

    known = door.store.call(subscriptions.find, "hanako@docomo.ne.jp")
    assert known is not None
    assert ("suspicious", "hanamigawa-makuharihongo") in {
        (one.category, one.area) for one in door.store.call(choices.of, known.id)
    }
    await page.get_by_role("link", name="登録内容の一覧に戻る").click()
    await page.get_by_role("link", name="登録の解除へ進む").click()
    await seen(page, "leave")
    await page.get_by_role("button", name="登録を解除する").click()
    await expect(page.get_by_role("heading", name="登録を解除しました")).to_be_visible()
    await seen(page, "left")
    await page.goto(f"{door.url}/help")
    await seen(page, "help")
    await page.goto(f"{door.url}/chirashi")
    await seen(page, "poster")


@pytest.mark.req("C6.7", "D4")
async def test_a_chief_reads_and_approves_with_the_pin(door: Door, context: BrowserContext) -> None:
    who = door.join("hanako@docomo.ne.jp")
    door.store.call(choices.choose, who, [("suspicious", "hanamigawa", 1, None)])
    made = door.draft()
    page = await context.new_page()
    await page.goto(door.url + door.links(made.id)["sato"])
    await expect(page.get_by_text("承認すると、実際に住民へ配信されます。")).to_be_visible()
    await page.get_by_text("HTMLでの見え方").click()
    await expect(page.frame_locator("iframe").get_by_text("下校中の児童が")).to_be_visible()
    await page.get_by_text("差し戻す・却下する").click()
    await seen(page, "approval")
    await page.emulate_media(media="print")
    await expect(page.get_by_text("件名：不審者情報 花見川区")).to_be_visible()
    await expect(page.get_by_role("button")).to_have_count(0)
    await page.emulate_media(media="screen")
    await page.get_by_label("暗証番号").fill("1111")
    await page.get_by_label("暗証番号").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("下のボタンで")
    assert str(door.store.call(bulletins.view, made.id).state) == "submitted"
    await page.get_by_label("暗証番号").fill("1111")
    await page.get_by_role("button", name="承認して配信する（約1人）").click()
    await expect(page.get_by_role("alert")).to_contain_text("暗証番号が違います。")
    await seen(page, "approval-wrong-pin")
    await page.get_by_label("暗証番号").fill(PIN)
    await page.get_by_role("button", name="承認して配信する").click()
    await expect(page.get_by_role("heading", name="承認しました")).to_be_visible()
    await seen(page, "approved")
    assert str(door.store.call(bulletins.view, made.id).state) == "approved"


@pytest.mark.req("X4")
async def test_a_drill_looks_like_a_drill(door: Door, context: BrowserContext) -> None:
    page = await context.new_page()
    await page.goto(door.url + door.links(door.draft(realm="drill").id)["sato"])
    await expect(page.get_by_role("button", name="訓練として配信する")).to_be_visible()
    await expect(page.get_by_role("button", name="承認して配信する")).to_have_count(0)
    await seen(page, "approval-drill")


async def test_dark_pages_are_readable(door: Door, browser: Browser) -> None:
    """Text against its ground, WCAG 2.2 AA: at least 4.5 to 1, in the dark and in the light."""
    who, made = door.join(), door.draft()
    own = door.settei(who)
    paths = ["/", own, f"{own}/shubetsu/weather", f"{own}/kaijo", door.links(made.id)["sato"], "/help"]
    for scheme in ("light", "dark"):
        context = await browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 844})
        page = await context.new_page()
        for path in paths:
            await page.goto(door.url + path)
            assert await page.evaluate(_FAINT) == [], (scheme, path)
            assert await page.evaluate(_SMALL) == [], (scheme, path)
            assert await page.evaluate(_UNNAMED) == [], (scheme, path)
            if path == own:
                await seen(page, f"settings-{scheme}")
            if path.startswith("/shounin"):
                await seen(page, f"approval-{scheme}")
        await context.close()


_FAINT = """() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const faint = [];
  for (const e of document.querySelectorAll('main *, header *, footer *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const a = light(parse(getComputedStyle(e).color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) faint.push(e.textContent.trim().slice(0, 30) + ' ' + ratio.toFixed(1));
  }
  return faint;
}"""
# Fingers need 44 px; a link inside a sentence is excepted (WCAG 2.5.8).
_SMALL = """() => {
  const wanted = 'button, .button, summary, label.tick, select, textarea, input:not([type=checkbox]):not([type=radio])';
  return [...document.querySelectorAll(wanted)].filter(e => e.getClientRects().length)
    .filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML.slice(0, 80));
}"""
_UNNAMED = """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
  .filter(e => !e.labels.length).map(e => e.outerHTML.slice(0, 80))"""
