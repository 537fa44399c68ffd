"""Earthquakes, tsunami, rivers, volcanoes and forecasts."""

import pytest

from feeds.bulletins import drafts
from feeds.item import Action, Audience
from feeds.telegram import Why, read
from tests.telegrams import SEIS, area, information, one, report, understood

QUAKE = "震源・震度に関する情報"
TSUNAMI = "津波警報・注意報・予報a"
RIVER = "指定河川洪水予報"


def _quake(region: str = "<MaxInt>4</MaxInt>", city: str = "<MaxInt>3</MaxInt>") -> bytes:
    body = f"""<Earthquake><OriginTime>2026-11-20T08:56:00+09:00</OriginTime><Hypocenter><Area>
<Name>千葉県北西部</Name><Coordinate description="北緯３５．６度　深さ　７０ｋｍ">+35.6/</Coordinate></Area></Hypocenter>
<Magnitude description="Ｍ５．１">5.1</Magnitude></Earthquake><Intensity><Observation><Pref><Code>12</Code>
<Area><Name>千葉県北西部</Name><Code>341</Code>{region}<City><Name>千葉花見川区</Name><Code>1210200</Code>{city}
</City></Area></Pref></Observation></Intensity>
<Comments><ForecastComment><Text>津波の心配はありません。</Text><Code>0215</Code></ForecastComment></Comments>"""
    return report(QUAKE, body, event_id="20261120085600", serial="1", namespace=SEIS)


def test_regions_and_cities_are_reported_once() -> None:
    telegram = understood(_quake())
    assert [(item.areas[0].code, item.level, item.action, item.to) for item in telegram.items] == [
        ("intensity-region:341", "4", Action.REPORT, Audience.SUBSCRIBERS),
        ("intensity-city:1210200", "3", Action.REPORT, Audience.SUBSCRIBERS),
    ]
    source = telegram.source
    assert source is not None
    assert (source.hypocenter, source.magnitude, source.depth) == (
        "千葉県北西部",
        "Ｍ５．１",
        "深さ　７０ｋｍ",
    )
    assert telegram.comment == "津波の心配はありません。"


@pytest.mark.parametrize(
    ("city", "level"),
    [
        ("<Condition>震度５弱以上未入電</Condition>", "5-?"),
        ("<MaxInt>4</MaxInt><Condition>震度５弱以上未入電</Condition>", "5-?"),
        ("<MaxInt>6-</MaxInt><Condition>震度５弱以上未入電</Condition>", "6-"),
        ("<MaxInt>7</MaxInt>", "7"),
    ],
)
def test_what_has_not_come_in_counts_as_five_lower(city: str, level: str) -> None:
    assert understood(_quake(city=city)).items[1].level == level


def test_a_place_without_any_value_says_nothing() -> None:
    assert len(understood(_quake(city="")).items) == 1


@pytest.mark.parametrize("value", ["8", "5", "0", "５弱", "4.5"])
def test_an_intensity_that_is_none_goes_to_a_person(value: str) -> None:
    assert read(_quake(city=f"<MaxInt>{value}</MaxInt>")).why is Why.UNKNOWN_CODE


def test_a_distant_quake_concerns_no_area() -> None:
    assert understood(report(QUAKE, "<Earthquake/>", namespace=SEIS)).items == ()


def _tsunami(code: str, last: str, title: str = TSUNAMI) -> bytes:
    before = f"<LastKind><Name>前</Name><Code>{last}</Code></LastKind>" if last else ""
    body = f"""<Tsunami><Forecast><Item>{area("312", "東京湾内湾")}<Category><Kind><Name>名</Name><Code>{code}</Code>
</Kind>{before}</Category><MaxHeight><TsunamiHeight description="１ｍ">1.0</TsunamiHeight></MaxHeight></Item>
</Forecast></Tsunami>"""
    return report(title, body, event_id="20261120085600", namespace=SEIS)


@pytest.mark.parametrize(
    ("code", "last", "action", "level", "match"),
    [
        ("62", "00", Action.ISSUE, "advisory", 2),
        ("62", "", Action.ISSUE, "advisory", 2),
        ("51", "62", Action.RAISE, "warning", 3),
        ("53", "51", Action.RAISE, "major", 4),
        ("52", "53", Action.CONTINUE, "major", 4),
        ("62", "51", Action.LOWER, "advisory", 3),
        ("72", "62", Action.LOWER, "forecast", 2),
        ("73", "52", Action.LOWER, "forecast", 4),
        ("71", "72", Action.CONTINUE, "forecast", 1),
        ("60", "62", Action.LIFT, None, 2),
        ("50", "00", Action.LIFT, None, 3),
        ("00", "71", Action.LIFT, None, 1),
    ],
)
def test_tsunami_by_kind_and_last_kind(
    code: str, last: str, action: Action, level: str | None, match: int
) -> None:
    item = one(_tsunami(code, last))
    assert (item.action, item.level, item.match_rank) == (action, level, match)
    assert item.sentences == ("予想される高さ １ｍ",)


