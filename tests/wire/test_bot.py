"""The chiefs' door from end to end: the real Bolt app and the real ledger, people who click, and a chat that fails."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot import desk, sight
from bot.shape import Json, mappings, text
from bot.standin import ChatStandIn
from bot.standin.faults import Fault, Kind
from config.sheet import renderer
from store import bulletins, cards, decisions, people, proposals, queues, release, rules
from store.db import Store
from store.decisions import Door
from store.models import Card, Letter
from tests.ledger import acts, small_town
from tests.wire.chiefs import STAFF, House, buttons, opened, said, settings_in, texts

NOBODY = "*配信対象者数*\n0件"  # the exact number: everything has been shown


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A training ledger that knows the small town."""
    postgres = request.param == "postgres"
    opened_store = Store(request.getfixturevalue("postgres_url") if postgres else tmp_path / "ledger.db")
    opened_store.enter("chiba", "training")
    opened_store.call(queues.ensure, ["docomo", "*"])
    opened_store.call(proposals.bootstrap, small_town.CATALOGUE, now=opened_store.now())
    yield opened_store
    opened_store.close()


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with opened(tmp_path, store) as made:
        yield made


@pytest.mark.req("D4", "C6.7")
async def test_a_card_shows_the_exact_mail_the_areas_and_how_many(house: House) -> None:
    now = house.store.now()
    acts.join(house.store, "a@docomo.example", now, ("suspicious", "hanamigawa", 1))
    # Chose twice: counted twice by the counters, once by counting.
    acts.join(house.store, "b@docomo.example", now, ("suspicious", "makuhari", 1), ("crime", "city", 1))
    made = house.draft()
    card = await house.card(made.number, "*配信対象者数*\n2件", "ドコモ 2件")
    whole = said(card)
    for words in (
        "【本番】",
        "不審者情報 花見川区",
        "花見川区",
        "西 一郎（千葉西警察署）",
        "お問い合わせ：千葉西警察署 電話 043-555-0102",
    ):
        assert words in whole
    assert "声かけ事案がありました。\n戸締まりを。" in whole
    assert buttons(card)["approve"] == "承認して配信する（2件）"
    about = [edit for edit in card.edits if "約3件" in "".join(said(edit))]
    assert len(about) == 1  # 約 at once, the exact number into the same card
    assert house.cards(made.number) == [card]


@pytest.mark.req("D4", "X13")
async def test_a_chiefs_click_releases_and_the_card_says_who_and_when(house: House) -> None:
    made = house.draft()
    card = await house.card(made.number, NOBODY)
    assert (await house.chat.act.click("U2", card.ts, "approve")).acked
    decided = await house.card(made.number, "承認済み", "*安全 花子* さんが承認しました")
    assert decided.ts == card.ts
    assert buttons(decided) == {}
    assert house.view(made).state == "approved"
    (taken,) = house.store.call(decisions.history, made.id)
    assert (taken.by, taken.door, taken.action) == ("安全 花子", "slack", "approve")


@pytest.mark.req("D4")
async def test_nobody_approves_his_own_draft(house: House) -> None:
    made = house.draft(author="chief")
    card = await house.card(made.number, NOBODY)
    await house.chat.act.click("U2", card.ts, "approve")
    note = await house.note()
    assert (note.to, "ご自身が出した下書き" in note.text) == ("U2", True)
    assert house.view(made).state == "submitted"
    assert "approve" in buttons(card)


@pytest.mark.req("D4", "X13")
async def test_of_two_clicks_one_decides_and_the_other_is_told_who_and_when(house: House) -> None:
    made = house.draft()
    card = await house.card(made.number, NOBODY)
    clicks = await asyncio.gather(*(house.chat.act.click(one, card.ts, "approve") for one in ("U2", "U3")))
    assert all(done.acked for done in clicks)
    note = await house.note()
    (taken,) = house.store.call(decisions.history, made.id)
    loser = {"安全 花子": "U3", "安全 次郎": "U2"}[taken.by]
    assert note.to == loser
    assert f"{taken.by}さんが承認済みです" in note.text
    local = taken.at.astimezone(bulletins.JST)
    assert f"{local.hour}:{local.minute:02}:{local.second:02}" in note.text
    await house.card(made.number, "承認済み")
    assert len(house.chat.room.whispers) == 1


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("U4", "「不審者情報」の承認をする権限がありません"),
        ("U9", "T01/U9）は登録されていません。千葉市危機管理課 電話 043-555-0199 へ"),
    ],
)
@pytest.mark.req("C6.5")
async def test_who_may_not_approve_is_told_why_and_whom_to_ask(house: House, user: str, words: str) -> None:
    made = house.draft()
    card = await house.card(made.number, NOBODY)
    await house.chat.act.click(user, card.ts, "approve")
    note = await house.note()
    assert note.to == user
    assert words in note.text
    assert house.view(made).state == "submitted"


