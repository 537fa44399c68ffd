"""Cards and forms: whatever people wrote, Slack takes the card, nothing in it comes alive, and it reads right."""

import dataclasses
import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import blocks, modals
from bot.card import Action, Card, Outcome, Realm, Verdict, button_value, read_button_value
from bot.kit import Block, cut_escaped, escape, visible
from bot.payloads import form_value, read_click, read_command, read_submission
from bot.shape import Json, dig, mapping, mappings, text
from bot.standin.kit import message_problems, too_long, view_problems
from bot.wording import phrase, refusal, table

EXAMPLES = settings(max_examples=40, deadline=None)
HOSTILE = st.one_of(
    st.text(max_size=400),
    st.text(alphabet="<>&!@#*_~`|\n\u202e字あ", max_size=400),
    st.sampled_from(
        ["<!channel>", "<@U01>", "&lt;!here&gt;", "*" * 200, "&" * 3000, "字" * 4000, '"\n' * 4000]
    ),
)
SHORT = st.text(max_size=80)
CARDS = st.builds(
    Card,
    number=st.from_regex(r"20[0-9]{2}-[0-9]{4}", fullmatch=True),
    realm=st.sampled_from(Realm),
    category=SHORT,
    level=st.none() | SHORT,
    areas=st.lists(HOSTILE, max_size=30).map(tuple),
    count=SHORT,
    carriers=st.lists(SHORT, max_size=12).map(tuple),
    subject=HOSTILE,
    body=st.one_of(HOSTILE, st.text(min_size=1, max_size=50).map(lambda piece: piece * 400)),
    author=SHORT,
    unit=SHORT,
    release=SHORT,
    version=st.from_regex(r"[a-z0-9]{1,64}", fullmatch=True),
    duration=st.none() | SHORT,
    findings=st.none() | st.lists(HOSTILE, max_size=20).map(tuple),
    changes=st.lists(HOSTILE, max_size=20).map(tuple),
    steps=st.lists(HOSTILE, max_size=9).map(tuple),
    refers=st.none() | SHORT,
    link=st.none() | HOSTILE | st.just("https://anzen.example.lg.jp/b/1?a=1&b=2"),
)
LIVE = Card(
    number="2026-0123",
    realm=Realm.LIVE,
    category="大雨",
    level="警報",
    areas=("中央区", "花見川区"),
    count="12,345件",
    carriers=("ドコモ 4,000件", "au 3,000件"),
    subject="【大雨警報】中央区・花見川区",
    body="20日14時10分、大雨警報が発表されました。\nレベル3相当です。",
    author="田中 実",
    unit="防災対策課",
    release="即時配信",
    version="abc",
    link="https://anzen.example.lg.jp/b/2026-0123",
)
DRILL = dataclasses.replace(LIVE, realm=Realm.DRILL)
OUTCOME = Outcome(Verdict.APPROVED, "佐藤 花子", "11月21日 14:12", "Slack")


def texts(value: object) -> Iterator[Json]:
    """Every text object anywhere in blocks."""
    given = mapping(value)
    if given.get("type") in ("plain_text", "mrkdwn") and "text" in given:
        yield given
    for inside in given.values() if given else value if isinstance(value, list) else ():
        yield from texts(inside)


def said(made: list[Block]) -> str:
    return "\n".join(text(one["text"]) for one in texts(made))


def every_card(card: Card, note: str) -> Iterator[list[Block]]:
    yield blocks.approval_card(card)
    yield blocks.approval_card(card, blocks.SMALL_ROOM)
    yield blocks.voided_card(card, note)
    for verdict in Verdict:
        yield blocks.decided_card(card, Outcome(verdict, note, note, note, note, note))
    yield blocks.decided_card(card, Outcome(Verdict.APPROVED, note, note, note, by_rule=True, stoppable=True))


@given(card=CARDS, note=HOSTILE)
@EXAMPLES
def test_slack_takes_every_card(card: Card, note: str) -> None:
    for made in every_card(card, note[:500]):
        assert message_problems(made) == []
        assert not too_long(made), blocks.size(made)
        json.dumps(made, ensure_ascii=False).encode()


