"""A posted page of choices, read against what is offered; and choices told in words, for the overview and the answer."""

from dataclasses import dataclass

from multidict import MultiDict

from inbound.web_offer import OFF, KindOffer, Own

Wish = tuple[str, str, int, str | None]
_SHOWN = 6


@dataclass(frozen=True)
class Problem:
    """What is wrong with a form, and the id of the field to go to."""

    field: str
    text: str


class Misfit(Exception):
    """The form is none of ours: a level or an area that was not on the page."""


def read(mine: Own, fields: MultiDict[str]) -> list[Wish] | Problem:
    """The choices of this topic as (category, area, level, option). Raises Misfit for what the page cannot send."""
    known = mine.topic.offer.keys() | set(mine.areas)
    areas = list(dict.fromkeys(fields.getall("area", [])))
    if not set(areas) <= known:
        raise Misfit
    if not areas and mine.topic.only is not None:
        areas = [mine.topic.only]
    wanted = {kind.key: (_level(kind, fields), _option(kind, fields)) for kind in mine.topic.kinds}
    if not areas and any(level is not None for level, _ in wanted.values()):
        return Problem(
            "areas", "地域を一つ以上選んでください。受け取らないときは「受け取らない」を選んでください。"
        )
    return [
        (key, area, level, option)
        for key, (level, option) in wanted.items()
        if level is not None
        for area in areas
    ]


def _level(kind: KindOffer, fields: MultiDict[str]) -> int | None:
    text = fields.get(f"level.{kind.key}", "")
    if text == OFF and kind.refuse:
        return None
    level = next((rank for rank, _ in kind.levels if str(rank) == text), None)
    if level is None:
        raise Misfit
    return level


def _option(kind: KindOffer, fields: MultiDict[str]) -> str | None:
    if not kind.times:
        return None
    text = fields.get(f"times.{kind.key}", "")
    if text not in map(str, kind.times):
        raise Misfit
    return text


def summary(mine: Own) -> list[str]:
    """What is chosen, in a line or a few: 受け取らない, or where and how strong."""
    by_level: dict[str, list[str]] = {}
    for kind in mine.topic.kinds:
        by_level.setdefault(_said(kind, mine), []).append(kind.name)
    if set(by_level) == {_NOT}:
        return [_NOT]
    if len(mine.topic.kinds) == 1:
        lines = list(by_level)
    else:
        lines = [f"{said}：{'・'.join(names)}" for said, names in by_level.items()]
    names = list(mine.areas.values())
    more = f" ほか{len(names) - _SHOWN}地域" if len(names) > _SHOWN else ""
    return [*lines, f"地域：{'、'.join(names[:_SHOWN])}{more}"]


_NOT = "受け取らない"


def _said(kind: KindOffer, mine: Own) -> str:
    level = mine.levels[kind.key]
    if level == OFF:
        return _NOT
    said = next((text for rank, text in kind.levels if str(rank) == level), "受け取る")
    option = mine.options[kind.key]
    return f"{said}（1日{option}回）" if option else said


def changes(before: Own, after: Own) -> list[str]:
    """What a saved page changed, one sentence each; empty when nothing did."""
    lines = []
    for kind in before.topic.kinds:
        was, now = _said(kind, before), _said(kind, after)
        if was != now:
            lines.append(f"{kind.name}：{was} → {now}")
    added = [name for key, name in after.areas.items() if key not in before.areas]
    gone = [name for key, name in before.areas.items() if key not in after.areas]
    if added:
        lines.append(f"加えた地域：{'、'.join(added)}")
    if gone:
        lines.append(f"外した地域：{'、'.join(gone)}")
    if not lines and before.uneven:
        lines.append("地域と段階を、すべての種類でそろえました")
    return lines
