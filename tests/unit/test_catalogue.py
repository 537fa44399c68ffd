"""The sample town says what Chiba's annex says, in exactly the documents the store takes."""

from typing import Any, cast

import pytest

from config.catalogue import Catalogue, load_catalogue
from config.categories import SCALES
from config.init import SAMPLE
from config.people import Right
from config.routes import Route

Row = dict[str, Any]


@pytest.fixture(scope="module")
def chiba() -> Catalogue:
    return load_catalogue(SAMPLE)


@pytest.fixture(scope="module")
def areas(chiba: Catalogue) -> dict[str, Row]:
    return {cast(str, area["key"]): area for area in chiba.areas_document()}


@pytest.fixture(scope="module")
def categories(chiba: Catalogue) -> dict[str, Row]:
    entries = cast(list[Row], chiba.categories_document()["categories"])
    return {entry["key"]: entry for entry in entries}


def _defaults(category: Row) -> list[tuple[str, int]]:
    return [(one["area"], one["level"]) for one in category["default"]]


def test_areas_document_has_the_agreed_keys(areas: dict[str, Row]) -> None:
    for area in areas.values():
        assert set(area) == {"key", "name", "kana", "tree", "kind", "parents", "aliases", "replaces", "sort"}
    assert areas["hanamigawa"]["parents"] == ["chiba"]
    assert areas["chiba"]["aliases"] == ["city:1210000", "class10:120010"]
    assert areas["hanamigawa"]["aliases"] == ["intensity-city:1210200"]


def test_every_ward_has_towns_and_every_town_a_station(areas: dict[str, Row]) -> None:
    wards = {key for key, area in areas.items() if area["kind"] == "ward"}
    stations = {key for key, area in areas.items() if area["kind"] == "station"}
    assert (len(wards), len(stations)) == (6, 5)
    below: dict[str, int] = dict.fromkeys(wards | stations, 0)
    for area in areas.values():
        if area["kind"] == "town":
            ward, station = area["parents"]
            assert ward in wards
            assert station in stations
            below[ward] += 1
            below[station] += 1
    assert all(4 <= below[ward] <= 6 for ward in wards)
    assert all(below.values())


def test_code_systems_are_never_mixed(areas: dict[str, Row]) -> None:
    """Tsunami 340 is not intensity region 340 (JMA.md 2.12): each stands at its own place."""
    at = {alias: key for key, area in areas.items() for alias in area["aliases"]}
    assert areas[at["tsunami:340"]]["name"] == "新潟県上中下越"
    assert areas[at["intensity-region:340"]]["name"] == "千葉県北東部"
    assert {areas[at[f"intensity-region:{code}"]]["name"] for code in (340, 341, 342)} == {
        "千葉県北東部",
        "千葉県北西部",
        "千葉県南部",
    }
    assert areas[at["tsunami:312"]]["name"] == "東京湾内湾"
    assert areas[at["class10:120010"]]["name"] == "千葉県北西部"
    assert areas[at["pref:120000"]]["name"] == "千葉県"


def test_neighbours_can_be_chosen(areas: dict[str, Row]) -> None:
    below = [area for area in areas.values() if area["parents"] == ["chiba-pref"]]
    assert len(below) == 54  # 37 市 16 町 1 村
    assert sum(area["parents"] == ["tokyo"] for area in areas.values()) == 62
    assert all(any(alias.startswith("city:12") for alias in area["aliases"]) for area in below)


def test_names_residents_write_mean_one_place(areas: dict[str, Row]) -> None:
    names = [area["name"] for area in areas.values() if area["kind"] in ("ward", "station", "municipality")]
    assert len(names) == len(set(names))


def test_scales_are_the_ranks_of_the_feeds(chiba: Catalogue) -> None:
    scales = cast(dict[str, list[Row]], chiba.categories_document()["scales"])
    assert set(scales) == {"weather", "intensity", "tsunami", "plain"}
    assert [(one["rank"], one["code"]) for one in scales["weather"]] == [
        (2, "advisory"),
        (3, "warning"),
        (4, "danger"),
        (5, "special"),
    ]
    assert [one["code"] for one in scales["intensity"]] == ["1", "2", "3", "4", "5-", "5+", "6-", "6+", "7"]
    assert all(set(one) == {"rank", "code", "name"} for scale in scales.values() for one in scale)
    assert [len(levels) for levels in SCALES.values()] == [4, 9, 4, 1]


def test_categories_document_has_the_agreed_keys(categories: dict[str, Row]) -> None:
    keys = {"key", "name", "parent", "scale", "urgency", "unit", "default", "range", "sort", "phenomenon"}
    assert all(set(one) == keys for one in categories.values())


@pytest.mark.req("CA.1", "CA.3")
@pytest.mark.parametrize("key", ["crime-daily", "suspicious"])
def test_off_by_default_by_ward_or_town(categories: dict[str, Row], key: str) -> None:
    assert _defaults(categories[key]) == []
    assert categories[key]["range"]["refuse"]
    assert "town" in categories[key]["range"]["kinds"]


def test_urgent_crime_asks_for_ward_or_station(categories: dict[str, Row]) -> None:
    urgent = categories["crime-urgent"]
    assert _defaults(urgent) == [("chiba", 1)]
    assert urgent["range"]["home"]
    assert urgent["range"]["refuse"]
    assert set(urgent["range"]["kinds"]) == {"ward", "town", "station"}