def test_no_tsunami_before_and_now_is_no_item() -> None:
    assert understood(_tsunami("00", "00")).items == ()


@pytest.mark.parametrize(("code", "last"), [("54", "00"), ("62", "99")])
def test_unknown_tsunami_codes(code: str, last: str) -> None:
    assert read(_tsunami(code, last)).why is Why.UNKNOWN_CODE


def test_tsunami_information_repeats_and_is_not_mailed() -> None:
    item = one(_tsunami("51", "00", "津波情報a"))
    assert (item.action, item.to, item.level) == (Action.CONTINUE, Audience.NOBODY, "warning")


def _river(code: str, headline: str, serial: str = "2") -> bytes:
    head = information(
        "指定河川洪水予報（予報区域）",
        f"<Name>名</Name><Code>{code}</Code>",
        area("830303000103", "利根川中流部"),
    )
    return report(RIVER, information=head, headline=headline, serial=serial, event_id="830303000103")


@pytest.mark.parametrize(
    ("code", "headline", "serial", "action", "level"),
    [
        ("30", "〔新規〕利根川では", "1", Action.ISSUE, "3"),
        ("20", "利根川では", "1", Action.ISSUE, "2"),
        ("30", "〔継続〕利根川では", "2", Action.CONTINUE, "3"),
        ("40", "〔警戒レベル３相当から４相当に切替〕利根川では", "3", Action.RAISE, "4"),
        ("21", "〔警戒レベル４相当から２に切替〕利根川では", "3", Action.LOWER, "2"),
        ("30", "〔警戒レベル２から３相当に切替〕利根川では", "2", Action.RAISE, "3"),
        ("30", "〔警戒レベル３相当から３相当に切替〕利根川では", "2", Action.ISSUE, "3"),
        ("10", "〔解除〕利根川では", "4", Action.LIFT, None),
        ("51", "利根川では", "5", Action.ISSUE, "5"),
    ],
)
def test_rivers(code: str, headline: str, serial: str, action: Action, level: str | None) -> None:
    item = one(_river(code, headline, serial))
    assert (item.areas[0].code, item.action, item.level) == ("river:830303000103", action, level)


def test_unknown_river_code() -> None:
    assert read(_river("99", "〔新規〕")).why is Why.UNKNOWN_CODE


def _volcano(title: str, part: str, code: str, condition: str = "") -> bytes:
    body = f"""<VolcanoInfo type="{part}"><Item><Kind><Name>名</Name><Code>{code}</Code>
<Condition>{condition}</Condition></Kind><LastKind><Code>12</Code></LastKind><Areas>{area("306", "浅間山")}</Areas>
</Item></VolcanoInfo>"""
    return report(title, body, event_id="306")


@pytest.mark.parametrize(
    ("code", "condition", "action", "level"),
    [
        ("13", "引上げ", Action.RAISE, "3"),
        ("11", "引下げ", Action.LOWER, None),
        ("12", "継続", Action.CONTINUE, "2"),
        ("25", "発表", Action.ISSUE, "special"),
        ("05", "解除", Action.LIFT, None),
    ],
)
def test_volcano_warnings(code: str, condition: str, action: Action, level: str | None) -> None:
    item = one(_volcano("噴火警報・予報", "噴火警報・予報（対象火山）", code, condition))
    assert (item.areas[0].code, item.action, item.level) == ("volcano:306", action, level)


@pytest.mark.parametrize(("code", "condition"), [("16", "発表"), ("13", "急変")])
def test_unknown_volcano_codes(code: str, condition: str) -> None:
    data = _volcano("噴火警報・予報", "噴火警報・予報（対象火山）", code, condition)
    assert read(data).why is Why.UNKNOWN_CODE


def test_eruption_ash_and_commentary() -> None:
    assert one(_volcano("噴火速報", "噴火速報", "52")).action is Action.REPORT
    assert read(_volcano("噴火速報", "噴火速報", "13")).why is Why.UNKNOWN_CODE
    ash = one(_volcano("降灰予報（詳細）", "降灰予報（対象市町村等）", "73"))
    assert (ash.areas[0].code, ash.to) == ("city:306", Audience.SUBSCRIBERS)
    comment = "火山の状況に関する解説情報"
    assert one(_volcano(comment, f"{comment}（対象火山）", "13", "引上げ")).to is Audience.NOBODY


