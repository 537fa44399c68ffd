"""What one stored telegram leads to: decided, done and recorded in one transaction of the ledger."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from feeds import news, retract
from feeds.bulletins import drafts
from feeds.item import Realm
from feeds.news import News
from feeds.outcome import Outcome, made, passed
from feeds.publish import Desk
from feeds.telegram import InfoType, Telegram, Why
from feeds.titles import Family
from store import areas, bulletins, telegrams, units, watch
from store.bulletins import Renderer
from store.states import TelegramState
from store.telegrams import Envelope, Stored

# A subscriber chooses how often a day (CA.11); until that is counted, no forecast goes out by itself.
_NOT_YET: Final = frozenset({"forecast"})
_LONGEST: Final = 200


def interpret(stored: Stored, telegram: Telegram, *, render: Renderer, now: datetime) -> Outcome | None:
    """The verb of this program; None when another node was faster. `telegram` is what `read` made of `stored`.

    Whatever happens is recorded on the telegram: understood (its bulletins' numbers), passed, held or
    not-understood with a code."""
    if not telegrams.take(stored.id):
        return None
    envelope = envelope_of(telegram)
    outcome = _unusable(telegram) or _Case(stored, telegram, envelope, Desk(render, now), now).outcome()
    telegrams.interpreted(stored.id, outcome.state, outcome.why, envelope, now=now)
    return outcome


def envelope_of(telegram: Telegram) -> Envelope:
    """What is kept beside the telegram; from a hostile one, not more than a little of each."""
    texts = (telegram.type, telegram.status, telegram.info_type, telegram.office, telegram.event_id)
    type_, status, info_type, office, event_id = (words and words[:_LONGEST] for words in texts)
    serial = telegram.serial and telegram.serial[:_LONGEST]
    return Envelope(type_, status, info_type, office, event_id, serial, telegram.reported_at)


def _unusable(telegram: Telegram) -> Outcome | None:
    """Status and InfoType before anything else; only codes decide (LESSONS R7)."""
    if not telegram.understood:
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
        codes = {area.code for item in self.telegram.items for area in item.areas}
        ours = areas.by_codes(codes | {area.code for area in self.telegram.listed})
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
        )

    def _issue(self, found: list[News], ours: dict[str, list[int]]) -> Outcome:
        """One bulletin for each category with news; what is too late or has no category is remembered only."""
        numbers: dict[str, tuple[int, str]] = {}
        silent: list[str] = []
        for draft in drafts(self.telegram, items=tuple(item for one in found for item in one.items)):
            kind = self.desk.kind(draft)
            reported = self.telegram.reported_at
            not_after = self.desk.not_after(kind, reported) if kind and reported else None
            if kind is None:
                silent.append("no-category")
            elif draft.category in _NOT_YET:
                silent.append("not-yet")
            elif not_after is not None and not_after <= self.now:
                silent.append("late")
            else:
                event = self._thread(draft.event_key)
                issued = self.desk.issue(draft, kind, ours, event_key=event, not_after=not_after)
                numbers[draft.category] = (issued.id, issued.number)
        for one in found:
            bulletin = numbers.get(one.category)
            self._tell(one, one.told(), bulletin[0] if bulletin else None)
            self._tell(one, one.learnt(), None)
        if numbers:
            return made(number for _, number in numbers.values())
        if "no-category" in silent:
            return Outcome(TelegramState.HELD, "no-category")
        return passed(silent[0] if silent else "continue")

    def _thread(self, event_key: str) -> str:
        """One incident is one mail thread; an office's next rain is another incident than its last one."""
        if self.telegram.type not in news.WHOLE:
            return event_key
        bulletin = watch.standing(event_key)
        before = bulletins.view(bulletin).event_key if bulletin is not None else None
        return before or f"{event_key}:{self.now:%Y%m%d%H%M%S}"
