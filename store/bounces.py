"""What came back: attributed by the signed token, classified, counted; two hard ones on different days suspend (R21)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from store.bulletins import JST
from store.models import Bounce, Delivery, Letter, Subscriber
from store.subscriptions import Reason, remove, suspend


class Source(StrEnum):
    """Where we heard it: in the SMTP session, or from a mail that came later."""

    SESSION = "session"
    MAIL = "mail"


@dataclass(frozen=True)
class Verdict:
    """A classified bounce: kind hard | soft | complaint | auto-reply | other | none; the words of CONTRACTS.md."""

    kind: str
    reason: str
    status: str | None
    code: int | None


@dataclass(frozen=True)
class Attributed:
    """What recording it did: whose it was (None: nobody's), and whether it ended or paused the subscription."""

    subscriber: int | None
    suspended: bool
    removed: bool


def of_delivery(
    delivery: int, verdict: Verdict, *, source: Source, now: datetime, arrival: int | None = None
) -> Attributed:
    """Record a bounce of a bulletin's mail. Unknown rows (folded after 30 days) change nothing."""
    row = Delivery.get_or_none(Delivery.id == delivery)
    if row is None:
        return Attributed(None, False, False)
    return _record(
        verdict, source, now, arrival, delivery=delivery, subscriber=row.subscriber_id, queue=row.queue_id
    )


def of_letter(
    letter: int, verdict: Verdict, *, source: Source, now: datetime, arrival: int | None = None
) -> Attributed:
    """Record a bounce of a single mail."""
    row = Letter.get_or_none(Letter.id == letter)
    if row is None:
        return Attributed(None, False, False)
    return _record(
        verdict, source, now, arrival, letter=letter, subscriber=row.subscriber_id, queue=row.queue_id
    )


def _record(
    verdict: Verdict,
    source: Source,
    now: datetime,
    arrival: int | None,
    *,
    subscriber: int | None,
    queue: int,
    delivery: int | None = None,
    letter: int | None = None,
) -> Attributed:
    day = now.astimezone(JST).date().isoformat()
    row = Bounce.create(
        delivery_id=delivery,
        letter_id=letter,
        subscriber_id=subscriber,
        arrival_id=arrival,
        queue_id=queue,
        kind=verdict.kind,
        reason=verdict.reason,
        status=verdict.status,
        code=verdict.code,
        source=str(source),
        at=now,
        day=day,
        suspended=False,
    )
    if subscriber is None:
        return Attributed(None, False, False)
    if verdict.kind == "complaint":
        return Attributed(subscriber, False, remove(subscriber, Reason.COMPLAINT, now=now, farewell=False))
    suspended = (
        verdict.kind == "hard" and _dead(subscriber) and suspend(subscriber, Reason.NON_EXISTENT, now=now)
    )
    if suspended:
        Bounce.update(suspended=True).where(Bounce.id == row.id).execute()
    return Attributed(subscriber, suspended, False)


def _dead(subscriber: int) -> bool:
    """Hard on two different days since the address was last confirmed or taken up again; one never drops (MAIL.md 1)."""
    since = Subscriber.get_by_id(subscriber).changed_at
    query = Bounce.select(Bounce.day).where((Bounce.subscriber_id == subscriber) & (Bounce.kind == "hard"))
    if since is not None:
        query = query.where(Bounce.at > since)
    return len({row.day for row in query}) >= 2
