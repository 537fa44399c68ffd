"""The telegram reader: envelope, refusals, and who hears of what."""

import pytest

from feeds.item import Action, Audience, Realm
from feeds.telegram import Why, as_json, read
from tests.telegrams import RAIN, kind, one, report, understood, warning

ISSUED = warning(kind("03", "発表", "レベル３大雨警報"))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", Why.BAD_XML),
        (b"not xml", Why.BAD_XML),
        (b"<a>" * 300 + b"</a>" * 300, Why.BAD_XML),
        (b'<?xml version="1.0" encoding="x-none"?><a/>', Why.BAD_XML),
        (b"<a>&unknown;</a>", Why.BAD_XML),
        (b'<!DOCTYPE r [<!ENTITY e "v">]><r>&e;</r>', Why.HAS_DTD),
        (b'<?xml version="1.0"?>\n<!-- c -->\n<!DOCTYPE r SYSTEM "http://127.0.0.1/x"><r/>', Why.HAS_DTD),
        ("<!DOCTYPE r><r/>".encode("utf-16"), Why.HAS_DTD),
        (b"<r>" + b"x" * (5 * 1024 * 1024) + b"</r>", Why.TOO_BIG),
        (b"<r/>", Why.NOT_JMA),
        (b'<feed xmlns="http://www.w3.org/2005/Atom"/>', Why.NOT_JMA),
        (b'<Report xmlns="http://xml.kishou.go.jp/jmaxml1/"/>', Why.NOT_JMA),
        (b"<Report><Control><Title>" + RAIN.encode() + b"</Title></Control></Report>", Why.NOT_JMA),
    ],
)
def test_refused_with_its_own_code(data: bytes, why: Why) -> None:
    telegram = read(data)
    assert (telegram.understood, telegram.why, telegram.type, telegram.items) == (False, why, None, ())


def test_a_doctype_inside_text_is_only_text() -> None:
    assert understood(report(RAIN, headline="<![CDATA[<!DOCTYPE x>]]>")).headline == "<!DOCTYPE x>"


def test_a_comment_cannot_split_a_code() -> None:
    split = ISSUED.replace("<Code>03</Code>", "<Code>0<!-- -->3</Code>")
    assert one(report(RAIN, split)).kind == "03"


def test_crlf_reads_like_lf() -> None:
    data = report(RAIN, ISSUED)
    assert read(data.replace(b"\n", b"\r\n")) == read(data)


def test_envelope() -> None:
    telegram = understood(report(RAIN, ISSUED, event_id="E1", serial="2", valid="2026-11-20T10:00:00+09:00"))
    assert (telegram.type, telegram.family, telegram.office) == ("VPWW55", "current", "銚子地方気象台")
    assert (telegram.event_id, telegram.serial, telegram.realm) == ("E1", "2", Realm.LIVE)
    found = as_json(telegram, "-")
    assert found["reported_at"] == "2026-11-20T09:00:00+09:00"
    assert found["valid_until"] == "2026-11-20T10:00:00+09:00"
    assert found["bulletins"] == [
        {"category": "weather-rain", "title": "表題", "areas": ["city:1210000"], "realm": "live"}
    ]


def test_empty_fields_are_null() -> None:
    found = as_json(read(report(RAIN)), "x")
    assert [found[key] for key in ("event_id", "serial", "valid_until", "why")] == [None] * 4
    assert found["items"] == found["bulletins"] == []


@pytest.mark.parametrize(
    ("title", "code", "family"),
    [
        ("指定河川洪水予報", "VXKO", None),
        ("台風解析・予報情報（５日予報）（Ｈ３０）", "VPTW", None),
        ("土砂災害警戒情報", "VXWW50", "old"),
        ("府県気象防災速報", "VPBS50", "current"),
        ("季節観測", "VGSK50", None),
    ],
)
def test_type_comes_from_the_control_title(title: str, code: str, family: str | None) -> None:
    telegram = understood(report(title))
    assert (telegram.type, telegram.family) == (code, family)


