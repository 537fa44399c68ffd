"""From a draft of a telegram to a bulletin in the ledger, released by the category's rule or left to a person."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from feeds import daily
from feeds.bulletins import FeedDraft
from feeds.daily import Slot
from feeds.reach import whom
from feeds.telegram import Telegram
from feeds.thread import Thread
from feeds.words import clock, word
from store import areas as places
from store import bulletins, categories, decisions, rules
from store.bulletins import Made, Part, Renderer, Text
from store.categories import Kind
from store.errors import Refused
from store.rules import Origin
from store.units import Original
from store.whom import Whom

log = logging.getLogger(__name__)

# Where the rule says nothing: older than this is no news (LESSONS R6).
LASTS: Final = timedelta(minutes=60)
# Older than this when it is released, it says of itself that it is late.
LATE: Final = timedelta(minutes=20)
# 雷 is no second report of 濃霧, though both are of one category.
_UNNUMBERED: Final = frozenset({"weather-other"})


@dataclass(frozen=True, slots=True)
class Desk:
    """What every bulletin of one telegram is made with."""

    render: Renderer
    now: datetime

    def kind(self, draft: FeedDraft) -> Kind | None:
        """The town's category for a draft; None when it has none."""
        try:
            return categories.by_key(draft.category)
        except Refused:
            return None

    def not_after(self, kind: Kind, reported_at: datetime) -> datetime:
        """When a telegram of that time is no news any more."""
        minutes = rules.policy(kind.id, Origin.FEED).not_after_minutes
        # A report from the future must not live longer than one of now.
        return min(reported_at, self.now) + (LASTS if minutes is None else timedelta(minutes=minutes))

    def issue(
        self,
        draft: FeedDraft,
        kind: Kind,
        areas: dict[str, list[int]],
        *,
        thread: Thread,
        not_after: datetime | None,
        by_rule: bool = True,
    ) -> Made:
        """A new bulletin for the draft's areas; `by_rule` False leaves it to a person whatever the rule says."""
        draft = self._marked(draft, thread)
        reached: dict[int, int] = {}
        for code, match, _ in draft.areas:
            for area in areas.get(code, ()):
                reached[area] = max(reached.get(area, 0), match)
        level = max((now for _, _, now in draft.areas), default=0)
        text = Text(draft.subject, draft.body, tuple(reached.items()), not_after=not_after)
        made = bulletins.create(
            text,
            category=kind.id,
            level=level,
            origin=Origin.FEED,
            realm="live",
            render=self.render,
            now=self.now,
            event_key=thread.key,
            whom=whom(draft, areas, thread),
        )
        self._release(made, by_rule)
        return made

    def _marked(self, draft: FeedDraft, thread: Thread) -> FeedDraft:
        """第n報 of its incident, and whether it comes late."""
        subject, body = draft.subject, draft.body
        if thread.n > 1 and draft.category not in _UNNUMBERED:
            subject = word("nth", subject=subject, n=str(thread.n))
        if draft.reported_at is not None and self.now - draft.reported_at > LATE:
            subject = word("late_subject", subject=subject)
            body = f"{word('late', reported=clock(draft.reported_at))}\n\n{body}"
        return replace(draft, subject=subject, body=body)

    def forecast(
        self,
        telegram: Telegram,
        slot: Slot,
        kind: Kind,
        areas: dict[str, list[int]],
        *,
        event_key: str,
        not_after: datetime | None,
    ) -> Made | None:
        """The three days, a section for each region, to those who chose to hear so often; None without a region."""
        regions = [one for one in daily.regions(telegram, now=self.now) if one.code in areas]
        if not regions:
            return None
        named = places.names(area for one in regions for area in areas[one.code])
        parts = tuple(
            Part(named[areas[one.code][0]], one.body, tuple((area, 1) for area in areas[one.code]))
            for one in regions
        )
        subject = daily.subject(telegram, tuple(part.heading for part in parts))
        made = bulletins.create(
            Text(subject, daily.body(telegram), (), parts=parts, not_after=not_after),
            category=kind.id,
            level=1,
            origin=Origin.FEED,
            realm="live",
            render=self.render,
            now=self.now,
            event_key=event_key,
            whom=Whom(options=slot.options),
        )
        self._release(made, by_rule=True)
        return made

    def refer(self, draft: FeedDraft, original: Original, refers_as: str) -> Made:
        """A 訂正 (correction) or 取消 (cancel) to exactly those who got the original (LESSONS R4)."""
        made = bulletins.create(
            Text(draft.subject, draft.body, original.areas),
            category=original.category,
            level=original.level,
            origin=Origin.FEED,
            realm="live",
            render=self.render,
            now=self.now,
            event_key=original.event_key,
            refers_to=original.bulletin,
            refers_as=refers_as,
        )
        self._release(made, by_rule=True)
        return made

    def _release(self, made: Made, by_rule: bool) -> None:
        bulletins.submit(made.id, by=None, now=self.now)
        released = by_rule and decisions.release_by_rule(made.id, now=self.now)
        log.info("bulletin number=%s released=%s", made.number, released)
