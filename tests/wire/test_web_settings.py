"""One's own settings by the link at the end of every mail: seen, changed, kept, resumed, ended."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from multidict import MultiDict

from config.catalogue import load_catalogue
from inbound import web_choice, web_offer
from inbound.web_settings import veiled
from store import areas, choices, subscriptions
from store.letters import Purpose
from store.models import Subscriber
from store.subscriptions import Reason
from store.tokens import Keys, Signed
from tests.wire.web_town import Door, opened

TOWN = ("chiba", "千葉市")


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as made:
        yield made


def chosen(door: Door, who: int) -> set[tuple[str, str, int, str | None]]:
    return {(c.category, c.area, c.level, c.option) for c in door.store.call(choices.of, who)}


async def test_the_overview_tells_the_defaults(door: Door) -> None:
    status, text = await door.get(door.settei(door.join()))
    assert status == 200
    assert "ha***@docomo.ne.jp" in text and "hanako@" not in text
    for told in (
        "緊急防犯情報",
        "警報以上：大雨・土砂災害",
        "震度3以上",
        "受け取る（1日1回）",
        "津波注意報以上",
    ):
        assert told in text
    assert text.count(">変える</a>") == 16
    assert "配信を停止しています" not in text


@pytest.mark.req("C5.4", "CA.1", "CA.3")
@pytest.mark.parametrize(("key", "name"), [("suspicious", "不審者情報"), ("crime-daily", "犯罪発生日報")])
async def test_towns_wards_and_off(door: Door, key: str, name: str) -> None:
    who = door.join()
    page = f"{door.settei(who)}/shubetsu/{key}"
    status, text = await door.get(page)
    assert status == 200 and "幕張本郷" in text and "花見川区の全体" in text and "千葉西署" not in text
    before = chosen(door, who)
    fields = [(f"level.{key}", "1"), ("area", "mihama"), ("area", "hanamigawa-makuharihongo")]
    status, text = await door.post(page, *fields)
    assert status == 200
    assert f"{name}：受け取らない → 受け取る" in text
    assert "加えた地域：美浜区、幕張本郷" in text
    assert chosen(door, who) == before | {
        (key, "mihama", 1, None),
        (key, "hanamigawa-makuharihongo", 1, None),
    }
    assert "変わったところはありません" in (await door.post(page, *fields))[1]
    assert "外した地域：幕張本郷" in (await door.post(page, *fields[:2]))[1]
    assert "受け取る → 受け取らない" in (await door.post(page, (f"level.{key}", "off")))[1]
    assert chosen(door, who) == before


@pytest.mark.req("C5.4", "CA.2")
async def test_police_stations(door: Door) -> None:
    who = door.join()
    page = f"{door.settei(who)}/shubetsu/crime-urgent"
    assert "千葉西署" in (await door.get(page))[1]
    status, _ = await door.post(page, ("level.crime-urgent", "1"), ("area", "ps-nishi"))
    assert status == 200
    assert {c[1] for c in chosen(door, who) if c[0] == "crime-urgent"} == {"ps-nishi"}


@pytest.mark.req("CA.5")
async def test_all_warnings_are_one_page(door: Door) -> None:
    who = door.join()
    page = f"{door.settei(who)}/shubetsu/weather"
    status, text = await door.get(page)
    assert status == 200 and "東京都" in text and "特別警報だけ" in text and "幕張本郷" not in text
    mine = next(t for t in door.store.call(web_offer.of, who, TOWN) if t.topic.key == "weather")
    assert len(mine.topic.kinds) == 8
    fields = [(f"level.{kind.key}", mine.levels[kind.key]) for kind in mine.topic.kinds]
    fields = [(n, "2" if n == "level.weather-rain" else v) for n, v in fields]
    status, text = await door.post(page, *fields, ("area", "chiba"), ("area", "tokyo"))
    assert status == 200 and "大雨：警報以上 → 注意報以上" in text and "加えた地域：東京都" in text
    rain = {c for c in chosen(door, who) if c[0] == "weather-rain"}
    assert rain == {("weather-rain", "chiba", 2, None), ("weather-rain", "tokyo", 2, None)}
    assert not any(c[0] == "weather-other" for c in chosen(door, who))


@pytest.mark.req("CA.4", "CA.6", "CA.7", "CA.8", "CA.12")
@pytest.mark.parametrize(
    ("topic", "fields", "now"),
    [
        ("quake", [("level.quake", "5"), ("area", "seismic-341"), ("area", "seismic-350")], 2),
        ("tsunami", [("level.tsunami", "3"), ("area", "tsunami-330"), ("area", "tsunami-all")], 2),
        *((key, [(f"level.{key}", "off")], 0) for key in ("tornado", "landslide", "emergency", "crime-tips")),
        *((key, [(f"level.{key}", "off")], 0) for key in ("air", "civil", "other-urgent")),
        ("air", [("level.air", "1")], 1),
        ("forecast", [("level.forecast", "1"), ("times.forecast", "3"), ("area", "forecast-120030")], 1),
    ],
)
async def test_thresholds_regions_times(
    door: Door, topic: str, fields: list[tuple[str, str]], now: int
) -> None:
    who = door.join()
    page = f"{door.settei(who)}/shubetsu/{topic}"
    assert (await door.get(page))[0] == 200
    assert (await door.post(page, *fields))[0] == 200
    mine = [c for c in chosen(door, who) if c[0] == topic]
    assert len(mine) == now
    assert all(str(c[2]) == fields[0][1] for c in mine)
    if topic == "forecast":
        assert mine[0][3] == "3"


async def test_no_area_is_told_and_nothing_is_lost(door: Door) -> None:
    who = door.join()
    before = chosen(door, who)
    status, text = await door.post(f"{door.settei(who)}/shubetsu/quake", ("level.quake", "5"))
    assert status == 422 and 'role="alert"' in text and "地域を一つ以上選んでください" in text
    assert 'value="5" checked' in text
    assert chosen(door, who) == before


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("level.quake", "99"), ("area", "seismic-341")],
        [("level.quake", "3"), ("area", "chuo-soga")],
        [("level.quake", "3"), ("area", "seismic-341'--")],
    ],
)
async def test_a_form_that_is_none_of_ours_changes_nothing(door: Door, fields: list[tuple[str, str]]) -> None:
    who = door.join()
    before = chosen(door, who)
    assert (await door.post(f"{door.settei(who)}/shubetsu/quake", *fields))[0] == 400
    assert (await door.get(f"{door.settei(who)}/shubetsu/nothing"))[0] == 404
    assert chosen(door, who) == before


@pytest.mark.req("C5.4")
async def test_an_abolished_town_stays_chosen_until_it_is_unticked(door: Door) -> None:
    who = door.join()
    wanted = [("suspicious", "inage-sanno", 1, None), ("suspicious", "inage-konakadai", 1, None)]
    door.store.call(choices.choose, who, wanted)
    listed = load_areas(door)
    door.store.call(areas.apply, [one for one in listed if one["key"] != "inage-sanno"])
    page = f"{door.settei(who)}/shubetsu/suspicious"
    text = (await door.get(page))[1]
    assert "前から選んでいる、ほかの地域" in text and "山王町" in text
    await door.post(
        page,
        ("level.suspicious", "1"),
        ("area", "inage-sanno"),
        ("area", "inage"),
        ("area", "inage-konakadai"),
    )
    assert {c[1] for c in chosen(door, who)} == {"inage-sanno", "inage", "inage-konakadai"}
    await door.post(page, ("level.suspicious", "1"), ("area", "inage"))
    assert {c[1] for c in chosen(door, who)} == {"inage"}


def load_areas(door: Door) -> list[dict[str, object]]:
    return load_catalogue(door.settings.folder).areas_document()


async def test_a_choice_at_a_height_of_its_own_has_a_page_and_is_not_lost(door: Door) -> None:
    who = door.join()
    door.store.call(choices.choose, who, [("crime", "chuo", 1, None), ("weather", "chiba", 5, None)])
    text = (await door.get(door.settei(who)))[1]
    assert "/shubetsu/crime" in text and "特別警報だけ：気象特別警報・警報・注意報" in text
    await door.post(f"{door.settei(who)}/shubetsu/air", ("level.air", "1"))
    assert chosen(door, who) == {
        ("crime", "chuo", 1, None),
        ("weather", "chiba", 5, None),
        ("air", "chiba", 1, None),
    }


async def test_uneven_choices_are_said_to_be_made_even(door: Door) -> None:
    who = door.join()
    door.store.call(
        choices.choose, who, [("quake", "seismic-341", 3, None), ("quake", "seismic-340", 5, None)]
    )
    page = f"{door.settei(who)}/shubetsu/quake"
    assert "種類や地域ごとに設定が違います" in (await door.get(page))[1]
    fields = [("level.quake", "3"), ("area", "seismic-341"), ("area", "seismic-340")]
    assert "そろえました" in (await door.post(page, *fields))[1]


async def test_a_suspended_resident_starts_again(door: Door) -> None:
    who = door.join()
    door.store.call(subscriptions.suspend, who, Reason.NON_EXISTENT, now=door.store.now())
    status, text = await door.get(door.settei(who))
    assert status == 200 and "配信を再開する" in text
    status, text = await door.post(f"{door.settei(who)}/saikai")
    assert status == 200 and "配信を再開しました" in text and "配信を停止しています" not in text
    assert door.store.call(subscriptions.resident, who).state == "confirmed"


async def test_leaving_by_link_and_what_the_link_says_then(door: Door) -> None:
    who = door.join()
    own = door.settei(who)
    status, text = await door.get(f"{own}/kaijo")
    assert status == 200 and "登録を解除する" in text
    assert door.store.call(subscriptions.resident, who).state == "confirmed"
    assert "登録を解除しました" in (await door.post(f"{own}/kaijo"))[1]
    assert door.letters(Purpose.GOODBYE)[0].address == "hanako@docomo.ne.jp"
    for path in (own, f"{own}/kaijo", f"{own}/shubetsu/quake"):
        for answer in (
            await door.get(path),
            await door.post(path) if path != own else (410, "登録は解除されています"),
        ):
            assert answer[0] == 410 and "登録は解除されています" in answer[1]


async def test_other_tokens_open_nothing(door: Door) -> None:
    who = door.join()
    stranger = Keys([("k1", b"x" * 32)]).sign(Signed.SETTINGS, who)
    for token in (stranger, door.teishi(who)[8:], "a" * 24, "x"):
        for path in (f"/settei/{token}", f"/settei/{token}/kaijo", f"/settei/{token}/shubetsu/quake"):
            assert (await door.get(path))[0] == 404
            assert (await door.post(path))[0] in (404, 405)
    assert door.store.call(subscriptions.resident, who).state == "confirmed"


async def test_one_click_is_a_post_without_cookie_or_redirect(door: Door) -> None:
    who = door.join()
    path = door.teishi(who)
    status, text = await door.get(path)
    assert status == 200 and "登録を解除する" in text
    async with door.client.post(
        door.url + path, data={"List-Unsubscribe": "One-Click"}, allow_redirects=False
    ) as answer:
        assert answer.status == 200 and not answer.cookies
        assert answer.content_type == "text/plain"
    with pytest.raises(Exception, match="subscriber-gone"):
        door.store.call(subscriptions.resident, who)
    again = await door.post(path, ("List-Unsubscribe", "One-Click"))
    assert again[0] == 200
    assert len(door.letters(Purpose.GOODBYE)) == 1
    assert (await door.get(path))[0] == (await door.post(path))[0] == 410
    assert (await door.post("/teishi/" + "a" * 24, ("List-Unsubscribe", "One-Click")))[0] == 404
    assert (await door.get("/teishi/" + "a" * 24))[0] == 404


async def test_one_click_as_multipart_and_the_button(door: Door) -> None:
    first, second = door.join("a@au.com"), door.join("b@au.com")
    body = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    async with door.client.post(door.url + door.teishi(first), data=body, headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
    status, text = await door.post(door.teishi(second))
    assert status == 200 and "登録を解除しました" in text
    reasons = door.store.call(lambda: [(r.id, r.reason) for r in reasons_of()])
    assert reasons == [(first, "unsubscribed-one-click"), (second, "unsubscribed-link")]


def reasons_of() -> list[Subscriber]:
    return list(Subscriber.select().order_by(Subscriber.id))


def test_an_address_is_veiled() -> None:
    assert veiled("hanako@docomo.ne.jp") == "ha***@docomo.ne.jp"
    assert veiled("a@b.jp") == "a***@b.jp"


@pytest.mark.req("C5.4")
async def test_saving_every_page_as_it_is_loses_nothing(door: Door) -> None:
    who = door.join()
    before = chosen(door, who)
    for mine in door.store.call(web_offer.of, who, TOWN):
        fields = MultiDict(
            [(f"level.{kind.key}", mine.levels[kind.key]) for kind in mine.topic.kinds]
            + [(f"times.{kind.key}", mine.options[kind.key]) for kind in mine.topic.kinds if kind.times]
            + [("area", key) for key in mine.areas]
        )
        assert isinstance(web_choice.read(mine, fields), list)
        assert (await door.post(f"{door.settei(who)}/shubetsu/{mine.topic.key}", *fields.items()))[0] == 200
    assert chosen(door, who) == before
