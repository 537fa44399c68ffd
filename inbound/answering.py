"""Whom a mail may be answered to, if anybody: never a machine, never somebody who only was named (RFC 3834)."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from inbound import automatic, headers, mailbox, signatures
from inbound.office import Office
from inbound.parsing import Mail
from inbound.signatures import Result
from store import letters
from store.arrivals import Received
from store.letters import Purpose

A_DAY = 3  # letters of one purpose to one address that may come of mails we could not use
_ID = re.compile(r"<[!-;=?-~]{1,120}@[!-;=?-~]{1,120}>")


@dataclass(frozen=True)
class Correspondent:
    """The person to answer, or None and why not (a stable code)."""

    address: str | None
    why: str | None
    in_reply_to: str | None


def correspondent(office: Office, received: Received, mail: Mail) -> Correspondent:
    """The envelope sender when he is also the author; else the author, if a signature of his domain says so.

    Never Reply-To. Looks up keys in DNS only in the second case: call it from a thread.
    """
    why = automatic.envelope(received.mail_from, office.settings.mail.domain) or mail.automatic_why
    author = mail.from_address
    if why is None and author is None:
        why = "author-unclear"
    if why is not None or author is None:
        return Correspondent(None, why, None)
    envelope = mailbox.canonical(received.mail_from) or ""
    if envelope.lower() != author.lower() and not signed_by(office, received.raw, author):
        return Correspondent(None, "other-sender", None)
    return Correspondent(author, None, thread_id(mail.message_id))


def signed_by(office: Office, raw: bytes, author: str) -> bool:
    """Whether any DKIM signature of the author's own domain passes; without a list of public suffixes, no other."""
    domain = author.rpartition("@")[2]
    found = signatures.verify(headers.cut(raw), office.dkim)
    return any(each.result is Result.PASS and each.domain == domain for each in found)


def thread_id(message_id: str | None) -> str | None:
    """A Message-ID that may stand in In-Reply-To; anything else a stranger wrote there does not."""
    return message_id if message_id is not None and _ID.fullmatch(message_id) else None


def answer(
    office: Office,
    to: Correspondent,
    purpose: Purpose,
    params: dict[str, object],
    *,
    now: datetime,
    most: int = A_DAY,
    person: int | None = None,
) -> bool:
    """Write this letter in the caller's transaction, unless there is nobody to answer or he got enough today."""
    if to.address is None:
        return False
    if letters.written(purpose, to.address, since=now - timedelta(days=1)) >= most:
        return False
    letters.write(
        purpose,
        to.address,
        params,
        now=now,
        queue=office.queue(to.address),
        person=person,
        in_reply_to=to.in_reply_to,
    )
    return True
