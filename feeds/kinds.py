"""The closed sets of JMA codes that decide what a telegram means (JMA.md 2, code tables of 2026-07)."""

from dataclasses import dataclass
from typing import Final

from feeds.item import Action


@dataclass(frozen=True, slots=True)
class Kind:
    """`rank`: 2 advisory, 3 warning, 4 danger warning, 5 special warning."""

    phenomenon: str
    rank: int


def _weather() -> dict[str, Kind]:
    """WeatherWarning codes by phenomenon, weakest first: by table, not by number (03 < 43 < 33)."""
    ranks = {
        "rain": {2: "10", 3: "03", 4: "43", 5: "33"},
        "landslide": {2: "29", 3: "09", 4: "49", 5: "39"},
        "surge": {2: "19", 3: "08", 4: "48", 5: "38"},
        "wind": {2: "15", 3: "05", 5: "35"},
        "snowstorm": {2: "13", 3: "02", 5: "32"},
        "wave": {2: "16", 3: "07", 5: "37"},
        "snow": {2: "12", 3: "06", 5: "36"},
        "flood": {2: "18", 3: "04"},
        "thunder": {2: "14"},
        "melting": {2: "17"},
        "fog": {2: "20"},
        "dry": {2: "21"},
        "avalanche": {2: "22"},
        "cold": {2: "23"},
        "frost": {2: "24"},
        "icing": {2: "25"},
        "snow-accretion": {2: "26"},
        "other-advisory": {2: "27"},
    }
    return {code: Kind(name, rank) for name, codes in ranks.items() for rank, code in codes.items()}


WEATHER: Final = _weather()
# 42 and 45-47 are reserved by JMA: not listed, so they go to a person (LESSONS R7).
WEATHER_WORDS: Final = {2: "advisory", 3: "warning", 4: "4", 5: "special"}
# The types whose kinds are named by 警戒レベル相当 (2026); elsewhere the same code carries no level.
LEVELLED_TYPES: Final = frozenset({"VPWW55", "VPWW56", "VPWW57"})
LEVELLED_ONLY: Final = frozenset({"43", "48", "49", "39", "09", "29"})

NOTHING: Final = "発表警報・注意報はなし"
STATUSES: Final = {
    "発表": Action.ISSUE,
    "継続": Action.CONTINUE,
    "解除": Action.LIFT,
    "警報から注意報": Action.LOWER,
    "特別警報から危険警報": Action.LOWER,
    "特別警報から警報": Action.LOWER,
    "特別警報から注意報": Action.LOWER,
    "危険警報から警報": Action.LOWER,
    "危険警報から注意報": Action.LOWER,
}

# 土砂災害警戒情報 (SoilWarning) and 竜巻注意情報 (HazardousWindWatch) count with one digit.
SOIL: Final = {"0": False, "1": True, "3": True}
SOIL_STATUSES: Final = {"発表": Action.ISSUE, "継続": Action.CONTINUE, "解除": Action.LIFT, "なし": None}

INTENSITIES: Final = {"1": 1, "2": 2, "3": 3, "4": 4, "5-": 5, "5+": 6, "6-": 7, "6+": 8, "7": 9}
NOT_RECEIVED: Final = "震度５弱以上未入電"
NOT_RECEIVED_LEVEL: Final = "5-?"

TSUNAMI: Final = {
    "00": 0,
    "50": 0,
    "51": 3,
    "52": 4,
    "53": 4,
    "60": 0,
    "62": 2,
    "71": 1,
    "72": 1,
    "73": 1,
}
TSUNAMI_WORDS: Final = {1: "forecast", 2: "advisory", 3: "warning", 4: "major"}

RIVER: Final = {
    "10": 0,
    "20": 2,
    "21": 2,
    "22": 2,
    "30": 3,
    "31": 3,
    "40": 4,
    "41": 4,
    "51": 5,
    "53": 5,
}

# 噴火警戒レベル 11-15; volcanoes without levels 21-25, under the sea 35, 36. Level 1 = nothing in force.
VOLCANO: Final[dict[str, tuple[str | None, int]]] = {
    "04": (None, 0),
    "05": (None, 0),
    "11": (None, 0),
    "12": ("2", 2),
    "13": ("3", 3),
    "14": ("4", 4),
    "15": ("5", 5),
    "21": (None, 0),
    "22": ("warning", 2),
    "23": ("warning", 3),
    "24": ("special", 4),
    "25": ("special", 5),
    "35": (None, 0),
    "36": ("warning", 3),
}
VOLCANO_CONDITIONS: Final = {
    "発表": Action.ISSUE,
    "引上げ": Action.RAISE,
    "引下げ": Action.LOWER,
    "継続": Action.CONTINUE,
    "解除": Action.LIFT,
}
ERUPTIONS: Final = frozenset({"51", "52", "54", "55", "56", "61", "62", "64", "65", "91", "99"})
ASH: Final = frozenset({"70", "71", "72", "73", "75"})

# 情報タグ of 府県気象防災速報: (phenomenon, rank for a resident's minimum). The tag is the only code.
FLASH_TAGS: Final = {
    "線状降水帯発生": ("rain", 4),
    "線状降水帯直前": ("rain", 4),
    "線状降水帯予測": ("rain", 4),
    "記録雨": ("rain", 4),
    "短時間大雪": ("snow", 3),
}

# 府県予報区 whose number does not end in 0000 and which are not themselves a 一次細分区域.
ODD_PREFECTURES: Final = frozenset(
    {"012000", "013000", "014100", "015000", "016000", "017000", "460100", "471000", "474000"}
)

CATEGORIES: Final = {
    "rain": "weather-rain",
    "flood": "weather-rain",
    "landslide": "weather-landslide",
    "landslide-alert": "landslide",
    "surge": "weather-surge",
    "wind": "weather-wind",
    "snowstorm": "weather-snowstorm",
    "wave": "weather-wave",
    "snow": "weather-snow",
    "quake": "quake",
    "tsunami": "tsunami",
    "tornado": "tornado",
    "river": "river",
    "volcano": "volcano",
    "ash": "volcano",
    "forecast": "forecast",
    "heat": "heat",
}


def category(phenomenon: str) -> str:
    """The product's category of a phenomenon; the many small advisories are one category."""
    return CATEGORIES.get(phenomenon, "weather-other" if phenomenon != "other" else "other")


def weather_level(type_: str, code: str) -> str | None:
    """The word for a weather kind in force, as CONTRACTS.md wants it for this type."""
    kind = WEATHER.get(code)
    if kind is None:
        return None
    if type_ in LEVELLED_TYPES or code in LEVELLED_ONLY:
        return str(kind.rank)
    return WEATHER_WORDS[kind.rank]


def forecast_area(code: str) -> str:
    """`pref:` or `class10:` of a 府県予報区・細分区域等 number, whose two systems share one code type."""
    whole = code.endswith("0000") or code in ODD_PREFECTURES
    return f"{'pref' if whole else 'class10'}:{code}"
