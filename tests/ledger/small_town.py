"""A town just large enough for the rules: two wards, three towns, a station over two of them, five people."""

from typing import Any

from store.bulletins import Sheet
from store.people import hash_pin

PIN = "4649"


def _area(
    key: str, name: str, kind: str, *parents: str, tree: str = "admin", aliases: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "kana": "",
        "tree": tree,
        "kind": kind,
        "parents": list(parents),
        "aliases": list(aliases),
    }


def _category(key: str, name: str, scale: str, urgency: str, **more: Any) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "parent": None,
        "scale": scale,
        "urgency": urgency,
        "unit": None,
        "default": [],
    } | more


def _person(key: str, name: str, unit: str, slack: str, *rights: tuple[str, str]) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "address": f"{key}@police.example.lg.jp",
        "unit": unit,
        "slack": f"T01/{slack}",
        "proof": "dkim",
        "domains": [],
        "pin_hash": hash_pin(PIN),
        "rights": [{"action": action, "category": category} for action, category in rights],
    }


CATALOGUE: dict[str, Any] = {
    "areas": [
        _area("city", "千葉市", "municipality", aliases=("city:1210000",)),
        _area("hanamigawa", "花見川区", "ward", "city", aliases=("intensity-city:1210200",)),
        _area("mihama", "美浜区", "ward", "city", aliases=("intensity-city:1210600",)),
        _area("nishi", "千葉西署", "station", tree="police"),
        _area("makuhari", "幕張町", "town", "hanamigawa", "nishi"),
        _area("kemigawa", "検見川町", "town", "hanamigawa"),
        _area("masago", "真砂", "town", "mihama", "nishi"),
        _area("seismic-341", "千葉県北西部", "region", tree="seismic", aliases=("intensity-region:341",)),
    ],
    "categories": {
        "scales": {
            "plain": [{"rank": 1, "code": "notice", "name": "お知らせ"}],
            "weather": [
                {"rank": 2, "code": "advisory", "name": "注意報"},
                {"rank": 3, "code": "warning", "name": "警報"},
                {"rank": 5, "code": "special", "name": "特別警報"},
            ],
        },
        "categories": [
            _category("crime", "防犯情報", "plain", "routine"),
            _category("suspicious", "不審者情報", "plain", "immediate", parent="crime", unit="anzen"),
            _category(
                "crime-urgent",
                "緊急防犯情報",
                "plain",
                "immediate",
                parent="crime",
                default=[{"area": "city", "level": 1}],
                range={"home": True},
            ),
            _category("weather", "気象警報・注意報", "weather", "life"),
            _category(
                "weather-rain",
                "大雨",
                "weather",
                "life",
                parent="weather",
                unit="bosai",
                default=[{"area": "city", "level": 3}],
                phenomenon="rain",
            ),
        ],
    },
    "people": {
        "units": [
            {"key": "anzen", "name": "地域安全課", "phone": "043-555-0100", "mail": None},
            {"key": "bosai", "name": "防災対策課", "phone": "043-555-0101", "mail": None},
            {"key": "nishi", "name": "千葉西警察署", "phone": "043-555-0102", "mail": None},
        ],
        "people": [
            _person("officer", "西 一郎", "nishi", "U1", ("edit", "crime")),
            _person(
                "chief", "安全 花子", "anzen", "U2", ("edit", "crime"), ("approve", "crime"), ("operate", "*")
            ),
            _person("deputy", "安全 次郎", "anzen", "U3", ("approve", "crime"), ("stop", "*")),
            _person(
                "bosai1", "防災 太郎", "bosai", "U4", ("edit", "weather"), ("send", "weather"), ("admin", "*")
            ),
            _person(
                "bosai2", "防災 桃子", "bosai", "U5", ("edit", "weather"), ("send", "weather"), ("admin", "*")
            ),
        ],
    },
    "rules": [
        {"key": "crime", "category": "crime", "origin": "staff", "decision": "two-person"},
        {
            "key": "weather",
            "category": "weather",
            "origin": "feed",
            "decision": "automatic",
            "ceiling_per_hour": 3,
            "not_after_minutes": 60,
        },
    ],
}


def render(sheet: Sheet) -> str:
    """A renderer for tests of rules, which never look inside."""
    areas = ",".join(sheet.areas)
    return f"{sheet.number}|{sheet.realm}|{sheet.category}|{sheet.subject}|{sheet.body}|{sheet.parts}|{areas}"