def test_unknown_title_is_no_alarm_but_not_understood() -> None:
    telegram = read(report("明日の星空"))
    assert (telegram.understood, telegram.why, telegram.type) == (False, Why.UNKNOWN_TYPE, None)
    assert (telegram.title, telegram.status) == ("明日の星空", "通常")


@pytest.mark.req("C8.1")
def test_a_live_warning_goes_to_subscribers() -> None:
    item = one(report(RAIN, ISSUED))
    assert (item.action, item.to, item.mail) == (Action.ISSUE, Audience.SUBSCRIBERS, True)


@pytest.mark.parametrize(("status", "realm"), [("訓練", Realm.DRILL), ("試験", Realm.TEST)])
@pytest.mark.parametrize("info_type", ["発表", "訂正", "取消"])
def test_drills_and_tests_reach_nobody(status: str, realm: Realm, info_type: str) -> None:
    telegram = understood(report(RAIN, ISSUED, status=status, info_type=info_type))
    assert telegram.realm is realm
    assert [item.to for item in telegram.items] == [Audience.NOBODY]


@pytest.mark.parametrize(
    "change", [{"status": "本番"}, {"status": ""}, {"info_type": "更新"}, {"info_type": ""}]
)
def test_status_and_info_type_are_closed_sets(change: dict[str, str]) -> None:
    telegram = read(report(RAIN, ISSUED, **change))
    assert (telegram.understood, telegram.why, telegram.items) == (False, Why.UNKNOWN_CODE, ())
    assert None in (telegram.status, telegram.info_type)


@pytest.mark.req("X5")
def test_a_cancellation_names_no_areas_and_goes_to_those_who_got_it() -> None:
    item = one(report(RAIN, "<Text>取り消します。</Text>", info_type="取消"))
    assert (item.action, item.areas, item.to, item.mail) == (Action.CANCEL, (), Audience.RECIPIENTS, False)


def test_a_cancelled_wind_telegram_takes_back_both_its_phenomena() -> None:
    telegram = understood(report("気象警報・注意報（Ｒ０６）（暴風）", info_type="取消"))
    assert [item.phenomenon for item in telegram.items] == ["wind", "snowstorm"]


@pytest.mark.req("X5")
def test_a_correction_goes_to_those_who_got_the_original() -> None:
    item = one(report(RAIN, ISSUED, info_type="訂正"))
    assert (item.action, item.to) == (Action.CORRECT, Audience.RECIPIENTS)


def test_a_late_telegram_is_a_telegram() -> None:
    assert one(report(RAIN, ISSUED, info_type="遅延")).action is Action.ISSUE


@pytest.mark.parametrize("info_type", ["発表", "訂正", "取消"])
def test_the_old_family_reaches_nobody(info_type: str) -> None:
    telegram = understood(report("気象警報・注意報（Ｈ２７）", ISSUED, info_type=info_type))
    assert {item.to for item in telegram.items} == {Audience.NOBODY}


def test_one_unknown_code_silences_the_whole_telegram() -> None:
    telegram = read(report(RAIN, ISSUED + warning(kind("45", "発表"))))
    assert (telegram.understood, telegram.why) == (False, Why.UNKNOWN_CODE)
    assert [item.action for item in telegram.items] == [Action.ISSUE, Action.UNKNOWN]
    assert {item.to for item in telegram.items} == {Audience.NOBODY}
    assert as_json(telegram, "x")["bulletins"] == []


def test_the_key_tells_copies_from_others() -> None:
    one_, same = read(report(RAIN, ISSUED)), read(report(RAIN, ISSUED) + b"\n")
    cancelled = read(report(RAIN, info_type="取消"))
    assert one_.key == same.key != cancelled.key
    assert one_.unit == cancelled.unit


@pytest.mark.parametrize("when", ["", "2026-11-20", "2026-11-20T09:00:00", "yesterday"])
def test_a_time_without_zone_is_no_time(when: str) -> None:
    data = report(RAIN).replace(b"2026-11-20T09:00:00+09:00</Report", when.encode() + b"</Report")
    assert understood(data).reported_at is None
