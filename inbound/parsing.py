"""Reads a mail as a person would: who wrote, what, with which attachments, and whether a machine did."""

import email
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime

import mailparser

from inbound import automatic, content, headers, mailbox

SIZE_LIMIT = 16 * 1024 * 1024
# It tells the log about parts it does not know; what a stranger's mail holds is no news for an operator.
logging.getLogger("mailparser").setLevel(logging.CRITICAL)

_MIME = ("content-type", "content-transfer-encoding", "content-disposition", "mime-version")


@dataclass(frozen=True)
class Mail:
    """A mail as read: addresses unquoted, domains lower-case, `date` aware or None, texts without controls.

    `defects` are the names of what mail-parser found wrong with the MIME structure.
    """

    from_address: str | None
    from_name: str
    subject: str
    text: str
    attachments: tuple[content.Attachment, ...]
    automatic: bool
    automatic_why: str | None
    empty: bool
    message_id: str | None
    date: datetime | None
    to: tuple[str, ...]
    in_reply_to: str | None
    auto_submitted: str | None
    return_path: str | None
    defects: tuple[str, ...]


def _message(sheet: headers.Sheet) -> tuple[Message, tuple[str, ...]]:
    """The MIME tree. Only fields that shape it are handed on, so no hostile header reaches the library."""
    lines = [
        field.raw_name + b":" + field.value
        for field in sheet.fields
        if field.name in _MIME and field.well_formed
    ]
    raw = b"\r\n".join([*lines, b"", sheet.body[:SIZE_LIMIT]])
    # The one broad edge of this reader: mail-parser 4.8 and the standard library raise AttributeError,
    # LookupError, RecursionError and more on malformed MIME, and a reader of outside input never does.
    try:
        parsed = mailparser.parse_from_bytes(raw)
        return parsed.message, tuple(sorted(parsed.defects_categories))
    except Exception as error:
        defect = type(error).__name__
    try:
        return email.message_from_bytes(raw), (defect,)
    except Exception:
        return Message(), (defect, "Unreadable")


def _content(message: Message) -> tuple[str, tuple[content.Attachment, ...], tuple[str, ...]]:
    try:
        return (*content.read(message), ())
    except Exception as error:  # the same edge: get_payload and get_param trust what the sender wrote
        return "", (), (type(error).__name__,)


def when(value: bytes | None) -> datetime | None:
    """A Date field as an aware datetime; without a zone (-0000) it is UTC; None if it cannot be read."""
    try:
        found = parsedate_to_datetime((value or b"")[:200].decode("ascii"))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None


def _id(value: bytes | None) -> str | None:
    """A Message-ID or the first id of In-Reply-To, with its angle brackets."""
    text = headers.text(value)
    start, end = text.find("<"), text.find(">")
    if 0 <= start < end:
        return text[start : end + 1]
    return text or None


def read(data: bytes) -> Mail:
    """Read a raw mail, CRLF or LF. Never raises: what cannot be read is None or empty."""
    sheet = headers.cut(data)
    author = mailbox.author(sheet.all("from"))
    message, defects = _message(sheet)
    text, attachments, more = _content(message)
    why = automatic.reason(sheet, author.address if author else None)
    auto = sheet.first("auto-submitted")
    path = sheet.first("return-path")
    return Mail(
        from_address=author.address if author else None,
        from_name=author.name if author else "",
        subject=headers.text(sheet.first("subject")),
        text=text,
        attachments=attachments,
        automatic=why is not None,
        automatic_why=why,
        empty=not content.visible(text),
        message_id=_id(sheet.first("message-id")),
        date=when(sheet.first("date")),
        to=mailbox.recipients(sheet.all("to") + sheet.all("cc")),
        in_reply_to=_id(sheet.first("in-reply-to")),
        auto_submitted=headers.text(auto) if auto is not None else None,
        return_path=headers.text(path).strip("<>") if path is not None else None,
        defects=defects + more + sheet.faults,
    )


def as_json(mail: Mail, file: str) -> dict[str, object]:
    """The object of `hansho read mail --json`, its keys in the order of the contract."""
    return {
        "file": file,
        "from": mail.from_address,
        "from_name": mail.from_name,
        "subject": mail.subject,
        "text": mail.text,
        "attachments": [{"name": a.name, "type": a.type, "size": a.size} for a in mail.attachments],
        "automatic": mail.automatic,
        "automatic_why": mail.automatic_why,
        "empty": mail.empty,
    }
