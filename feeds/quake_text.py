"""Subject and body of an earthquake bulletin."""

from typing import Final

from feeds.advice import advice
from feeds.groups import Group
from feeds.item import Item
from feeds.kinds import NOT_RECEIVED_LEVEL
from feeds.telegram import InfoType, Telegram
from feeds.words import clock, letter, word

_WRITTEN: Final = {
    "1": "１",
    "2": "２",
    "3": "３",
    "4": "４",
    "5-": "５弱",
    "5+": "５強",
    "6-": "６弱",
    "6+": "６強",
    "7": "７",
}


def intensity(level: str) -> str:
    """`5-` as people read it: ５弱."""
    return word("not_received") if level == NOT_RECEIVED_LEVEL else _WRITTEN[level]


def _strongest_first(items: tuple[Item, ...]) -> list[Item]:
    return sorted(items, key=lambda item: -item.rank)


def quake_subject(telegram: Telegram, group: Group) -> str:
    """「震度４ 千葉県北西部ほか（地震情報）」: the strongest place the group knows."""
    ranked = _strongest_first(group.items)
    top = [item for item in ranked if item.rank == ranked[0].rank]
    places = list(dict.fromkeys(area.name for item in top for area in item.areas))
    place = places[0] + (word("and_more") if len(places) > 1 else "")
    subject = word("subject_quake", intensity=intensity(ranked[0].level or ""), place=place)
    corrected = telegram.info_type == InfoType.CORRECTED
    return word("subject_correct", kind=subject, place="").rstrip() if corrected else subject


def quake_body(telegram: Telegram, group: Group) -> str:
    """Headline, source, intensities (the strongest first), and what JMA says of a tsunami."""
    source = telegram.source
    where = ""
    if source and source.hypocenter:
        where = letter(
            "source",
            hypocenter=source.hypocenter,
            magnitude=source.magnitude or "",
            depth=(source.depth or "").removeprefix("深さ").strip(),
        ).rstrip()
    # Of the whole telegram, wherever that was; the list below may be cut down to one town.
    strongest = _strongest_first(tuple(item for item in telegram.items if item.level))[0].level or ""
    return letter(
        "quake",
        headline=telegram.headline or telegram.head_title or "",
        source=where,
        strongest=word("strongest", intensity=intensity(strongest)),
        lines="\n".join(_lines(group)),
        comment=telegram.comment or "",
        advice=advice(group),
        reported=clock(telegram.reported_at),
        office=telegram.publishers or telegram.office or "",
    )


def _lines(group: Group) -> list[str]:
    by_level: dict[tuple[int, str], dict[str, None]] = {}
    for item in _strongest_first(group.items):
        places = by_level.setdefault((item.rank, item.level or ""), {})
        places.update(dict.fromkeys(area.name for area in item.areas))
    return [
        word("intensity_line", intensity=intensity(level), places=word("separator").join(places))
        for (_, level), places in by_level.items()
    ]
