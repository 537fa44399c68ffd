"""A mail as a person writes it on a phone or at a desk: what pretend residents and officers send to Hansho."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from outbound.address import split, wire_form
from outbound.headers import field, message_id, phrase_words, text_words
from outbound.parts import canonical_text


@dataclass(frozen=True, slots=True)
class Written:
    """What the person filled in; ``references`` the ids answered, oldest first; ``name`` may be empty."""

    sender: str
    to: str
    subject: str
    body: str
    name: str = ""
    references: Sequence[str] = ()


def write(letter: Written, now: datetime) -> bytes:
    """The mail with CRLF, without Auto-Submitted: a person sent it. Raises address.BadAddress, headers.BadField."""
    author = f"<{wire_form(letter.sender)}>"
    fields = [
        field("From", [*phrase_words("From", letter.name), author] if letter.name else [author]),
        field("To", [f"<{wire_form(letter.to)}>"]),
        field("Subject", text_words("Subject", letter.subject)),
        field("Date", [format_datetime(now)]),
        field("Message-ID", [f"<{secrets.token_hex(12)}@{split(letter.sender)[1].strip('[]')}>"]),
    ]
    ids = [message_id("References", each) for each in letter.references]
    if ids:
        fields += [field("In-Reply-To", ids[-1:]), field("References", ids)]
    fields += [
        field("MIME-Version", ["1.0"]),
        field("Content-Type", ["text/plain;", "charset=utf-8"]),
        field("Content-Transfer-Encoding", ["base64"]),
    ]
    body = base64.encodebytes(canonical_text(letter.body)).replace(b"\n", b"\r\n")
    return b"".join(each.wire for each in fields) + b"\r\n" + (body or b"\r\n")


def quoted(text: str) -> str:
    """``text`` as mail programs quote it under an answer."""
    return "".join(f"> {line}\n" for line in text.splitlines())
