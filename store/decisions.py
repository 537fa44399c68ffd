"""Approve, return, reject: one decision by the right person on exactly the version that was shown (D4, X1, R22)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from peewee import fn

from store import alerts, bulletins, cards, events, letters, people, rules
from store.alerts import Cause
from store.errors import Refused
from store.letters import Purpose
from store.models import Bulletin, Decision, Person, Version
from store.moves import lock, move, move_where
from store.people import Right
from store.rules import Origin, Way
from store.states import BulletinState


class Door(StrEnum):
    """Through which door a decision came."""

    SLACK = "slack"
    LINK = "link"
    AUTOMATIC = "automatic"


@dataclass(frozen=True)
class Taken:
    """A decision in the record."""

    action: str
    by: str
    door: str
    note: str
    at: datetime
    version: int


def may_decide(bulletin: int, person: int, *, now: datetime) -> str | None:
    """None when this person may approve it now, else the code of the refusal. Changes nothing."""
    row = Bulletin.get_by_id(bulletin)
    version = Version.get_by_id(row.version_id)
    category = row.category_id
    if row.decision == Way.ADJUST_AND_CONFIRM and people.holds(person, Right.ADJUST, category, now=now):
        # The 運用責任者 may have edited it: the request is the other person's (M5.1).
        return "own-draft" if row.submitter_id == person else None
    if person in (row.submitter_id, version.author_id):
        return "own-draft"
    if people.holds(person, Right.APPROVE, category, now=now):
        return None
    if people.holds(person, Right.SEND, category, now=now):
        # 発信 without 承認: what another person of one's own section wrote, or what a feed wrote for the section.
        unit = row.unit_id if version.author_id is None else _unit(version.author_id)
        return None if unit == people.by_id(person).unit_id else "other-section"
    return "no-right"


def _unit(person: int | None) -> int | None:
    row = Person.get_or_none(Person.id == person)
    return row.unit_id if row is not None else None


def approve(
    bulletin: int, digest: str, *, person: int, door: Door, now: datetime, hold_until: datetime | None = None
) -> str:
    """Approve the version with this digest; returns the new state (approved, scheduled, or submitted between stages).

    One conditional UPDATE: of two clicks one wins, the other is told who decided and when (R22). `hold_until` is
    the next opening of the office for what may not go out outside its hours (M5.2).
    Raises Refused: decided, edited-since, own-draft, no-right, other-section, too-late.
    """
    row = _waiting(bulletin, digest)
    refusal = may_decide(bulletin, person, now=now)
    if refusal is not None:
        raise Refused(refusal, action="approve")
    version = Version.get_by_id(row.version_id)
    if version.not_after is not None and version.not_after <= now:
        raise Refused("too-late")
    stages = rules.policy(row.category_id, Origin(row.origin)).stages
    done = _stages_done(bulletin, digest, person)
    last_stage = done + 1 >= len(stages)
    _write(row, digest, person, "approve" if last_stage else "stage", door, "", now, stage=done)
    if not last_stage:
        return str(BulletinState.SUBMITTED)
    due = max(version.release_at or now, now, hold_until or now)
    still = (Bulletin.id == bulletin) & (Bulletin.version_id == version.id)
    won = move_where(
        Bulletin,
        still,
        BulletinState.APPROVED,
        approved_version_id=version.id,
        approved_digest=digest,
        due=due,
        held_why="office-hours" if hold_until is not None and due == hold_until and due > now else None,
    )
    if not won:
        raise _too_late(bulletin)
    events.record(
        f"person:{person}", "approved", f"bulletin:{bulletin}", at=now, digest=digest, door=str(door)
    )
    if due > now:
        move(Bulletin, bulletin, BulletinState.SCHEDULED, by=f"person:{person}", at=now)
    _finish(row, "approve", person, "", now)
    return str(BulletinState.SCHEDULED if due > now else BulletinState.APPROVED)


def _stages_done(bulletin: int, digest: str, person: int) -> int:
    # What was returned begins at the first stage again, even when nobody changed a word.
    returned = Decision.select(fn.MAX(Decision.id)).where(
        (Decision.bulletin_id == bulletin) & (Decision.action == "return")
    )
    mine = (
        (Decision.bulletin_id == bulletin)
        & (Decision.digest == digest)
        & (Decision.action == "stage")
        & (Decision.id > fn.COALESCE(returned, 0))
    )
    if Decision.select().where(mine & (Decision.person_id == person)).exists():
        raise Refused("own-stage")
    return Decision.select().where(mine).count()


def send_back(bulletin: int, digest: str, *, person: int, door: Door, note: str, now: datetime) -> None:
    """差戻し with a reason: the draft is its author's again."""
    _decide(bulletin, digest, person, "return", BulletinState.DRAFT, door, note, now)


def reject(bulletin: int, digest: str, *, person: int, door: Door, note: str, now: datetime) -> None:
    """却下: it will not go out."""
    _decide(bulletin, digest, person, "reject", BulletinState.REJECTED, door, note, now)


def _decide(
    bulletin: int,
    digest: str,
    person: int,
    action: str,
    to: BulletinState,
    door: Door,
    note: str,
    now: datetime,
) -> None:
    row = _waiting(bulletin, digest)
    refusal = may_decide(bulletin, person, now=now)
    if refusal is not None:
        raise Refused(refusal, action=action)
    if action == "return" and not note.strip():
        raise Refused("no-note")
    if not move_where(Bulletin, (Bulletin.id == bulletin) & (Bulletin.version_id == row.version_id), to):
        raise _too_late(bulletin)
    events.record(f"person:{person}", action, f"bulletin:{bulletin}", at=now, digest=digest, door=str(door))
    _write(row, digest, person, action, door, note, now)
    _finish(row, action, person, note, now)