@pytest.mark.parametrize(
    ("tag", "phenomena"),
    [("線状降水帯発生", ["rain"]), ("短時間大雪", ["snow"]), ("記録雨 短時間大雪", ["rain", "snow"])],
)
def test_flash_tags(tag: str, phenomena: list[str]) -> None:
    head = information(
        "情報タグ", f"<Name>情報タグ</Name><Condition>{tag}</Condition>", area("120010", "北西部")
    )
    telegram = understood(report("府県気象防災速報", information=head))
    assert [(i.phenomenon, i.areas[0].code, i.action) for i in telegram.items] == [
        (name, "class10:120010", Action.REPORT) for name in phenomena
    ]


@pytest.mark.parametrize("tag", ["竜巻", ""])
def test_unknown_flash_tag(tag: str) -> None:
    head = information("情報タグ", f"<Name>情報タグ</Name><Condition>{tag}</Condition>", area("120000"))
    assert read(report("府県気象防災速報", information=head)).why is Why.UNKNOWN_CODE


def test_record_rain_of_the_old_family() -> None:
    part = "記録的短時間大雨情報（発表細分）"
    body = f'<Warning type="{part}"><Item><Kind><Code>1</Code></Kind>{area("120000")}</Item></Warning>'
    item = one(report("記録的短時間大雨情報", body))
    assert (item.areas[0].code, item.action, item.to) == ("pref:120000", Action.REPORT, Audience.NOBODY)
    assert read(report("記録的短時間大雨情報", body.replace(">1<", ">9<"))).why is Why.UNKNOWN_CODE


@pytest.mark.parametrize(
    ("title", "code", "expected"),
    [
        ("府県天気予報（Ｒ１）", "120010", "class10:120010"),
        ("府県天気予報（Ｒ１）", "011000", "class10:011000"),
        ("府県週間天気予報", "120000", "pref:120000"),
    ],
)
def test_forecasts_are_told_once_for_each_area(title: str, code: str, expected: str) -> None:
    series = f"<TimeSeriesInfo><Item>{area(code)}</Item></TimeSeriesInfo>"
    infos = f'<MeteorologicalInfos type="区域予報">{series}{series}</MeteorologicalInfos>'
    item = one(report(title, infos))
    assert (item.areas[0].code, item.action, item.mail) == (expected, Action.REPORT, True)


def test_the_overview_names_its_prefecture() -> None:
    target = "<TargetArea><Name>千葉県</Name><Code>120000</Code></TargetArea>"
    item = one(report("府県天気概況", target))
    assert (item.phenomenon, item.areas[0].code, item.action) == ("forecast", "pref:120000", Action.REPORT)


@pytest.mark.parametrize(
    ("office", "areas"),
    [("銚子地方気象台", ["pref:120000"]), ("仙台管区気象台", ["pref:040000"]), ("気象庁本庁", [])],
)
def test_a_heat_alert_is_placed_by_its_office(office: str, areas: list[str]) -> None:
    data = report("熱中症警戒アラート", "<Comment><Text>本文</Text></Comment>", office=office)
    item = one(data)
    assert (item.phenomenon, [area.code for area in item.areas]) == ("heat", areas)
    assert ["本文" in draft.body.splitlines() for draft in drafts(read(data))] == [True for _ in areas]


def test_the_forecast_of_each_day_is_kept() -> None:
    defines = (
        '<TimeDefines><TimeDefine timeId="1"><Name>今日</Name></TimeDefine>'
        '<TimeDefine timeId="2"><DateTime>2026-11-21T00:00:00+09:00</DateTime></TimeDefine></TimeDefines>'
    )
    weather = '<WeatherPart><Weather refID="1">晴れ</Weather><Weather refID="2">雨</Weather></WeatherPart>'
    kinds = "".join(
        f"<Kind><Property><Type>{type_}</Type>{weather}</Property></Kind>"
        for type_ in ("天気", "３時間内卓越天気")
    )
    series = f"<TimeSeriesInfo>{defines}<Item>{kinds}{area('120010')}</Item></TimeSeriesInfo>"
    infos = f'<MeteorologicalInfos type="区域予報">{series}</MeteorologicalInfos>'
    assert one(report("府県天気予報（Ｒ１）", infos)).sentences == ("今日：晴れ", "11/21：雨")
