"""The body of one text for many readers: MIME pieces whose shared front is encoded and hashed once."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from urllib.parse import quote

from outbound.headers import visible

# RFC 2045 section 6.8: lines of at most 76 characters; 57 bytes make exactly 76, so fronts are cut at 57s.
_LINE = 57


@dataclass(frozen=True, slots=True)
class Attachment:
    """``name`` as the reader sees it, ``type`` such as ``text/csv; charset=utf-8``, ``data`` as it is."""

    name: str
    type: str
    data: bytes


class Body:
    """Bytes of one body but for the two tails; relaxed canonical form equals the wire form by construction.

    ``content`` is the pair (Content-Type, Content-Transfer-Encoding or None) of the message's own header.
    """

    def __init__(self, text: str, html: str | None, attachments: Sequence[Attachment]) -> None:
        mark = hashlib.sha256(
            "\0".join((text, html or "", *(a.name for a in attachments))).encode("utf-8", "replace")
        )
        # "=_" cannot occur in base64 text (RFC 2045 section 6.7), the digest keeps nested copies apart.
        outer, inner = f"=_m{mark.hexdigest()[:16]}", f"=_a{mark.hexdigest()[:16]}"
        plain = ("text/plain; charset=utf-8", "base64")
        alternative = (f'multipart/alternative; boundary="{inner}"', None) if html is not None else plain
        self.content = (f'multipart/mixed; boundary="{outer}"', None) if attachments else alternative
        before = _open(outer, alternative) if attachments else b""
        if html is not None:
            before += _open(inner, plain)
        between, after = b"", b""
        front, self._text_rest = _front(text)
        self._head = before + front
        self._html_rest: bytes | None = None
        if html is not None:
            front, self._html_rest = _front(html)
            between = _open(inner, ("text/html; charset=utf-8", "base64"), first=False) + front
            after = f"--{inner}--\r\n".encode("ascii")
        self._between = between
        self._after = after + _attached(attachments, outer)
        self._state = hashlib.sha256(self._head)

    def fill(self, tail_text: str, tail_html: str) -> tuple[bytes, bytes]:
        """The whole body with these tails, and its SHA-256 digest."""
        rest = _encode(self._text_rest + canonical_text(tail_text)) + self._between
        if self._html_rest is not None:
            rest += _encode(self._html_rest + canonical_text(tail_html))
        rest += self._after
        state = self._state.copy()
        state.update(rest)
        return self._head + rest, state.digest()


def canonical_text(text: str) -> bytes:
    """UTF-8 with CRLF line ends, as text must be before base64 (RFC 2045 section 6.8); NUL and lone CR
    never pass.
    """
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return plain.replace("\n", "\r\n").encode("utf-8", "replace")


def _front(text: str) -> tuple[bytes, bytes]:
    data = canonical_text(text) or b"\r\n"
    cut = len(data) - len(data) % _LINE
    return _encode(data[:cut]), data[cut:]


def _encode(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _open(boundary: str, content: tuple[str, str | None], *, first: bool = True, more: str = "") -> bytes:
    # The CRLF before a boundary belongs to it (RFC 2046 section 5.1.1); encoded lines end with their own.
    head = f"--{boundary}\r\nContent-Type: {content[0]}\r\n"
    if content[1]:
        head += f"Content-Transfer-Encoding: {content[1]}\r\n"
    return (("" if first else "\r\n") + head + more + "\r\n").encode("ascii")


def _attached(attachments: Sequence[Attachment], outer: str) -> bytes:
    if not attachments:
        return b""
    pieces = []
    for attachment in attachments:
        # RFC 2231 section 4; a name is text for people, so control characters are taken out, not refused.
        name = quote(visible(attachment.name).replace("/", "_").encode("utf-8"), safe="")
        more = f"Content-Disposition: attachment;\r\n filename*=utf-8''{name}\r\n"
        pieces.append(_open(outer, (_media_type(attachment.type), "base64"), first=False, more=more))
        pieces.append(_encode(attachment.data))
    return b"".join(pieces) + f"--{outer}--\r\n".encode("ascii")


def _media_type(wanted: str) -> str:
    """The type if the stdlib reads it back unchanged, else application/octet-stream."""
    probe = Message()
    clean = " ".join(wanted.split())
    if clean.isascii() and clean.isprintable():
        probe["Content-Type"] = clean
        if probe.get_content_type() == clean.partition(";")[0].lower().strip():
            return clean
    return "application/octet-stream"
