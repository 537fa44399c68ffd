"""Says at the door why a mail will not be taken: NUL, bare line ends, a header that is too big, its size."""

import re
from collections.abc import Iterable

from inbound.addresses import BIG, Meaning
from inbound.limits import Limits

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def room(meanings: Iterable[Meaning], limits: Limits) -> int:
    """The size in bytes which every one of these doors takes."""
    return limits.big if all(meaning in BIG for meaning in meanings) else limits.small


def refusal(data: bytes, meanings: Iterable[Meaning], limits: Limits) -> str | None:
    """The SMTP reply that refuses this mail, or None. A bare LF or CR is how mails are smuggled (MAIL.md 7)."""
    if len(data) > room(meanings, limits):
        return "552 5.3.4 This mail is too big for this address"
    if b"\x00" in data:
        return "550 5.6.0 A mail with NUL bytes is not taken"
    if _BARE.search(data):
        return "550 5.6.0 A mail with bare CR or LF is not taken (RFC 5321 section 2.3.8)"
    end = data.find(b"\r\n\r\n")
    if (len(data) if end < 0 else end) > limits.header:
        return "552 5.3.4 The header of this mail is too big"
    return None
