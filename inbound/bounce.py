"""Say what a mail that came back means: who did not get what, and whether the address is dead.

Pure: bytes in, a value out; no network, no clock, no database. Everything in a bounce is hostile input:
nothing here raises on any bytes, and the caller decides with the envelope's token whom it may concern.
"""

from dataclasses import dataclass

from config.reasons import Kind, Reason, kind_of
from inbound import arf, dsn
from inbound.bounce_rules import means
from inbound.bounce_text import Claim, claims, own_words
from inbound.bounce_verdict import Result, judge, judge_words
from inbound.dsn import address_in
from inbound.parts import Taken, take_apart
from inbound.returned import recipients_of

ORDER = (Kind.COMPLAINT, Kind.HARD, Kind.SOFT, Kind.OTHER, Kind.AUTO_REPLY, Kind.NONE)
REPORTS = ("message/delivery-status", "message/global-delivery-status")


@dataclass(frozen=True)
class Bounce:
    """All that a mail says about deliveries, worst first in the order of ``ORDER``; empty = no bounce at all."""

    results: tuple[Result, ...] = ()

    @property
    def worst(self) -> Result:
        return self.results[0] if self.results else Result(None, Kind.NONE, None, None, None)

    @property
    def kind(self) -> Kind:
        return self.worst.kind


def read(data: bytes) -> Bounce:
    """Read one raw mail (at most 2 MB of it). Source: RFC 3464, 5965, 6591, 3834 and the tables in bounces/."""
    mail = take_apart(data)
    results = _named(mail) or _wrapped(mail) or _unnamed(mail) or _automatic(mail)
    return Bounce(tuple(sorted(_each_once(results), key=lambda result: ORDER.index(result.kind))))


def as_json(bounce: Bounce, file: str) -> dict[str, object]:
    """The bounce document of the readers' contract, its keys in order."""
    worst = bounce.worst
    return {
        "file": file,
        "kind": worst.kind.value,
        "recipient": worst.recipient,
        "status": worst.status,
        "reason": worst.reason.value if worst.reason else None,
        "reply_code": worst.reply_code,
        "results": [
            {
                "recipient": result.recipient,
                "kind": result.kind.value,
                "reason": result.reason.value if result.reason else None,
                "status": result.status,
                "reply_code": result.reply_code,
            }
            for result in bounce.results
        ],
    }


def _named(mail: Taken) -> list[Result]:
    """What the mail itself says of recipients whom it names: a report's fields first, sentences last."""
    report = arf.read(mail)
    if report:
        return [Result(report.recipient, kind_of(report.reason), report.reason, None, None)]
    return _notification(mail) or _quoted_notification(mail) or (_worded(mail) if _is_bounce(mail) else [])


def _is_bounce(mail: Taken) -> bool:
    """Whether sentences may be read as a bounce's: by the signs of the header and of the first words."""
    receipt = mail.of("message/disposition-notification")
    if receipt and not any(word in receipt[0].text.lower() for word in ("deleted", "failed", "denied")):
        return False
    # A vacation reply has an empty return path too: there, only the sender and the subject make a bounce.
    return means(mail, "bounce") or (means(mail, "null-sender") and not means(mail, "automatic"))


def _notification(mail: Taken) -> list[Result]:
    """A mail with a machine part (RFC 3464): one result for each recipient's group."""
    text = own_words(mail.text)
    records = [r for part in mail.of(*REPORTS) for r in dsn.records(own_words(part.text)) if r.recipient]
    return [judge(record, text, record.recipient, alone=len(records) == 1) for record in records]


def _quoted_notification(mail: Taken) -> list[Result]:
    """A report written or forwarded as plain text: counted only with all of a report's fields."""
    text = own_words(mail.text)
    records = [r for r in dsn.records(text, strict=False) if r.action and (r.status or r.diagnostic)]
    return [judge(record, text, record.recipient, alone=len(records) == 1) for record in records]


def _worded(mail: Taken) -> list[Result]:
    text = own_words(mail.text)
    found = claims(text)
    return [judge_words(claim, text if len(found) == 1 else "") for claim in found]


def _wrapped(mail: Taken) -> list[Result]:
    """A report inside a mail that names nobody itself: a gateway or a virus filter put its own mail around it."""
    for part in mail.of("message/rfc822")[:1]:
        if "message/delivery-status" in part.text.lower():
            return _notification(take_apart(part.text.encode("utf-8", "replace")))
    return []


def _unnamed(mail: Taken) -> list[Result]:
    """A bounce whose own words name nobody: X-Failed-Recipients, its subject, or the returned mail may."""
    if not _is_bounce(mail):
        return []
    text = own_words(mail.text)
    named = recipients_of(mail)
    if not named and mail.of(*REPORTS):
        return [
            judge(record, text, None) for part in mail.of(*REPORTS) for record in dsn.records(part.text)[:1]
        ]
    return [judge_words(Claim(who, text, None), "") for who in named]


def _automatic(mail: Taken) -> list[Result]:
    if mail.of("message/disposition-notification") and not means(mail, "automatic"):
        return [Result(None, Kind.OTHER, Reason.DELIVERED, None, None)]  # A read receipt (RFC 8098).
    if means(mail, "automatic"):
        author = address_in(mail.top.header("from"))
        return [Result(author, Kind.AUTO_REPLY, Reason.VACATION, None, None)]
    return []


def _each_once(results: list[Result]) -> list[Result]:
    """One result a recipient, the worst of them."""
    kept: dict[str, Result] = {}
    for number, result in enumerate(results):
        key = result.recipient.lower() if result.recipient else f" {number}"
        if key not in kept or ORDER.index(result.kind) < ORDER.index(kept[key].kind):
            kept[key] = result
    return list(kept.values())
