"""訂正 and 取消: to exactly those who got what is corrected or taken back, and to nobody else (LESSONS R4, X5)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from feeds.bulletins import FeedDraft, drafts
from feeds.item import Action, Item
from feeds.news import News
from feeds.outcome import Outcome, made, passed
from feeds.publish import Desk
from feeds.telegram import Telegram, read
from feeds.thread import Thread, thread
from feeds.words import word
from store import bulletins, telegrams, units, watch
from store.states import BulletinState, TelegramState
from store.telegrams import Envelope
from store.units import Original

# A unit without an EventID (the weather warnings of an office) lasts for ever; what it said yesterday does not.
_REACHES_BACK: Final = timedelta(hours=24)
_NOT_OUT: Final = (
    BulletinState.DRAFT,
    BulletinState.SUBMITTED,
    BulletinState.APPROVED,
    BulletinState.SCHEDULED,
)
_OUT: Final = (BulletinState.SENDING, BulletinState.SENT, BulletinState.STOPPED)


def cancel(telegram: Telegram, envelope: Envelope, desk: Desk) -> Outcome:
    """取消: what is out is taken back from its recipients, what is not out yet is withdrawn."""
    words = {draft.category: draft for draft in drafts(telegram)}
    numbers = []
    originals = _meant(telegram, envelope, desk, exact=False)
    if any(original.category_key not in words for original in originals):
        return Outcome(TelegramState.HELD, "no-category")
    for original in originals:
        # The ledger forgets what it told: whatever JMA issues next is news again.
        watch.take_back(original.bulletin)
        if original.state in _NOT_OUT:
            bulletins.withdraw(original.bulletin, by=None, why="cancelled-by-source", now=desk.now)
        elif original.state in _OUT:
            numbers.append(desk.refer(words[original.category_key], original, "cancel").number)
    if numbers:
        return made(numbers)
    return passed("withdrawn" if originals else "nothing-sent")


def _meant(telegram: Telegram, envelope: Envelope, desk: Desk, *, exact: bool) -> list[Original]:
    """The bulletins a 訂正 (`exact`: it keeps the time of the one it corrects) or 取消 speaks of: of the whole unit
    where an EventID bounds it, else of the newest telegram that was told."""
    known = units.originals(envelope, since=desk.now - _REACHES_BACK)
    same = [one for one in known if exact and one.reported_at == envelope.reported_at]
    if same or telegram.event_id:
        return same or known
    return [one for one in known if one.telegram == known[0].telegram]


def correct(
    stored: int,
    telegram: Telegram,
    envelope: Envelope,
    desk: Desk,
    found: Sequence[News],
    ours: dict[str, list[int]],
) -> Outcome:
    """訂正: its recipients hear what is right now. A level that it raises goes to a person as well, because those
    whom only the higher level reaches did not get the original."""
    originals = [one for one in _meant(telegram, envelope, desk, exact=True) if one.state in _OUT + _NOT_OUT]
    numbers: list[str] = []
    for original in originals:
        before = read(telegrams.load(original.telegram).raw)
        if _content(before, ours) != _content(telegram, ours):
            numbers += _correction(telegram, original, desk, found, ours)
    raised = _raised(telegram, desk, found, ours)
    for one in found:
        last = next((o.bulletin for o in originals if o.category_key == one.category), None)
        about = raised[one.category][0] if one.category in raised else last
        watch.tell(
            one.phenomenon,
            list(one.changes),
            event_key=one.event_key,
            telegram=stored,
            bulletin=about,
            now=desk.now,
            until=one.until,
        )
    numbers += [number for _, number in raised.values()]
    if numbers:
        return made(numbers)
    return passed("unchanged" if originals else "nothing-sent")


def _content(telegram: Telegram, ours: dict[str, list[int]]) -> object:
    """What people of this town could see differ."""
    items = {
        (item.phenomenon, item.kind, item.rank, item.sentences, area.code)
        for item in telegram.items
        for area in item.areas
        if area.code in ours and item.rank
    }
    return items, telegram.headline, telegram.body_text, telegram.comment, telegram.source


def _correction(
    telegram: Telegram,
    original: Original,
    desk: Desk,
    found: Sequence[News],
    ours: dict[str, list[int]],
) -> list[str]:
    """Say to the original's recipients how things are in the original's areas."""
    its_areas = {area for area, _ in original.areas}
    codes = {code for code, areas in ours.items() if its_areas & set(areas)}
    items = _of_codes(telegram.items, codes)
    # What the correction does not name any more was not so: 発表なし, never 解除, which would say that it had been.
    named = {area.code for item in items for area in item.areas if item.rank}
    for one in found:
        for item in one.items:
            if item.action is Action.LIFT and item.areas[0].code in codes - named:
                nothing = replace(item, action=Action.CORRECT, kind_name=word("nothing"), last_rank=0)
                items.append(nothing)
    mine = (d for d in drafts(telegram, items=tuple(items)) if d.category == original.category_key)
    return [_instead(draft, original, desk, ours) for draft in mine]


def _instead(draft: FeedDraft, original: Original, desk: Desk, ours: dict[str, list[int]]) -> str:
    """What is not out yet is replaced, by the same rule; what is out is corrected. Returns the number."""
    kind = desk.kind(draft)
    if original.state not in _NOT_OUT or kind is None:
        return desk.refer(draft, original, "correction").number
    bulletins.withdraw(original.bulletin, by=None, why="corrected-by-source", now=desk.now)
    same = Thread(original.event_key or draft.event_key, ())
    return desk.issue(draft, kind, ours, thread=same, not_after=None).number


def _of_codes(items: Sequence[Item], codes: set[str]) -> list[Item]:
    cut = [replace(item, areas=tuple(a for a in item.areas if a.code in codes)) for item in items]
    return [item for item in cut if item.areas]


def _raised(
    telegram: Telegram, desk: Desk, found: Sequence[News], ours: dict[str, list[int]]
) -> dict[str, tuple[int, str]]:
    """(bulletin, number) by category of what waits for a person."""
    codes = {c.code for one in found for c in one.changes if c.now > c.before}
    waiting: dict[str, tuple[int, str]] = {}
    for draft in drafts(telegram, items=tuple(_of_codes(telegram.items, codes))):
        kind = desk.kind(draft)
        if kind is not None:
            about = thread(telegram, draft.event_key, kind.id, ends=False, now=desk.now)
            made_ = desk.issue(draft, kind, ours, thread=about, not_after=None, by_rule=False)
            waiting[draft.category] = (made_.id, made_.number)
    return waiting
