"""Warnings, landslides and tornadoes: Status before code, municipalities only."""

import pytest

from feeds.item import Action, Audience
from feeds.telegram import Why, read
from tests.telegrams import RAIN, area, information, kind, one, report, understood, warning

SOIL = "土砂災害警戒情報"
TORNADO = "竜巻注意情報"
SEEN = "竜巻注意情報（目撃情報付き）"
H27 = "気象警報・注意報（Ｈ２７）"


@pytest.mark.req("C8.10")
@pytest.mark.parametrize(
    ("code", "status", "last", "action", "level", "match"),
    [
        ("03", "発表", None, Action.ISSUE, "3", 3),
        ("43", "発表", "03", Action.RAISE, "4", 4),
        ("33", "発表", "43", Action.RAISE, "5", 5),
        ("03", "発表", "03", Action.ISSUE, "3", 3),
        ("03", "継続", "03", Action.CONTINUE, "3", 3),
        ("10", "解除", "10", Action.LIFT, None, 2),
        ("03", "解除", None, Action.LIFT, None, 3),
        ("00", "解除", "03", Action.LIFT, None, 3),
        ("10", "警報から注意報", "03", Action.LOWER, "2", 3),
        ("43", "特別警報から危険警報", "33", Action.LOWER, "4", 5),
        ("03", "特別警報から警報", "33", Action.LOWER, "3", 5),
        ("10", "特別警報から注意報", "33", Action.LOWER, "2", 5),
        ("03", "危険警報から警報", "43", Action.LOWER, "3", 4),
        ("10", "危険警報から注意報", "43", Action.LOWER, "2", 4),
    ],
)
def test_status_decides(
    code: str, status: str, last: str | None, action: Action, level: str | None, match: int
) -> None:
    item = one(report(RAIN, warning(kind(code, status, last=last))))
    assert (item.action, item.level, item.match_rank) == (action, level, match)
    expected = Audience.NOBODY if action is Action.CONTINUE else Audience.SUBSCRIBERS
    assert item.to is expected


def test_a_lifted_kind_keeps_the_code_of_what_was_lifted() -> None:
    assert one(report(RAIN, warning(kind("00", "解除", last="43")))).kind == "43"


def test_nothing_in_force_is_no_item() -> None:
    assert understood(report(RAIN, warning(kind(None, "発表警報・注意報はなし")))).items == ()


@pytest.mark.parametrize(
    ("code", "status"),
    [("42", "発表"), ("99", "発表"), ("3", "発表"), ("03", "新規"), ("03", ""), (None, "発表")],
)
def test_unknown_kind_or_status_goes_to_a_person(code: str | None, status: str) -> None:
    telegram = read(report(RAIN, warning(kind(code, status))))
    assert (telegram.why, telegram.items[0].action) == (Why.UNKNOWN_CODE, Action.UNKNOWN)


def test_only_municipalities_count() -> None:
    others = "".join(
        warning(kind("33", "発表"), part=f"気象警報・注意報（{part}）", place=area("120000"))
        for part in ("府県予報区等", "一次細分区域等", "市町村等をまとめた地域等", "高潮予報区間")
    )
    assert one(report(RAIN, others + warning(kind("10", "継続")))).action is Action.CONTINUE


def test_the_title_of_the_head_decides_nothing() -> None:
    data = report(RAIN, warning(kind("10", "発表"))).replace("表題".encode(), "千葉県大雨特別警報".encode())
    assert one(data).level == "2"


def test_the_kind_decides_not_its_name() -> None:
    assert one(report(RAIN, warning(kind("10", "発表", "レベル５大雨特別警報")))).level == "2"


@pytest.mark.parametrize(
    ("title", "code", "phenomenon", "level"),
    [
        ("気象警報・注意報（Ｒ０６）（土砂）", "49", "landslide", "4"),
        ("気象警報・注意報（Ｒ０６）（高潮）", "38", "surge", "5"),
        ("気象警報・注意報（Ｒ０６）（暴風）", "05", "wind", "warning"),
        ("気象警報・注意報（Ｒ０６）（暴風）", "32", "snowstorm", "special"),
        ("気象警報・注意報（Ｒ０６）（波浪）", "16", "wave", "advisory"),
        ("気象警報・注意報（Ｒ０６）（大雪）", "06", "snow", "warning"),
        ("気象警報・注意報（Ｒ０６）（その他注意報）", "14", "thunder", "advisory"),
        (H27, "33", "rain", "special"),
        (H27, "18", "flood", "advisory"),
    ],
)
def test_kinds(title: str, code: str, phenomenon: str, level: str) -> None:
    item = one(report(title, warning(kind(code, "発表"))))
    assert (item.phenomenon, item.level) == (phenomenon, level)


