"""The pretend residents' mailboxes: an index in memory, the mails in a folder, so that a restart goes on."""

import base64
import email
import email.policy
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail in one mailbox: envelope, and what a list shows. ``received_at`` is ISO 8601."""

    id: int
    mailbox: str
    mail_from: str
    sender: str
    subject: str
    message_id: str
    received_at: str


@dataclass(frozen=True, slots=True)
class Content:
    """One mail as a mail program shows it; ``headers`` in their order, decoded for people."""

    headers: tuple[tuple[str, str], ...]
    text: str
    html: str | None
    attachments: tuple[tuple[str, int], ...]
    reply_to: str


class Mailboxes:
    """Folder ``mails/ID.eml`` (exactly what came) with ``index.jsonl``; not for two processes at once."""

    def __init__(self, folder: Path) -> None:
        self._mails = folder / "mails"
        self._mails.mkdir(parents=True, exist_ok=True)
        self._index = folder / "index.jsonl"
        self._last = 0
        self._by_id: dict[int, Mail] = {}
        self._by_mailbox: dict[str, list[Mail]] = {}
        if self._index.exists():
            kept = self._index.read_text("utf-8")
            for line in kept.splitlines():
                self._remember_line(line)
            if not kept.endswith("\n"):
                # A line cut short by a kill must not swallow the next one.
                with self._index.open("a", encoding="utf-8") as index:
                    index.write("\n")

    def add(self, mailbox: str, mail_from: str, raw: bytes, now: datetime) -> Mail:
        """Keep one mail; on disk when this returns (written, not synced: it is a training mailbox)."""
        head = BytesHeaderParser().parsebytes(raw)
        mail = Mail(
            self._last + 1,
            mailbox,
            mail_from,
            decoded(head.get("From", "")),
            decoded(head.get("Subject", "")),
            str(head.get("Message-ID", "")).strip(),
            now.isoformat(timespec="seconds"),
        )
        (self._mails / f"{mail.id}.eml").write_bytes(raw)
        with self._index.open("a", encoding="utf-8") as index:
            index.write(json.dumps(asdict(mail), ensure_ascii=True) + "\n")
        self._remember(mail)
        return mail

    def addresses(self, part: str = "") -> list[tuple[str, int, Mail]]:
        """(address, number of mails, newest mail) of mailboxes whose address holds ``part``, newest first."""
        found = [
            (address, len(mails), mails[-1])
            for address, mails in self._by_mailbox.items()
            if part.lower() in address.lower()
        ]
        return sorted(found, key=lambda row: row[2].id, reverse=True)

    def mails(self, address: str) -> list[Mail]:
        """Mails of one mailbox, newest first; [] if there is none."""
        return list(reversed(self._by_mailbox.get(address, [])))

    def mail(self, number: int) -> Mail | None:
        """The mail with this id, or None."""
        return self._by_id.get(number)

    def raw(self, mail: Mail) -> bytes:
        """The bytes as they came by SMTP."""
        return (self._mails / f"{mail.id}.eml").read_bytes()

    def __len__(self) -> int:
        return len(self._by_id)

    def _remember_line(self, line: str) -> None:
        try:
            mail = Mail(**json.loads(line))
        except (ValueError, TypeError):
            # The last line of a process that was killed; its mail was not answered 250.
            return
        self._remember(mail)

    def _remember(self, mail: Mail) -> None:
        self._last = max(self._last, mail.id)
        self._by_id[mail.id] = mail
        self._by_mailbox.setdefault(mail.mailbox, []).append(mail)


def decoded(value: object) -> str:
    """A header value for people: RFC 2047 undone where possible, on one line."""
    text = " ".join(str(value).split())
    try:
        return str(make_header(decode_header(text)))
    except (LookupError, UnicodeError, ValueError, MessageError):
        return text


def content(raw: bytes) -> Content:
    """What a mail program shows of ``raw``; broken parts become empty ones, nothing raises."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    plain = email.message_from_bytes(raw)
    headers = tuple((name, decoded(value)) for name, value in plain.items())
    text = html = None
    attachments = []
    for part in message.walk():
        if part.is_multipart() or not isinstance(part, EmailMessage):
            continue
        kind = part.get_content_type()
        if kind == "text/plain" and text is None and not part.is_attachment():
            text = _text(part)
        elif kind == "text/html" and html is None and not part.is_attachment():
            html = _text(part)
        else:
            payload = part.get_payload(decode=True)
            size = len(payload) if isinstance(payload, bytes) else 0
            attachments.append((part.get_filename() or kind, size))
    reply_to = str(plain.get("Reply-To") or plain.get("From") or "")
    return Content(headers, text or "", html, tuple(attachments), _bare(reply_to))


def _text(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset() or "utf-8"
    try:
        return data.decode(charset, "replace").replace("\r\n", "\n")
    except LookupError:
        return data.decode("utf-8", "replace").replace("\r\n", "\n")


def _bare(value: str) -> str:
    """The address of a From or Reply-To as our own mails write it: in angles, or alone."""
    inside = value.rpartition("<")[2].partition(">")[0] if "<" in value else value
    return inside.strip()


def as_json(mail: Mail, raw: bytes) -> dict[str, object]:
    """A mail for testers: the index row, the parts, and the raw bytes in base64."""
    shown = content(raw)
    return asdict(mail) | {
        "headers": [list(pair) for pair in shown.headers],
        "text": shown.text,
        "html": shown.html,
        "attachments": [{"name": name, "size": size} for name, size in shown.attachments],
        "reply_to": shown.reply_to,
        "raw": base64.b64encode(raw).decode("ascii"),
    }
