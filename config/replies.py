"""What a mail server's reply says about an address: dead, alive but closed, or nothing to do with it.

The answers come from the tables in ``config/replies/*.tsv``, which a mail administrator may read and
extend; this module only says in which order they are asked. A wrong "dead" for a living resident is the
worst mistake this code can make, so every doubt is answered with "soft" (LESSONS R21).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

TABLES = Path(__file__).parent / "replies"
MOST_TEXT = 4000
NEAR_US = frozenset({"connect", "helo", "mail"})
ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"'@]{1,200}@[\w.-]{1,255}")
LINK = re.compile(r"(https?:\s?//[^\s/?#<>\"]{1,200})[^\s<>\"]*")


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


class Basis(StrEnum):
    """Which table gave the answer: a provider's rule and a text say more than a bare code."""

    PROVIDER = "provider"
    TEXT = "text"
    ENHANCED = "enhanced"
    BASIC = "basic"
    NOTHING = "nothing"


HARD = frozenset({Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.NOT_ACCEPTING, Reason.MOVED})
KINDS = {
    Reason.FEEDBACK: Kind.COMPLAINT,
    Reason.VACATION: Kind.AUTO_REPLY,
    Reason.DELIVERED: Kind.OTHER,
    Reason.AUTH_FAILURE: Kind.OTHER,
}


@dataclass(frozen=True)
class Verdict:
    """What one reply means; ``status`` is the x.y.z literally given, or None."""

    kind: Kind
    reason: Reason
    status: str | None
    basis: Basis = Basis.NOTHING


@dataclass(frozen=True)
class _Reply:
    """One reply, made comparable: text in small letters on one line, all the codes that were seen."""

    text: str
    basic: int | None
    codes: tuple[str, ...]
    where: tuple[str, ...]
    stage: str

    @property
    def temporary(self) -> bool:
        return self.basic is not None and 400 <= self.basic < 500 or any(c[0] == "4" for c in self.codes)

    @property
    def addressed(self) -> bool:
        """True if a code names the recipient's address itself (RFC 3463 X.1.y but for the sender's 7, 8)."""
        return any(c.split(".")[1] == "1" and c.split(".")[2] not in ("7", "8") for c in self.codes)

    @property
    def policy(self) -> bool:
        return any(code.split(".")[1] == "7" for code in self.codes)


def kind_of(reason: Reason) -> Kind:
    """The kind that goes with a reason of a delivery or report."""
    return Kind.HARD if reason in HARD else KINDS.get(reason, Kind.SOFT)


def classify(
    code: int | None,
    enhanced: str | None,
    text: str,
    *,
    domain: str,
    stage: str,
    host: str = "",
    final: bool = False,
) -> Verdict:
    """Say what a reply means for the address it was given for.

    ``code`` is the three-digit reply, ``enhanced`` the x.y.z beside it, ``text`` what the server wrote (codes
    in it are read too), ``domain`` the recipient's, ``host`` the answering server's name; ``stage`` is what it
    answered: connect, helo, mail, rcpt, data, or "" for not known. ``final`` means that the sender has given
    up: only then may a 4.1.1 that names an unknown user count. Never raises.
    """
    reply = _reply(code, enhanced, text, domain, host, stage)
    reason, basis = _look_up(reply)
    reason = _doubt(reason, reply, final)
    return Verdict(kind_of(reason), reason, enhanced or (reply.codes[0] if reply.codes else None), basis)


def codes_in(text: str) -> tuple[str, ...]:
    """Every x.y.z written in a reply, in order, each once; addresses of hosts are not taken for codes."""
    return tuple(dict.fromkeys(ENHANCED.findall(text[:MOST_TEXT])))


def basic_in(text: str) -> int | None:
    """The first three-digit reply code that begins the text or stands in front of an x.y.z, or None."""
    found = re.match(r"\W*([245]\d\d)(?=[\s:;,-]|$)", text[:200]) or re.search(
        r"(?<![\d.])([245]\d\d)[ -]#?[245]\.\d{1,3}\.\d", text[:MOST_TEXT]
    )
    return int(found.group(1)) if found else None


