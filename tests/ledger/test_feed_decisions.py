"""What a telegram leads to: told once, to those who chose it, and taken back from exactly those who got it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from config import rendering
from feeds.desk import Desk
from feeds.interpret import envelope_of
from feeds.telegram import read
from feeds.training import training
from store import bulletins, decisions, telegrams, units, watch
from store.decisions import Door
from store.models import Rule
from store.selfcheck import check
from tests import telegrams as made
from tests.ledger import acts, feed_town
from tests.ledger.feed_town import T0, Watch
from tests.telegrams import RAIN, area, kind, report, warning

OTHER = "気象警報・注意報（Ｒ０６）（その他注意報）"
NONE = "<Kind><Status>発表警報・注意報はなし</Status></Kind>"
QUAKE = "震源・震度に関する情報"


@pytest.fixture
def town(address: str) -> Iterator[Watch]:
    store = feed_town.found(address)
    yield Watch(store)
    assert store.call(check) == []
    store.close()


def rain(kinds: str, *, place: str = "", title: str = RAIN, minutes: int = 0, **more: str) -> bytes:
    """A rain telegram that reports so many minutes after 9:00."""
    xml = report(title, warning(kinds, place=place), **more)
    return at(xml, minutes)


def at(xml: bytes, minutes: int) -> bytes:
    return xml.replace(b"T09:00:00+09:00", f"T{9 + minutes // 60:02}:{minutes % 60:02}:00+09:00".encode())


def quake(*places: tuple[str, str, str], event: str = "20261120085900", **more: str) -> bytes:
    """(region code, its intensity, "ward=intensity ward=intensity") each."""
    areas = ""
    for code, strongest, cities in places:
        inner = "".join(
            f"<City><Name>{c}</Name><Code>{c}</Code><MaxInt>{i}</MaxInt></City>"
            for c, i in (pair.split("=") for pair in cities.split())
        )
        areas += f"<Area><Name>{code}</Name><Code>{code}</Code><MaxInt>{strongest}</MaxInt>{inner}</Area>"
    body = f"<Intensity><Observation><Pref>{areas}</Pref></Observation></Intensity>" if areas else ""
    return report(QUAKE, body, event_id=event, namespace=made.SEIS, **more)


ISSUED, CONTINUED = kind("03", "発表", "レベル３大雨警報"), kind("03", "継続", "レベル３大雨警報", last="03")
RAISED = kind("43", "発表", "レベル４大雨危険警報", last="03")
LOWERED = kind("10", "警報から注意報", "レベル２大雨注意報", last="03")
LIFTED = kind("03", "解除", "レベル３大雨警報", last="03")


def residents(town: Watch) -> None:
    town.join("city3", ("weather-rain", "city", 3))
    town.join("town2", ("weather", "makuhari", 2))
    town.join("city4", ("weather-rain", "city", 4))
    town.join("city5", ("weather-rain", "city", 5))
    town.join("elsewhere", ("weather-rain", "funabashi", 2))
    town.join("crime", ("crime", "city", 1))


@pytest.mark.req("C7.1", "C8.1", "C8.2", "D4")
def test_a_warning_goes_to_those_who_chose_it_and_its_level(town: Watch) -> None:
    residents(town)
    outcome = town.play(rain(ISSUED))
    view = town.view(outcome)
    assert (view.realm, view.origin, view.category_key, view.areas) == (
        "live",
        "feed",
        "weather-rain",
        ("千葉市",),
    )
    assert view.not_after == T0.replace(second=0) + timedelta(minutes=60)
    assert town.mailed(outcome) == ["city3", "town2"]
    taken = town.store.call(decisions.history, view.id)
    assert [(one.action, one.door, one.by) for one in taken] == [
        ("approve", Door.AUTOMATIC, "自動配信の規則")
    ]


@pytest.mark.req("C8.10")
def test_only_what_changes_is_mailed_again(town: Watch) -> None:
    residents(town)
    town.mailed(town.play(rain(ISSUED)))
    assert town.play(rain(CONTINUED, minutes=5)).why == "continue"
    # The same level issued once more is a continuation too, whatever the telegram calls it: our own state decides.
    assert town.play(rain(ISSUED, minutes=6)).why == "continue"
    raised = town.play(rain(RAISED, minutes=10))
    assert town.view(raised).subject == "レベル４大雨危険警報 千葉市（発表） 第2報"
    assert town.mailed(raised) == ["city3", "city4", "town2"]
    # Who was told of level 4 hears that it is over, too.
    assert town.mailed(town.play(rain(LOWERED, minutes=20))) == ["city3", "city4", "town2"]
    town.later(61)  # three an hour is this town's ceiling
    over = town.play(rain(kind("10", "解除", "レベル２大雨注意報", last="10"), minutes=30))
    assert town.mailed(over) == ["town2"]
    assert town.play(rain(NONE, minutes=40)).why == "continue"


@pytest.mark.req("C7.1")
def test_a_lifting_goes_to_those_who_were_told(town: Watch) -> None:
    residents(town)
    town.mailed(town.play(rain(ISSUED)))
    lifted = town.play(rain(LIFTED, minutes=10))
    assert town.view(lifted).subject == "レベル３大雨警報 千葉市（解除） 第2報"
    assert town.mailed(lifted) == ["city3", "town2"]


def test_a_lifting_nobody_saw_is_told_from_the_next_telegram(town: Watch) -> None:
    residents(town)
    town.mailed(town.play(rain(ISSUED)))
    over = town.play(rain(NONE, minutes=10))
    assert "【解除】大雨：千葉市" in town.view(over).body
    assert town.mailed(over) == ["city3", "town2"]


def test_a_telegram_that_names_no_municipality_lifts_nothing(town: Watch) -> None:
    residents(town)
    town.mailed(town.play(rain(ISSUED)))
    assert town.play(at(report(RAIN), 5)).why == "nothing-told"
    assert town.store.call(watch.told, "rain", "city:1210000") == 3


@pytest.mark.req("C8.10")
def test_a_continuation_of_something_never_heard_of_is_remembered_and_not_mailed(town: Watch) -> None:
    residents(town)
    assert town.play(rain(CONTINUED)).why == "continue"
    raised = town.play(rain(RAISED, minutes=5))
    assert town.mailed(raised) == ["city3", "city4", "town2"]


def test_a_lowering_nobody_saw_is_told_at_the_next_continuation(town: Watch) -> None:
    residents(town)
    town.mailed(town.play(rain(kind("43", "発表", "レベル４大雨危険警報"))))
    lowered = town.play(rain(CONTINUED, minutes=10))
    assert "【切替】レベル３大雨警報：千葉市" in town.view(lowered).body
    assert town.mailed(lowered) == ["city3", "city4", "town2"]


@pytest.mark.req("C8.2")
def test_another_city_joins_and_only_its_people_hear(town: Watch) -> None:
    residents(town)
    town.mailed(town.play(rain(ISSUED)))
    both = warning(CONTINUED) + warning(ISSUED, place=area("1220400", "船橋市"))
    second = town.play(at(report(RAIN, both), 5))
    assert town.view(second).areas == ("船橋市",)
    assert "千葉市" not in town.view(second).body
    assert town.mailed(second) == ["elsewhere"]


@pytest.mark.parametrize(("status", "why"), [("訓練", "drill"), ("試験", "test")])
def test_drills_and_tests_reach_nobody_and_change_nothing(town: Watch, status: str, why: str) -> None:
    residents(town)
    outcome = town.play(rain(ISSUED, status=status))
    assert (outcome.state, outcome.why) == ("passed", why)
    assert town.play(rain("<Kind/>", status=status, info_type="取消")).why == why
    assert town.mailed(town.play(rain(ISSUED, minutes=1))) == ["city3", "town2"]
    assert len(town.store.call(bulletins.listed)) == 1


@pytest.mark.req("X5")
def test_a_cancellation_reaches_exactly_those_who_got_it(town: Watch) -> None:
    residents(town)
    first = town.play(training("rain-issue", town.now))
    assert town.mailed(first) == ["city3", "town2"]
    town.join("late", ("weather-rain", "city", 2))
    town.later(5)
    taken_back = town.play(training("rain-cancel", town.now))
    view = town.view(taken_back)
    assert (view.refers_as, view.refers_to) == ("cancel", town.view(first).number)
    subject = rendering.from_json(view.rendering).subject
    assert subject == "【取消】先ほどの大雨の情報（銚子地方気象台）"
    assert town.mailed(taken_back) == ["city3", "town2"]
    # A copy of the 取消 takes back nothing more, and what is issued next is news.
    town.later(1)
    assert town.play(training("rain-cancel", town.now)).why == "nothing-sent"
    town.later(1)
    assert town.mailed(town.play(training("rain-issue", town.now))) == ["city3", "late", "town2"]


def test_a_cancellation_of_nothing_reaches_nobody(town: Watch) -> None:
    residents(town)
    assert town.play(training("rain-cancel", town.now)).why == "nothing-sent"
    assert town.store.call(bulletins.listed) == []


def test_a_cancellation_withdraws_what_still_waits(town: Watch) -> None:
    unacknowledged(town)
    waiting = town.view(town.play(rain(ISSUED)))
    assert waiting.state == "submitted"
    assert town.play(rain("<Kind/>", minutes=1, info_type="取消")).why == "withdrawn"
    assert town.store.call(bulletins.view, waiting.id).state == "withdrawn"


@pytest.mark.req("X5")
def test_a_correction_goes_to_the_recipients_if_it_changes_anything(town: Watch) -> None:
    residents(town)
    first = town.play(rain(ISSUED))
    assert town.mailed(first) == ["city3", "town2"]
    town.join("late", ("weather-rain", "city", 2))
    assert town.play(rain(ISSUED, info_type="訂正")).why == "unchanged"
    corrected = town.play(rain(kind("10", "発表", "レベル２大雨注意報"), info_type="訂正"))
    view = town.view(corrected)
    assert (view.refers_as, view.refers_to) == ("correction", town.view(first).number)
    assert rendering.from_json(view.rendering).subject == "【訂正】レベル２大雨注意報 千葉市"
    assert town.mailed(corrected) == ["city3", "town2"]


def test_a_correction_to_nothing_does_not_say_that_it_was_lifted(town: Watch) -> None:
    residents(town)
    town.mailed(town.play(rain(ISSUED)))
    corrected = town.play(rain(NONE, info_type="訂正"))
    assert "【訂正】発表なし：千葉市" in town.view(corrected).body
    assert "解除" not in town.view(corrected).body
    assert town.mailed(corrected) == ["city3", "town2"]


def test_a_correction_that_raises_tells_its_recipients_and_asks_a_person_for_the_others(town: Watch) -> None:
    residents(town)
    town.mailed(town.play(rain(ISSUED)))
    corrected = town.play(rain(RAISED, info_type="訂正"))
    numbers = corrected.why.split()
    told, waits = (town.store.call(bulletins.by_number, number) for number in numbers)
    assert (told.refers_as, told.state) == ("correction", "approved")
    assert (waits.refers_as, waits.state, waits.areas) == (None, "submitted", ("千葉市",))


@pytest.mark.req("C7.1", "C8.2")
def test_an_earthquake_by_region_and_by_ward(town: Watch) -> None:
    town.join("region3", ("quake", "seismic-341", 3))
    town.join("region5", ("quake", "seismic-341", 5))
    town.join("ward4", ("quake", "hanamigawa", 4))
    town.join("town3", ("quake", "masago", 3))
    town.join("ward2", ("quake", "mihama", 2))
    outcome = town.play(quake(("341", "4", "1210200=4 1210600=2"), ("342", "1", "1220500=1")))
    view = town.view(outcome)
    assert (view.category_key, view.level, view.event_key) == ("quake", "震度4", "quake:20261120085900")
    assert town.mailed(outcome) == ["region3", "ward2", "ward4"]


@pytest.mark.req("C8.10")
def test_the_same_quake_again_is_news_only_where_it_is_stronger(town: Watch) -> None:
    town.join("region3", ("quake", "seismic-341", 3))
    town.join("ward4", ("quake", "hanamigawa", 4))
    town.join("ward2", ("quake", "mihama", 2))
    flash = report(
        "震度速報",
        "<Intensity><Observation><Pref><Area><Name>北西部</Name><Code>341</Code><MaxInt>4</MaxInt></Area>"
        "</Pref></Observation></Intensity>",
        event_id="20261120085900",
        namespace=made.SEIS,
    )
    assert town.mailed(town.play(flash)) == ["region3"]
    wards = quake(("341", "4", "1210200=4 1210600=1"))
    assert town.mailed(town.play(at(wards, 3))) == ["ward4"]
    assert town.play(at(wards, 4)).why == "continue"
    again = town.play(at(quake(("341", "4", "1210200=4 1210600=2"), serial="2"), 5))
    assert town.mailed(again) == ["ward2"]
    another = quake(("341", "3", ""), event="20261120091000")
    assert town.mailed(town.play(at(another, 12))) == ["region3"]


def test_a_cancelled_quake_reaches_all_its_recipients(town: Watch) -> None:
    town.join("region3", ("quake", "seismic-341", 3))
    town.join("ward2", ("quake", "mihama", 2))
    town.mailed(town.play(quake(("341", "4", ""))))
    town.mailed(town.play(at(quake(("341", "4", "1210600=2"), serial="2"), 3)))
    cancelled = town.play(at(quake(info_type="取消"), 5))
    assert cancelled.state == "understood"
    got: list[str] = []
    for number in cancelled.why.split():
        view = town.store.call(bulletins.by_number, number)
        acts.expand(town.store, view.id, town.now)
        got += [town.people[mail.subscriber] for mail in acts.deliver(town.store, town.now)]
    assert sorted(got) == ["region3", "ward2"]


def test_a_distant_quake_is_passed_over(town: Watch) -> None:
    assert town.play(quake()).why == "nothing-told"


def test_late_news_is_remembered_and_not_mailed(town: Watch) -> None:
    residents(town)
    town.later(60)
    assert town.play(rain(ISSUED)).why == "late"
    assert town.play(rain(CONTINUED, minutes=60)).why == "continue"
    assert town.store.call(watch.told, "rain", "city:1210000") == 3


def test_what_a_feed_held_at_the_first_look_is_remembered_and_not_mailed(town: Watch) -> None:
    residents(town)
    before = T0 - timedelta(hours=1)
    assert town.play(rain(ISSUED), fetched_at=before).why == "baseline"
    assert town.play(rain(CONTINUED, minutes=1)).why == "continue"
    assert town.mailed(town.play(rain(RAISED, minutes=2))) == ["city3", "city4", "town2"]


def test_an_older_telegram_that_comes_late_does_not_turn_the_clock_back(town: Watch) -> None:
    residents(town)
    town.mailed(town.play(rain(RAISED, minutes=0)))
    assert town.play(rain(ISSUED, minutes=-2)).why == "superseded"
    assert town.store.call(watch.told, "rain", "city:1210000") == 4


@pytest.mark.parametrize(
    ("xml", "state", "why"),
    [
        (rain(kind("99", "発表")), "held", "unknown-code"),
        (rain(kind("03", "新しい状態")), "held", "unknown-code"),
        (rain(ISSUED, title="気象特別警報・警報・注意報"), "passed", "old-family"),
        (rain(ISSUED, place=area("0110000", "札幌市")), "passed", "not-ours"),
        (report("見たことのない電文"), "not-understood", "unknown-type"),
        (report("台風の暴風域に入る確率"), "passed", "nothing-told"),
        (b"\x00not xml", "not-understood", "bad-xml"),
        (b"<!DOCTYPE x><x/>", "not-understood", "has-dtd"),
        (b"<rss/>", "not-understood", "not-a-jma-telegram"),
        (b"", "not-understood", "bad-xml"),
    ],
)
def test_what_tells_nobody_anything_is_marked(town: Watch, xml: bytes, state: str, why: str) -> None:
    residents(town)
    outcome = town.play(xml)
    assert (outcome.state, outcome.why) == (state, why)
    assert town.store.call(bulletins.listed) == []
    assert [line[3:5] for line in town.store.call(telegrams.listed, state)] == [(state, why)]


def tsunami(code: str, last: str, minutes: int = 0) -> bytes:
    item = f"<Name>名{code}</Name><Code>{code}</Code></Kind><LastKind><Name>前</Name><Code>{last}</Code></LastKind>"
    coast = area("312", "東京湾内湾")
    body = f"<Tsunami><Forecast><Item>{coast}<Category><Kind>{item}</Category></Item></Forecast></Tsunami>"
    xml = report("津波警報・注意報・予報a", body, event_id="20261120085900", namespace=made.SEIS)
    return at(xml, minutes)


@pytest.mark.req("C7.1", "C8.10")
def test_a_tsunami_rises_stays_and_ends(town: Watch) -> None:
    town.join("advisory", ("tsunami", "bay", 2))
    town.join("warning", ("tsunami", "bay", 3))
    assert town.mailed(town.play(tsunami("62", "00"))) == ["advisory"]
    assert town.play(tsunami("62", "62", 5)).why == "continue"
    assert town.mailed(town.play(tsunami("51", "62", 10))) == ["advisory", "warning"]
    assert town.mailed(town.play(tsunami("50", "51", 20))) == ["advisory", "warning"]


def tornado(title: str = "竜巻注意情報", information: str = "", valid: str = "10:10") -> bytes:
    one = "<Kind><Name>竜巻注意情報</Name><Code>1</Code><Status>発表</Status></Kind>"
    part = "竜巻注意情報（市町村等）"
    return report(
        title, warning(one, part=part), information=information, valid=f"2026-11-20T{valid}:00+09:00"
    )


@pytest.mark.req("C7.1")
def test_a_tornado_advisory_is_told_once_in_its_hour_though_it_comes_twice(town: Watch) -> None:
    town.join("city", ("tornado", "city", 1))
    copy = tornado("竜巻注意情報（目撃情報付き）")
    assert town.play(copy).why == "continue"  # the second copy came first
    assert town.mailed(town.play(tornado())) == ["city"]
    assert town.play(copy).why == "continue"
    town.later(30)
    assert town.play(at(tornado(valid="10:40"), 30)).why == "continue"
    seen = made.information(
        "竜巻注意情報（目撃情報あり）", "<Name>竜巻注意情報</Name><Code>1</Code>", area("120010", "北西部")
    )
    sighted = town.play(at(tornado("竜巻注意情報（目撃情報付き）", seen, "10:40"), 31))
    assert town.mailed(sighted) == ["city"]
    # It was issued again before it ran out at 10:10: still the same advisory, until 10:40 and no longer.
    town.later(69)
    assert town.play(at(tornado(valid="10:40"), 99)).why == "continue"
    town.later(2)
    again = town.play(at(tornado(valid="11:50"), 101))
    assert town.mailed(again) == ["city"]
    assert "第" not in town.view(again).subject
    # Nothing is told of an advisory that has run out already.
    town.later(120)
    assert town.play(at(tornado(valid="11:59"), 160)).why == "late"


def test_a_report_without_areas_reaches_nobody(town: Watch) -> None:
    assert town.play(report("熱中症警戒アラート", "<Comment><Text>本文</Text></Comment>")).why == "not-ours"


async def test_two_desks_share_the_work_and_do_nothing_twice(town: Watch) -> None:
    for minutes, one in enumerate([ISSUED, CONTINUED, RAISED, RAISED, LIFTED, NONE]):
        xml = rain(one, minutes=minutes)
        assert town.store.call(
            telegrams.keep, f"https://feed.example/{minutes}", feed_town.FEED, xml, now=town.now
        )
    town.store.set_offset(town.now - datetime.now(UTC))
    desks = [Desk(feed_town.settings(), town.store) for _ in range(3)]
    await asyncio.gather(*(desk.clear() for desk in desks))
    states = [line[3] for line in reversed(town.store.call(telegrams.listed))]
    assert states == ["understood", "passed", "understood", "passed", "understood", "passed"]
    assert len(town.store.call(bulletins.listed)) == 3


def test_a_category_the_town_does_not_have_goes_to_a_person(town: Watch) -> None:
    wave = rain(kind("07", "発表", "波浪警報"), title="気象警報・注意報（Ｒ０６）（波浪）")
    outcome = town.play(wave)
    assert (outcome.state, outcome.why) == ("held", "no-category")


def test_small_advisories_are_told_each_for_itself(town: Watch) -> None:
    town.join("all", ("weather-other", "city", 2))
    thunder, fog = kind("14", "発表", "雷注意報"), kind("20", "発表", "濃霧注意報")
    assert town.mailed(town.play(rain(thunder, title=OTHER))) == ["all"]
    both = town.play(rain(kind("14", "継続", "雷注意報") + fog, title=OTHER, minutes=2))
    assert (town.view(both).subject, "雷" in town.view(both).body) == ("濃霧注意報 千葉市（発表）", False)


def unacknowledged(town: Watch) -> None:
    town.store.call(lambda: Rule.update(acknowledged_at=None).where(Rule.origin == "feed").execute())


@pytest.mark.req("D4")
def test_a_rule_nobody_acknowledged_releases_nothing(town: Watch) -> None:
    residents(town)
    unacknowledged(town)
    view = town.view(town.play(rain(ISSUED)))
    assert view.state == "submitted"
    sender = acts.person(town.store, "bosai1")
    town.store.call(decisions.approve, view.id, view.digest, person=sender, door=Door.LINK, now=town.now)
    assert acts.expand(town.store, view.id, town.now) == 2


def test_the_hourly_ceiling_trips_to_a_person(town: Watch) -> None:
    residents(town)
    levels = [ISSUED, RAISED, kind("33", "発表", "レベル５大雨特別警報", last="43"), LIFTED]
    states = [town.view(town.play(rain(one, minutes=i))).state for i, one in enumerate(levels)]
    assert states == ["approved", "approved", "approved", "submitted"]


def test_one_rain_is_one_thread_and_the_next_is_another(town: Watch) -> None:
    keys = []
    for minutes, one in enumerate([ISSUED, RAISED]):
        keys.append(town.view(town.play(rain(one, minutes=minutes))).event_key)
        town.later(1)
    keys.append(town.view(town.play(rain(LIFTED, minutes=3))).event_key)
    town.later(100)
    keys.append(town.view(town.play(rain(ISSUED, minutes=101))).event_key)
    assert len(set(keys[:3])) == 1
    assert keys[3] != keys[0]


def test_nobody_interprets_a_telegram_twice(town: Watch) -> None:
    town.play(rain(ISSUED))
    (line,) = town.store.call(telegrams.listed)
    assert not town.store.call(telegrams.take, line[0])


def test_events_are_forgotten_and_states_are_not(town: Watch) -> None:
    town.play(rain(ISSUED))
    town.play(quake(("341", "4", "")))
    assert town.store.call(watch.forget, before=T0) == 0
    assert town.store.call(watch.forget, before=T0 + timedelta(days=31)) == 1
    assert town.store.call(watch.told, "rain", "city:1210000") == 3


def test_originals_belong_to_their_unit(town: Watch) -> None:
    town.play(quake(("341", "4", "")))
    other = envelope_of(read(quake(("341", "4", ""), event="20261120080000")))
    same = envelope_of(read(quake(("341", "4", ""))))
    since = T0 - timedelta(days=1)
    assert town.store.call(units.originals, other, since=since) == []
    assert len(town.store.call(units.originals, same, since=since)) == 1
