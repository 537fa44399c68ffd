"""Each kind of telegram its own way: landslides, quakes by level, tsunami, rivers, flashes, forecasts, volcanoes, heat."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from store import audience, bulletins, release
from store.models import Version
from store.selfcheck import check
from store.whom import Whom
from tests import telegrams as made
from tests.ledger import acts, feed_town
from tests.ledger.feed_town import T0, Watch
from tests.ledger.test_feed_decisions import NONE, at, quake, tsunami
from tests.telegrams import area, kind, report, warning

SOIL = "気象警報・注意報（Ｒ０６）（土砂）"


@pytest.fixture
def town(address: str) -> Iterator[Watch]:
    store = feed_town.found(address)
    yield Watch(store)
    assert store.call(check) == []
    store.close()


def soil(kinds: str, minutes: int = 0, place: str = "") -> bytes:
    return at(report(SOIL, warning(kinds, place=place)), minutes)


@pytest.mark.req("C7.2", "CA.8")
def test_a_landslide_warning_reaches_both_choices_and_nobody_twice(town: Watch) -> None:
    town.join("both", ("weather-landslide", "city", 3), ("landslide", "city", 1))
    town.join("alert", ("landslide", "city", 1))
    town.join("warnings", ("weather-landslide", "city", 3))
    town.join("special", ("weather-landslide", "city", 5))
    town.join("elsewhere", ("landslide", "funabashi", 1))
    warned = town.play(soil(kind("09", "発表", "レベル３土砂災害警報")))
    assert town.mailed(warned) == ["both", "warnings"]
    danger = town.play(soil(kind("49", "発表", "レベル４土砂災害危険警報", last="09"), 5))
    view = town.view(danger)
    # Who chose both is one of three, and counted once.
    assert town.store.call(audience.about, view.version) == 2
    assert town.store.call(audience.exact, view.version, "live") == 3
    assert town.mailed(danger) == ["alert", "both", "warnings"]
    lowered = town.play(soil(kind("09", "危険警報から警報", "レベル３土砂災害警報", last="49"), 10))
    assert town.mailed(lowered) == ["alert", "both", "warnings"]
    town.later(61)
    assert town.mailed(town.play(soil(NONE, 60))) == ["both", "warnings"]


@pytest.mark.parametrize(
    ("title", "code", "category"),
    [
        ("高潮", "08", "weather-surge"),
        ("暴風", "05", "weather-wind"),
        ("暴風", "02", "weather-snowstorm"),
        ("大雪", "06", "weather-snow"),
    ],
)
@pytest.mark.req("C7.1", "CA.5")
def test_every_warning_of_2026_reaches_its_category(
    town: Watch, title: str, code: str, category: str
) -> None:
    town.join("chose", (category, "city", 3))
    town.join("not", (category, "city", 4))
    xml = report(f"気象警報・注意報（Ｒ０６）（{title}）", warning(kind(code, "発表", "警報")))
    assert town.mailed(town.play(xml)) == ["chose"]


@pytest.mark.req("C8.10", "CA.6")
def test_a_quake_that_turns_out_stronger_is_mailed_only_to_those_it_reaches_now(town: Watch) -> None:
    town.join("region3", ("quake", "seismic-341", 3))
    town.join("region5", ("quake", "seismic-341", 5))
    town.join("ward3", ("quake", "hanamigawa", 3))
    town.join("both3", ("quake", "seismic-341", 3), ("quake", "hanamigawa", 3))
    town.join("region3ward5", ("quake", "seismic-341", 3), ("quake", "hanamigawa", 5))
    flash = report(
        "震度速報",
        "<Intensity><Observation><Pref><Area><Name>北西部</Name><Code>341</Code><MaxInt>4</MaxInt></Area>"
        "</Pref></Observation></Intensity>",
        event_id="20261120085900",
        namespace=made.SEIS,
    )
    first = town.play(flash)
    assert town.mailed(first) == ["both3", "region3", "region3ward5"]
    # The same level by ward: only who has not heard of this quake.
    second = town.play(at(quake(("341", "4", "1210200=4")), 3))
    assert (town.view(second).event_key, town.view(second).subject[-3:]) == (
        town.view(first).event_key,
        "第2報",
    )
    assert "震度４：341、1210200" in town.view(second).body
    assert town.mailed(second) == ["ward3"]
    # Stronger: those whose level it reaches only now, through whichever of their choices.
    third = town.play(at(quake(("341", "5+", "1210200=5+"), serial="2"), 5))
    view = town.view(third)
    assert town.store.call(audience.exact, view.version, "live") == 2
    assert town.mailed(third) == ["region3ward5", "region5"]


def test_who_is_to_be_spared_is_known_before_anybody_is_mailed(town: Watch) -> None:
    """The second report waits while the recipients of the first are still being written down."""
    town.join("region3", ("quake", "seismic-341", 3))
    town.play(quake(("341", "3", "")))
    town.play(at(quake(("341", "4", ""), serial="2"), 1))
    first, second = sorted(view.id for view in town.store.call(bulletins.listed))
    for bulletin in (second, first):
        assert town.store.call(release.begin, bulletin, now=town.now)
    assert town.store.call(release.unexpanded) == [first]
    assert town.store.call(release.expand, second, now=town.now) is None
    for bulletin in (first, second):
        while town.store.call(release.expand, bulletin, now=town.now) is not None:
            pass
    assert [mail.bulletin for mail in acts.deliver(town.store, town.now)] == [first]


@pytest.mark.req("CA.7")
def test_a_tsunami_forecast_does_not_stay_in_force_for_good(town: Watch) -> None:
    town.join("forecast", ("tsunami", "bay", 1))
    town.join("advisory", ("tsunami", "bay", 2))
    assert town.mailed(town.play(tsunami("62", "00"))) == ["advisory", "forecast"]
    assert town.mailed(town.play(tsunami("72", "62", 20))) == ["advisory", "forecast"]
    next_day = tsunami("71", "00", 60).replace(b"20261120085900", b"20261120095900")
    town.later(60)
    assert town.mailed(town.play(next_day)) == ["forecast"]


def test_a_tsunami_is_not_lifted_twice_in_one_line(town: Watch) -> None:
    def named(xml: bytes, code: str, name: str) -> bytes:
        return xml.replace(f"名{code}".encode(), name.encode())

    first = town.view(town.play(named(tsunami("53", "00"), "53", "大津波警報：発表")))
    assert first.subject == "大津波警報 東京湾内湾（発表）"
    over = town.view(town.play(named(tsunami("60", "62", 20), "60", "津波注意報解除")))
    assert (over.subject, over.body.splitlines()[2]) == (
        "津波注意報 東京湾内湾（解除） 第2報",
        "【解除】津波注意報：東京湾内湾",
    )


def river(code: str, headline: str, cities: str = "", serial: str = "2", minutes: int = 0) -> bytes:
    body = ""
    if cities:
        places = "".join(
            f"<Area><Name>観測所</Name><Code>1</Code><City>市{c}</City><CityCode>{c}</CityCode></Area>"
            for c in cities.split()
        )
        body = (
            '<Warning type="指定河川洪水予報"><Item><Kind><Status>対象地域</Status></Kind>'
            f"<Areas>{places}</Areas></Item></Warning>"
        )
    section = made.information(
        "指定河川洪水予報（予報区域）",
        f"<Name>名{code}</Name><Code>{code}</Code>",
        area("830312000100", "都川"),
    )
    xml = report(
        "指定河川洪水予報",
        body,
        event_id="830312000100",
        serial=serial,
        headline=headline,
        information=section,
    )
    return at(xml, minutes)


@pytest.mark.req("C7.1", "C8.10")
def test_a_river_is_told_where_it_may_flood_and_nowhere_else(town: Watch) -> None:
    town.join("city", ("river", "city", 3))
    town.join("city2", ("river", "hanamigawa", 2))
    town.join("elsewhere", ("river", "funabashi", 2))
    first = town.play(river("30", "〔新規〕", "1210000", serial="1"))
    assert town.view(first).subject == "名30 都川（市1210000）（発表）"
    assert town.mailed(first) == ["city", "city2"]
    assert town.play(river("30", "〔継続〕", "1210000", minutes=5)).why == "continue"
    # The flood goes on and comes to another city: news there only.
    wider = town.play(river("30", "〔継続〕", "1210000 1220400", minutes=10))
    assert town.mailed(wider) == ["elsewhere"]
    # The lifting names no municipality at all.
    over = town.play(river("10", "〔解除〕", minutes=20))
    assert town.mailed(over) == ["city", "city2", "elsewhere"]
    assert town.view(over).event_key == town.view(first).event_key
    town.later(30)
    again = town.play(river("20", "〔新規〕", "1210000", serial="1", minutes=30))
    assert town.view(again).event_key != town.view(first).event_key
    assert town.mailed(again) == ["city2"]


def test_a_river_of_elsewhere_is_not_ours(town: Watch) -> None:
    assert town.play(river("30", "〔新規〕", "0410000")).why == "not-ours"


@pytest.mark.req("C7.1")
def test_a_flash_reaches_the_municipalities_of_its_region(town: Watch) -> None:
    town.join("city", ("weather-rain", "city", 3))
    town.join("special", ("weather-rain", "city", 5))
    town.join("other", ("weather-rain", "funabashi", 4))
    tag = "<Name>情報タグ</Name><Condition>線状降水帯発生</Condition>"
    tags = made.information("情報タグ", tag, area("120010", "北西部"))
    flash = report("府県気象防災速報", event_id="HJPTE20261120_1", information=tags)
    outcome = town.play(flash)
    assert town.view(outcome).areas == ("千葉市", "船橋市")
    assert town.mailed(outcome) == ["city", "other"]
    again = report("府県気象防災速報", event_id="HJPTE20261120_2", serial="2", information=tags)
    assert town.play(at(again, 10)).why == "continue"


def forecast(hour: int, days: str, title: str = "府県天気予報（Ｒ１）", code: str = "120010") -> bytes:
    """`days`: `今日=くもり 明日=雨`, or for the week dates."""
    pairs = [one.split("=") for one in days.split()]
    defines = "".join(
        f'<TimeDefine timeId="{n}">'
        + (f"<DateTime>{d}T00:00:00+09:00</DateTime>" if d[0] == "2" else f"<Name>{d}</Name>")
        + "</TimeDefine>"
        for n, (d, _) in enumerate(pairs, 1)
    )
    words = "".join(f'<Weather refID="{n}">{w}</Weather>' for n, (_, w) in enumerate(pairs, 1))
    weather = f"<Kind><Property><Type>天気</Type><WeatherPart>{words}</WeatherPart></Property></Kind>"
    item = f"<Item>{weather}{area(code, '北西部')}</Item>"
    body = (
        '<MeteorologicalInfos type="区域予報"><TimeSeriesInfo>'
        f"<TimeDefines>{defines}</TimeDefines>{item}</TimeSeriesInfo></MeteorologicalInfos>"
    )
    xml = report(title, body)
    return xml.replace(b"2026-11-20T09:00:00+09:00", f"2026-11-21T{hour:02}:00:00+09:00".encode())


@pytest.mark.req("C7.3", "CA.11")
def test_the_forecast_comes_as_often_as_chosen_and_has_three_days(town: Watch) -> None:
    for name, option in (("once", "1"), ("default", None), ("twice", "2"), ("thrice", "3")):
        town.join_times(name, "forecast-120010", option)
    town.join_times("other", "forecast-120020", "3")
    week = forecast(17, "2026-11-22=雨 2026-11-23=雪 2026-11-24=晴れ", "府県週間天気予報", "120000")
    week = week.replace(b"2026-11-21T17", b"2026-11-20T17")
    assert town.play(week).why == "kept"
    town.now = T0 + timedelta(hours=20)
    morning = town.play(forecast(5, "今日=くもり 明日=雨"))
    view = town.view(morning)
    assert view.subject == "天気予報 千葉県北西部（11月21日5時発表）"
    assert "今日（11/21）　くもり" in view.rendering
    assert "明後日（11/23）　雪（週間予報による）" in view.rendering
    assert town.mailed(morning) == ["default", "once", "thrice", "twice"]
    assert town.play(forecast(5, "今日=くもり 明日=雨")).why == "continue"
    town.later(60 * 6)
    noon = town.play(forecast(11, "今日=くもり 明日=雨 明後日=晴れ"))
    assert town.mailed(noon) == ["thrice"]
    town.later(60 * 6)
    evening = town.play(forecast(17, "今夜=くもり 明日=雨 明後日=晴れ"))
    assert "今日（11/21）　（今夜）くもり" in town.view(evening).rendering
    assert town.mailed(evening) == ["thrice", "twice"]
    assert town.play(forecast(14, "今日=くもり")).why in ("late", "between-issues")


def test_a_forecast_of_two_days_says_two_where_the_week_is_missing(town: Watch) -> None:
    town.now = T0 + timedelta(hours=20)
    view = town.view(town.play(forecast(5, "今日=くもり 明日=雨")))
    assert "明日（11/22）　雨" in view.rendering
    assert "明後日" not in view.rendering


@pytest.mark.req("C7.1")
def test_a_volcano_rises_and_is_lowered(town: Watch) -> None:
    town.join("near", ("volcano", "island", 2))

    def play(code: str, condition: str, minutes: int = 0) -> bytes:
        named = f"<Name>名{code}</Name><Code>{code}</Code><Condition>{condition}</Condition>"
        target = made.information("噴火警報・予報（対象火山）", named, area("315", "伊豆大島"))
        body = target.replace("<Information", "<VolcanoInfo").replace("</Information", "</VolcanoInfo")
        return at(report("噴火警報・予報", body, event_id="315", namespace=made.SEIS), minutes)

    assert town.mailed(town.play(play("12", "引上げ"))) == ["near"]
    assert town.play(play("12", "継続", 5)).why == "continue"
    assert town.mailed(town.play(play("11", "引下げ", 10))) == ["near"]


@pytest.mark.req("C7.3")
def test_heat_goes_to_the_whole_prefecture(town: Watch) -> None:
    alert = report("熱中症警戒アラート", "<Comment><Text>本文</Text></Comment>", event_id="JPTE260001")
    assert town.play(alert).why == "not-ours"  # this town has no area for the prefecture


@pytest.mark.req("C8.10")
def test_late_news_says_that_it_is_late(town: Watch) -> None:
    town.join("city", ("weather-landslide", "city", 3))
    town.later(25)
    view = town.view(town.play(soil(kind("09", "発表", "レベル３土砂災害警報"))))
    assert view.subject == "レベル３土砂災害警報 千葉市（発表）（遅れて届いた情報）"
    assert view.body.startswith("【遅れて届いた情報】この情報は2026年11月20日9時00分に発表されました。")


@pytest.mark.req("X1")
def test_who_is_spared_is_part_of_what_is_decided(town: Watch) -> None:
    town.join("region3", ("quake", "seismic-341", 3))
    first = town.play(quake(("341", "4", "")))
    town.mailed(first)
    view = town.view(town.play(at(quake(("341", "5-", ""), serial="2"), 1)))
    assert town.store.call(audience.whom, view.version) == Whom(spares=(town.view(first).id,))
    assert town.store.call(audience.exact, view.version, "live") == 0

    def with_audience(rule: Whom) -> str:
        Version.update(audience=rule.document()).where(Version.id == view.version).execute()
        return bulletins.digest_of(view.version)

    assert town.store.call(with_audience, Whom()) != view.digest
    assert town.store.call(with_audience, Whom(spares=(town.view(first).id,))) == view.digest
