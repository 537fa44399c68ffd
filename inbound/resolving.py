"""Finds the categories, areas and times a draft names in the ledger; what is not found is told, with a guess."""

from dataclasses import dataclass, field
from datetime import datetime

from inbound import draft as drafts
from inbound.draft import Draft
from store import areas, categories
from store.areas import Place
from store.bulletins import Part
from store.categories import Kind

WHOLE = ("全域", "市内全域", "市全域", "全市")
_MOST_NAMED = 12
_LONGEST = 40


@dataclass
class Resolved:
    """What the names of a draft stand for; `problems` are sentences for its author, empty when all is clear."""

    category: Kind | None = None
    level: int = 1
    areas: tuple[tuple[int, int], ...] = ()
    parts: tuple[Part, ...] = ()
    release_at: datetime | None = None
    not_after: datetime | None = None
    problems: list[str] = field(default_factory=list)


def resolve(draft: Draft, *, town: str, now: datetime, category: Kind | None = None) -> Resolved:
    """Look everything up (a verb; changes nothing). `category` is given for a draft that revises a bulletin."""
    found = Resolved()
    found.category = _category(draft, category, found.problems)
    if found.category is not None:
        found.level = _level(draft, found.category, found.problems)
    here = _Names(town, found.problems)
    found.areas = here.all(draft.areas, found.level)
    found.parts = tuple(
        Part(block.heading, block.text, here.all(block.areas, found.level)) for block in draft.blocks
    )
    if not draft.areas and not draft.blocks and category is None:
        found.problems.append(
            "地域がありません。本文のはじめに「地域：花見川区、稲毛区」のように書いてください。"
        )
    found.release_at = _time(draft.release, "配信", now, found.problems)
    found.not_after = _time(draft.until, "期限", now, found.problems)
    if found.release_at and found.not_after and found.not_after <= found.release_at:
        found.problems.append("「期限」が「配信」より前です。あとの時刻を書いてください。")
    return found


def _category(draft: Draft, fixed: Kind | None, problems: list[str]) -> Kind | None:
    known = categories.listed()
    wanted = drafts.plain(draft.category)
    found = next((kind for kind in known if drafts.plain(kind.name) == wanted), None)
    if fixed is not None:
        if wanted and found != fixed:
            problems.append(f"種別は途中で変えられません。いまの種別は「{fixed.name}」です。")
        return fixed
    if not wanted:
        problems.append("種別がありません。本文の一行目に「種別：不審者情報」のように書いてください。")
    elif found is None:
        every = [kind.name for kind in known]
        near = _perhaps(draft.category, every) or f"使えるのは {'・'.join(every[:_MOST_NAMED])} などです。"
        problems.append(f"「{draft.category}」という種別はありません。{near}")
    return found


def _perhaps(name: str, known: list[str]) -> str:
    near = drafts.similar(name, known)
    return f"もしかして: {'、'.join(near)}" if near else ""


def _level(draft: Draft, kind: Kind, problems: list[str]) -> int:
    levels = categories.levels(kind.scale)
    if not draft.level and len(levels) == 1:
        return levels[0][0]
    wanted = drafts.plain(draft.level)
    for rank, code, name in levels:
        if wanted and wanted in (drafts.plain(name), code.lower()):
            return rank
    choice = "・".join(name for _, _, name in levels)
    problems.append(f"段階がわかりません。「段階：{levels[0][2]}」のように書いてください（{choice}）。")
    return levels[0][0]


class _Names:
    """Areas by the names people use: 花見川区, 千葉西署, or a town with its ward in front (花見川区幕張町)."""

    def __init__(self, town: str, problems: list[str]) -> None:
        self._town = town
        self._problems = problems
        self._every = areas.listed()
        self._by_name: dict[str, list[Place]] = {}
        for place in self._every:
            self._by_name.setdefault(drafts.plain(place.name), []).append(place)

    def all(self, said: tuple[str, ...], level: int) -> tuple[tuple[int, int], ...]:
        """(area, level) of every name that is clear; the others become problems."""
        found = (self._one(name) for name in said)
        return tuple(dict.fromkeys((place.id, level) for place in found if place is not None))

    def _one(self, said: str) -> Place | None:
        name = drafts.plain(self._town if said in WHOLE else said)
        found = self._by_name.get(name) or self._below(name)
        if len(found) == 1:
            return found[0]
        if not found:
            near = _perhaps(said, [place.name for place in self._every])
            self._problems.append(f"「{said}」という地域はありません。{near}")
        else:
            self._problems.append(
                f"「{said}」は{len(found)}か所あります。「中央区{said}」のように、区の名前から書いてください。"
            )
        return None

    def _below(self, name: str) -> list[Place]:
        """A town said with what it lies in: 花見川区幕張町, 千葉市花見川区."""
        for cut in range(min(len(name), _LONGEST) - 1, 0, -1):
            above = self._by_name.get(name[:cut])
            if not above:
                continue
            below = self._by_name.get(name[cut:]) or self._below(name[cut:])
            within = [b for b in below if any(a.id in areas.related([b.id]) for a in above)]
            if within:
                return within
        return []


def _time(said: str, key: str, now: datetime, problems: list[str]) -> datetime | None:
    if not said or said in drafts.AT_ONCE:
        return None
    when = drafts.moment(said, now)
    if when is None:
        problems.append(
            f"「{key}：{said}」の日時が読めません。「{key}：2026-11-22 09:00」のように書いてください。"
        )
    elif when <= now:
        problems.append(f"「{key}：{said}」は、すでに過ぎています。これからの日時を書いてください。")
    return when
