"""Deciding by the mailed link: the exact mail, the PIN, every state a link may find its bulletin in."""

import asyncio
import html
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from config import rendering
from config.catalogue import load_catalogue
from config.sheet import renderer
from store import areas, bulletins, choices, decisions, people, rules
from store.bulletins import Text
from store.decisions import Door as Way
from store.letters import Purpose
from tests.wire.web_town import DAY, FRIDAY_NIGHT, PIN, Door, opened


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as made:
        yield made


def state(door: Door, bulletin: int) -> str:
    return str(door.store.call(bulletins.view, bulletin).state)


def approving(pin: str = PIN) -> list[tuple[str, str]]:
    return [("pin", pin), ("action", "approve")]


async def test_the_page_shows_the_exact_mail_and_whom_it_reaches(door: Door) -> None:
    for n in range(3):
        who = door.join(f"r{n}@docomo.ne.jp")
        door.store.call(choices.choose, who, [("suspicious", "hanamigawa", 1, None)])
    door.store.call(
        choices.choose,
        door.join("r9@gmail.com"),
        [("suspicious", "hanamigawa-makuharihongo", 1, None), ("suspicious", "hanamigawa", 1, None)],
    )
    made = door.draft()
    link = door.links(made.id)["sato"]
    status, text = await door.get(link)
    assert status == 200
    view = door.store.call(bulletins.view, made.id)
    exact = rendering.variant(rendering.from_json(view.rendering), -1)
    assert f"<pre>{html.escape(exact[0], quote=False)}</pre>" in text.replace("&#34;", '"').replace(
        "&#39;", "'"
    )
    for told in (
        "【本番】",
        made.number,
        "不審者情報",
        "花見川区",
        ">4人<",
        "ドコモ 3人",
        "Gmail 1人",
        "山田 隆",
        "第1版",
    ):
        assert told in text, told
    assert "承認して配信する（約5人）" in text and "佐藤 正一さんとして決めます" in text
    assert "@media print" in text
    async with door.client.get(f"{door.url}{link}/mail") as answer:
        assert await answer.text() == exact[1]
        policy = answer.headers["Content-Security-Policy"]
        assert "sandbox" in policy and "frame-ancestors 'self'" in policy and "default-src 'none'" in policy


@pytest.mark.req("X2", "D4", "X1")
async def test_pin_and_button_approve_once(door: Door) -> None:
    made = door.draft()
    links = door.links(made.id)
    status, text = await door.post(links["sato"], *approving())
    assert status == 200 and "承認しました" in text and "まもなく配信を始めます" in text
    assert state(door, made.id) == "approved"
    taken = door.store.call(decisions.latest, made.id)
    assert taken is not None and (taken.by, taken.door, taken.action) == ("佐藤 正一", "link", "approve")
    for path in (links["sato"], links["yamamoto"]):
        for answer in (await door.get(path), await door.post(path, *approving())):
            assert answer[0] == 410
            assert (
                "すでに決まっています（承認済み）" in answer[1] and "佐藤 正一さんが承認しました" in answer[1]
            )
    assert len(door.store.call(decisions.history, made.id)) == 1


@pytest.mark.req("D4")
async def test_two_at_once_give_one_decision_and_one_polite_answer(door: Door) -> None:
    made = door.draft()
    links = door.links(made.id)
    answers = await asyncio.gather(
        door.post(links["sato"], *approving()), door.post(links["yamamoto"], *approving())
    )
    assert sorted(status for status, _ in answers) == [200, 410]
    late = next(text for status, text in answers if status == 410)
    assert "さんが承認しました" in late
    assert len(door.store.call(decisions.history, made.id)) == 1


async def test_the_same_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    async with opened(tmp_path, database=postgres_url) as door:
        made = door.draft()
        links = door.links(made.id)
        both = (door.post(links["sato"], *approving()), door.post(links["yamamoto"], *approving()))
        assert sorted(status for status, _ in await asyncio.gather(*both)) == [200, 410]
        who = door.join()
        assert (await door.get(door.settei(who)))[0] == 200
        assert (await door.post(f"{door.settei(who)}/shubetsu/air", ("level.air", "off")))[0] == 200
        assert (await door.post(door.teishi(who), ("List-Unsubscribe", "One-Click")))[0] == 200
        assert (await door.get(door.settei(who)))[0] == 410


async def test_a_wrong_pin_is_counted_and_locks(door: Door) -> None:
    made = door.draft()
    link = door.links(made.id)["sato"]
    for _ in range(people.PIN_ATTEMPTS):
        status, text = await door.post(link, *approving("8080"))
        assert (
            status == 403
            and "暗証番号が違います" in text
            and "8080" not in text.replace("127.0.0.1:8080", "")
        )
    status, text = await door.post(link, *approving())
    assert status == 403 and "hansho people pin" in text
    assert state(door, made.id) == "submitted"
    door.store.call(people.set_pin, door.person("sato"), PIN, by="x", now=door.store.now())
    assert (await door.post(link, *approving()))[0] == 200


