"""From a draft of a telegram to a bulletin in the ledger, released by the category's rule or left to a person."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from feeds.bulletins import FeedDraft
from store import bulletins, categories, decisions, rules
from store.bulletins import Made, Renderer, Text
from store.categories import Kind
from store.errors import Refused
from store.rules import Origin
from store.units import Original

log = logging.getLogger(__name__)

# Where the rule says nothing: older than this is no news (LESSONS R6).
LASTS: Final = timedelta(minutes=60)


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
        event_key: str,
        not_after: datetime | None,
        by_rule: bool = True,
    ) -> Made:
        """A new bulletin for the draft's areas; `by_rule` False leaves it to a person whatever the rule says."""
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
            event_key=event_key,
        )
        self._release(made, by_rule)
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