@given(card=CARDS, note=HOSTILE)
@EXAMPLES
def test_nothing_people_wrote_comes_alive(card: Card, note: str) -> None:
    for made in every_card(card, note):
        for one in texts(made):
            if one["type"] != "mrkdwn":
                continue
            # The only control sequence on a card is our own link to the whole text.
            rest = re.sub(r"<https?://[^<>|\s]+\|[^<>|]+>", "", text(one["text"]))
            assert "<" not in rest
            assert ">" not in rest
            assert "&" not in re.sub(r"&(amp|lt|gt);", "", rest)
    for words in (blocks.waiting_words(card), blocks.voided_words(card)):
        assert "<" not in escape(words)


@given(HOSTILE.filter(lambda body: len(visible(body)) <= 4000))
@EXAMPLES
def test_a_body_that_fits_is_shown_letter_for_letter(body: str) -> None:
    made = blocks.approval_card(dataclasses.replace(LIVE, body=body, subject="件名"))
    exact = [text(dig(one, "text", "text")) for one in made if dig(one, "text", "type") == "plain_text"]
    # headline and subject come before the body
    assert "".join(exact[2:]) == (visible(body) or "（なし）")


@given(st.text(alphabet="&<>*_~`a\u202e", max_size=300), st.integers(1, 60))
def test_cutting_never_breaks_an_escape(words: str, most: int) -> None:
    shown = cut_escaped(words, most)
    assert len(shown) <= most
    assert "&" not in re.sub(r"&(amp|lt|gt);", "", shown)


@pytest.mark.req("X1")
def test_what_cannot_be_seen_is_spelled_out_to_the_approver() -> None:
    assert (
        visible("解除\u202eされました\u200b。\r\n👨\u200d👩 ½")
        == "解除[U+202E]されました[U+200B]。\n👨\u200d👩 ½"
    )
    assert visible("\x00\ud800") == "[U+0000][U+D800]"


def test_a_long_body_is_cut_and_says_so_with_the_link() -> None:
    body = "あいうえお\n" * 2000
    made = said(blocks.approval_card(dataclasses.replace(LIVE, body=body)))
    assert "全12,000文字のうち6,000文字" in made
    assert "<https://anzen.example.lg.jp/b/2026-0123|全文>" in made


@pytest.mark.req("D4")
def test_live_and_drill_differ_in_words_and_colours() -> None:
    live, drill = blocks.approval_card(LIVE), blocks.approval_card(DRILL)
    first = {one["action_id"]: one for one in mappings(live[-1]["elements"])}[Action.APPROVE]
    other = {one["action_id"]: one for one in mappings(drill[-1]["elements"])}[Action.APPROVE]
    assert dig(first, "text", "text") == "承認して配信する（12,345件）"
    assert dig(other, "text", "text") == "訓練として配信する"
    assert first.get("style") == "primary"
    assert "style" not in other
    asked = text(dig(first, "confirm", "text", "text"))
    assert "中央区、花見川区" in asked
    assert "12,345件" in asked
    assert "confirm" not in other
    assert "本番" in said(live)
    assert "本番" not in said(drill)
    assert "訓練" not in said(live)
    headers = {said(blocks.approval_card(dataclasses.replace(LIVE, realm=realm))[:1])[0] for realm in Realm}
    assert len(headers) == 3


def test_the_card_names_what_the_approver_must_know() -> None:
    card = dataclasses.replace(LIVE, findings=("電話番号があります",), changes=("日付が変わりました",))
    made = said(blocks.approval_card(card))
    for words in (
        "2026-0123",
        "大雨（警報）",
        "12,345件",
        "即時配信",
        "田中 実（防災対策課）",
        "中央区、花見川区",
    ):
        assert words in made
    for words in ("ドコモ 4,000件", "電話番号があります", "日付が変わりました", LIVE.subject, LIVE.body):
        assert words in made


