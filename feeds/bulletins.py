"""What a telegram becomes for people: one draft per category, in the telegram's own words."""

from collections.abc import Container
from dataclasses import dataclass, replace
from datetime import datetime

from feeds import weather_text, words
from feeds.groups import Group, grouped
from feeds.item import Action, Item, Realm
from feeds.quake_text import quake_body, quake_subject
from feeds.telegram import InfoType, Telegram


@dataclass(frozen=True, slots=True)
class FeedDraft:
    """A bulletin as the feed proposes it; the store decides about it.

    `areas`: (`system:code`, rank compared with a resident's minimum, rank in force now); empty for a 取消,
    whose recipients are those who got mails of the same `unit` and realm (not of the same `event_key`: a 取消
    of 震度速報 takes back that telegram, not the 震源・震度情報 of the same quake). `event_key` is the thread of one
    incident over telegram types. `telegram` is Telegram.key, `unit` Telegram.unit. The subject carries no mark of the
    realm: the rendering stamps it (LESSONS R1)."""

    category: str
    areas: tuple[tuple[str, int, int], ...]
    subject: str
    body: str
    event_key: str
    info_type: str
    realm: Realm
    telegram: str
    unit: str
    reported_at: datetime | None
    valid_until: datetime | None


def drafts(
    telegram: Telegram,
    *,
    only: Container[str] | None = None,
    items: tuple[Item, ...] | None = None,
    whole: tuple[Item, ...] = (),
) -> tuple[FeedDraft, ...]:
    """The drafts of a telegram; none where nothing is told. Pure.

    `only` are the `system:code` the town cares for: texts and areas are cut down to them, because a telegram
    speaks of a whole prefecture, or of all Japan. `items` stand in the place of the telegram's own: what is news
    against the ledger (feeds.news); `whole`, where given, is what an earthquake's text lists all the same: who hears of
    a quake now, because it has reached his level, has read nothing of it yet."""
    realm = telegram.realm
    if not telegram.understood or realm is None or telegram.info_type is None:
        return ()
    found = []
    for group in grouped(telegram.items if items is None else items):
        ours = _within(group, only)
        # A report whose areas no code names (an alert by an office we have no number for) reaches nobody.
        reachable = ours.codes or telegram.info_type == InfoType.CANCELLED
        if ours.items and reachable and group.category != "other":
            shown = tuple(item for item in whole if group.category == "quake" and item.level)
            text = Group(group.category, shown or ours.items)
            found.append(_draft(telegram, ours, text, realm, telegram.info_type))
    return tuple(found)


def _within(group: Group, only: Container[str] | None) -> Group:
    if only is None:
        return group
    items = []
    for item in group.items:
        areas = tuple(area for area in item.areas if area.code in only)
        # A 取消 names no areas: whose business it was is known only to the ledger.
        if areas or item.action is Action.CANCEL:
            items.append(replace(item, areas=areas))
    return Group(group.category, tuple(items))


def _draft(telegram: Telegram, group: Group, text: Group, realm: Realm, info_type: str) -> FeedDraft:
    subject, body = _words(telegram, text)
    return FeedDraft(
        category=group.category,
        areas=_ranks(group.items),
        subject=subject,
        body=body,
        event_key=event_key(telegram, group.category),
        info_type=info_type,
        realm=realm,
        telegram=telegram.key,
        unit=telegram.unit,
        reported_at=telegram.reported_at,
        valid_until=telegram.valid_until,
    )


def _ranks(items: tuple[Item, ...]) -> tuple[tuple[str, int, int], ...]:
    """The strongest of each area: several small advisories of one city are one entry."""
    found: dict[str, tuple[int, int]] = {}
    for item in items:
        for area in item.areas:
            match, now = found.get(area.code, (0, 0))
            found[area.code] = (max(match, item.match_rank), max(now, item.rank))
    return tuple((code, match, now) for code, (match, now) in found.items())


def event_key(telegram: Telegram, category: str) -> str:
    """What belongs to one incident: the EventID where JMA gives a lasting one, else office and phenomenon."""
    # Tsunami may name several quakes: the earliest stays the same while others join it.
    event = min((telegram.event_id or "").split(), default="").split("_")[0]
    if category == "forecast" and telegram.reported_at is not None:
        return f"{category}:{telegram.office or ''}:{telegram.reported_at.astimezone(words.JST):%Y%m%d}"
    lasting = (telegram.type or "")[:4] in ("VXSE", "VTSE", "VXKO", "VXSU", "VFVO", "VPBS", "VPFT")
    if event and lasting:
        return f"{category}:{event}"
    return f"{category}:{telegram.office or ''}"


def _words(telegram: Telegram, group: Group) -> tuple[str, str]:
    if all(item.action is Action.CANCEL for item in group.items):
        return _cancelled(telegram, group)
    if group.category == "quake":
        return quake_subject(telegram, group), quake_body(telegram, group)
    return weather_text.subject(telegram, group), weather_text.body(telegram, group)


def _cancelled(telegram: Telegram, group: Group) -> tuple[str, str]:
    # The subject names the subject matter, never again the alarm that was wrong (LESSONS R4).
    what = words.word("cancel_subject", what=words.word(group.category))
    subject = words.word("subject_cancel", what=what, place=telegram.office or "")
    body = words.letter(
        "cancel",
        headline=telegram.headline or "",
        text=telegram.body_text or "",
        reported=words.clock(telegram.reported_at),
        office=telegram.publishers or telegram.office or "",
    )
    return subject, body


__all__ = ["FeedDraft", "drafts", "event_key"]
