"""The closed lists of the bounce contract: how bad it is for an address, and why."""

from enum import StrEnum


class Kind(StrEnum):
    """How bad it is for the address; only ``hard`` may ever lead to suspension as dead."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto-reply"
    OTHER = "other"
    NONE = "none"


class Reason(StrEnum):
    """Why, in the closed list of the bounce contract."""

    USER_UNKNOWN = "user-unknown"
    HOST_UNKNOWN = "host-unknown"
    NOT_ACCEPTING = "not-accepting"
    MOVED = "moved"
    MAILBOX_FULL = "mailbox-full"
    FILTERED = "filtered"
    SUSPENDED = "suspended"
    REJECTED = "rejected"
    BLOCKED = "blocked"
    SPAM = "spam"
    POLICY = "policy"
    TOO_BIG = "too-big"
    EXPIRED = "expired"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    VACATION = "vacation"
    FEEDBACK = "feedback"
    AUTH_FAILURE = "auth-failure"
    UNKNOWN = "unknown"


HARD = frozenset({Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.NOT_ACCEPTING, Reason.MOVED})
KINDS = {
    Reason.FEEDBACK: Kind.COMPLAINT,
    Reason.VACATION: Kind.AUTO_REPLY,
    Reason.DELIVERED: Kind.OTHER,
    Reason.AUTH_FAILURE: Kind.OTHER,
}


def kind_of(reason: Reason) -> Kind:
    """The kind that goes with a reason of a delivery or report."""
    return Kind.HARD if reason in HARD else KINDS.get(reason, Kind.SOFT)