@pytest.mark.req("X1")
async def test_an_edit_voids_the_card_and_the_new_text_takes_its_place(house: House) -> None:
    made = house.draft()
    card = await house.card(made.number, NOBODY)
    acts.join(house.store, "a@docomo.example", house.store.now(), ("suspicious", "hanamigawa", 1))
    house.revise(made, "不審者情報 花見川区（続報）", "声かけ事案がありました。\n戸締まりを!")
    edited = await house.card(made.number, "戸締まりを!", "（1件）")
    assert edited.ts == card.ts
    for words in ("第2版です（直した人: 西 一郎）", "件名が変わりました", "本文が変わりました"):
        assert words in said(edited)
    assert "配信地域が変わりました" not in said(edited)
    # From a screen that was not redrawn yet: the button says how many it was then.
    await house.chat.act.click("U2", card.ts, "承認して配信する（0件）")
    assert "表示されたあとに内容が変わったため" in (await house.note()).text
    assert house.view(made).state == "submitted"
    await house.chat.act.click("U2", card.ts, "承認して配信する（1件）")
    await house.until(made, "approved")


@pytest.mark.req("D4", "X13")
async def test_returned_with_a_reason_and_submitted_anew_on_a_card_of_its_own(house: House) -> None:
    made = house.draft()
    card = await house.card(made.number, NOBODY)
    await house.chat.act.click("U2", card.ts, "return")
    form = await house.form("U2")
    assert (await house.chat.act.submit("U2", form.id, {"reason": "日付が違います"})).errors == {}
    back = await house.card(made.number, "*安全 花子* さんが差し戻しました", "日付が違います")
    assert (back.ts, buttons(back)) == (card.ts, {})
    assert house.view(made).state == "draft"
    (letter,) = house.store.call(lambda: [row.params for row in Letter.select()])
    assert (letter["decision"], letter["note"]) == ("return", "日付が違います")
    house.revise(made, "不審者情報 花見川区", "22日に声かけ事案がありました。")
    house.store.call(bulletins.submit, made.id, by=acts.person(house.store, "officer"), now=house.store.now())
    again = await house.card(made.number, "22日に", "承認して配信する（0件）")
    assert again.ts != card.ts  # a changed message is noticed by nobody
    assert "本文が変わりました" in said(again)
    await house.chat.act.click("U3", again.ts, "approve")
    await house.until(made, "approved")
    assert "差し戻しました" in said(house.chat.room.messages[card.ts])


@pytest.mark.req("D4")
async def test_a_rejected_draft_stays_rejected(house: House) -> None:
    made = house.draft()
    card = await house.card(made.number, NOBODY)
    await house.chat.act.click("U2", card.ts, "reject")
    form = await house.form("U2")
    await house.chat.act.click("U3", card.ts, "reject")
    late = await house.form("U3")
    await house.chat.act.submit("U2", form.id, {"reason": "公表できない内容です"})
    await house.card(made.number, "却下", "公表できない内容です")
    done = await house.chat.act.submit("U3", late.id, {"reason": "私も"})
    assert "安全 花子さんが却下しました" in done.errors["reason"]
    assert house.view(made).state == "rejected"


@pytest.mark.req("C6.6")
async def test_a_time_of_release_is_on_the_card_and_kept(house: House) -> None:
    when = house.store.now() + timedelta(hours=3)
    made = house.draft(release_at=when)
    local = when.astimezone(bulletins.JST)
    card = await house.card(made.number, "予約配信", f"{local.hour}:{local.minute:02}", NOBODY)
    await house.chat.act.click("U2", card.ts, "approve")
    await house.card(made.number, "承認済み", "予約済み（", f"{local.hour}:{local.minute:02}に配信します）")
    view = house.view(made)
    assert (view.state, view.due) == ("scheduled", when)


async def _sending(house: House) -> tuple[str, bulletins.Made]:
    now = house.store.now()
    for name in "abc":
        acts.join(house.store, f"{name}@docomo.example", now, ("suspicious", "hanamigawa", 1))
    made = house.draft()
    card = await house.card(made.number, "（3件）")
    await house.chat.act.click("U2", card.ts, "approve")
    await house.until(made, "approved")
    acts.expand(house.store, made.id, house.store.now())
    return card.ts, made


