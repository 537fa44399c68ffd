"""Whom a bulletin of a feed reaches beyond its own category, whom it spares, and which of those who chose how often."""

from collections.abc import Mapping, Sequence
from typing import Final

from feeds.bulletins import FeedDraft
from feeds.thread import Thread
from store import categories
from store.errors import Refused
from store.whom import Whom

# 土砂災害危険警報 (VPWW56, level 4 and above) is the 土砂災害警戒情報 of before: it reaches who chose that (CA.8).
_ALSO: Final = {"weather-landslide": ("landslide", 4)}


def whom(draft: FeedDraft, areas: Mapping[str, Sequence[int]], thread: Thread) -> Whom:
    """The audience rule of a draft; runs inside a verb."""
    # A quake that turns out stronger is told to those whose level it reaches only now (JMA.md 2.7).
    spares = thread.earlier if draft.category == "quake" else ()
    return Whom(also=_also(draft, areas), spares=spares)


def _also(draft: FeedDraft, areas: Mapping[str, Sequence[int]]) -> tuple[tuple[int, int, int], ...]:
    key, least = _ALSO.get(draft.category, ("", 0))
    if not key:
        return ()
    try:
        kind = categories.by_key(key)
    except Refused:  # a town that does not offer it
        return ()
    highest = max((rank for rank, _, _ in categories.levels(kind.scale)), default=1)
    return tuple(
        (kind.id, area, min(match, highest))
        for code, match, _ in draft.areas
        if match >= least
        for area in areas.get(code, ())
    )
