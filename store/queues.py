"""Destination groups: every delivery row knows its queue, so that one slow provider never stands before another."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from store.errors import Refused
from store.models import Counter, Queue

_DEFAULT = "default-queue"


class Lane(IntEnum):
    """Who goes first (R24). A retry keeps its lane and yields only to first attempts of the same lane."""

    SIGN_IN = 0
    LIFE = 1
    IMMEDIATE = 2
    ROUTINE = 3

    @classmethod
    def of(cls, urgency: str) -> "Lane":
        """The lane of a bulletin's urgency (life, immediate, routine)."""
        return {"life": cls.LIFE, "immediate": cls.IMMEDIATE, "routine": cls.ROUTINE}[urgency]


@dataclass(frozen=True)
class Destination:
    """A queue and whether it rests."""

    id: int
    key: str
    paused_until: datetime | None
    paused_why: str | None


def ensure(keys: Iterable[str]) -> dict[str, int]:
    """Have a queue for every route key, the last of which takes what no other does; returns key → id."""
    names = list(keys)
    for key in names:
        Queue.insert(key=key).on_conflict_ignore().execute()
    ids = {row.key: row.id for row in Queue.select()}
    Counter.insert(name=_DEFAULT, value=ids[names[-1]]).on_conflict_ignore().execute()
    Counter.update(value=ids[names[-1]]).where(Counter.name == _DEFAULT).execute()
    return ids


def default() -> int:
    """The queue of mail whose destination has no group of its own. Raises Refused before `ensure`."""
    row = Counter.get_or_none(Counter.name == _DEFAULT)
    if row is None:
        raise Refused("no-queues")
    return row.value


def listed() -> list[Destination]:
    """Every queue."""
    return [Destination(r.id, r.key, r.paused_until, r.paused_why) for r in Queue.select().order_by(Queue.id)]


def pause(key: str, until: datetime, why: str) -> None:
    """Let a destination rest; its rows wait in their own queue and are in nobody's way."""
    Queue.update(paused_until=until, paused_why=why).where(Queue.key == key).execute()


def wake(key: str) -> None:
    """End a rest."""
    Queue.update(paused_until=None, paused_why=None).where(Queue.key == key).execute()
