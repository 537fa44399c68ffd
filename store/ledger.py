"""The ledger itself: its town, its realm from birth, its clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from store import events
from store.errors import Refused, WrongLedger
from store.fields import EPOCH
from store.models import Counter, Ledger


class Realm(StrEnum):
    """What a ledger is for, from its first row to its last (R1, MODEL.md)."""

    TRAINING = "training"
    LIVE = "live"


@dataclass(frozen=True)
class Identity:
    """Whose ledger this is."""

    town: str
    realm: Realm
    born_at: datetime
    clock_offset: timedelta


def open_ledger(town: str, realm: str, *, now: datetime) -> Identity:
    """Be born as `realm`, or be checked against it. Raises WrongLedger when town or realm differ."""
    Ledger.insert(
        id=1,
        town=town,
        realm=str(Realm(realm)),
        born_at=now,
        clock_offset=0,
        chain_length=0,
        chain_head=events.GENESIS,
        sender_until=EPOCH,
    ).on_conflict_ignore().execute()
    identity = who()
    if (identity.town, identity.realm) != (town, realm):
        raise WrongLedger("ledger-other", town=identity.town, realm=str(identity.realm))
    return identity


def who() -> Identity:
    """Raises WrongLedger when the ledger was never opened for a town."""
    row = Ledger.get_or_none(Ledger.id == 1)
    if row is None:
        raise WrongLedger("ledger-none")
    realm = Realm(row.realm)
    # A live town's clock is the real one, whatever its row says.
    offset = timedelta(microseconds=row.clock_offset) if realm is Realm.TRAINING else timedelta(0)
    return Identity(row.town, realm, row.born_at, offset)


def advance_clock(by: timedelta, *, now: datetime) -> timedelta:
    """Let time pass in the training town; refused for a live ledger. Returns the new offset."""
    if who().realm is not Realm.TRAINING:
        raise Refused("live-clock")
    offset = who().clock_offset + by
    Ledger.update(clock_offset=offset // timedelta(microseconds=1)).where(Ledger.id == 1).execute()
    events.record("town", "clock", "ledger:1", at=now, offset_seconds=int(offset.total_seconds()))
    return offset


def next_number(year: int) -> str:
    """The next bulletin number of the year, as 2026-0001; unique, also with several writers."""
    name = f"bulletin-{year}"
    Counter.insert(name=name, value=0).on_conflict_ignore().execute()
    Counter.update(value=Counter.value + 1).where(Counter.name == name).execute()
    return f"{year}-{Counter.get_by_id(name).value:04d}"