def test_several_kinds_of_one_city_are_several_items() -> None:
    both = warning(kind("14", "発表") + kind("20", "継続"))
    telegram = understood(report("気象警報・注意報（Ｒ０６）（その他注意報）", both))
    assert [(item.kind, item.to.value) for item in telegram.items] == [
        ("14", "subscribers"),
        ("20", "nobody"),
    ]


def test_periods_are_kept_in_jmas_words() -> None:
    sentence = "<Sentence>２日８時から１５時まで</Sentence>"
    local = f"<Local><AreaName>海側</AreaName>{sentence}</Local>"
    periods = f"<Property><CriteriaPeriod><Base>{sentence}{local}</Base></CriteriaPeriod></Property></Kind>"
    item = one(report(RAIN, warning(kind("03", "発表").replace("</Kind>", periods))))
    assert item.sentences == ("２日８時から１５時まで", "海側：２日８時から１５時まで")


@pytest.mark.parametrize(
    ("code", "status", "action"),
    [
        ("3", "発表", Action.ISSUE),
        ("3", "継続", Action.CONTINUE),
        ("1", "解除", Action.LIFT),
        ("0", "なし", None),
    ],
)
def test_landslide_information(code: str, status: str, action: Action | None) -> None:
    telegram = understood(report(SOIL, warning(kind(code, status), part=SOIL)))
    assert [(item.action, item.to) for item in telegram.items] == (
        [(action, Audience.NOBODY)] if action else []
    )


@pytest.mark.parametrize("title", [SOIL, TORNADO])
@pytest.mark.parametrize(("code", "status"), [("2", "発表"), ("", "発表"), ("1", "変更")])
def test_unknown_one_digit_codes(title: str, code: str, status: str) -> None:
    part = SOIL if title == SOIL else "竜巻注意情報（市町村等）"
    assert read(report(title, warning(kind(code, status), part=part))).why is Why.UNKNOWN_CODE


def _tornado(title: str, head: str = "") -> bytes:
    body = warning(kind("1", "発表"), part="竜巻注意情報（市町村等）")
    off = warning(kind("0", "なし"), part="竜巻注意情報（市町村等）", place=area("1220200"))
    return report(title, body + off, information=head, valid="2026-11-20T10:10:00+09:00")


def test_every_tornado_advisory_comes_twice_and_is_told_once() -> None:
    first, copy = one(_tornado(TORNADO)), one(_tornado(SEEN))
    assert (first.action, first.to) == (Action.ISSUE, Audience.SUBSCRIBERS)
    assert (copy.action, copy.to) == (Action.ISSUE, Audience.NOBODY)


@pytest.mark.parametrize(("code", "to"), [("1", Audience.SUBSCRIBERS), ("0", Audience.NOBODY)])
def test_a_sighting_makes_the_second_copy_news(code: str, to: Audience) -> None:
    head = information("竜巻注意情報（目撃情報あり）", f"<Code>{code}</Code>", area("120010"))
    assert one(_tornado(SEEN, head)).to is to


def test_special_warning_notice() -> None:
    city = information(
        "気象特別警報報知（市町村等）", "<Name>大雨特別警報</Name><Code>33</Code>", area("1210000")
    )
    pref = information("気象特別警報報知（府県予報区等）", "<Name>x</Name><Code>33</Code>", area("120000"))
    item = one(report("気象特別警報報知", information=pref + city))
    assert (item.areas[0].code, item.level, item.to) == ("city:1210000", "special", Audience.NOBODY)
    lifted = pref.replace("33", "00")
    assert one(report("気象特別警報報知", information=lifted)).action is Action.LIFT
    assert read(report("気象特別警報報知", information=city.replace("33", "77"))).why is Why.UNKNOWN_CODE
