"""A posted page of choices, read: whatever is sent, only what was offered comes out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import MultiDict

from inbound import web_choice
from inbound.web_choice import Misfit, Problem
from inbound.web_ground import Fold, Offer, Spot
from inbound.web_offer import OFF, KindOffer, Own, Topic

WARNINGS = KindOffer("rain", "大雨", ((2, "注意報以上"), (3, "警報だけ")), True, ())
FORECAST = KindOffer("forecast", "天気予報", ((1, "受け取る"),), False, (1, 2, 3))
OFFER = Offer(
    (Spot("city", "千葉市の全体"),), (Fold("中央区", (Spot("chuo", "中央区の全体"), Spot("soga", "蘇我"))),)
)
MINE = Own(
    Topic("weather", "天気", "防災情報", (WARNINGS, FORECAST), OFFER),
    {"rain": "3", "forecast": "1"},
    {"rain": "", "forecast": "2"},
    {"city": "千葉市", "gone": "なくなった町"},
    False,
)
NAMES = st.sampled_from(["level.rain", "level.forecast", "times.forecast", "area", "level.other", ""])
VALUES = st.sampled_from(["1", "2", "3", "９", OFF, "city", "soga", "gone", "strange", ""]) | st.text(
    max_size=5
)


@settings(max_examples=150)
@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_nothing_but_what_was_offered_comes_out(fields: list[tuple[str, str]]) -> None:
    try:
        wishes = web_choice.read(MINE, MultiDict(fields))
    except Misfit:
        return
    if isinstance(wishes, Problem):
        assert wishes.field == "areas"
        return
    for category, area, level, option in wishes:
        assert area in {"city", "chuo", "soga", "gone"}
        assert (category, level, option) in {
            ("rain", 2, None),
            ("rain", 3, None),
            *(("forecast", 1, str(n)) for n in (1, 2, 3)),
        }
    assert len({(wish[0], wish[1]) for wish in wishes}) == len(wishes)


def test_what_may_not_be_refused_cannot_be_off() -> None:
    fields = MultiDict([("level.rain", OFF), ("level.forecast", OFF), ("area", "city")])
    with pytest.raises(Misfit):
        web_choice.read(MINE, fields)


def test_a_long_list_of_areas_is_cut_in_the_summary() -> None:
    many = Own(MINE.topic, MINE.levels, MINE.options, {str(n): f"町{n}" for n in range(9)}, False)
    assert web_choice.summary(many) == [
        "警報だけ：大雨",
        "受け取る（1日2回）：天気予報",
        "地域：町0、町1、町2、町3、町4、町5 ほか3地域",
    ]
