"""What one stored telegram leads to: decided, done and recorded in one transaction of the ledger."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from feeds import daily, ground, news, retract
from feeds.bulletins import FeedDraft, drafts
from feeds.item import Item, Realm
from feeds.news import News
from feeds.outcome import Outcome, made, passed
from feeds.publish import Desk
from feeds.telegram import InfoType, Telegram, Why
from feeds.thread import thread
from feeds.titles import Family
from store import alerts, telegrams, units, watch
from store.alerts import Cause
from store.bulletins import Made, Renderer
from store.categories import Kind
from store.states import TelegramState
from store.telegrams import Envelope, Stored

# Kept for what others lack: the third day of a forecast is in the week's (JMA.md 2.9).
_KEPT: Final = frozenset({"VPFW50", "VPFG50", "VPFD50"})
_LONGEST: Final = 200


def interpret(stored: Stored, telegram: Telegram, *, render: Renderer, now: datetime) -> Outcome | None:
    """The verb of this program; None when another node was faster. `telegram` is what `read` made of `stored`.

    Whatever happens is recorded on the telegram: understood (its bulletins' numbers), passed, held or
    not-understood with a code."""
    if not telegrams.take(stored.id):
        return None
    envelope = envelope_of(telegram)
    outcome = _unusable(telegram) or _Case(stored, telegram, envelope, Desk(render, now), now).outcome()
    if outcome.state is TelegramState.HELD:
        set_aside(stored.id, outcome.why, envelope, now=now)
    else:
        telegrams.interpreted(stored.id, outcome.state, outcome.why, envelope, now=now)
    return outcome


def set_aside(telegram: int, why: str, envelope: Envelope, *, now: datetime) -> None:
    """A telegram goes to a person: it is held, and the operators are told (LESSONS R7)."""
    telegrams.interpreted(telegram, TelegramState.HELD, why, envelope, now=now)
    details = {"telegram": str(telegram), "type": envelope.type or "-", "why": why}
    alerts.alert(Cause.HELD, f"{envelope.type} {why}", details, now=now)


def envelope_of(telegram: Telegram) -> Envelope:
    """What is kept beside the telegram; from a hostile one, not more than a little of each."""
    texts = (telegram.type, telegram.status, telegram.info_type, telegram.office, telegram.event_id)
    type_, status, info_type, office, event_id = (words and words[:_LONGEST] for words in texts)
    serial = telegram.serial and telegram.serial[:_LONGEST]
    return Envelope(type_, status, info_type, office, event_id, serial, telegram.reported_at)


def _unusable(telegram: Telegram) -> Outcome | None:
    """Status and InfoType before anything else; only codes decide (LESSONS R7)."""
    # JMA tries out in a drill what is to come: an unknown code in one is nobody's business.
    drill = telegram.realm is not Realm.LIVE and telegram.realm is not None
    if not telegram.understood and not (drill and telegram.why is Why.UNKNOWN_CODE):
        held = telegram.why is Why.UNKNOWN_CODE
        state = TelegramState.HELD if held else TelegramState.NOT_UNDERSTOOD
        return Outcome(state, str(telegram.why or Why.NOT_JMA))
    if telegram.realm is not Realm.LIVE:
        return passed(str(telegram.realm))
    if telegram.family is Family.OLD:
        return passed("old-family")
    if telegram.reported_at is None:
        return Outcome(TelegramState.HELD, "no-report-time")
    if not telegram.items and not telegram.listed:
        return passed("nothing-told")
    return None


@dataclass(frozen=True)
class _Case:
    """One live telegram in one transaction."""

    stored: Stored
    telegram: Telegram
    envelope: Envelope
    desk: Desk
    now: datetime

    def outcome(self) -> Outcome:
        if self.telegram.info_type == InfoType.CANCELLED:
            return retract.cancel(self.telegram, self.envelope, self.desk)
        if self.telegram.type in news.WHOLE and units.superseded(self.envelope):
            return passed("superseded")
        if self.telegram.type in _KEPT:
            return passed("kept")
        ours = ground.ours(self.telegram.type, news.codes(self.telegram))
        if not ours:
            return passed("not-ours")
        return self._told(news.found(self.telegram, ours, now=self.now), ours)

    def _told(self, found: list[News], ours: dict[str, list[int]]) -> Outcome:
        if self._baseline():
            self._learn(found)
            return passed("baseline")
        if self.telegram.info_type == InfoType.CORRECTED:
            return retract.correct(self.stored.id, self.telegram, self.envelope, self.desk, found, ours)
        return self._issue(found, ours) if found else passed("continue")

    def _baseline(self) -> bool:
        """Nothing is mailed of what a feed held when we first looked (LESSONS R6)."""
        baseline = telegrams.feed(self.stored.feed).baseline_at
        return baseline is None or self.stored.fetched_at <= baseline

    def _learn(self, found: list[News]) -> None:
        for one in found:
            self._tell(one, list(one.changes), None)

    def _tell(self, one: News, changes: list[watch.Change], bulletin: int | None) -> None:
        watch.tell(
            one.phenomenon,
            changes,
            event_key=one.event_key,
            telegram=self.stored.id,
            bulletin=bulletin,
            now=self.now,
            until=one.until,
        )

    def _issue(self, found: list[News], ours: dict[str, list[int]]) -> Outcome:
        """One bulletin for each category with news; what is too late or has no category is remembered only."""
        numbers: dict[str, tuple[int, str]] = {}
        silent: list[str] = []
        items = tuple(item for one in found for item in one.items)
        for draft in drafts(self.telegram, items=items, whole=self._within(ours)):
            made_ = self._draft(draft, ours, found)
            if isinstance(made_, str):
                silent.append(made_)
            else:
                numbers[draft.category] = (made_.id, made_.number)
        for one in found:
            bulletin = numbers.get(one.category)
            self._tell(one, one.told(), bulletin[0] if bulletin else None)
            self._tell(one, one.learnt(), None)
        if numbers:
            return made(number for _, number in numbers.values())
        if "no-category" in silent:
            return Outcome(TelegramState.HELD, "no-category")
        return passed(silent[0] if silent else "continue")

    def _within(self, ours: dict[str, list[int]]) -> tuple[Item, ...]:
        cut = (
            replace(item, areas=tuple(area for area in item.areas if area.code in ours))
            for item in self.telegram.items
        )
        return tuple(item for item in cut if item.areas)

    def _draft(self, draft: FeedDraft, ours: dict[str, list[int]], found: list[News]) -> Made | str:
        """A bulletin of the draft, or the code why there is none."""
        kind = self.desk.kind(draft)
        if kind is None:
            return "no-category"
        reported = self.telegram.reported_at
        until = next((one.until for one in found if one.category == draft.category), None)
        ends = [self.desk.not_after(kind, reported)] if reported else []
        ends += [until] if until else []
        if min(ends, default=self.now) <= self.now:
            return "late"
        if draft.category == "forecast":
            return self._forecast(draft, kind, ours, min(ends))
        about = thread(self.telegram, draft.event_key, kind.id, ends=until is not None, now=self.now)
        return self.desk.issue(draft, kind, ours, thread=about, not_after=min(ends))

    def _forecast(
        self, draft: FeedDraft, kind: Kind, ours: dict[str, list[int]], not_after: datetime
    ) -> Made | str:
        slot = daily.slot(self.telegram)
        if slot is None:
            return "between-issues"
        key = draft.event_key
        made_ = self.desk.forecast(self.telegram, slot, kind, ours, event_key=key, not_after=not_after)
        return made_ or "nothing-told"
