"""The non-delivery report that a resident's server sends back (RFC 3464), as the mail sink plays it."""

import hashlib
from datetime import datetime
from email.utils import format_datetime

from outbound.address import wire_form


def report(
    *, host: str, mail_from: str, recipient: str, status: str, reason: str, raw: bytes, now: datetime
) -> bytes:
    """A failed-delivery report about ``raw``, to ``mail_from``; ``status`` as "5.1.1", ``reason`` ASCII.

    Raises address.BadAddress where the envelope was none.
    """
    mark = hashlib.sha256(mail_from.encode() + recipient.encode() + raw).hexdigest()[:24]
    head = raw.partition(b"\r\n\r\n")[0] + b"\r\n"
    code = {"5": "550", "4": "452"}[status[0]]
    lines = f"""\
From: Mail Delivery System <MAILER-DAEMON@{host}>
To: <{wire_form(mail_from)}>
Subject: Undelivered Mail Returned to Sender
Date: {format_datetime(now)}
Message-ID: <{mark}@{host}>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="=_{mark}"

--=_{mark}
Content-Type: text/plain; charset=us-ascii

This is the mail system at host {host}.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients.

<{wire_form(recipient)}>: {reason}

--=_{mark}
Content-Type: message/delivery-status

Reporting-MTA: dns; {host}
Arrival-Date: {format_datetime(now)}

Final-Recipient: rfc822; {wire_form(recipient)}
Action: failed
Status: {status}
Diagnostic-Code: smtp; {code} {status} {reason}

--=_{mark}
Content-Type: text/rfc822-headers

"""
    return lines.replace("\n", "\r\n").encode("ascii") + head + f"\r\n--=_{mark}--\r\n".encode("ascii")