def _reply(code: int | None, enhanced: str | None, text: str, domain: str, host: str, stage: str) -> _Reply:
    told = text[:MOST_TEXT].replace("’", "'").replace("‘", "'").lower()
    # A resident may be called quota@ or spam@, and a help page full.html: neither may decide anything.
    told = LINK.sub(r"\1 ", ADDRESS.sub("@", told))
    own = codes_in(told)
    codes = tuple(dict.fromkeys((*own, enhanced))) if enhanced else own
    return _Reply(
        text=" ".join(told.split()),
        basic=code if code is not None else basic_in(told),
        codes=tuple(c for c in codes if ENHANCED.fullmatch(c)),
        where=tuple(name.strip(". ").lower() for name in (domain, host) if name),
        stage=stage,
    )


def _look_up(reply: _Reply) -> tuple[Reason, Basis]:
    """The tables in their order of trust: provider, words, enhanced codes, the bare reply code."""
    for rule in _providers():
        if rule.fits(reply):
            return rule.reason, Basis.PROVIDER
    for phrase in _texts():
        if phrase.pattern.search(reply.text):
            sure = not phrase.needs_rcpt or reply.stage == "rcpt" or reply.addressed
            return (phrase.reason if sure else Reason.FILTERED), Basis.TEXT
    for code in reply.codes:
        table = _enhanced()
        reason = table.get(code) or table.get("x" + code[1:])
        if reason:
            return reason, Basis.ENHANCED
    for code in reply.codes:
        reason = _enhanced().get(f"x.{code.split('.')[1]}.x")
        if reason:
            return reason, Basis.ENHANCED
    if reply.basic is not None and str(reply.basic) in _basic():
        return _basic()[str(reply.basic)], Basis.BASIC
    return Reason.UNKNOWN, Basis.NOTHING


def _doubt(reason: Reason, reply: _Reply, final: bool) -> Reason:
    """Take back a "dead" that the rest of the reply does not carry: policy, our own sender, or for now."""
    if reason not in HARD:
        return reason
    if reply.policy:  # R21: 5.7.x never unsubscribes anyone.
        return Reason.POLICY
    if reply.stage in NEAR_US:  # Nobody had been named yet: the answer is about us.
        return Reason.REJECTED
    if reply.temporary and not (final and reason is Reason.USER_UNKNOWN and reply.addressed):
        return Reason.EXPIRED if final else Reason.DELAYED
    return reason


@dataclass(frozen=True)
class _Phrase:
    reason: Reason
    needs_rcpt: bool
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class _Provider:
    hosts: tuple[str, ...]
    stages: tuple[str, ...]
    pattern: re.Pattern[str]
    reason: Reason

    def fits(self, reply: _Reply) -> bool:
        here = any(w == h or w.endswith("." + h) for w in reply.where for h in self.hosts)
        if not here or ("*" not in self.stages and (reply.stage or "-") not in self.stages):
            return False
        code = f"{reply.basic or ''} {' '.join(reply.codes)} {reply.text}"
        return self.pattern.search(code) is not None


def rows(path: Path) -> list[list[str]]:
    """The rows of one of our tables: cells parted by tabs, # and empty lines skipped, the heading dropped."""
    lines = path.read_text(encoding="utf-8").splitlines()
    table = [[cell.strip() for cell in line.split("\t")] for line in lines if line and line[0] != "#"]
    return table[1:]


@cache
def _texts() -> tuple[_Phrase, ...]:
    return tuple(
        _Phrase(Reason(row[0]), row[1] == "rcpt", re.compile(row[2])) for row in rows(TABLES / "texts.tsv")
    )


@cache
def _providers() -> tuple[_Provider, ...]:
    return tuple(
        _Provider(tuple(row[0].split()), tuple(row[1].split()), re.compile(row[2]), Reason(row[3]))
        for row in rows(TABLES / "providers.tsv")
    )


@cache
def _enhanced() -> dict[str, Reason]:
    return {row[0]: Reason(row[1]) for row in rows(TABLES / "enhanced.tsv")}


@cache
def _basic() -> dict[str, Reason]:
    return {row[0]: Reason(row[1]) for row in rows(TABLES / "basic.tsv")}
