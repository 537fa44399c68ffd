"""One message for many readers: prepared once, then filled with each recipient's own bytes and signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as default
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

from outbound.address import wire_form
from outbound.headers import BadField, Field, field, message_id, phrase_words, text_words, token
from outbound.parts import Attachment, Body
from outbound.signing import Seal, Signer

JST = timezone(timedelta(hours=9))

# Written by fill(), in this order; hashed after the constant ones.
VARYING = (
    "to",
    "message-id",
    "reply-to",
    "in-reply-to",
    "references",
    "list-unsubscribe",
    "list-unsubscribe-post",
)
_OURS = frozenset(VARYING) | {
    "from",
    "subject",
    "date",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "list-id",
    "sender",
    "cc",
    "bcc",
    "return-path",
    "received",
    "dkim-signature",
}

_ONE_CLICK = field("List-Unsubscribe-Post", ["List-Unsubscribe=One-Click"])


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What all readers of one variant get. ``text``/``html`` end where each reader's tail begins.

    ``date`` is aware and shown in JST; it is also the signature's t=. ``headers`` are extra fields
    (X-Hansho-..., Auto-Submitted to replace ``auto-generated``); a name that compose writes itself is
    refused (headers.BadField).
    """

    from_name: str
    from_address: str
    subject: str
    text: str
    html: str | None
    date: datetime
    list_id: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipient:
    """What one reader gets: canonical ``address`` (unquoted), ``message_id`` the same at every attempt, the
    tails.

    ``unsubscribe_url`` is https or, in training, http and adds List-Unsubscribe-Post (RFC 8058);
    ``unsubscribe_mail`` an address; ``references`` message ids, oldest first, the last is the one answered.
    """

    address: str
    message_id: str
    tail_text: str = ""
    tail_html: str = ""
    unsubscribe_url: str | None = None
    unsubscribe_mail: str | None = None
    reply_to: str | None = None
    references: tuple[str, ...] = default(default=())


class Prepared:
    """One variant with its fronts encoded and its digest states kept; fill() costs little more than the
    RSA.
    """

    def __init__(self, message: Outgoing) -> None:
        self._body = Body(message.text, message.html, message.attachments)
        self._constant = _constant(message, self._body.content)
        self._head = b"".join(each.wire for each in self._constant) + b"\r\n"
        self._date = message.date
        self._seal: tuple[Signer, Seal] | None = None

    def fill(self, recipient: Recipient, signer: Signer | None) -> bytes:
        """The mail for one reader, CRLF, 7-bit, signed (None leaves it unsigned, for tests and stand-ins).

        Raises address.BadAddress or headers.BadField if something of the recipient's may not stand in a
        header.
        """
        fields = _varying(recipient)
        body, digest = self._body.fill(recipient.tail_text, recipient.tail_html)
        own = b"".join([each.wire for each in fields])
        if signer is None:
            return own + self._head + body
        canonical = b"".join([each.canonical for each in fields])
        return signer.signature(self._sealed(signer), canonical, digest) + own + self._head + body

    def _sealed(self, signer: Signer) -> Seal:
        if self._seal is None or self._seal[0] is not signer:
            # Whoever verifies has a real clock, also while the training town is days ahead: a t= in the
            # future is no signature to him.
            made = min(self._date, datetime.now(UTC))
            self._seal = (signer, signer.seal(self._constant, VARYING, made))
        return self._seal[1]


def prepare(message: Outgoing) -> Prepared:
    """The message ready to be filled; raises headers.BadField, address.BadAddress, ValueError for a naive
    date.
    """
    return Prepared(message)


def _constant(message: Outgoing, content: tuple[str, str | None]) -> list[Field]:
    if message.date.tzinfo is None:
        raise ValueError("a naive date")
    extra = dict(message.headers)
    if len({name.lower() for name in extra}) != len(message.headers):
        raise BadField("an extra header twice")
    author = [*phrase_words("From", message.from_name), f"<{wire_form(message.from_address)}>"]
    fields = [
        field("From", author),
        field("Subject", text_words("Subject", message.subject)),
        field("Date", [format_datetime(message.date.astimezone(JST))]),
        field("MIME-Version", ["1.0"]),
        field("Content-Type", content[0].split(" ")),
    ]
    if content[1]:
        fields.append(field("Content-Transfer-Encoding", [content[1]]))
    if message.list_id:
        fields.append(field("List-Id", [f"<{token('List-Id', message.list_id.strip('<>'))}>"]))
    if "auto-submitted" not in {name.lower() for name in extra}:
        extra["Auto-Submitted"] = "auto-generated"
    for name, value in extra.items():
        if name.lower() in _OURS:
            raise BadField(f"{name}: written by compose itself")
        fields.append(field(name, text_words(name, value)))
    return fields


def _varying(recipient: Recipient) -> Sequence[Field]:
    fields = [
        field("To", [f"<{wire_form(recipient.address)}>"]),
        field("Message-ID", [message_id("Message-ID", recipient.message_id)]),
    ]
    if recipient.reply_to:
        fields.append(field("Reply-To", [f"<{wire_form(recipient.reply_to)}>"]))
    if recipient.references:
        ids = [message_id("References", each) for each in recipient.references]
        fields += [field("In-Reply-To", ids[-1:]), field("References", ids)]
    ways = []
    if recipient.unsubscribe_url:
        ways.append(f"<{_url(recipient.unsubscribe_url)}>")
    if recipient.unsubscribe_mail:
        ways.append(f"<mailto:{wire_form(recipient.unsubscribe_mail)}>")
    if ways:
        fields.append(field("List-Unsubscribe", [way + "," for way in ways[:-1]] + ways[-1:]))
    if recipient.unsubscribe_url:
        # RFC 8058 section 3.1: only beside a link, and both covered by the signature.
        fields.append(_ONE_CLICK)
    return fields


def _url(url: str) -> str:
    if not url.startswith(("https://", "http://")) or any(c in url for c in '<>,"'):
        raise BadField("List-Unsubscribe: not a web address")
    return token("List-Unsubscribe", url)
