"""Whom a bounce concerns when its own words name nobody: its header, its subject, or the mail it returns."""

import re

from inbound.bounce_rules import means
from inbound.bounce_text import Claim, claims, halves, loose_claims, own_words
from inbound.dsn import address_in
from inbound.parts import Taken, headers_of

RETURNED = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers")
MOST_FAILED = 100


def recipients_of(mail: Taken) -> list[str]:
    """What X-Failed-Recipients, the subject, a line of its own, or the returned To names: the first that does."""
    listed = mail.top.header("x-failed-recipients").split(",")[:MOST_FAILED]
    failed = [address for address in map(address_in, listed) if address]
    return failed or [claim.recipient for claim in _otherwise(mail)] or _returned_to(mail)


def _otherwise(mail: Taken) -> list[Claim]:
    return claims(mail.top.header("subject")) or loose_claims(own_words(mail.text))


def _returned_to(mail: Taken) -> list[str]:
    """The recipient of the returned mail, if its To names exactly one; only for mails that a daemon wrote."""
    if not means(mail, "bounce"):
        return []
    own, tail = halves(mail.text)
    for text in (*(part.text for part in mail.of(*RETURNED)), tail.partition("\n")[2], tail):
        to = headers_of(text).get("to", ("",))[0]
        address = address_in(to)
        if address and to.count("@") == 1:
            return [address]
    named = re.findall(r"(?im)^ {0,8}to:[ \t]*(\S.{2,300})$", own)
    only = address_in(named[0]) if len(named) == 1 else None
    return [only] if only else []
