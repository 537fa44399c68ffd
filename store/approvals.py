"""Approval by letter: when the chat is silent, each who may decide gets a one-time link (X2); a PIN is asked there."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from store import audience, bulletins, cards, decisions, letters, tokens
from store.bulletins import JST
from store.errors import Refused
from store.letters import Purpose
from store.tokens import Once, TokenState


@dataclass(frozen=True)
class Asked:
    """What an approval link stands for: this person, this bulletin, the version that was mailed to him."""

    state: TokenState
    person: int
    bulletin: int
    digest: str


def ask_by_letter(bulletin: int, *, now: datetime, hours: int, only: int | None = None) -> int:
    """Write to everybody who may decide this bulletin now, or to one of them; returns how many letters."""
    seen = bulletins.view(bulletin)
    deciders = [one for one in decisions.deciders(bulletin, now=now) if only in (None, one.id)]
    count = audience.about(seen.version)
    for somebody in deciders:
        detail = {"person": somebody.id, "digest": seen.digest}
        token = tokens.issue(Once.APPROVE, bulletin, now=now, lasts=timedelta(hours=hours), detail=detail)
        letters.write(
            Purpose.APPROVAL_REQUEST,
            somebody.address,
            {
                "token": token,
                "number": seen.number,
                "realm": seen.realm,
                "category": seen.category,
                "areas": list(seen.areas),
                "count": count,
                "subject": seen.subject,
                "body": seen.body,
                "submitter": seen.submitter or "",
                "hours": hours,
                "release_at": seen.release_at.astimezone(JST).isoformat() if seen.release_at else None,
            },
            now=now,
            person=somebody.id,
        )
    if only is None:
        cards.letters_sent(bulletin, now=now)
    return len(deciders)


def look(token: str, *, now: datetime) -> Asked:
    """What an approval link is worth; changes nothing (R20). Raises Refused("token-unknown")."""
    presented = tokens.look(Once.APPROVE, token, now=now)
    if presented.state is TokenState.UNKNOWN or not isinstance(presented.detail, dict):
        raise Refused("token-unknown")
    detail = presented.detail
    return Asked(presented.state, int(detail["person"]), presented.subject, str(detail["digest"]))


def use(token: str, *, now: datetime) -> Asked:
    """Use the link up; call it in the same transaction as the decision, after the PIN was right.

    Raises Refused("token-used"), ("token-expired") or ("token-unknown").
    """
    presented = tokens.use(Once.APPROVE, token, now=now)
    if presented.state is not TokenState.GOOD or not isinstance(presented.detail, dict):
        raise Refused(f"token-{presented.state}")
    return Asked(
        presented.state, int(presented.detail["person"]), presented.subject, str(presented.detail["digest"])
    )
