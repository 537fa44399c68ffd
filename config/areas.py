"""areas.yaml: the places of the town in several trees, with the codes others call them by."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.checked import Frozen, perhaps
from config.forms import Key, Text
from config.yamlfile import At

FILE = "areas.yaml"
DIGITS = {
    "city": "7",
    "class10": "6",
    "pref": "6",
    "river": "8,12",
    "intensity-region": "3",
    "intensity-city": "7",
    "tsunami": "3",
    "volcano": "3",
}
"""The code systems of CONTRACTS.md and the digits of a code in each (JMA.md 2.12)."""

AreaKind = Literal["nation", "prefecture", "block", "municipality", "ward", "town", "station", "region"]


def _alias(text: str) -> str:
    system, colon, code = text.partition(":")
    if not colon or system not in DIGITS:
        known = "・".join(DIGITS)
        raise ValueError(f"{text} は「city:1210000」の形で書いてください。コロンの前は {known} のどれかです")
    if not re.fullmatch(rf"[0-9]{{{DIGITS[system]}}}", code):
        digits = DIGITS[system].replace(",", "～")
        raise ValueError(f"{text} の番号は {digits} 桁の数字です。先頭の 0 も書いてください")
    return text


class Area(Frozen):
    """One place; the order in the file is the order people see."""

    key: Key
    name: Text
    kana: Annotated[str, Field(max_length=80)] = ""
    tree: Literal["admin", "police", "seismic", "tsunami", "forecast"] = "admin"
    kind: AreaKind
    parents: tuple[str, ...] = ()
    aliases: tuple[Annotated[str, AfterValidator(_alias)], ...] = ()
    replaces: tuple[Key, ...] = ()
    """Keys of abolished areas that this one has taken the place of: who chose them hears of this one (C5.4)."""


class AreasFile(Frozen):
    """All of areas.yaml."""

    areas: Annotated[tuple[Area, ...], Field(min_length=1)]

    def document(self) -> list[dict[str, object]]:
        """The areas as the store takes them."""
        return [
            area.model_dump(mode="json") | {"sort": sort} for sort, area in enumerate(self.areas, start=1)
        ]

    def keys(self) -> frozenset[str]:
        """Every area key."""
        return frozenset(area.key for area in self.areas)


def problems(file: AreasFile) -> Iterator[tuple[At, str]]:
    """What pydantic cannot see: repeated keys and aliases, unknown parents, circles."""
    keys: set[str] = set()
    aliases: dict[str, str] = {}
    known = file.keys()
    for i, area in enumerate(file.areas):
        if area.key in keys:
            yield (
                ("areas", i, "key"),
                f"地区 {area.key} が二度書かれています。どちらかの key を変えてください",
            )
        keys.add(area.key)
        for n, parent in enumerate(area.parents):
            if parent not in known:
                yield ("areas", i, "parents", n), f"知らない地区 {parent} です{perhaps(parent, known)}"
        for n, alias in enumerate(area.aliases):
            if alias in aliases and not alias.startswith("class10:"):
                message = f"コード {alias} は {aliases[alias]} にもあります。どちらかを消してください"
                yield ("areas", i, "aliases", n), message
            aliases.setdefault(alias, area.key)
        for n, old in enumerate(area.replaces):
            if old in known:
                message = f"地区 {old} はまだこのファイルにあります。合併したのなら、その行を消してください"
                yield ("areas", i, "replaces", n), message
    yield from _circles(file)


def _circles(file: AreasFile) -> Iterator[tuple[At, str]]:
    parents = {area.key: [p for p in area.parents] for area in file.areas}
    for i, area in enumerate(file.areas):
        above, seen = list(area.parents), set[str]()
        while above:
            key = above.pop()
            if key == area.key:
                yield (
                    ("areas", i, "parents"),
                    f"地区 {area.key} の親をたどると自分に戻ります。parents を直してください",
                )
                break
            if key not in seen:
                seen.add(key)
                above += parents.get(key, [])