async def test_a_forgotten_pin_and_the_enter_key_cost_no_attempt(door: Door) -> None:
    made = door.draft()
    link = door.links(made.id)["sato"]
    for _ in range(6):
        status, text = await door.post(link, *approving(""))
        assert status == 422 and "暗証番号を入力してください" in text
        status, text = await door.post(link, ("pin", PIN), ("action", "enter"))
        assert status == 422 and "選んでください" in text
    assert (await door.post(link, ("action", "rm -rf")))[0] == 400
    assert (await door.post(link, *approving()))[0] == 200


async def test_somebody_without_a_pin_is_told(door: Door) -> None:
    made = door.draft()
    link = door.links(made.id)["suzuki"]
    status, text = await door.get(link)
    assert status == 200 and "暗証番号が決められていない" in text and "<form" not in text
    assert (await door.post(link, *approving()))[0] == 403
    assert state(door, made.id) == "submitted"


@pytest.mark.req("X1")
async def test_an_edit_voids_the_link_and_brings_a_new_mail(door: Door) -> None:
    made = door.draft()
    link = door.links(made.id)["sato"]
    where = ((door.store.call(areas.by_key, "inage").id, 1),)
    door.store.call(
        bulletins.revise,
        made.id,
        Text("件名を直した", "本文も直した", where),
        by=door.person("yamada"),
        reason="直し",
        render=renderer(door.settings),
        now=door.store.now(),
    )
    asked = len(door.letters(Purpose.APPROVAL_REQUEST))
    status, text = await door.get(link)
    assert status == 409 and "内容が変わりました" in text and "新しい案内のメールを受け取る" in text
    assert (await door.get(f"{link}/mail"))[0] == 404
    assert len(door.letters(Purpose.APPROVAL_REQUEST)) == asked
    for _ in range(3):
        status, text = await door.post(link, *approving())
        assert status == 409 and "メールでお送りします" in text
    letters = door.letters(Purpose.APPROVAL_REQUEST)
    assert len(letters) == asked + 1  # one, to him alone, however often the button is pressed
    assert state(door, made.id) == "submitted"
    fresh = next(one for one in letters[asked:] if one.person_id == door.person("sato"))
    assert (await door.post(f"/shounin/{fresh.params['token']}", *approving()))[0] == 200


async def test_sending_back_needs_a_reason_and_keeps_it(door: Door) -> None:
    made = door.draft()
    link = door.links(made.id)["sato"]
    status, text = await door.post(link, ("pin", PIN), ("action", "return"), ("note", "  "))
    assert status == 422 and "差し戻す理由を書いてください" in text
    status, text = await door.post(link, ("pin", "1"), ("action", "return"), ("note", "<b>日付</b>を直す"))
    assert status == 403 and "&lt;b&gt;日付&lt;/b&gt;を直す</textarea>" in text
    status, text = await door.post(link, ("pin", PIN), ("action", "return"), ("note", "<b>日付</b>を直す"))
    assert status == 200 and "差し戻しました" in text
    assert state(door, made.id) == "draft"
    status, text = await door.get(link)
    assert status == 410 and "差し戻しました" in text and "&lt;b&gt;日付" in text


async def test_rejecting(door: Door) -> None:
    made = door.draft()
    link = door.links(made.id)["sato"]
    status, text = await door.post(link, ("pin", PIN), ("action", "reject"), ("note", ""))
    assert status == 200 and "却下しました" in text
    assert state(door, made.id) == "rejected"


@pytest.mark.req("X4")
async def test_a_drill_has_other_words_and_colours(door: Door) -> None:
    made = door.draft(realm="drill")
    link = door.links(made.id)["sato"]
    text = (await door.get(link))[1]
    assert "訓練として配信する" in text and "承認して配信する" not in text
    assert 'class="realm drill"' in text and 'class="realm live"' not in text
    assert "これは訓練です。" in text
    status, text = await door.post(link, *approving())
    assert status == 200 and "まもなく訓練として配信を始めます" in text


@pytest.mark.req("M5.2")
async def test_what_is_not_urgent_waits_for_the_office(door: Door) -> None:
    made = door.draft(category="crime-tips", where=("chiba",))
    link = door.links(made.id)["sato"]
    opening = "2026年11月24日（火）8時30分"
    assert f"{opening}（開庁時間まで待ちます）" in (await door.get(link))[1]
    status, text = await door.post(link, *approving())
    assert status == 200 and f"開庁時間まで待って、{opening}に配信します" in text
    view = door.store.call(bulletins.view, made.id)
    assert (str(view.state), view.held_why) == ("scheduled", "office-hours")
    assert view.due == FRIDAY_NIGHT + timedelta(days=3, hours=10, minutes=30)
    urgent = door.draft()
    assert "すぐ（即時配信）" in (await door.get(door.links(urgent.id)["sato"]))[1]


