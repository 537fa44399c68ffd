"""Read a complaint or an authentication report (RFC 5965, RFC 6591), also feedback loops without the machine part."""

import re
from dataclasses import dataclass

from config.reasons import Reason
from inbound.bounce_rules import means
from inbound.dsn import address_in, canonical
from inbound.parts import Taken, headers_of

# RFC 5965 section 7.3 and RFC 6430: what of a Feedback-Type is a person asking for no more mail.
NO_COMPLAINT = frozenset({"auth-failure", "dmarc", "not-spam"})
RETURNED = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers")
RECIPIENTS = ("original-rcpt-to", "removal-recipient", "redacted-address", "x-hmxmroriginalrecipient")


@dataclass(frozen=True)
class Report:
    """What a feedback loop says: the address if it is told, and whether somebody complained."""

    recipient: str | None
    reason: Reason


def read(mail: Taken) -> Report | None:
    """The report in a mail, or None when it is none. Never raises."""
    machine = mail.of("message/feedback-report")
    if machine:
        fields = headers_of(machine[0].text)
        kind = (fields.get("feedback-type", ("abuse",))[0].split() or ["abuse"])[0].lower().strip(";")
        if kind in NO_COMPLAINT:
            reason = Reason.AUTH_FAILURE if kind != "not-spam" else Reason.DELIVERED
            return Report(_told(fields) or _returned(mail, ("to",)), reason)
        return Report(_told(fields) or _returned(mail), Reason.FEEDBACK)
    return _by_header(mail)


def _by_header(mail: Taken) -> Report | None:
    if means(mail, "complaint") and mail.of(*RETURNED):
        return Report(_returned(mail, ("x-hmxmroriginalrecipient", "to")), Reason.FEEDBACK)
    return Report(None, Reason.AUTH_FAILURE) if means(mail, "report") else None


def _told(fields: dict[str, tuple[str, ...]]) -> str | None:
    for name in RECIPIENTS:
        for value in fields.get(name, ()):
            # Some loops put a hash in place of the local part: it is handed on as it stands.
            address = address_in(value) or canonical(re.sub(r"[<>\s]", "", value))
            if address:
                return address
    return None


def _returned(mail: Taken, names: tuple[str, ...] = ("x-hmxmroriginalrecipient",)) -> str | None:
    """What the returned mail's own header names; for a complaint only fields that the loop itself wrote."""
    for part in mail.of(*RETURNED):
        fields = headers_of(part.text)
        for name in names:
            address = address_in(fields.get(name, ("",))[0])
            if address:
                return address
    return None
