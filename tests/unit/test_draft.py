"""What an officer writes at the top of a draft, and what is read of it."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbound import draft as drafts
from inbound.draft import JST, Block

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=JST)
BODY = """種別：不審者情報
地域: 花見川区、稲毛区
配信：2026-11-22 09:00
期限：１１月２３日　１７時

本日１５時ごろ、①声かけがありました。

 日時：11月21日
--\x20
千葉西署 043-555-0102
"""


@pytest.mark.req("D3", "C6.1", "C6.6")
def test_the_lines_at_the_top_and_the_text() -> None:
    read = drafts.read("不審者情報（花見川区）", BODY)
    assert (read.category, read.areas) == ("不審者情報", ("花見川区", "稲毛区"))
    assert (read.release, read.until, read.level) == ("2026-11-22 09:00", "１１月２３日　１７時", "")
    # NFKC is for the keys alone: the text goes out as typed (R17); the mailer's signature does not go out.
    assert read.text == "本日１５時ごろ、①声かけがありました。\n\n 日時：11月21日"
    assert (read.subject, read.realm, read.revises, read.blocks) == (
        "不審者情報（花見川区）",
        "live",
        None,
        (),
    )


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("【訓練】不審者情報", ("drill", None, "不審者情報")),
        ("Re: 【訓練】不審者情報", ("drill", None, "不審者情報")),
        ("【試験】試験です", ("test", None, "試験です")),
        ("不審者【訓練】", ("live", None, "不審者【訓練】")),
        ("[2026-0007] 新しい件名", ("live", "2026-0007", "新しい件名")),
        ("修正 2026-0007", ("live", "2026-0007", "")),
        ("RE: 修正２０２６－０００７　新しい件名", ("live", "2026-0007", "新しい件名")),
        ("Re: [2026-0007] Re: 件名", ("live", "2026-0007", "件名")),
        ("2026-0007 は番号です", ("live", None, "2026-0007 は番号です")),
        ("", ("live", None, "")),
    ],
)
@pytest.mark.req("X4")
def test_marks_of_the_subject(subject: str, expected: tuple[str, str | None, str]) -> None:
    read = drafts.read(subject, "")
    assert (read.realm, read.revises, read.subject) == expected


@pytest.mark.req("C8.7")
def test_sections_have_their_own_areas() -> None:
    body = (
        "種別：犯罪発生日報\n\n11月20日の分です。\n■自転車盗（幕張町、真砂）\n2件\n\n"
        "■車上ねらい(検見川町)\n1件\n■注意\n鍵を\n"
    )
    read = drafts.read("犯罪発生日報", body)
    assert (read.areas, read.text) == ((), "11月20日の分です。")
    assert read.blocks == (
        Block("自転車盗", ("幕張町", "真砂"), "2件"),
        Block("車上ねらい", ("検見川町",), "1件\n■注意\n鍵を"),
    )


def test_with_a_line_for_the_whole_the_mark_is_only_a_mark() -> None:
    read = drafts.read("x", "地域：美浜区\n\n■注意（必ず）\n鍵を\n")
    assert (read.areas, read.blocks, read.text) == (("美浜区",), (), "■注意（必ず）\n鍵を")


def test_a_line_that_is_no_key_begins_the_text() -> None:
    read = drafts.read("x", "\n\n種別：不審者情報\n地域：美浜区\n日時：きのう\n期限：なし\n")
    assert (read.category, read.text, read.until) == ("不審者情報", "日時：きのう\n期限：なし", "")
    assert drafts.read("x", "種別：a\n種別：b\n").text == "種別：b"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2026-11-22 09:00", "2026-11-22T09:00"),
        ("2026/11/22 9:05", "2026-11-22T09:05"),
        ("２０２６年１１月２２日（日）９時３０分", "2026-11-22T09:30"),
        ("11月22日 9時", "2026-11-22T09:00"),
        ("1月5日 8:30", "2027-01-05T08:30"),
    ],
)
def test_times(said: str, expected: str) -> None:
    assert drafts.moment(said, NOW) == datetime.fromisoformat(expected).replace(tzinfo=JST)


@pytest.mark.parametrize("said", ["あした", "9時", "2026-13-01 09:00", "2月30日 9時", "", "2026-11-22 25:00"])
def test_times_that_are_none(said: str) -> None:
    assert drafts.moment(said, NOW) is None


def test_what_somebody_may_have_meant() -> None:
    known = ["不審者情報", "緊急防犯情報", "防犯情報", "花見川区"]
    assert drafts.similar("不審者情法", known)[0] == "不審者情報"
    assert drafts.similar("花見川", known) == ["花見川区"]
    assert "緊急防犯情報" in drafts.similar("緊急 防犯", known)
    assert drafts.similar("ラーメン", known) == []


@settings(max_examples=80)
@given(
    st.text(max_size=80),
    st.text(max_size=200),
    st.sampled_from(["", "種別：", "■", "地域:", "修正 2026-0007"]),
)
def test_no_text_makes_it_raise(subject: str, body: str, key: str) -> None:
    read = drafts.read(key + subject, key + body)
    assert "\n-- \n" not in read.text
    drafts.moment(body, NOW)
    drafts.similar(subject, [body, "不審者情報"])
