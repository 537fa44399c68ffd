"""Approval cards: what each chat message should show, and what was last shown there; the chat is never the truth."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from store.models import Bulletin, Card

SLACK = "slack"


@dataclass(frozen=True)
class Wanted:
    """A card whose message must be posted or brought up to date. `shown` is what was last shown, None before that."""

    id: int
    bulletin: int
    place: str | None
    ts: str | None
    shown: str | None
    attempts: int


def want(bulletin: int, *, now: datetime) -> None:
    """The card of this bulletin has something new to say."""
    if (
        not Card.update(due=now, attempts=0)
        .where((Card.bulletin_id == bulletin) & (Card.door == SLACK))
        .execute()
    ):
        Card.insert(
            bulletin_id=bulletin, door=SLACK, wanted_at=now, attempts=0, due=now
        ).on_conflict_ignore().execute()


def due(*, now: datetime, limit: int = 50) -> list[Wanted]:
    """Cards to look at now, oldest first."""
    rows = (
        Card.select().where((Card.door == SLACK) & (Card.due <= now)).order_by(Card.due, Card.id).limit(limit)
    )
    return [Wanted(r.id, r.bulletin_id, r.place, r.ts, r.shown, r.attempts) for r in rows]


# A card that says everything it has to say sleeps until somebody wants it again.
_ASLEEP = datetime.fromisoformat("9999-01-01T00:00:00+00:00")


def shown(
    card: int,
    what: str,
    *,
    place: str,
    ts: str,
    wanted_by: datetime,
    now: datetime,
    again: datetime | None = None,
) -> None:
    """The message now shows `what`. A wish made after `wanted_by` (when it was read) stays a wish."""
    Card.update(shown=what, place=place, ts=ts, posted_at=now, attempts=0).where(Card.id == card).execute()
    Card.update(due=again or _ASLEEP).where((Card.id == card) & (Card.due <= wanted_by)).execute()


def failed(card: int, *, now: datetime) -> None:
    """The chat did not take it: try again, more and more slowly."""
    row = Card.get_by_id(card)
    wait = timedelta(seconds=min(60, 2 ** min(row.attempts, 6)))
    Card.update(attempts=row.attempts + 1, due=now + wait).where(Card.id == card).execute()


def unseen(*, before: datetime) -> list[int]:
    """Bulletins waiting for a decision whose card nobody could see since then, and whose approvers got no letter (X2)."""
    rows = (
        Card.select(Card.bulletin_id)
        .join(Bulletin, on=(Bulletin.id == Card.bulletin_id))
        .where(
            (Bulletin.state == "submitted")
            & (Bulletin.submitted_at <= before)
            & (Card.posted_at.is_null() | (Card.posted_at < Bulletin.submitted_at))
            & (Card.letters_at.is_null() | (Card.letters_at < Bulletin.submitted_at))
        )
    )
    return [row.bulletin_id for row in rows]


def letters_sent(bulletin: int, *, now: datetime) -> None:
    """The approvers were written to."""
    Card.update(letters_at=now).where((Card.bulletin_id == bulletin) & (Card.door == SLACK)).execute()
