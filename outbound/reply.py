"""One server's answer to one mail, and the only place where temporary and permanent are told apart."""

import re
from dataclasses import dataclass
from enum import StrEnum

# RFC 3463 section 2: class.subject.detail, the first word of the text.
_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")


class Stage(StrEnum):
    """How far the mail had come when the answer was given; ``ROUTE`` = before any connection (DNS,
    address).
    """

    ROUTE = "route"
    CONNECT = "connect"
    HELLO = "hello"
    TLS = "tls"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    TEXT = "text"


class Kind(StrEnum):
    """What the ledger does with the delivery."""

    SENT = "sent"
    DEFERRED = "deferred"
    REJECTED = "rejected"


# Before RCPT a server speaks about us, not about the resident: never final, whatever the digit says.
_ABOUT_THE_MAIL = frozenset({Stage.ROUTE, Stage.RCPT, Stage.DATA, Stage.TEXT})

# Nor do these, wherever they come: bad sequence, unknown command, log in first, encrypt first.
_ABOUT_THE_SESSION = frozenset({500, 502, 503, 504, 530, 535, 538})


@dataclass(frozen=True, slots=True)
class Reply:
    """``code`` 0 = no answer came; ``enhanced`` "x.y.z" or None; ``text`` without codes, lines joined by a
    space.

    ``maybe_sent``: the connection was lost after the final dot, so the peer may have the mail (RFC 5321
    4.5.5); it is still deferred: lost is worse than double, and the stable Message-ID lets the reader see
    it.
    """

    code: int
    enhanced: str | None
    text: str
    stage: Stage
    maybe_sent: bool = False

    @property
    def kind(self) -> Kind:
        """Sent, deferred or rejected; everything unknown is temporary."""
        if self.code // 100 == 2 and self.stage is Stage.TEXT:
            return Kind.SENT
        if self.code // 100 != 5 or self.stage not in _ABOUT_THE_MAIL or self.code in _ABOUT_THE_SESSION:
            return Kind.DEFERRED
        # RFC 5321 section 4.5.3.1.10: a 552 to RCPT from old servers means "too many", as 452 does.
        if self.code == 552 and self.stage is Stage.RCPT and self.enhanced is None:
            return Kind.DEFERRED
        if self.enhanced is not None and self.enhanced.startswith("4."):
            return Kind.DEFERRED
        return Kind.REJECTED

    @property
    def about_us(self) -> bool:
        """True where the refusal is policy about the sender (x.7.y): it stops a route, never a resident
        (R21).
        """
        return self.enhanced is not None and self.enhanced.split(".")[1] == "7"


def from_wire(code: int, text: str, stage: Stage) -> Reply:
    """Reply of one (perhaps multi-line) SMTP answer; the enhanced code is taken off every line that has
    it.
    """
    enhanced = None
    lines = []
    for line in text.splitlines():
        found = _ENHANCED.match(line)
        if found:
            enhanced = enhanced or found.group(1)
            line = line[found.end() :]
        lines.append("".join(c if c.isprintable() else " " for c in line).strip())
    return Reply(code, enhanced, " ".join(filter(None, lines))[:500], stage)


def lost(stage: Stage, why: str, *, maybe_sent: bool = False) -> Reply:
    """Reply for an answer that never came; ``why`` is ours, for the record."""
    return Reply(0, None, why, stage, maybe_sent)
