"""categories.yaml: what residents can choose: each category's levels, defaults, range of change (CA.*)."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from config.areas import AreaKind
from config.checked import Frozen, perhaps
from config.forms import Key, Text
from config.yamlfile import At

FILE = "categories.yaml"

SCALES: dict[str, tuple[tuple[int, str, str], ...]] = {
    "weather": (
        (2, "advisory", "注意報"),
        (3, "warning", "警報"),
        (4, "danger", "危険警報"),
        (5, "special", "特別警報"),
    ),
    "intensity": (
        (1, "1", "震度1"),
        (2, "2", "震度2"),
        (3, "3", "震度3"),
        (4, "4", "震度4"),
        (5, "5-", "震度5弱"),
        (6, "5+", "震度5強"),
        (7, "6-", "震度6弱"),
        (8, "6+", "震度6強"),
        (9, "7", "震度7"),
    ),
    "tsunami": (
        (1, "forecast", "津波予報"),
        (2, "advisory", "津波注意報"),
        (3, "warning", "津波警報"),
        (4, "major", "大津波警報"),
    ),
    "plain": ((1, "notice", "お知らせ"),),
}
"""(rank, code, name), weakest first: the ranks the feeds speak in, so they are no setting."""


class Default(Frozen):
    """One choice every new subscriber gets: an area, the code of the weakest level, an option (times)."""

    area: str
    level: str = "notice"
    option: str | None = None


class Range(Frozen):
    """What a resident may change (設定変更の範囲).

    `areas`: `city` = in the town (`kinds` says how fine), `list` = those in `list` and below, `any` = all.
    `levels`: codes offered; empty = all of the scale. `refuse`: may be off. `home`: joining asks for an area.
    """

    areas: Literal["any", "city", "list"] = "city"
    kinds: tuple[AreaKind, ...] = ()
    list: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    refuse: bool = True
    home: bool = False
    times: tuple[Annotated[int, Field(ge=1, le=24)], ...] = ()


class Category(Frozen):
    """One category or, with others below it, a group of them."""

    key: Key
    name: Text
    parent: str | None = None
    scale: Literal["weather", "intensity", "tsunami", "plain"] = "plain"
    urgency: Literal["life", "immediate", "routine"]
    unit: str | None = None
    default: tuple[Default, ...] = ()
    range: Range = Range()
    phenomenon: str | None = None

    def rank(self, code: str) -> int | None:
        """The rank of a level's code in this category's scale."""
        return next((rank for rank, known, _ in SCALES[self.scale] if known == code), None)


class CategoriesFile(Frozen):
    """All of categories.yaml; parents stand before children."""

    categories: Annotated[tuple[Category, ...], Field(min_length=1)]

    def document(self) -> dict[str, object]:
        """Scales and categories as the store takes them: levels as ranks."""
        scales = {
            scale: [{"rank": rank, "code": code, "name": name} for rank, code, name in levels]
            for scale, levels in SCALES.items()
        }
        entries = [_entry(category, sort) for sort, category in enumerate(self.categories, start=1)]
        return {"scales": scales, "categories": entries}

    def keys(self) -> frozenset[str]:
        """Every category key."""
        return frozenset(category.key for category in self.categories)

    def leaves(self) -> tuple[tuple[int, Category], ...]:
        """(place in the file, category) of each category that has none below it."""
        parents = {category.parent for category in self.categories}
        return tuple((i, one) for i, one in enumerate(self.categories) if one.key not in parents)

    def above(self, key: str) -> tuple[str, ...]:
        """The category and its ancestors, nearest first; stops at a circle."""
        parents = {category.key: category.parent for category in self.categories}
        found: list[str] = []
        at: str | None = key
        while at is not None and at not in found:
            found.append(at)
            at = parents.get(at)
        return tuple(found)


def _entry(category: Category, sort: int) -> dict[str, object]:
    entry = category.model_dump(mode="json") | {"sort": sort}
    entry["default"] = [
        {"area": one.area, "level": category.rank(one.level)} | ({"option": one.option} if one.option else {})
        for one in category.default
    ]
    entry["range"]["levels"] = [category.rank(code) for code in category.range.levels]
    return entry


def problems(file: CategoriesFile, areas: frozenset[str], units: frozenset[str]) -> Iterator[tuple[At, str]]:
    """Repeated keys, parents not written above, unknown areas, units and levels. Empty sets are not asked."""
    seen: set[str] = set()
    for i, category in enumerate(file.categories):
        at: At = ("categories", i)
        if category.key in seen:
            yield (
                (*at, "key"),
                f"情報種別 {category.key} が二度書かれています。どちらかの key を変えてください",
            )
        if category.parent is not None and category.parent not in seen:
            yield (*at, "parent"), _parent_problem(category.parent, file.keys())
        seen.add(category.key)
        if units and category.unit is not None and category.unit not in units:
            yield (*at, "unit"), f"知らない課 {category.unit} です{perhaps(category.unit, units)}"
        yield from _default_problems(category, at, areas)
        yield from _range_problems(category, at, areas)


def _parent_problem(parent: str, known: frozenset[str]) -> str:
    if parent in known:
        return f"親の {parent} は、この情報種別より前に書いてください"
    return f"知らない情報種別 {parent} です{perhaps(parent, known)}"


def _default_problems(category: Category, at: At, areas: frozenset[str]) -> Iterator[tuple[At, str]]:
    for n, default in enumerate(category.default):
        if areas and default.area not in areas:
            yield (
                (*at, "default", n, "area"),
                f"知らない地区 {default.area} です{perhaps(default.area, areas)}",
            )
        if category.rank(default.level) is None:
            yield (*at, "default", n, "level"), _level_problem(category, default.level)


def _range_problems(category: Category, at: At, areas: frozenset[str]) -> Iterator[tuple[At, str]]:
    where = (*at, "range")
    for n, key in enumerate(category.range.list):
        if areas and key not in areas:
            yield (*where, "list", n), f"知らない地区 {key} です{perhaps(key, areas)}"
    for n, code in enumerate(category.range.levels):
        if category.rank(code) is None:
            yield (*where, "levels", n), _level_problem(category, code)
    if (category.range.areas == "list") != bool(category.range.list):
        yield where, "areas: list のときだけ、list に選べる地区を書いてください"


def _level_problem(category: Category, code: str) -> str:
    codes = [known for _, known, _ in SCALES[category.scale]]
    hint = perhaps(code, codes)
    return f"段階 {code} は {category.scale} にありません{hint}。使えるのは {'・'.join(codes)} です"