async def test_a_planned_release_is_told(door: Door) -> None:
    made = door.draft(release_at=FRIDAY_NIGHT + timedelta(hours=11))
    link = door.links(made.id)["sato"]
    assert "2026年11月21日（土）9時00分（予約配信）" in (await door.get(link))[1]
    assert "予約のとおり、2026年11月21日（土）9時00分に配信します" in (await door.post(link, *approving()))[1]


async def test_expired_withdrawn_and_forged_links(door: Door) -> None:
    made, other = door.draft(), door.draft()
    link, withdrawn = door.links(made.id)["sato"], door.links(other.id)["sato"]
    door.store.call(bulletins.withdraw, other.id, by=door.person("yamada"), why="", now=door.store.now())
    status, text = await door.get(withdrawn)
    assert status == 410 and "すでに決まっています（取下げ）" in text
    door.clock.set(door.clock.at + 2 * DAY)
    for answer in (await door.get(link), await door.post(link, *approving())):
        assert answer[0] == 410 and "期限が切れています" in answer[1] and "まだ承認待ち" in answer[1]
    assert state(door, made.id) == "submitted"
    for forged in ("a" * 24, "x", "%00"):
        for answer in (
            await door.get(f"/shounin/{forged}"),
            await door.post(f"/shounin/{forged}", *approving()),
        ):
            assert answer[0] == 404 and "何も決まっていません" in answer[1]


async def test_who_wrote_it_or_lost_his_right_may_not_decide(door: Door) -> None:
    made = door.draft()
    link = door.links(made.id)["sato"]
    where = ((door.store.call(areas.by_key, "hanamigawa").id, 1),)
    own = door.draft(author="suzuki")
    assert "suzuki" not in door.links(own.id)
    # 佐藤 edits it between his mail and his click: the digest differs, and the new text is his own.
    door.store.call(
        bulletins.revise,
        made.id,
        Text("不審者情報", "佐藤が直した", where),
        by=door.person("sato"),
        reason="直し",
        render=renderer(door.settings),
        now=door.store.now(),
    )
    assert (await door.post(link, *approving()))[0] == 409
    assert state(door, made.id) == "submitted"


async def test_a_decision_in_the_chat_is_told_with_its_door(door: Door) -> None:
    made = door.draft()
    link = door.links(made.id)["yamamoto"]
    door.store.call(
        decisions.reject,
        made.id,
        made.digest,
        person=door.person("sato"),
        door=Way.SLACK,
        note="誤報",
        now=door.store.now(),
    )
    status, text = await door.get(link)
    assert status == 410 and "佐藤 正一さんが却下しました（Slack）" in text and "理由：誤報" in text


async def test_a_slow_count_delays_neither_the_page_nor_the_decision(door: Door) -> None:
    """R23: the exact number is a question on the reading connection, and nobody waits for it."""
    made = door.draft()
    link = door.links(made.id)["sato"]
    free = threading.Event()
    slow = asyncio.ensure_future(door.store.read(free.wait, 30))
    try:
        status, text = await door.get(link)
        assert status == 200 and "約0人（正確な人数を数えています）" in text
        assert (await door.post(link, *approving()))[0] == 200
    finally:
        free.set()
        assert await slow


async def test_a_right_or_a_person_that_is_gone_is_told(door: Door) -> None:
    made = door.draft()
    links = door.links(made.id)
    document = load_catalogue(door.settings.folder).people_document()
    listed = document["people"]
    assert isinstance(listed, list)
    left = [
        one | {"rights": []} if one["key"] == "sato" else one for one in listed if one["key"] != "yamamoto"
    ]

    def change() -> None:
        people.apply(document | {"people": left}, by="test", now=door.store.now())
        people.apply_rights(document | {"people": left})

    door.store.call(change)
    for key, said in (("sato", "この操作の権限がありません"), ("yamamoto", "その人は登録されていません")):
        status, text = await door.get(links[key])
        assert status == 200 and said in text and "<form" not in text
        assert (await door.post(links[key], *approving()))[0] == 403
    assert state(door, made.id) == "submitted"


async def test_a_stage_is_not_yet_a_release(door: Door) -> None:
    stages = {"category": "suspicious", "origin": "staff", "decision": "two-person", "stages": ["署長", "市"]}
    rule = [{"key": "suspicious-staff", **stages}]
    door.store.call(rules.apply, rule, by="test", acknowledged_by=None, now=door.store.now())
    made = door.draft()
    links = door.links(made.id)
    status, text = await door.post(links["sato"], *approving())
    assert status == 200 and "まだ配信していません" in text
    assert state(door, made.id) == "submitted"
    assert "すでに使われています" in (await door.get(links["sato"]))[1]
    status, text = await door.post(links["yamamoto"], *approving())
    assert status == 200 and "まもなく配信を始めます" in text
    assert state(door, made.id) == "approved"
