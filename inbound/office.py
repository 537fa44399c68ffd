"""What every reader of mails needs: settings, keys, the way to the ledger; and what it hands back to the desk."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from config.settings import Settings
from inbound.pace import Pace
from inbound.signatures import KeyLookup
from store.bulletins import Renderer
from store.db import Store
from store.errors import Refused
from store.tokens import Keys

Act = Callable[[datetime], None]


class Later(Exception):
    """It cannot be said now (no answer from DNS): the mail stays where it is and is looked at again."""


@dataclass(frozen=True)
class Reading:
    """What a mail asks for: `act` is run as one transaction. If a rule refuses it, nothing of `act` stays, and
    `refused` is run instead."""

    act: Act
    refused: Callable[[Refused, datetime], None] | None = None


class Routes(Protocol):
    """What config.catalogue's `route_for` gives."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Office:
    """Shared by all readers; `queues` is route name → row. Safe to use from several threads."""

    settings: Settings
    store: Store
    tokens: Keys
    dkim: KeyLookup
    render: Renderer
    route_for: Callable[[str], Routes]
    queues: Mapping[str, int]
    pace: Pace
    trust: bytes | None = None

    def queue(self, address: str) -> int:
        """The destination which a letter to this address belongs to."""
        return self.queues[self.route_for(address.rpartition("@")[2].lower()).name]

    def words(self) -> dict[str, str]:
        """What our sentences may name: the addresses to write to, whom to call."""
        return self.settings.letter_words()


def unknown(why: Collection[str]) -> bool:
    """Whether only an answer from DNS was missing: unknown is temporary."""
    return set(why) == {"key-unavailable"}
