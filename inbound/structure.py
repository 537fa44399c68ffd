"""Checks the frame of a staff mail: nothing in it may be read one way by us and another way by others."""

import re
from datetime import UTC, datetime, timedelta

from inbound.headers import Sheet
from inbound.parsing import when
from inbound.signatures import Signature

# Each must be there once (MAIL.md section 8) …
REQUIRED = ("from", "to", "subject", "date", "message-id")
# … and these at most once: many honest multipart mails carry no Content-Transfer-Encoding on top.
SHAPING = ("mime-version", "content-type", "content-transfer-encoding")
_SINGLE = ("cc", "bcc", "reply-to", "in-reply-to", "references", "content-disposition", "content-id",
           "content-description", "content-language")  # fmt: skip
BACK = timedelta(minutes=60)
AHEAD = timedelta(minutes=10)
_ID = re.compile(rb"\s*<[!-;=?-~]+@[!-;=?-~]+>\s*")


def line_ends(data: bytes) -> tuple[bytes, list[str]]:
    """The mail with CRLF line ends, and what was wrong with them.

    A file saved with LF throughout is the same mail; CR or LF alone within a CRLF mail, and NUL, are tricks.
    """
    wrong = ["nul-byte"] if b"\x00" in data else []
    if b"\r" not in data:
        return data.replace(b"\n", b"\r\n"), wrong
    if re.search(rb"\r(?!\n)|(?<!\r)\n", data):
        wrong.append("bare-line-end")
    return data, wrong


def fields(sheet: Sheet) -> list[str]:
    """Codes of missing, repeated and forbidden fields."""
    wrong = list(sheet.faults)
    for name in REQUIRED:
        if not sheet.all(name):
            wrong.append(f"missing-{name}")
    for name in (*REQUIRED, *SHAPING):
        if len(sheet.all(name)) > 1:
            wrong.append(f"repeated-{name}")
    if any(len(sheet.all(name)) > 1 for name in _SINGLE):
        wrong.append("repeated-field")
    if sheet.all("sender"):
        wrong.append("sender-present")
    if any(field.name.startswith("resent-") for field in sheet.fields):
        wrong.append("resent-present")
    if len(sheet.all("message-id")) == 1 and not _ID.fullmatch(sheet.all("message-id")[0]):
        wrong.append("bad-message-id")
    return wrong


def _age(moment: datetime, now: datetime, old: str, early: str) -> list[str]:
    if moment < now - BACK:
        return [old]
    return [early] if moment > now + AHEAD else []


def date(sheet: Sheet, now: datetime) -> list[str]:
    """Whether Date is readable and within 60 minutes back and 10 ahead of `now`."""
    values = sheet.all("date")
    if len(values) != 1:
        return []  # missing-date or repeated-date is said already
    moment = when(values[0])
    return ["bad-date"] if moment is None else _age(moment, now, "date-too-old", "date-in-future")


def signing_time(signature: Signature, now: datetime) -> list[str]:
    """The same for t=, which must be there, and x=, which must not be past."""
    wrong: list[str] = []
    if signature.expires is not None and signature.expires < now.timestamp():
        wrong.append("signature-expired")
    if signature.signed is None:
        return [*wrong, "no-signing-time"]
    try:
        moment = datetime.fromtimestamp(signature.signed, UTC)
    except (ValueError, OverflowError, OSError):  # twelve digits reach beyond year 9999
        return [*wrong, "signature-in-future"]
    return wrong + _age(moment, now, "signature-too-old", "signature-in-future")


def cover(signature: Signature, sheet: Sheet) -> list[str]:
    """Which of the fields that make a draft are not fully signed."""
    present = [name for name in SHAPING if sheet.all(name)]
    return [f"uncovered-{name}" for name in (*REQUIRED, *present) if name not in signature.covered]
