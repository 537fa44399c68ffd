"""What a mail server's reply says about an address: dead, alive but closed, or nothing to do with it.

The answers come from the tables in ``config/replies/*.tsv``, which a mail administrator may read and
extend; this module only says in which order they are asked. A wrong "dead" for a living resident is the
worst mistake this code can make, so every doubt is answered with "soft" (LESSONS R21).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from config.reasons import HARD, Kind, Reason, kind_of
from config.reply_tables import basic, enhanced, providers, texts

MOST_TEXT = 4000
NEAR_US = frozenset({"connect", "helo", "mail"})
ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"'@]{1,200}@[\w.-]{1,255}")
LINK = re.compile(r"(https?:\s?//[^\s/?#<>\"]{1,200})[^\s<>\"]*")


class Basis(StrEnum):
    """Which table gave the answer: a provider's rule and a text say more than a bare code."""

    PROVIDER = "provider"
    TEXT = "text"
    ENHANCED = "enhanced"
    BASIC = "basic"
    NOTHING = "nothing"


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
        return (self.basic is not None and 400 <= self.basic < 500) or any(c[0] == "4" for c in self.codes)

    @property
    def addressed(self) -> bool:
        """True if a code names the recipient's address itself (RFC 3463 X.1.y but for the sender's 7, 8)."""
        return any(c.split(".")[1] == "1" and c.split(".")[2] not in ("7", "8") for c in self.codes)

    @property
    def policy(self) -> bool:
        return any(code.split(".")[1] == "7" for code in self.codes)


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
    told = f"{reply.basic or ''} {' '.join(reply.codes)} {reply.text}"
    for rule in providers():
        if rule.here(reply.where, reply.stage) and rule.pattern.search(told):
            return rule.reason, Basis.PROVIDER
    for phrase in texts():
        if phrase.pattern.search(reply.text):
            sure = not phrase.needs_rcpt or reply.stage == "rcpt" or reply.addressed
            lie = Reason.REJECTED if reply.stage in NEAR_US else Reason.FILTERED
            lie = Reason.POLICY if reply.policy else lie
            return (phrase.reason if sure else lie), Basis.TEXT
    for code in (*reply.codes, *(f"x.{code.split('.')[1]}.x" for code in reply.codes)):
        reason = enhanced().get(code) or enhanced().get("x" + code[1:])
        if reason:
            return reason, Basis.ENHANCED
    if reply.basic is not None and str(reply.basic) in basic():
        return basic()[str(reply.basic)], Basis.BASIC
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