def _waiting(bulletin: int, digest: str) -> Bulletin:
    lock(Bulletin, bulletin)  # of two clicks, the second looks after the first has been written down
    row = Bulletin.get_or_none(Bulletin.id == bulletin)
    if row is None:
        raise Refused("bulletin-unknown")
    if row.state != BulletinState.SUBMITTED:
        raise _too_late(bulletin)
    if Version.get_by_id(row.version_id).digest != digest:
        raise Refused("edited-since")
    return row


def _too_late(bulletin: int) -> Refused:
    last = latest(bulletin)
    if last is None:
        return Refused("moved-already", thing="bulletin", to="approved")
    return Refused(
        "decided", by=last.by, action=last.action, at=last.at.astimezone(bulletins.JST).strftime("%H:%M:%S")
    )


def _write(
    row: Bulletin,
    digest: str,
    person: int | None,
    action: str,
    door: Door,
    note: str,
    now: datetime,
    stage: int = 0,
    rule: int | None = None,
) -> None:
    assert row.version_id is not None  # noqa: S101 - a submitted bulletin has a version
    Decision.create(
        bulletin_id=row.id,
        version_id=row.version_id,
        digest=digest,
        person_id=person,
        rule_id=rule,
        action=action,
        door=str(door),
        note=note,
        deputy=person is not None and _is_deputy(row, person, now),
        stage=stage,
        at=now,
    )


def _is_deputy(row: Bulletin, person: int, now: datetime) -> bool:
    """代決: every right by which this person may decide is a deputy's: order 2 or later; 1 or none is the head's own."""
    rights = (Right.APPROVE, Right.ADJUST, Right.SEND)
    return people.deputy_order(person, rights, row.category_id, now=now) > 1


def _finish(row: Bulletin, action: str, person: int, note: str, now: datetime) -> None:
    """Tell the submitter, and have the card show what was decided."""
    cards.want(row.id, now=now)
    submitter = Person.get_or_none(Person.id == row.submitter_id)
    if submitter is not None:
        seen = bulletins.view(row.id)
        letters.write(
            Purpose.DECISION_NOTICE,
            submitter.address,
            {
                "number": row.number,
                "subject": seen.subject,
                "decision": action,
                "by": people.by_id(person).name,
                "note": note,
            },
            now=now,
            person=submitter.id,
        )


def release_by_rule(bulletin: int, *, now: datetime) -> bool:
    """Approve by an acknowledged automatic rule (feeds, partner mail); False when the rule does not say so.

    The hourly ceiling of the rule trips to a human (R8): the bulletin then waits as any other.
    """
    lock(Bulletin, bulletin)
    row = Bulletin.get_by_id(bulletin)
    version = Version.get_by_id(row.version_id)
    if row.submitter_id is not None or version.author_id is not None:
        return False  # a person's text needs another person, wherever it began (R3)
    policy = rules.policy(row.category_id, Origin(row.origin))
    if row.origin not in ("feed", "partner") or policy.way is not Way.AUTOMATIC or policy.rule_id is None:
        return False
    if policy.ceiling_per_hour is not None and _this_hour(policy.rule_id, now) >= policy.ceiling_per_hour:
        events.record("feeds", "ceiling", f"rule:{policy.rule_id}", at=now, bulletin=row.number)
        key, most = rules.by_id(policy.rule_id), str(policy.ceiling_per_hour)
        alerts.alert(Cause.CEILING, key, {"rule": key, "most": most, "number": row.number}, now=now)
        return False
    _write(row, version.digest, None, "approve", Door.AUTOMATIC, "", now, rule=policy.rule_id)
    move(
        Bulletin,
        bulletin,
        BulletinState.APPROVED,
        by=f"rule:{policy.rule_id}",
        at=now,
        approved_version_id=version.id,
        approved_digest=version.digest,
        due=now,
    )
    return True


def _this_hour(rule: int, now: datetime) -> int:
    recent = (
        (Decision.rule_id == rule) & (Decision.at > now - timedelta(hours=1)) & (Decision.action == "approve")
    )
    return Decision.select().where(recent).count()


def latest(bulletin: int) -> Taken | None:
    """The last decision on a bulletin."""
    taken = history(bulletin)
    return taken[-1] if taken else None


def history(bulletin: int) -> list[Taken]:
    """Every decision on a bulletin, oldest first."""
    rows = Decision.select().where(Decision.bulletin_id == bulletin).order_by(Decision.id)
    return [Taken(r.action, _who(r), r.door, r.note, r.at, r.version_id) for r in rows]


def _who(row: Decision) -> str:
    if row.person_id is None:
        return "自動配信の規則"
    person = Person.get_or_none(Person.id == row.person_id)
    return person.name if person is not None else "（登録のない職員）"


def deciders(bulletin: int, *, now: datetime) -> list[people.Somebody]:
    """Everybody who may decide it now, deputies last."""
    row = Bulletin.get_by_id(bulletin)
    candidates = {
        somebody.id: somebody
        for right in (Right.APPROVE, Right.ADJUST, Right.SEND)
        for somebody in people.holders(right, row.category_id, now=now)
    }
    return [one for one in candidates.values() if may_decide(bulletin, one.id, now=now) is None]