def test_many_areas_are_counted() -> None:
    card = dataclasses.replace(LIVE, areas=tuple(f"花見川区{number}丁目" for number in range(300)))
    made = blocks.approval_card(card)
    assert "*配信地域*（300地域）" in said(made)
    assert re.search(r"ほか\d+地域", said(made))
    assert message_problems(made) == []


def test_a_decided_card_has_no_buttons_and_says_who() -> None:
    made = blocks.decided_card(LIVE, dataclasses.replace(OUTCOME, progress="配信済み（12,345件）"))
    assert not [one for one in made if one["type"] == "actions"]
    assert "*佐藤 花子* さんが承認しました（11月21日 14:12）" in said(made)
    assert "配信済み（12,345件）" in said(made)
    back = blocks.decided_card(LIVE, Outcome(Verdict.RETURNED, "佐藤", "14:12", "メール", "日付が*違います*"))
    assert "日付が*違います*" in said(back)
    assert not [one for one in blocks.voided_card(LIVE, "内容が変わりました") if one["type"] == "actions"]
    assert blocks.decided_words(LIVE, OUTCOME) == "【本番】承認済み 2026-0123 【大雨警報】中央区・花見川区"


@given(st.text(max_size=60))
def test_a_button_value_is_read_back_or_not_at_all(value: str) -> None:
    read = read_button_value(value)
    assert read is None or button_value(*read) == value
    assert read_button_value(button_value("2026-0123", "abc")) == ("2026-0123", "abc")


# Forms

CHOICES = st.lists(
    st.builds(modals.Choice, st.from_regex(r"[a-z]{1,20}", fullmatch=True), HOSTILE), max_size=120
)


@given(CHOICES.filter(bool), CHOICES)
@EXAMPLES
def test_slack_takes_every_form(categories: list[modals.Choice], areas: list[modals.Choice]) -> None:
    assert view_problems(modals.draft_modal(categories, areas)) == []
    for form in (modals.return_modal, modals.reject_modal, modals.stop_modal, modals.withdraw_modal):
        assert view_problems(form("2026-0123", "v" * 64)) == []


@given(HOSTILE, st.integers(0, 700))
@EXAMPLES
def test_slack_takes_a_whole_mail_and_it_is_whole(line: str, lines: int) -> None:
    body = f"{line}\n" * lines
    made = modals.read_modal(line, body)
    assert view_problems(made) == []
    shown = "".join(text(one["text"]) for one in texts(mappings(made["blocks"])[1:]))
    assert shown == visible(body) or "続きは、作成者に" in shown


def test_areas_are_typed_when_there_are_too_many_to_choose_from() -> None:
    draft = modals.read_draft(
        {"areas": "花見川区、 若葉区，幕張本町・西", "subject": " 件\n名 ", "realm": "?"}
    )
    assert draft.areas == ("花見川区", "若葉区", "幕張本町・西")
    assert draft.areas_typed
    assert (draft.subject, draft.realm) == ("件 名", None)
    with pytest.raises(ValueError, match="category"):
        modals.draft_modal([], [])


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=9), inside, max_size=3),
    max_leaves=12,
)
PAYLOADS = st.fixed_dictionaries(
    {}, optional={key: JSONS for key in ("user", "team", "actions", "view", "container", "channel", "value")}
)


@given(PAYLOADS)
@EXAMPLES
def test_any_payload_is_read_without_an_error(payload: Json) -> None:
    read_click(payload)
    read_command(payload)
    read_submission(payload)
    form_value(payload)


# Words


@pytest.mark.parametrize("name", ["card", "commands", "modal", "names", "refusals"])
def test_every_sentence_can_be_filled(name: str) -> None:
    for code, sentence in table(name).items():
        assert sentence.is_valid(), code
        assert phrase(name, code, **dict.fromkeys(sentence.get_identifiers(), "あ"))


def test_a_refusal_names_who_and_when() -> None:
    words = refusal("already-approved", number="2026-0123", by="佐藤 花子", when="14:12")
    assert "14:12に佐藤 花子さんが承認済み" in words
