"""Every mail accepted: stored raw before its `250`, and what became of it (X12)."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from store.errors import Refused
from store.models import Arrival, ArrivalRaw, SeenMail
from store.moves import move
from store.states import ArrivalState


@dataclass(frozen=True)
class Addressed:
    """One accepted recipient of a mail: the address, what it means (join, draft, bounce …) and its token."""

    rcpt_to: str
    meaning: str
    token: str | None = None


@dataclass(frozen=True)
class Received:
    """A mail to be understood."""

    id: int
    received_at: datetime
    peer: str
    helo: str
    mail_from: str
    rcpt_to: str
    meaning: str
    token: str | None
    attempts: int
    raw: bytes


@dataclass(frozen=True)
class Line:
    """An arrival in a list: never its content."""

    id: int
    received_at: datetime
    meaning: str
    state: str
    why: str | None
    size: int


def receive(
    raw: bytes, to: Sequence[Addressed], *, mail_from: str, peer: str, helo: str, now: datetime
) -> list[int]:
    """Store an accepted mail, one row for each of our addresses it is for; only then may the door say 250."""
    body = ArrivalRaw.create(body=zlib.compress(raw, 6))
    digest = hashlib.sha256(raw).hexdigest()
    return [
        Arrival.create(
            received_at=now,
            peer=peer,
            helo=helo,
            mail_from=mail_from,
            rcpt_to=one.rcpt_to,
            meaning=one.meaning,
            token=one.token,
            size=len(raw),
            digest=digest,
            state=str(ArrivalState.RECEIVED),
            attempts=0,
            raw_id=body.id,
        ).id
        for one in to
    ]


def waiting(limit: int = 20) -> list[int]:
    """Ids of arrivals nobody has understood yet, oldest first."""
    query = Arrival.select(Arrival.id).where(Arrival.state == str(ArrivalState.RECEIVED))
    return [row.id for row in query.order_by(Arrival.attempts, Arrival.id).limit(limit)]


def load(arrival: int) -> Received:
    """One arrival with its raw mail. Raises Refused("arrival-unknown") when it is gone (30 days)."""
    row = Arrival.get_or_none(Arrival.id == arrival)
    raw = ArrivalRaw.get_or_none(ArrivalRaw.id == row.raw_id) if row is not None else None
    if row is None or raw is None:
        raise Refused("arrival-unknown")
    return Received(
        row.id,
        row.received_at,
        row.peer,
        row.helo,
        row.mail_from,
        row.rcpt_to,
        row.meaning,
        row.token,
        row.attempts,
        zlib.decompress(bytes(raw.body)),
    )


def attempt(arrival: int) -> int:
    """Count a try at understanding, so that a mail which kills the reader is set aside after a few (returns the count)."""
    Arrival.update(attempts=Arrival.attempts + 1).where(Arrival.id == arrival).execute()
    return Arrival.get_by_id(arrival).attempts


def understood(arrival: int, result: str, *, now: datetime) -> None:
    """Done; `result` says what it became, as `bulletin:2026-0001` (no address)."""
    move(Arrival, arrival, ArrivalState.UNDERSTOOD, by="inbound", at=now, result=result)


def quarantined(arrival: int, why: str, *, now: datetime) -> None:
    """Kept, believed in nothing (R13)."""
    move(Arrival, arrival, ArrivalState.QUARANTINED, by="inbound", at=now, why=why)


def not_understood(arrival: int, why: str, *, now: datetime) -> None:
    """Kept for an operator to look at."""
    move(Arrival, arrival, ArrivalState.NOT_UNDERSTOOD, by="inbound", at=now, why=why)


def remember(digest: str, arrival: int, *, now: datetime) -> bool:
    """True the first time this staff mail (hash of Message-ID and signature) is seen; a replay is False.

    The same arrival, tried again after a crash, is not its own replay.
    """
    SeenMail.insert(digest=digest, arrival_id=arrival, at=now).on_conflict_ignore().execute()
    return bool(SeenMail.get_by_id(digest).arrival_id == arrival)


def forget(*, before: datetime, limit: int = 5_000) -> int:
    """Drop raw mails that came before then (30 days, MODEL.md, arrivals), a slice at a time; returns how many.

    What became of them stays in the list; a mail nobody has read yet is kept, however old.
    """
    read = (Arrival.received_at < before) & (Arrival.state != str(ArrivalState.RECEIVED))
    old = Arrival.select(Arrival.raw_id).where(read & Arrival.raw_id.is_null(False)).limit(limit)
    raws = {row.raw_id for row in old}
    Arrival.update(raw_id=None).where(Arrival.raw_id.in_(raws) & read).execute()
    still = Arrival.select(Arrival.raw_id).where(Arrival.raw_id.in_(raws))
    return int(ArrivalRaw.delete().where(ArrivalRaw.id.in_(raws) & ArrivalRaw.id.not_in(still)).execute())


def listed(state: str | None = None, limit: int = 100) -> list[Line]:
    """The newest arrivals, of one state or all, for `hansho arrivals`."""
    query = Arrival.select().order_by(Arrival.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Arrival.state == state)
    return [Line(r.id, r.received_at, r.meaning, r.state, r.why, r.size) for r in query]