@pytest.mark.req("D4")
async def test_the_card_follows_the_delivery_to_its_end(house: House) -> None:
    ts, made = await _sending(house)
    card = await house.card(made.number, "配信中 0件 ／ 3件")
    assert buttons(card) == {"stop": "配信を中止する"}
    acts.deliver(house.store, house.store.now())
    await house.card(made.number, "配信中 3件 ／ 3件")  # nobody asked: it looks again by itself
    assert house.store.call(release.finish, made.id, now=house.store.now())
    done = await house.card(made.number, "配信済み 3件", "*配信対象者数*\n3件")
    assert (done.ts, buttons(done)) == (ts, {})


@pytest.mark.req("X13")
async def test_stopping_from_the_card(house: House) -> None:
    ts, made = await _sending(house)
    await house.card(made.number, "配信中")
    await house.chat.act.click("U4", ts, "stop")
    assert "配信の中止をする権限がありません" in (await house.note()).text
    await house.chat.act.click("U3", ts, "stop")
    await house.card(made.number, "配信を中止しています（配信済み0件・残り3件）")
    assert house.store.call(release.sweep, made.id) == 3
    house.store.call(release.finish, made.id, now=house.store.now())
    await house.card(made.number, "配信中止（配信済み0件・中止3件）")


@pytest.mark.req("M5.2")
async def test_what_is_not_urgent_waits_for_the_office_to_open(house: House) -> None:
    everyday = {"key": "crime", "category": "crime", "origin": "staff", "decision": "two-person"}
    house.store.call(
        rules.apply, [everyday | {"office_hours": True}], by="t", acknowledged_by=None, now=house.store.now()
    )
    routine, urgent = house.draft(category="crime"), house.draft()
    card = await house.card(routine.number, "承認後すぐ（ただし開庁時間内）", NOBODY)
    await house.chat.act.click("U2", card.ts, "approve")
    await house.card(routine.number, "予約済み（開庁時間になる")
    assert house.view(routine).held_why == "office-hours"
    card = await house.card(urgent.number, "承認後すぐ（即時配信）", NOBODY)
    await house.chat.act.click("U2", card.ts, "approve")
    await house.until(urgent, "approved")


@pytest.mark.req("M5.1")
async def test_a_decision_in_stages_is_told_to_the_next_person(house: House) -> None:
    staged = {"key": "crime", "category": "crime", "origin": "staff", "decision": "two-person"}
    stages = ["署長", "運用責任者"]
    house.store.call(
        rules.apply, [staged | {"stages": stages}], by="t", acknowledged_by=None, now=house.store.now()
    )
    made = house.draft()
    card = await house.card(made.number, NOBODY)
    await house.chat.act.click("U2", card.ts, "approve")
    card = await house.card(made.number, "ここまでの承認", "安全 花子さんが承認しました")
    await house.chat.act.click("U2", card.ts, "approve")
    assert "前の段階は、ご自身が承認しています" in (await house.note()).text
    await house.chat.act.click("U3", card.ts, "approve")
    await house.card(made.number, "*安全 次郎* さんが承認しました")


async def test_what_a_feed_sends_by_rule_is_shown_as_such(house: House) -> None:
    made = house.warning()
    card = await house.card(made.number, "自動配信の規則により、承認されました", "気象庁の電文（自動作成）")
    assert buttons(card) == {}


@pytest.mark.req("C6.7")
async def test_a_mail_too_long_for_a_card_is_read_in_a_form(house: House) -> None:
    body = "".join(f"{n}行目の文です。\n" for n in range(1200))
    made = house.draft(body=body)
    card = await house.card(made.number, "下の「全文を読む」で", NOBODY)
    await house.chat.act.click("U2", card.ts, "read")
    form = await house.form("U2")
    assert body.strip() in "".join(texts(form.view["blocks"]))


@pytest.mark.req("X4")
async def test_a_drill_is_told_from_the_real_thing(house: House) -> None:
    now = house.store.now()
    acts.join(house.store, "a@docomo.example", now, ("suspicious", "hanamigawa", 1))
    acts.join(house.store, "chief@police.example.lg.jp", now, ("suspicious", "hanamigawa", 1))
    live, drill = house.draft(), house.draft(realm="drill")
    real = await house.card(live.number, "【本番】", "*配信対象者数*\n2件")
    practice = await house.card(drill.number, "【訓練】", "*配信対象者数*\n1件")  # staff only
    assert not any("約2件" in said(edit) for edit in practice.edits)
    assert buttons(real)["approve"].startswith("承認して配信する")
    assert buttons(practice)["approve"] == "訓練として配信する"
    assert "本番" not in said(practice)
    assert "【訓練】不審者情報 花見川区" in said(practice)
    assert "これは訓練です。" in said(practice)
    await house.chat.act.click("U2", practice.ts, "approve")
    await house.card(drill.number, "訓練として承認しました")


