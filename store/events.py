"""The tamper-evident record: who submitted, approved, changed, stopped what (X13); no address of a resident in it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from store.fields import to_micros
from store.models import Event, Ledger

GENESIS = "0" * 64


@dataclass(frozen=True)
class Recorded:
    """One line of the record."""

    id: int
    at: datetime
    actor: str
    what: str
    subject: str
    detail: Mapping[str, object]
    hash: str


def _digest(
    prev: str, at: datetime, actor: str, what: str, subject: str, detail: Mapping[str, object]
) -> str:
    line = json.dumps(
        [prev, to_micros(at), actor, what, subject, detail],
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(line.encode()).hexdigest()


def record(actor: str, what: str, subject: str, *, at: datetime, **detail: object) -> None:
    """Add one line to the chain, in the caller's transaction. `subject` names a thing, as `bulletin:2026-0001`."""
    # This UPDATE locks the single ledger row: on PostgreSQL, too, one line follows the other.
    Ledger.update(chain_length=Ledger.chain_length + 1).where(Ledger.id == 1).execute()
    ledger = Ledger.get_by_id(1)
    digest = _digest(ledger.chain_head, at, actor, what, subject, detail)
    Event.create(
        at=at, actor=actor, what=what, subject=subject, detail=detail, prev=ledger.chain_head, hash=digest
    )
    Ledger.update(chain_head=digest).where(Ledger.id == 1).execute()


def head() -> tuple[int, str]:
    """(number of lines, hash of the last): mailed daily, so that a cut tail is seen."""
    ledger = Ledger.get_by_id(1)
    return ledger.chain_length, ledger.chain_head


def broken() -> int | None:
    """The id of the first line that does not follow from the one before it; -1 for a cut tail, None when it holds."""
    prev, lines = GENESIS, 0
    for row in Event.select().order_by(Event.id).iterator():
        expected = _digest(prev, row.at, row.actor, row.what, row.subject, row.detail)
        if row.prev != prev or row.hash != expected:
            return int(row.id)
        prev, lines = row.hash, lines + 1
    if (lines, prev) == head():
        return None
    return -1


def about(subject: str) -> list[Recorded]:
    """The record of one thing, oldest first."""
    rows = Event.select().where(Event.subject == subject).order_by(Event.id)
    return [Recorded(r.id, r.at, r.actor, r.what, r.subject, r.detail, r.hash) for r in rows]
