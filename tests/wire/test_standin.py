"""The real Bolt app against the chat stand-in: clicks, forms, commands, and a bad line."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest

from bot import blocks, modals
from bot.card import Card, Realm
from bot.gestures import Click, Command, Submission
from bot.shape import Json, mappings, text
from bot.slack import Health, SlackCalls, SlackLine, SlackRefused, SlackUnreachable
from bot.standin import APP_TOKEN, BOT_TOKEN, ChatStandIn, Person
from bot.standin.faults import Fault, Kind
from bot.standin.room import Message

T = TypeVar("T")
CHIEF = Person("U01", "佐藤 花子", "防災対策課長", "sato@city.example.lg.jp")
DEPUTY = Person("U02", "鈴木 一郎", "課長補佐")
CARD = Card(
    number="2026-0123",
    realm=Realm.LIVE,
    category="防犯",
    level=None,
    areas=("花見川区",),
    count="約120件",
    carriers=(),
    subject="不審者情報",
    body="本文です。",
    author="高橋 健",
    unit="花見川警察署",
    release="即時配信",
    version="v1",
)


@dataclass
class Desk:
    """A listener of ours: it decides a card once, and remembers what people did."""

    calls: SlackCalls
    heard: asyncio.Queue[Click | Command | Submission] = field(default_factory=asyncio.Queue)
    decided: list[str] = field(default_factory=list)

    async def clicked(self, click: Click) -> None:
        if click.action == "return":
            await self.calls.open_form(click.trigger, modals.return_modal("2026-0123", "v1"))
        elif self.decided:
            await self.calls.respond(click.response, "この配信は承認済みです。")
        else:
            self.decided.append(click.who.key)
            await self.calls.update(click.channel, click.ts, [{"type": "divider"}], "承認済み")
        self.heard.put_nowait(click)

    async def commanded(self, command: Command) -> None:
        if command.text == "壊れる":
            raise RuntimeError("on purpose")
        await self.calls.open_form(
            command.trigger,
            modals.draft_modal([modals.Choice("crime", "防犯")], [modals.Choice("hanamigawa", "花見川区")]),
        )
        self.heard.put_nowait(command)

    async def submitted(self, submission: Submission) -> Mapping[str, str]:
        self.heard.put_nowait(submission)
        if submission.form == modals.Form.RETURN and modals.read_reason(submission.values) == "？":
            return {modals.Field.REASON: "理由を書いてください。"}
        return {}


@dataclass
class House:
    """A stand-in with the real app connected to it."""

    chat: ChatStandIn
    calls: SlackCalls
    desk: Desk
    line: SlackLine

    async def card(self, key: str = "1") -> str:
        return (await self.calls.post_once("C01", blocks.approval_card(CARD), "承認待ち", key)).ts

    async def see(self, look: Callable[[], T | None]) -> T:
        async with asyncio.timeout(5):
            while (seen := look()) is None:
                await self.chat.room.news(self.chat.room.version, 5)
        return seen


@asynccontextmanager
async def connected(folder: Path, now: Callable[[], float] = time.time) -> AsyncIterator[House]:
    chat = ChatStandIn([CHIEF, DEPUTY], "C01", "T01", folder, now=now)
    await chat.start()
    async with SlackCalls(chat.api_url, BOT_TOKEN) as calls:
        desk = Desk(calls)
        line = SlackLine(calls, APP_TOKEN, "T01", desk, ping_seconds=1.0)
        await line.start()
        try:
            async with asyncio.timeout(5):
                await line.until(Health.CONNECTED)
            yield House(chat, calls, desk, line)
        finally:
            await line.stop()
            await chat.stop()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with connected(tmp_path) as made:
        yield made


@pytest.mark.req("D4")
async def test_a_click_reaches_the_listener_as_that_person_and_the_card_changes(house: House) -> None:
    ts = await house.card()
    assert (await house.chat.act.click("U01", ts, "approve")).acked
    click = await house.desk.heard.get()
    assert isinstance(click, Click)
    assert (click.who.key, click.action, click.value, click.ts) == ("T01/U01", "approve", "2026-0123 v1", ts)
    message = house.chat.room.messages[ts]
    assert message.blocks == [{"type": "divider"}]
    assert len(message.edits) == 1


async def test_two_people_at_once_are_both_heard_and_one_is_told_he_was_late(house: House) -> None:
    ts = await house.card()
    clicks = await asyncio.gather(*(house.chat.act.click(one, ts, "approve") for one in ("U01", "U02")))
    assert all(done.acked for done in clicks)
    note = await house.see(lambda: next(iter(house.chat.room.whispers), None))
    assert len(house.desk.decided) == 1
    assert note.text == "この配信は承認済みです。"
    assert f"T01/{note.to}" not in house.desk.decided


async def test_a_form_opens_shows_its_errors_and_closes(house: House) -> None:
    ts = await house.card()
    await house.chat.act.click("U01", ts, "return")
    form = await house.see(lambda: next(iter(house.chat.room.dialogs.values()), None))
    assert form.user == "U01"
    empty = await house.chat.act.submit("U01", form.id, {})
    assert empty.errors == {"reason": "入力してください。"}
    vague = await house.chat.act.submit("U01", form.id, {"reason": "？"})
    assert vague.errors == {"reason": "理由を書いてください。"}
    assert form.id in house.chat.room.dialogs
    assert (await house.chat.act.submit("U01", form.id, {"reason": "日付が違います"})).errors == {}
    assert house.chat.room.dialogs == {}
    heard = [await house.desk.heard.get() for _ in range(3)]
    assert isinstance(heard[2], Submission)
    assert (heard[2].form, heard[2].about) == ("return", "2026-0123 v1")
    assert modals.read_reason(heard[2].values) == "日付が違います"


@pytest.mark.req("D3")
async def test_a_command_opens_the_draft_form_and_its_values_come_back(house: House) -> None:
    await house.chat.act.say("U02", "/hansho draft")
    form = await house.see(lambda: next(iter(house.chat.room.dialogs.values()), None))
    values: Json = {"realm": "drill", "category": "crime", "areas": ["hanamigawa"]}
    values |= {"subject": "訓練の件名", "body": "一行目\n二行目", "date": "2026-11-22", "time": "08:30"}
    await house.chat.act.submit("U02", form.id, values)
    heard = [await house.desk.heard.get() for _ in range(2)]
    assert isinstance(heard[0], Command)
    assert (heard[0].name, heard[0].text) == ("/hansho", "draft")
    assert isinstance(heard[1], Submission)
    draft = modals.read_draft(heard[1].values)
    assert draft == modals.DraftWords(
        Realm.DRILL, "crime", ("hanamigawa",), False, "訓練の件名", "一行目\n二行目", "2026-11-22", "08:30"
    )


async def test_a_listener_that_breaks_is_logged_and_the_person_is_told(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await house.chat.act.say("U01", "/hansho 壊れる")).acked
    note = await house.see(lambda: next(iter(house.chat.room.whispers), None))
    assert "いま処理できませんでした" in note.text
    assert "on purpose" in caplog.text


async def test_a_form_opened_too_late_is_refused(tmp_path: Path) -> None:
    class Slow(Desk):
        refused = ""

        async def clicked(self, click: Click) -> None:
            now[0] += 3.5
            try:
                await super().clicked(click)
            except SlackRefused as error:
                self.refused = error.code
                self.heard.put_nowait(click)

    now = [1_795_000_000.0]
    async with connected(tmp_path, lambda: now[0]) as house:
        slow = Slow(house.calls)
        house.line._listener = slow
        await house.chat.act.click("U01", await house.card(), "return")
        await slow.heard.get()
    assert slow.refused == "expired_trigger_id"


@pytest.mark.req("X2")
async def test_nobody_on_the_line_is_told_to_the_person(tmp_path: Path) -> None:
    chat = ChatStandIn([CHIEF], "C01", "T01", tmp_path)
    await chat.start()
    async with SlackCalls(chat.api_url, BOT_TOKEN) as calls:
        ts = (await calls.post_once("C01", blocks.approval_card(CARD), "承認待ち", "1")).ts
        assert not (await chat.act.click("U01", ts, "approve")).acked
    await chat.stop()
    assert [one.to for one in chat.room.whispers] == ["U01"]


# A lost answer


@pytest.mark.parametrize("kind", [Kind.LOST, Kind.LIMITED])
async def test_a_lost_answer_leaves_one_card(house: House, kind: Kind) -> None:
    house.chat.faults.add("chat.postMessage", Fault(kind, retry_after=0))
    ts = await house.card()
    assert list(house.chat.room.messages) == [ts]
    assert await house.card() == ts
    assert await house.card("2") != ts


@pytest.mark.parametrize("fault", [Fault(Kind.ERROR), Fault(Kind.REFUSED, code="internal_error")])
async def test_an_unclear_answer_is_temporary_and_asking_again_posts_once(house: House, fault: Fault) -> None:
    house.chat.faults.add("chat.postMessage", fault)
    with pytest.raises(SlackUnreachable):
        await house.card()
    ts = await house.card()
    assert list(house.chat.room.messages) == [ts]


async def test_an_old_card_is_found_behind_hundreds_of_messages(house: House) -> None:
    born = datetime.now(UTC)
    ts = await house.card()
    for number in range(450):
        house.chat.room.messages[f"{int(born.timestamp()) + 60 + number}.000000"] = Message(
            "", "U01", "…", []
        )
    for stamp, message in house.chat.room.messages.items():
        message.ts = stamp
    assert await house.calls.find("C01", "1", born) == ts
    assert await house.calls.find("C01", "2", born) is None


async def test_what_slack_will_never_take_is_a_refusal(house: House) -> None:
    too_wide: list[Json] = [{"type": "header", "text": {"type": "plain_text", "text": "字" * 151}}]
    with pytest.raises(SlackRefused) as refused:
        await house.calls.post_once("C01", too_wide, "x", "9")
    assert refused.value.code == "invalid_blocks"
    with pytest.raises(SlackRefused, match="channel_not_found"):
        await house.calls.post_once("C99", blocks.approval_card(CARD), "x", "9")


# The line


async def test_after_a_broken_line_clicks_come_in_again(house: House) -> None:
    ts = await house.card()
    house.chat.link.drop()
    assert house.chat.link.connections == 0
    async with asyncio.timeout(5):
        await house.chat.link.connected()
    assert (await house.chat.act.click("U01", ts, "approve")).acked


async def test_a_refresh_by_slack_is_followed(house: House) -> None:
    ts = await house.card()
    before = house.chat.link.tickets
    await house.chat.link.refresh()
    await house.see(
        lambda: True if house.chat.link.tickets > before and house.chat.link.connections else None
    )
    assert (await house.chat.act.click("U01", ts, "approve")).acked


async def test_an_unreachable_slack_neither_blocks_the_start_nor_floods_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    chat = ChatStandIn([CHIEF], "C01", "T01", tmp_path)
    await chat.start()
    port = int(chat.url.rpartition(":")[2])
    await chat.stop()
    async with SlackCalls(chat.api_url, BOT_TOKEN) as calls:
        line = SlackLine(calls, APP_TOKEN, "T01", Desk(calls), ping_seconds=0.05)
        await line.start()
        async with asyncio.timeout(5):
            await line.until(Health.DOWN)
            with pytest.raises(SlackUnreachable):
                await calls.team()
            again = ChatStandIn([CHIEF], "C01", "T01", tmp_path)
            await again.start(port=port)
            await line.until(Health.CONNECTED)
        await line.stop()
        await again.stop()
    assert "Traceback" not in caplog.text
    assert len(caplog.records) < 12


async def test_an_address_used_up_by_a_failed_connection_is_not_tried_for_ever(tmp_path: Path) -> None:
    chat = ChatStandIn([CHIEF], "C01", "T01", tmp_path)
    await chat.start()
    chat.link.refusing = 2
    async with SlackCalls(chat.api_url, BOT_TOKEN) as calls:
        line = SlackLine(calls, APP_TOKEN, "T01", Desk(calls), ping_seconds=0.05)
        await line.start()
        async with asyncio.timeout(5):
            await line.until(Health.CONNECTED)
        await line.stop()
    await chat.stop()
    assert chat.link.refusing == 0


@pytest.mark.parametrize(("token", "team"), [("xoxb-wrong", "T01"), (BOT_TOKEN, "T99")])
async def test_a_wrong_token_or_another_workspace_is_a_standing_refusal(
    tmp_path: Path, token: str, team: str
) -> None:
    chat = ChatStandIn([CHIEF], "C01", "T01", tmp_path)
    await chat.start()
    async with SlackCalls(chat.api_url, token) as calls:
        line = SlackLine(calls, APP_TOKEN, team, Desk(calls), ping_seconds=0.1)
        await line.start()
        async with asyncio.timeout(5):
            await line.until(Health.REFUSED)
        await line.stop()
    await chat.stop()


# The stand-in itself


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    async with connected(tmp_path) as house:
        ts = await house.card()
        await house.calls.tell("C01", "U02", "<!channel> ご確認ください")
        before = house.chat.room.version
    async with connected(tmp_path) as house:
        assert await house.card() == ts
        assert [one.text for one in house.chat.room.whispers] == ["&lt;!channel&gt; ご確認ください"]
        assert house.chat.room.version > before
        assert (await house.chat.act.click("U01", ts, "approve")).acked


async def test_it_stands_on_loopback_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="loopback"):
        await ChatStandIn([CHIEF], "C01", "T01", tmp_path).start("0.0.0.0")


@pytest.fixture
async def browser(house: House) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(house.chat.url) as session:
        yield session


async def test_testers_act_over_http(house: House, browser: aiohttp.ClientSession) -> None:
    ts = await house.card()
    async with browser.get("/api-standin/messages") as answer:
        seen = mappings((await answer.json())["messages"])
    assert [one["ts"] for one in seen] == [ts]
    click = {"user": "U01", "ts": ts, "text": "差し戻す"}
    async with browser.post("/api-standin/click", json=click) as answer:
        assert (await answer.json())["ok"] is True
    form = await house.see(lambda: next(iter(house.chat.room.dialogs.values()), None))
    sent = {"user": "U01", "view_id": form.id, "values": {"reason": "日付"}}
    async with browser.post("/api-standin/submit", json=sent) as answer:
        assert (await answer.json())["ok"] is True
    async with browser.post("/api-standin/command", json={"user": "U01", "text": "了解"}) as answer:
        assert (await answer.json())["ok"] is True
    async with browser.get("/api-standin/messages") as answer:
        assert [text(one["text"]) for one in mappings((await answer.json())["messages"])][-1] == "了解"
    async with browser.post("/api-standin/drop", json={}) as answer:
        assert answer.status == 200
    assert house.chat.link.connections == 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("click", {"user": "U01", "ts": "1", "text": "承認"}, 404),
        ("click", {"user": "U99", "ts": "1", "text": "承認"}, 404),
        ("submit", {"user": "U01", "view_id": "V0", "values": {}}, 404),
        ("fault", {"method": "chat.update", "kind": "?"}, 400),
    ],
)
async def test_testers_are_told_what_is_not_there(
    browser: aiohttp.ClientSession, path: str, body: Json, status: int
) -> None:
    async with browser.post(f"/api-standin/{path}", json=body) as answer:
        assert answer.status == status
        assert (await answer.json())["ok"] is False


async def test_another_site_cannot_press_buttons(house: House, browser: aiohttp.ClientSession) -> None:
    async with browser.post("/api-standin/click", data={"user": "U01"}) as answer:
        assert answer.status == 415
    async with browser.get("/", headers={"Host": "evil.example"}) as answer:
        assert answer.status == 403


async def test_only_its_own_tokens_open_it(house: House) -> None:
    async with SlackCalls(house.chat.api_url, "xoxb-other") as other:
        with pytest.raises(SlackRefused, match="invalid_auth"):
            await other.tell("C01", "U01", "x")
    async with aiohttp.ClientSession() as session, session.post(f"{house.chat.api_url}auth.test") as answer:
        assert (await answer.json())["error"] == "not_authed"


async def test_a_connection_address_works_once(house: House) -> None:
    word = house.chat.link.ticket()
    async with aiohttp.ClientSession(house.chat.url) as session:
        async with session.ws_connect(f"/link/{word}") as socket:
            assert (await socket.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"/link/{word}")


async def test_a_proxy_in_the_environment_is_not_used_on_loopback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with connected(tmp_path) as house:
        ts = await house.card()
        for user in ("U01", "U02"):
            assert (await house.chat.act.click(user, ts, "approve")).acked
        await house.see(lambda: next(iter(house.chat.room.whispers), None))
