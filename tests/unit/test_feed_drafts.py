"""What telegrams become for people."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from feeds import words
from feeds.bulletins import FeedDraft, drafts, event_key
from feeds.item import Realm
from feeds.telegram import read
from feeds.training import names, training
from tests.telegrams import RAIN, area, kind, report, warning

NOW = datetime(2026, 11, 20, 0, 0, 30, tzinfo=UTC)
CHIBA = frozenset(
    {"city:1210000", "intensity-region:341", *(f"intensity-city:1210{ward}00" for ward in range(1, 7))}
)
OTHER_ADVISORIES = "気象警報・注意報（Ｒ０６）（その他注意報）"


def only(name: str) -> FeedDraft:
    found = drafts(read(training(name, NOW)), only=CHIBA)
    assert len(found) == 1
    return found[0]


@pytest.mark.req("C8.1")
def test_a_warning() -> None:
    draft = only("rain-issue")
    assert draft.subject == "レベル３大雨警報 千葉市（発表）"
    assert (draft.category, draft.realm, draft.info_type) == ("weather-rain", Realm.LIVE, "発表")
    assert draft.areas == (("city:1210000", 3, 3),)
    assert draft.event_key == "weather-rain:銚子地方気象台"
    assert draft.body == (
        "【発表】レベル３大雨警報：千葉市\n"
        "千葉市　２０日９時から２０日１５時まで、警戒レベル３相当\n"
        "\n"
        "北西部では、低い土地の浸水や河川の増水に警戒してください。\n"
        "\n"
        "■とるべき行動\n"
        "川の近くや低い土地にいる方、避難に時間がかかる方は、市の情報を確かめ、早めに安全な場所へ移ってください。\n"
        "\n"
        "■これからのお知らせ\n"
        "段階が変わったとき、対象の地域が広がったとき、解除されたときに、続けてお知らせします。"
        "同じ段階が続く間はお知らせしません。\n"
        "\n"
        "発表時刻：2026年11月20日9時00分\n"
        "発表：銚子地方気象台\n"
        "出典：気象庁\n"
    )


@pytest.mark.req("C8.10")
def test_a_continuation_is_no_mail() -> None:
    assert drafts(read(training("rain-continue", NOW))) == ()


@pytest.mark.parametrize(
    ("name", "subject", "ranks"),
    [
        ("rain-raise", "レベル４大雨危険警報 千葉市（発表）", (4, 4)),
        ("rain-lower", "レベル２大雨注意報 千葉市（切替）", (3, 2)),
        ("rain-lift", "レベル３大雨警報 千葉市（解除）", (3, 0)),
    ],
)
def test_who_heard_of_the_higher_level_hears_of_the_change(
    name: str, subject: str, ranks: tuple[int, int]
) -> None:
    draft = only(name)
    assert (draft.subject, draft.areas) == (subject, (("city:1210000", *ranks),))


def test_where_it_came_from_is_said() -> None:
    assert "【発表】レベル４大雨危険警報（レベル３大雨警報から切替）：千葉市" in only("rain-raise").body
    assert "【切替】レベル２大雨注意報（レベル３大雨警報から切替）：千葉市" in only("rain-lower").body
    assert "【解除】レベル３大雨警報：千葉市" in only("rain-lift").body


@pytest.mark.parametrize("name", ["rain-drill", "quake-drill"])
def test_a_drill_is_born_a_drill(name: str) -> None:
    assert only(name).realm is Realm.DRILL


@pytest.mark.req("X5")
def test_a_cancellation_does_not_repeat_the_wrong_alarm() -> None:
    draft = only("rain-cancel")
    assert (draft.areas, draft.info_type) == ((), "取消")
    assert draft.subject == "【取消】先ほどの大雨の情報（銚子地方気象台）"
    assert draft.unit == only("rain-issue").unit


def test_a_cancelled_flash_does_not_take_back_the_full_report_of_the_same_quake() -> None:
    event = {"info_type": "取消", "event_id": "20261120085600", "office": "気象庁本庁"}
    (flash,) = drafts(read(report("震度速報", **event)))
    quake = only("quake")
    assert flash.event_key == quake.event_key
    assert flash.unit != quake.unit


@pytest.mark.req("C8.1")
def test_an_earthquake_cut_down_to_the_town() -> None:
    draft = only("quake")
    assert draft.subject == "震度４ 千葉県北西部ほか（地震情報）"
    assert draft.event_key == "quake:20261120085600"
    assert ("intensity-city:1210200", 3, 3) in draft.areas
    assert {code for code, _, _ in draft.areas} <= CHIBA
    for line in (
        "２０日０８時５６分ころ、地震がありました。",
        "震源地：千葉県北西部",
        "地震の規模：Ｍ５．１",
        "震源の深さ：７０ｋｍ",
        "最大震度：４",
        "震度４：千葉県北西部、千葉稲毛区",
        "この地震による津波の心配はありません。",
        "出典：気象庁",
    ):
        assert line in draft.body.splitlines()
    assert "館山市" not in draft.body


def test_what_does_not_concern_the_town_is_no_draft() -> None:
    assert drafts(read(training("rain-issue", NOW)), only={"city:1220400"}) == ()


def test_what_is_not_understood_is_no_draft() -> None:
    assert drafts(read(b"")) == drafts(read(report(RAIN, warning(kind("99", "発表"))))) == ()


def test_one_draft_for_different_changes_names_them_all() -> None:
    body = warning(kind("10", "解除", "注意報", last="10"), place=area("1220400", "船橋市"))
    body += warning(kind("03", "発表", "警報"))
    (draft,) = drafts(read(report(RAIN, body)))
    assert draft.subject == "警報など 千葉市ほか（発表・解除）"
    assert draft.areas == (("city:1220400", 2, 0), ("city:1210000", 3, 3))
    assert draft.body.splitlines()[:2] == ["【発表】警報：千葉市", "【解除】注意報：船橋市"]


def test_small_advisories_of_one_city_are_one_entry() -> None:
    both = warning(kind("14", "発表", "雷注意報") + kind("20", "解除", "濃霧注意報"))
    (draft,) = drafts(read(report(OTHER_ADVISORIES, both)))
    assert (draft.category, draft.areas) == ("weather-other", (("city:1210000", 2, 2),))


def test_a_correction_says_so_and_never_reads_a_lifting_as_in_force() -> None:
    body = warning(kind("03", "解除", "警報", last="03"))
    (draft,) = drafts(read(report(RAIN, body, info_type="訂正")))
    assert draft.subject == "【訂正】警報解除 千葉市"
    assert draft.info_type == "訂正"


def test_what_is_over_says_that_it_is_over_and_asks_nothing() -> None:
    lifted, lowered = only("rain-lift").body, only("rain-lower").body
    assert "■とるべき行動" not in lifted
    assert "この件についてのお知らせは、これで終わりです。" in lifted
    assert "続けてお知らせします" in lowered


def test_no_advice_uses_the_words_only_a_mayor_may() -> None:
    """The levels of JMA are not the city's own evacuation orders (LESSONS, end)."""
    advice = (Path(words.__file__).parent / "texts" / "advice.txt").read_text(encoding="utf-8")
    assert not [one for one in ("避難指示", "高齢者等避難", "緊急安全確保", "避難勧告") if one in advice]


def test_dollar_signs_of_a_telegram_stay_text() -> None:
    (draft,) = drafts(read(report(RAIN, warning(kind("03", "発表", "$lines ${x}")), headline="$$ $body")))
    assert "$lines ${x}" in draft.subject
    assert "$$ $body" in draft.body


@pytest.mark.parametrize(
    ("event", "key"),
    [
        ("YJPTE202609081000_202609081019", "weather-rain:YJPTE202609081000"),
        ("", "weather-rain:銚子地方気象台"),
    ],
)
def test_flashes_of_one_event_belong_together(event: str, key: str) -> None:
    assert event_key(read(report("府県気象防災速報", event_id=event)), "weather-rain") == key


def test_every_training_telegram_is_understood() -> None:
    assert len(names()) == 9
    assert all(read(training(name, NOW)).understood for name in names())
    with pytest.raises(KeyError):
        training("../secrets", NOW)
