"""Bulletins: the one kind of thing that goes out (R16); written, revised, submitted, withdrawn, never released here."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from store import areas, audience, cards, categories, events, ledger, people, rules
from store.audience import Aimed
from store.errors import Refused
from store.fields import to_micros
from store.models import Bulletin, Decision, Person, Section, Unit, Version, VersionArea
from store.moves import lock, move
from store.people import Right
from store.rules import Origin
from store.states import BulletinState
from store.whom import Whom, of_document

EVERYBODY = Whom()
JST = timezone(timedelta(hours=9), "JST")
REALMS = ("live", "drill", "test")
SECTIONS = 62  # a section is a bit of a 63-bit number on each delivery row


@dataclass(frozen=True)
class Part:
    """One section of a bulletin (犯罪発生日報): its own heading, text and areas."""

    heading: str
    body: str
    areas: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Text:
    """What an author writes. `areas` are (area id, level) of the whole; with `parts`, each part has its own."""

    subject: str
    body: str
    areas: tuple[tuple[int, int], ...]
    parts: tuple[Part, ...] = ()
    detail: str = ""
    release_at: datetime | None = None
    not_after: datetime | None = None
    channels: tuple[str, ...] = ("mail", "archive")
    translations: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sheet:
    """What a renderer gets: plain values, everything but the recipient (MODEL.md, rendering)."""

    number: str
    realm: str
    category: str
    level: str | None
    subject: str
    body: str
    parts: tuple[tuple[str, str], ...]
    areas: tuple[str, ...]
    unit: str
    phone: str
    refers_as: str | None
    refers_to: str | None
    origin: str


# Pure: the exact mail as a JSON string. Lives beside the letters in config; programs hand it in.
Renderer = Callable[[Sheet], str]


@dataclass(frozen=True)
class Made:
    """A saved version: what an approval will be bound to."""

    id: int
    number: str
    version: int
    n: int
    digest: str


def create(
    text: Text,
    *,
    category: int,
    level: int,
    origin: Origin,
    realm: str,
    render: Renderer,
    now: datetime,
    author: int | None = None,
    event_key: str | None = None,
    refers_to: int | None = None,
    refers_as: str | None = None,
    unit: int | None = None,
    whom: Whom = EVERYBODY,
) -> Made:
    """Write a new draft. Its realm is fixed here, for ever (R1). Raises Refused for a text that may not be one.

    A 訂正 or 取消 (`refers_as` correction | cancel) goes to exactly those who got `refers_to` (R4); `whom` then counts
    for nothing.
    """
    _check(text, realm)
    if author is not None and not people.holds(author, Right.EDIT, category, now=now):
        raise Refused("no-right", action="edit")
    if refers_to is not None and Bulletin.get_by_id(refers_to).realm != realm:
        raise Refused("other-realm")
    kind = categories.by_id(category)
    policy = rules.policy(category, origin)
    number = ledger.next_number(now.astimezone(JST).year)
    if text.not_after is None and policy.not_after_minutes is not None and author is None:
        text = _until(text, now + timedelta(minutes=policy.not_after_minutes))
    row = Bulletin.create(
        number=number,
        realm=realm,
        origin=str(origin),
        category_id=category,
        level=level,
        urgency=kind.urgency,
        state=str(BulletinState.DRAFT),
        rule_id=policy.rule_id,
        decision=str(policy.way),
        submitter_id=author,
        unit_id=unit if unit is not None else _unit_of(author, kind),
        event_key=event_key,
        refers_to_id=refers_to,
        refers_as=refers_as,
        mail_only=False,
        created_at=now,
        expand_cursor=0,
    )
    events.record(_actor(author), "draft", f"bulletin:{row.id}", at=now, number=number, realm=realm)
    return _save(row, text, author, "新規", render, now, whom)


def _until(text: Text, not_after: datetime) -> Text:
    return Text(**{**text.__dict__, "not_after": not_after})


def _unit_of(author: int | None, kind: categories.Kind) -> int | None:
    return people.by_id(author).unit_id if author is not None else kind.unit_id


def _actor(person: int | None) -> str:
    return f"person:{person}" if person is not None else "feeds"


def _check(text: Text, realm: str) -> None:
    if realm not in REALMS:
        raise Refused("realm-unknown")
    if not text.subject.strip():
        raise Refused("no-subject")
    if not text.body.strip() and not text.parts:
        raise Refused("no-body")
    if not text.areas and not any(part.areas for part in text.parts):
        raise Refused("no-area")
    if len(text.parts) > SECTIONS:
        raise Refused("too-many-parts", most=str(SECTIONS))


def _save(
    row: Bulletin,
    text: Text,
    author: int | None,
    reason: str,
    render: Renderer,
    now: datetime,
    rule: Whom,
) -> Made:
    n = Version.select().where(Version.bulletin_id == row.id).count() + 1
    aimed = _aimed(text)
    rendering = render(_sheet(row, text))
    recipients = row.refers_to_id is not None and row.refers_as in ("correction", "cancel")
    whom = {"kind": "recipients", "bulletin": row.refers_to_id} if recipients else rule.document()
    version = Version.create(
        bulletin_id=row.id,
        n=n,
        author_id=author,
        reason=reason,
        subject=text.subject,
        body=text.body,
        detail=text.detail,
        translations=json.dumps(dict(text.translations), ensure_ascii=False),
        release_at=text.release_at,
        not_after=text.not_after,
        channels=list(text.channels),
        audience=whom,
        rendering=rendering,
        digest="",
        created_at=now,
    )
    for index, part in enumerate(text.parts):
        Section.create(version_id=version.id, n=index, heading=part.heading, body=part.body)
    if aimed:
        VersionArea.insert_many(
            [
                {"version_id": version.id, "section": a.section, "area_id": a.area_id, "level": a.level}
                for a in aimed
            ]
        ).execute()
    audience.aim(version.id, row.category_id, aimed)
    digest = digest_of(version.id)
    Version.update(digest=digest).where(Version.id == version.id).execute()
    Bulletin.update(version_id=version.id).where(Bulletin.id == row.id).execute()
    events.record(_actor(author), "version", f"bulletin:{row.id}", at=now, n=n, digest=digest, reason=reason)
    return Made(row.id, row.number, version.id, n, digest)


def _aimed(text: Text) -> list[Aimed]:
    if not text.parts:
        return [Aimed(0, area, level) for area, level in dict(text.areas).items()]
    return [
        Aimed(index, area, level)
        for index, part in enumerate(text.parts)
        for area, level in dict(part.areas or text.areas).items()
    ]


def _sheet(row: Bulletin, text: Text) -> Sheet:
    kind = categories.by_id(row.category_id)
    ids = list(dict.fromkeys(one.area_id for one in _aimed(text)))
    names = areas.names(ids)
    unit = Unit.get_or_none(Unit.id == row.unit_id)
    original = Bulletin.get_by_id(row.refers_to_id).number if row.refers_to_id is not None else None
    return Sheet(
        number=row.number,
        realm=row.realm,
        category=kind.name,
        level=categories.level_name(kind.scale, row.level),
        subject=text.subject,
        body=text.body,
        parts=tuple((part.heading, part.body) for part in text.parts),
        areas=tuple(names[area] for area in ids),
        unit=unit.name if unit is not None else "",
        phone=unit.phone if unit is not None else "",
        refers_as=row.refers_as,
        refers_to=original,
        origin=row.origin,
    )


def digest_of(version: int) -> str:
    """The hash an approval is bound to: text, stored rendering, areas, times, audience rule, channels, realm (X1, R25)."""
    row = Version.get_by_id(version)
    bulletin = Bulletin.get_by_id(row.bulletin_id)
    aimed = VersionArea.select().where(VersionArea.version_id == version)
    parts = Section.select().where(Section.version_id == version).order_by(Section.n)
    bound = {
        "number": bulletin.number,
        "realm": bulletin.realm,
        "category": bulletin.category_id,
        "refers_to": [bulletin.refers_to_id, bulletin.refers_as],
        "mail_only": bulletin.mail_only,
        "subject": row.subject,
        "body": row.body,
        "parts": [[part.n, part.heading, part.body] for part in parts],
        "translations": row.translations,
        "rendering": row.rendering,
        "areas": sorted([a.section, a.area_id, a.level] for a in aimed),
        "release_at": None if row.release_at is None else to_micros(row.release_at),
        "not_after": None if row.not_after is None else to_micros(row.not_after),
        "audience": row.audience,
        "channels": row.channels,
        "detail": row.detail,
    }
    text = json.dumps(bound, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def submit(bulletin: int, *, by: int | None, now: datetime) -> None:
    """Put a draft before the approvers: it waits, on a card or in letters (D4).

    A person's draft is submitted by somebody who may edit it, what a feed made by the feed (`by` None).
    Raises Refused("no-right") or ("moved-already").
    """
    lock(Bulletin, bulletin)
    row = Bulletin.get_by_id(bulletin)
    if by is None and row.submitter_id is not None:
        raise Refused("no-right", action="submit")
    if by is not None and not _holds_any(by, (Right.EDIT, Right.ADJUST), row.category_id, now):
        raise Refused("no-right", action="submit")
    move(
        Bulletin, bulletin, BulletinState.SUBMITTED, by=_actor(by), at=now, submitter_id=by, submitted_at=now
    )
    cards.want(bulletin, now=now)


def _holds_any(person: int, rights: tuple[Right, ...], category: int, now: datetime) -> bool:
    return any(people.holds(person, right, category, now=now) for right in rights)


def revise(bulletin: int, text: Text, *, by: int, reason: str, render: Renderer, now: datetime) -> Made:
    """Save another version. Any edit voids an approval and any card shown before it (X1, R3, R25).

    Who sent the draft back may not edit it himself (R3), unless the category is decided by adjust-and-confirm (M5.1).
    """
    lock(Bulletin, bulletin)
    row = Bulletin.get_by_id(bulletin)
    if row.state not in ("draft", "submitted", "approved", "scheduled"):
        raise Refused("moved-already", thing="bulletin", to="draft")
    _check(text, row.realm)
    adjusts = row.decision == rules.Way.ADJUST_AND_CONFIRM
    right = (
        Right.ADJUST if adjusts and people.holds(by, Right.ADJUST, row.category_id, now=now) else Right.EDIT
    )
    if not people.holds(by, right, row.category_id, now=now):
        raise Refused("no-right", action="edit")
    if not adjusts and _returned_by(bulletin, by):
        raise Refused("returner-edits")
    rule = of_document(Version.get_by_id(row.version_id).audience)
    made = _save(row, text, by, reason, render, now, rule)
    if row.state == "draft":
        return made
    if row.state != "submitted":
        move(
            Bulletin,
            bulletin,
            BulletinState.SUBMITTED,
            by=_actor(by),
            at=now,
            approved_version_id=None,
            approved_digest=None,
            due=None,
            held_why=None,
        )
    # It waits anew from now on: links that were mailed for the text before are void, new ones are due (X2).
    Bulletin.update(submitted_at=now).where(Bulletin.id == bulletin).execute()
    cards.want(bulletin, now=now)
    return made


def _returned_by(bulletin: int, person: int) -> bool:
    last = Decision.select().where(Decision.bulletin_id == bulletin).order_by(Decision.id.desc()).first()
    return last is not None and last.action == "return" and last.person_id == person


def withdraw(bulletin: int, *, by: int | None, why: str, now: datetime) -> None:
    """取下げ, any time before sending, by its submitter or anybody with a right over its category; None = the system.

    Raises Refused("no-right") or ("moved-already").
    """
    row = Bulletin.get_by_id(bulletin)
    if by not in (None, row.submitter_id) and not _holds_any(by, _MAY_WITHDRAW, row.category_id, now):
        raise Refused("no-right", action="withdraw")
    move(Bulletin, bulletin, BulletinState.WITHDRAWN, by=_actor(by), at=now, held_why=why, finished_at=now)
    cards.want(bulletin, now=now)


_MAY_WITHDRAW = (Right.EDIT, Right.APPROVE, Right.SEND, Right.ADJUST, Right.STOP)


@dataclass(frozen=True)
class View:
    """A bulletin with its current version, as cards, pages, reports and the archive show it."""

    id: int
    number: str
    realm: str
    origin: str
    state: BulletinState
    category: str
    category_key: str
    category_id: int
    level: str | None
    urgency: str
    way: str
    subject: str
    body: str
    detail: str
    rendering: str
    areas: tuple[str, ...]
    version: int
    n: int
    digest: str
    author: str | None
    submitter_id: int | None
    submitter: str | None
    unit: str
    phone: str
    release_at: datetime | None
    not_after: datetime | None
    due: datetime | None
    held_why: str | None
    mail_only: bool
    created_at: datetime
    submitted_at: datetime | None
    released_at: datetime | None
    finished_at: datetime | None
    refers_to: str | None
    refers_as: str | None
    event_key: str | None


def view(bulletin: int) -> View:
    """Raises Refused("bulletin-unknown")."""
    row = Bulletin.get_or_none(Bulletin.id == bulletin)
    if row is None or row.version_id is None:
        raise Refused("bulletin-unknown")
    version = Version.get_by_id(row.version_id)
    kind = categories.by_id(row.category_id)
    aimed = VersionArea.select(VersionArea.area_id).where(VersionArea.version_id == version.id)
    ids = list(dict.fromkeys(a.area_id for a in aimed.order_by(VersionArea.section, VersionArea.area_id)))
    names = areas.names(ids)
    unit = Unit.get_or_none(Unit.id == row.unit_id)
    original = Bulletin.get_by_id(row.refers_to_id) if row.refers_to_id is not None else None
    return View(
        id=row.id,
        number=row.number,
        realm=row.realm,
        origin=row.origin,
        state=BulletinState(row.state),
        category=kind.name,
        category_key=kind.key,
        category_id=kind.id,
        level=categories.level_name(kind.scale, row.level),
        urgency=row.urgency,
        way=row.decision,
        subject=version.subject,
        body=version.body,
        detail=version.detail,
        rendering=version.rendering,
        areas=tuple(names[area] for area in ids),
        version=version.id,
        n=version.n,
        digest=version.digest,
        author=_name(version.author_id),
        submitter_id=row.submitter_id,
        submitter=_name(row.submitter_id),
        unit=unit.name if unit is not None else "",
        phone=unit.phone if unit is not None else "",
        release_at=version.release_at,
        not_after=version.not_after,
        due=row.due,
        held_why=row.held_why,
        mail_only=row.mail_only,
        created_at=row.created_at,
        submitted_at=row.submitted_at,
        released_at=row.released_at,
        finished_at=row.finished_at,
        refers_to=original.number if original is not None else None,
        refers_as=row.refers_as,
        event_key=row.event_key,
    )


def _name(person: int | None) -> str | None:
    if person is None:
        return None
    row = Person.get_or_none(Person.id == person)
    return row.name if row is not None else None


def by_number(number: str) -> View:
    """Raises Refused("bulletin-unknown")."""
    row = Bulletin.get_or_none(Bulletin.number == number)
    if row is None:
        raise Refused("bulletin-unknown", number=number)
    return view(row.id)


def issued(event_key: str, category: int) -> list[int]:
    """The bulletins of one incident and category that went out or will, oldest first; without 訂正 and 取消."""
    gone = [str(BulletinState.WITHDRAWN), str(BulletinState.REJECTED)]
    mine = (
        (Bulletin.event_key == event_key)
        & (Bulletin.category_id == category)
        & Bulletin.refers_as.is_null()
        & Bulletin.state.not_in(gone)
    )
    return [row.id for row in Bulletin.select(Bulletin.id).where(mine).order_by(Bulletin.id)]


def of_event(event_key: str) -> list[View]:
    """The bulletins of one incident, oldest first."""
    rows = Bulletin.select(Bulletin.id).where(Bulletin.event_key == event_key).order_by(Bulletin.id)
    return [view(row.id) for row in rows]


def listed(states: Sequence[str] | None = None, limit: int = 100) -> list[View]:
    """The newest bulletins, of these states or all."""
    query = (
        Bulletin.select(Bulletin.id)
        .where(Bulletin.version_id.is_null(False))
        .order_by(Bulletin.id.desc())
        .limit(limit)
    )
    if states is not None:
        query = query.where(Bulletin.state.in_(list(states)))
    return [view(row.id) for row in query]