@pytest.mark.req("CA.4", "CA.8", "CA.12")
@pytest.mark.parametrize(
    "key", ["crime-tips", "tornado", "landslide", "emergency", "air", "civil", "other-urgent"]
)
def test_on_by_default_and_may_be_off(categories: dict[str, Row], key: str) -> None:
    assert _defaults(categories[key]) == [("chiba", 1)]
    assert categories[key]["range"]["refuse"]


@pytest.mark.req("CA.5")
def test_weather_from_warning_in_the_city(categories: dict[str, Row]) -> None:
    kinds = [key for key, one in categories.items() if one["parent"] == "weather"]
    assert len(kinds) == 8
    for key in [*(set(kinds) - {"weather-other"}), "river"]:
        assert _defaults(categories[key]) == [("chiba", 3)]
        assert categories[key]["range"]["list"] == ["chiba-pref", "tokyo", "kanagawa"]
    assert _defaults(categories["weather-other"]) == []
    assert categories["weather-other"]["range"]["levels"] == [2]
    assert {categories[key]["phenomenon"] for key in kinds} == {
        "rain",
        "landslide",
        "surge",
        "wind",
        "snowstorm",
        "wave",
        "snow",
        None,
    }


@pytest.mark.req("CA.6")
def test_quakes_from_three_in_the_north_west(categories: dict[str, Row], areas: dict[str, Row]) -> None:
    ((area, level),) = _defaults(categories["quake"])
    assert (areas[area]["name"], level) == ("千葉県北西部", 3)
    assert {"seismic-chiba", "seismic-tokyo", "seismic-kanagawa"} <= set(categories["quake"]["range"]["list"])


@pytest.mark.req("CA.7")
def test_three_coasts_for_tsunami(categories: dict[str, Row], areas: dict[str, Row]) -> None:
    tsunami = categories["tsunami"]
    assert {(areas[area]["name"], level) for area, level in _defaults(tsunami)} == {
        ("東京湾内湾", 2),
        ("千葉県内房", 2),
        ("千葉県九十九里・外房", 2),
    }
    offered = {areas[key]["name"] for key in tsunami["range"]["list"]}
    assert {"相模湾・三浦半島", "茨城県", "全国の海岸"} <= offered
    assert sum(area["parents"] == ["tsunami-all"] for area in areas.values()) == 66


def test_forecast_once_a_day_and_up_to_three_times(categories: dict[str, Row]) -> None:
    forecast = categories["forecast"]
    assert forecast["default"] == [{"area": "forecast-120010", "level": 1, "option": "1"}]
    assert forecast["range"]["times"] == [1, 2, 3]
    assert forecast["range"]["refuse"]


def test_rights_of_the_table(chiba: Catalogue) -> None:
    document = chiba.people_document()
    by_unit: dict[str, set[tuple[str, str]]] = {}
    for person in cast(list[Row], document["people"]):
        for right in person["rights"]:
            assert set(right) == {"action", "category", "from", "until", "order"}
            by_unit.setdefault(person["unit"], set()).add((right["action"], right["category"]))
    assert {("edit", "crime"), ("approve", "crime"), ("send", "crime")} <= by_unit["chiiki"]
    assert {("edit", "emergency"), ("send", "emergency"), ("send", "weather")} <= by_unit["bosai"]
    assert not any(action == "approve" for action, _ in by_unit["bosai"] | by_unit["kankyo"])
    assert {category for _, category in by_unit["kankyo"]} == {"air"}
    stations = [unit for unit in by_unit if unit.startswith("ps-")]
    assert len(stations) == 5
    assert all(by_unit[station] == {("edit", "crime")} for station in stations)
    assert {category for _, category in by_unit["kiki"]} == {"*"}


def test_people_document_has_the_agreed_keys(chiba: Catalogue) -> None:
    document = chiba.people_document()
    assert set(document) == {"units", "people"}
    assert all(set(unit) == {"key", "name", "phone", "mail"} for unit in cast(list[Row], document["units"]))
    keys = {"key", "name", "address", "unit", "slack", "proof", "domains", "pin_hash", "rights"}
    for person in cast(list[Row], document["people"]):
        assert set(person) == keys
        assert person["address"].endswith(".example.lg.jp")


def test_a_right_lasts_through_its_last_day() -> None:
    right = Right.model_validate(
        {"actions": ["edit"], "categories": ["crime"], "from": "2026-04-01", "until": "2027-03-31"}
    )
    assert right.document() == [
        {
            "action": "edit",
            "category": "crime",
            "from": "2026-04-01T00:00:00+09:00",
            "until": "2027-04-01T00:00:00+09:00",
            "order": 1,
        }
    ]


def test_only_feeds_are_automatic(chiba: Catalogue) -> None:
    keys = {
        "key",
        "category",
        "origin",
        "decision",
        "stages",
        "office_hours",
        "ceiling_per_hour",
        "not_after_minutes",
    }
    for rule in chiba.rules_document():
        assert set(rule) == keys
        if rule["decision"] == "automatic":
            assert rule["origin"] == "feed"
            assert rule["ceiling_per_hour"]
            assert rule["not_after_minutes"]


def test_first_route_that_fits_and_the_last_for_all(chiba: Catalogue) -> None:
    assert chiba.route_for("docomo.ne.jp").name == "docomo"
    assert chiba.route_for("t.vodafone.ne.jp").name == "softbank"
    assert chiba.route_for("evil-docomo.ne.jp").name == "others"
    assert chiba.route_for("x.docomo.ne.jp").name == "others"
    assert all(isinstance(route, Route) for route in chiba.routes)
