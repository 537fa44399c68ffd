"""The life cycles, as tables of data: which state may become which (MODEL.md, states)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class SubscriberState(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    SUSPENDED = "suspended"
    REMOVED = "removed"


class BulletinState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    SENT = "sent"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"


class DeliveryState(StrEnum):
    QUEUED = "queued"
    LEASED = "leased"
    DEFERRED = "deferred"
    SENT = "sent"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class ArrivalState(StrEnum):
    RECEIVED = "received"
    UNDERSTOOD = "understood"
    QUARANTINED = "quarantined"
    NOT_UNDERSTOOD = "not-understood"


class TelegramState(StrEnum):
    RECEIVED = "received"
    UNDERSTOOD = "understood"
    PASSED = "passed"
    HELD = "held"
    NOT_UNDERSTOOD = "not-understood"


@dataclass(frozen=True)
class Cycle:
    """A named life cycle. `audited` moves are written into the hash-chained record (X13)."""

    name: str
    table: Mapping[StrEnum, frozenset[StrEnum]]
    audited: bool

    def sources(self, to: StrEnum) -> list[str]:
        """The states that may become `to`."""
        return [str(state) for state, targets in self.table.items() if to in targets]


def _may(*targets: StrEnum) -> frozenset[StrEnum]:
    return frozenset(targets)


_S, _B, _D, _A, _T = SubscriberState, BulletinState, DeliveryState, ArrivalState, TelegramState

SUBSCRIBER = Cycle(
    "subscriber",
    {
        _S.PENDING: _may(_S.CONFIRMED, _S.REMOVED),
        _S.CONFIRMED: _may(_S.SUSPENDED, _S.REMOVED),
        _S.SUSPENDED: _may(_S.CONFIRMED, _S.REMOVED),
        _S.REMOVED: _may(),
    },
    audited=False,
)

BULLETIN = Cycle(
    "bulletin",
    {
        _B.DRAFT: _may(_B.SUBMITTED, _B.WITHDRAWN),
        _B.SUBMITTED: _may(_B.APPROVED, _B.DRAFT, _B.REJECTED, _B.WITHDRAWN),
        _B.APPROVED: _may(_B.SCHEDULED, _B.SENDING, _B.SUBMITTED, _B.WITHDRAWN),
        _B.SCHEDULED: _may(_B.SENDING, _B.SUBMITTED, _B.WITHDRAWN),
        _B.SENDING: _may(_B.SENT, _B.STOPPED),
        _B.SENT: _may(),
        _B.REJECTED: _may(),
        _B.WITHDRAWN: _may(),
        _B.STOPPED: _may(),
    },
    audited=True,
)

DELIVERY = Cycle(
    "delivery",
    {
        _D.QUEUED: _may(_D.LEASED, _D.FAILED, _D.WITHDRAWN),
        _D.LEASED: _may(_D.SENT, _D.DEFERRED, _D.FAILED, _D.QUEUED, _D.WITHDRAWN),
        _D.DEFERRED: _may(_D.QUEUED, _D.FAILED, _D.WITHDRAWN),
        _D.SENT: _may(),
        _D.FAILED: _may(),
        _D.WITHDRAWN: _may(),
    },
    audited=False,
)

ARRIVAL = Cycle(
    "arrival",
    {
        _A.RECEIVED: _may(_A.UNDERSTOOD, _A.QUARANTINED, _A.NOT_UNDERSTOOD),
        _A.UNDERSTOOD: _may(),
        _A.QUARANTINED: _may(),
        _A.NOT_UNDERSTOOD: _may(),
    },
    audited=False,
)

TELEGRAM = Cycle(
    "telegram",
    {
        _T.RECEIVED: _may(_T.UNDERSTOOD, _T.PASSED, _T.HELD, _T.NOT_UNDERSTOOD),
        _T.UNDERSTOOD: _may(),
        _T.PASSED: _may(),
        _T.HELD: _may(),
        _T.NOT_UNDERSTOOD: _may(),
    },
    audited=False,
)

CYCLES = (SUBSCRIBER, BULLETIN, DELIVERY, ARRIVAL, TELEGRAM)
