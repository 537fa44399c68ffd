"""Changes of people and rules: proposed by one, put in force by another; the first load is the bootstrap."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from store import areas, categories, events, people, rules
from store.errors import Refused
from store.models import Category, Person, Proposal
from store.people import Right


def _digest(document: object) -> str:
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def bootstrap(catalogue: Mapping[str, Any], *, now: datetime) -> bool:
    """Fill an empty ledger from {"areas", "categories", "people", "rules"}; False when it was filled before.

    The only load that needs no second person (MODEL.md, people); it says so in the record.
    """
    if Person.select().exists() or Category.select().exists():
        return False
    areas.apply(catalogue["areas"])
    people.apply(catalogue["people"], by="bootstrap", now=now)
    categories.apply(catalogue["categories"])
    people.apply_rights(catalogue["people"])
    rules.apply(catalogue["rules"], by="bootstrap", acknowledged_by=None, now=now)
    events.record("bootstrap", "bootstrap", "ledger:1", at=now, digest=_digest(catalogue))
    return True


def propose(kind: str, document: Any, *, by: int, now: datetime) -> int:
    """Put people or rules before a second person; returns the proposal's id. Needs the right `admin`."""
    if kind not in ("people", "rules"):
        raise Refused("proposal-kind", kind=kind)
    _need_admin(by, now)
    text = json.dumps(document, ensure_ascii=False, sort_keys=True)
    row = Proposal.create(kind=kind, document=text, digest=_digest(document), proposed_by=by, proposed_at=now)
    events.record(f"person:{by}", "proposed", f"proposal:{row.id}", at=now, kind=kind, digest=row.digest)
    return row.id


def agree(proposal: int, *, by: int, now: datetime) -> None:
    """The second person puts it in force. Raises Refused("same-person") for the proposer, ("proposal-decided") twice."""
    _need_admin(by, now)
    row = Proposal.get_or_none(Proposal.id == proposal)
    if row is None:
        raise Refused("proposal-unknown")
    if row.proposed_by == by:
        raise Refused("same-person")
    open_ = (Proposal.id == proposal) & Proposal.decided_at.is_null()
    if not Proposal.update(decided_by=by, decided_at=now).where(open_).execute():
        raise Refused("proposal-decided")
    document = json.loads(row.document)
    if row.kind == "people":
        people.apply(document, by=f"person:{by}", now=now)
        people.apply_rights(document)
    else:
        rules.apply(document, by=f"person:{by}", acknowledged_by=by, now=now)
    events.record(f"person:{by}", "agreed", f"proposal:{proposal}", at=now, kind=row.kind, digest=row.digest)


def waiting() -> list[tuple[int, str, str, int | None]]:
    """(id, kind, digest, proposer) of what waits for a second person."""
    rows = Proposal.select().where(Proposal.decided_at.is_null()).order_by(Proposal.id)
    return [(row.id, row.kind, row.digest, row.proposed_by) for row in rows]


def _need_admin(person: int, now: datetime) -> None:
    if not people.holds(person, Right.ADMIN, None, now=now):
        raise Refused("no-right", action="admin")