@pytest.mark.req("D3")
async def test_a_draft_by_command_becomes_a_card(house: House) -> None:
    await house.chat.act.say("U1", "/hansho 下書き")
    form = await house.form("U1")
    offered = {
        text(block["block_id"]): [text(one["value"]) for one in mappings(element.get("options"))]
        for block in mappings(form.view["blocks"])
        if block["type"] == "input" and isinstance(element := block["element"], dict)
    }
    assert offered["category"] == [
        "suspicious:1",
        "crime-urgent:1",
    ]  # what he may write for, and nothing else
    assert offered["areas"] == ["city", "hanamigawa", "mihama", "nishi", "makuhari", "kemigawa", "masago"]
    values: Json = {"realm": "drill", "category": "suspicious:1", "areas": ["nishi", "kemigawa"]}
    values |= {
        "subject": "不審者情報 検見川町",
        "body": "訓練の本文です。",
        "date": "2020-01-01",
        "time": "08:30",
    }
    past = await house.chat.act.submit("U1", form.id, values)
    assert "配信日時が過ぎています" in past.errors["time"]
    del values["time"]
    half = await house.chat.act.submit("U1", form.id, values)
    assert "両方" in half.errors["time"]
    del values["date"]
    assert (await house.chat.act.submit("U1", form.id, values)).errors == {}
    note = await house.note()
    assert "承認待ちにしました" in note.text
    (view,) = house.store.call(bulletins.listed)
    assert (view.origin, view.realm, view.areas, view.submitter) == (
        "slack",
        "drill",
        ("千葉西署", "検見川町"),
        "西 一郎",
    )
    await house.card(view.number, "訓練の本文です。", NOBODY)


async def test_a_form_sent_twice_is_one_draft(house: House) -> None:
    await house.chat.act.say("U1", "/hansho 下書き")
    form = await house.form("U1")
    values: Json = {"realm": "live", "category": "suspicious:1", "areas": ["city"]}
    values |= {"subject": "件名", "body": "本文"}
    await asyncio.gather(*(house.chat.act.submit("U1", form.id, values) for _ in range(2)))
    assert len(house.store.call(bulletins.listed)) == 1


async def test_commands_answer_in_private(house: House) -> None:
    made = house.draft()
    for words, expected in (
        ("/hansho", "/hansho 下書き"),
        ("/hansho 状況", f"{made.number} 【本番】承認待ち 不審者情報 花見川区"),
        ("/hansho なにか", "「なにか」は分かりませんでした"),
        ("/hansho 中止", "番号が分かりませんでした"),
        ("/hansho 中止 2026-9999", "2026-9999）は見つかりませんでした"),
    ):
        await house.chat.act.say("U1", words)
        note = await house.note()
        assert (note.to, expected in note.text) == ("U1", True), note.text
    await house.chat.act.say("U4", "/hansho 下書き")  # 気象 only: one choice for each level
    form = await house.form("U4")
    options = [one for block in mappings(form.view["blocks"]) for one in texts_of(block)]
    assert "大雨（特別警報）" in options
    await house.chat.act.say("U9", "/hansho 状況")
    assert "登録されていません" in (await house.note()).text


def texts_of(block: Json) -> list[str]:
    return said({"blocks": [block]}).split("\n")


@pytest.mark.req("X13")
async def test_withdrawn_and_stopped_by_command(house: House) -> None:
    made = house.draft()
    await house.card(made.number, NOBODY)
    await house.chat.act.say("U1", f"/hansho 取下げ {made.number}")
    form = await house.form("U1")
    await house.chat.act.submit("U1", form.id, {"reason": "誤報でした"})
    assert "取り下げました" in (await house.note()).text
    await house.card(made.number, "*西 一郎* さんが取り下げました", "誤報でした")
    await house.chat.act.say("U3", f"/hansho 中止 {made.number}")
    form = await house.form("U3")
    await house.chat.act.submit("U3", form.id, {})
    assert "配信中ではないため" in (await house.note()).text


# A chat that fails


