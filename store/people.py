"""People and their rights: who may write, approve, release, operate, and from when until when."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from peewee import fn

from store import categories, events
from store.errors import Refused
from store.models import Person, PersonRight, Unit, tuples

PIN_ATTEMPTS = 5


class Right(StrEnum):
    """What a person may do; `send` is 発信 without 承認 (MODEL.md, decisions)."""

    EDIT = "edit"
    APPROVE = "approve"
    SEND = "send"
    ADJUST = "adjust"
    OPERATE = "operate"
    ADMIN = "admin"
    STOP = "stop"


@dataclass(frozen=True)
class Somebody:
    """A known person as others see them."""

    id: int
    key: str
    name: str
    address: str
    unit_id: int
    unit: str
    phone: str
    slack: str | None
    proof: str
    domains: tuple[str, ...]
    has_pin: bool


def apply(document: Mapping[str, Any], *, by: str, now: datetime) -> int:
    """Make units, people and rights say what the document says (brief: people). Returns the number of people.

    Called for the bootstrap of an empty ledger and by an agreed proposal (store.proposals), never otherwise.
    """
    Unit.update(active=False).execute()
    for unit in document["units"]:
        values = {"name": unit["name"], "phone": unit["phone"], "mail": unit.get("mail"), "active": True}
        if not Unit.update(**values).where(Unit.key == unit["key"]).execute():
            Unit.create(key=unit["key"], **values)
    units = {row.key: row.id for row in Unit.select(Unit.id, Unit.key)}
    Person.update(active=False).execute()
    PersonRight.delete().execute()
    for entry in document["people"]:
        _write_person(entry, units)
    events.record(by, "people-applied", "people", at=now, people=len(document["people"]))
    return len(document["people"])


def _write_person(entry: Mapping[str, Any], units: Mapping[str, int]) -> None:
    if entry["unit"] not in units:
        raise Refused("unit-unknown", unit=str(entry["unit"]))
    values: dict[str, Any] = {
        "name": entry["name"],
        "address": str(entry["address"]).lower(),
        "unit_id": units[entry["unit"]],
        "slack": entry.get("slack"),
        "proof": entry.get("proof") or "dkim",
        "domains": list(entry.get("domains") or ()),
        "active": True,
    }
    if entry.get("pin_hash"):
        values["pin_hash"] = entry["pin_hash"]
    if not Person.update(**values).where(Person.key == entry["key"]).execute():
        Person.create(key=entry["key"], pin_failures=0, **values)


def apply_rights(document: Mapping[str, Any]) -> None:
    """Write the rights of the document; needs people and categories to be there already."""
    PersonRight.delete().execute()
    for entry in document["people"]:
        person = Person.get(Person.key == entry["key"]).id
        for right in entry.get("rights") or ():
            wanted = right.get("category") or "*"
            PersonRight.create(
                person_id=person,
                action=str(Right(right["action"])),
                category_id=None if wanted == "*" else categories.by_key(wanted).id,
                starts_at=_moment(right.get("from")),
                ends_at=_moment(right.get("until")),
                deputy_order=int(right.get("order") or 0),
            )


def _moment(text: object) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text))


def _somebody(row: Person, unit: Unit) -> Somebody:
    return Somebody(
        row.id,
        row.key,
        row.name,
        row.address,
        row.unit_id,
        unit.name,
        unit.phone,
        row.slack,
        row.proof,
        tuple(row.domains),
        row.pin_hash is not None,
    )


def _find(which: Any) -> Somebody | None:
    row = Person.get_or_none(which & (Person.active == True))  # noqa: E712
    return None if row is None else _somebody(row, Unit.get_by_id(row.unit_id))


def by_address(address: str) -> Somebody | None:
    """The active person who writes from this address (case-blind)."""
    return _find(Person.address == address.lower())


def by_slack(team: str, user: str) -> Somebody | None:
    """The active person behind a Slack user; ids are per workspace, so the team counts (DEPENDENCIES.md 1.3)."""
    return _find(Person.slack == f"{team}/{user}")


def by_id(person: int) -> Somebody:
    """Raises Refused("person-unknown") for somebody who is gone."""
    found = _find(Person.id == person)
    if found is None:
        raise Refused("person-unknown")
    return found


def by_key(key: str) -> Somebody:
    """Raises Refused("person-unknown")."""
    found = _find(Person.key == key)
    if found is None:
        raise Refused("person-unknown", person=key)
    return found


def listed() -> list[Somebody]:
    """Every active person."""
    rows = Person.select().where(Person.active == True).order_by(Person.id)  # noqa: E712
    return [_somebody(row, Unit.get_by_id(row.unit_id)) for row in rows]


def holds(person: int, right: Right, category: int | None, *, now: datetime) -> bool:
    """Does this person hold the right now, for the category or one above it? `None` asks for any category at all."""
    query = _in_force(right, now).where(PersonRight.person_id == person)
    if category is not None:
        covering = categories.above(category)
        query = query.where(PersonRight.category_id.is_null() | PersonRight.category_id.in_(covering))
    return bool(query.exists())


def deputy_order(person: int, rights: tuple[Right, ...], category: int, *, now: datetime) -> int:
    """The first place this person has among those who hold one of the rights; above 0 he stands in for another."""
    covering = PersonRight.category_id.is_null() | PersonRight.category_id.in_(categories.above(category))
    places = [
        row.deputy_order
        for right in rights
        for row in _in_force(right, now)
        .select(PersonRight.deputy_order)
        .where((PersonRight.person_id == person) & covering)
    ]
    return min(places, default=0)


def holders(right: Right, category: int | None, *, now: datetime) -> list[Somebody]:
    """Everybody who holds the right now for the category, in the order of deputies (代決)."""
    query = _in_force(right, now)
    if category is not None:
        covering = categories.above(category)
        query = query.where(PersonRight.category_id.is_null() | PersonRight.category_id.in_(covering))
    grouped = query.group_by(PersonRight.person_id).order_by(
        fn.MIN(PersonRight.deputy_order), PersonRight.person_id
    )
    found = (_find(Person.id == person) for (person,) in tuples(grouped))
    return [somebody for somebody in found if somebody is not None]


def _in_force(right: Right, now: datetime) -> Any:
    return PersonRight.select(PersonRight.person_id).where(
        (PersonRight.action == str(right))
        & (PersonRight.starts_at.is_null() | (PersonRight.starts_at <= now))
        & (PersonRight.ends_at.is_null() | (PersonRight.ends_at > now))
    )


def hash_pin(pin: str) -> str:
    """`scrypt$salt$hash` of a PIN; what the ledger and people.yaml hold instead of it."""
    salt = secrets.token_bytes(12)
    return f"scrypt${salt.hex()}${_scrypt(pin, salt).hex()}"


def _scrypt(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=1 << 13, r=8, p=1, dklen=24)


def set_pin(person: int, pin: str, *, by: str, now: datetime) -> None:
    """Give a person a new PIN and forget wrong attempts."""
    Person.update(pin_hash=hash_pin(pin), pin_failures=0).where(Person.id == person).execute()
    events.record(by, "pin-set", f"person:{person}", at=now)


def pin_left(person: int, *, attempts: int = PIN_ATTEMPTS) -> int:
    """How many wrong PINs this person may still enter."""
    return max(0, attempts - Person.get_by_id(person).pin_failures)


def check_pin(person: int, pin: str, *, attempts: int = PIN_ATTEMPTS) -> bool:
    """True for the right PIN. A wrong one is counted; raises Refused("pin-locked") after `attempts` in a row.

    Call it as a verb of its own: a refusal further on must not undo the count (MODEL.md, tokens).
    """
    row = Person.get_by_id(person)
    if row.pin_failures >= attempts:
        raise Refused("pin-locked")
    if row.pin_hash is not None:
        _, salt, expected = row.pin_hash.split("$")
        if hmac.compare_digest(_scrypt(pin, bytes.fromhex(salt)).hex(), expected):
            Person.update(pin_failures=0).where(Person.id == person).execute()
            return True
    Person.update(pin_failures=Person.pin_failures + 1).where(Person.id == person).execute()
    return False