@pytest.mark.req("X2")
async def test_a_chat_that_was_away_gets_the_card_when_it_comes_back(tmp_path: Path, store: Store) -> None:
    async with opened(tmp_path, store, start=False) as house:
        await house.chat.stop()
        made = house.draft()
        await asyncio.wait_for(house.start_without_chat(), 2)
        again = ChatStandIn(STAFF, "C01", "T01", tmp_path)
        await again.start(port=house.port)
        house.chat = again
        card = await house.card(made.number, NOBODY)
        await again.act.click("U2", card.ts, "approve")
        await house.until(made, "approved")


@pytest.mark.parametrize("fault", [Kind.LOST, Kind.ERROR, Kind.LIMITED])
async def test_a_lost_answer_leaves_one_card(house: House, fault: Kind) -> None:
    house.chat.faults.add("chat.postMessage", Fault(fault, retry_after=0))
    made = house.draft()
    await house.card(made.number, NOBODY)
    assert len(house.cards(made.number)) == 1


@pytest.mark.req("X2")
async def test_a_chat_that_goes_away_later_leaves_the_decision_to_letters(house: House) -> None:
    made = house.draft()
    card = await house.card(made.number, NOBODY)
    assert house.store.call(cards.unseen, before=house.store.now()) == []
    await house.chat.stop()
    ear = house.store.ear()
    async with asyncio.timeout(10):
        while await house.store.run(cards.unseen, before=house.store.now()) != [made.id]:
            await ear.wait(1)
    again = ChatStandIn(STAFF, "C01", "T01", house.folder)
    await again.start(port=house.port)
    house.chat = again
    async with asyncio.timeout(10):
        while await house.store.run(cards.unseen, before=house.store.now()):
            await ear.wait(1)
    await again.act.click("U2", card.ts, "approve")
    await house.until(made, "approved")


async def test_a_message_somebody_deleted_is_posted_again(house: House) -> None:
    made = house.draft()
    card = await house.card(made.number, "承認して配信する（0件）")
    house.chat.room.remove(card)
    house.revise(made, "不審者情報 花見川区", "直した本文")
    again = await house.card(made.number, "直した本文", NOBODY)
    assert again.ts != card.ts


async def test_a_restart_goes_on_from_the_ledger(house: House) -> None:
    made = house.draft()
    card = await house.card(made.number, "承認して配信する（0件）")
    await house.stop()
    chief = acts.person(house.store, "chief")
    house.store.call(
        decisions.approve, made.id, made.digest, person=chief, door=Door.LINK, now=house.store.now()
    )
    other = house.draft(subject="不審者情報 美浜区")
    await house.start()
    decided = await house.card(made.number, "承認済み", "操作した場所: メールのリンク")
    assert decided.ts == card.ts
    await house.card(other.number, "不審者情報 美浜区", NOBODY)
    assert len(house.chat.room.messages) == 2


async def test_killed_after_posting_before_writing_it_down_is_still_one_card(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = house.draft()
    version = house.chat.room.version
    while not house.cards(made.number):  # the post is there, perhaps not yet its record
        version = await house.chat.room.news(version, 5)
    await house.kill()
    house.store.call(lambda: forget_the_post(made.id))
    house.revise(made, "不審者情報 花見川区", "直した本文")
    await house.start()
    await house.card(made.number, "直した本文", "承認して配信する（0件）")
    assert len(house.chat.room.messages) == 1


def forget_the_post(bulletin: int) -> None:
    """As if the record of the post had not been written."""
    Card.update(shown=None, ts=None, place=None, posted_at=None).where(Card.bulletin_id == bulletin).execute()


@pytest.mark.req("X1")
def test_an_edit_during_a_slow_post_is_not_forgotten(tmp_path: Path, store: Store) -> None:
    """Its time may lie before ours: another program took the time, then waited for its turn to write."""
    quiet = House(tmp_path, store, ChatStandIn(STAFF, "C01", "T01", tmp_path), settings_in(tmp_path, None), 0)
    made = quiet.draft()
    now = store.now()
    (wanted,) = store.call(cards.due, now=now)
    gist = store.call(sight.look, made.id).gist
    earlier, render = now - timedelta(seconds=5), renderer(quiet.settings)

    def edit() -> None:
        text = quiet.text("直した件名", "直した本文", ("hanamigawa",))
        bulletins.revise(
            made.id, text, by=people.by_key("officer").id, reason="修正", render=render, now=earlier
        )

    store.call(edit)
    store.call(desk._settled, wanted, "{}", gist, now, None)
    assert [one.bulletin for one in store.call(cards.due, now=now)] == [made.id]
    store.call(desk._settled, wanted, "{}", store.call(sight.look, made.id).gist, now, None)
    assert store.call(cards.due, now=now) == []
