"""Walks the MIME tree of a mail: what is text to read, and what is attached."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from inbound import charset, headers, html

PART_LIMIT = 100
DEPTH_LIMIT = 10
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc\ufe00-\ufe0f]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Attachment:
    """What is attached: its name as text or None, its media type in lower case, its decoded size in bytes."""

    name: str | None
    type: str
    size: int


def _leaves(message: Message, depth: int = 0) -> Iterator[Message]:
    """Parts that are not containers; a forwarded mail (message/rfc822) is one part and is not opened."""
    if message.get_content_maintype() != "multipart" or not message.is_multipart():
        yield message
    elif depth < DEPTH_LIMIT:
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _leaves(part, depth + 1)


def _raw(value: object) -> bytes:
    """The bytes behind a value of the standard library, which keeps foreign bytes as surrogates."""
    return str(value).encode("utf-8", "surrogateescape")


def _disposition(part: Message) -> str:
    value = part.get("content-disposition", "")
    return _raw(value).split(b";")[0].strip().decode("ascii", "replace").lower()


def _name(part: Message) -> str | None:
    """The file name: RFC 2231 pieces, RFC 2047 words in quotes, or raw bytes in any Japanese encoding."""
    for field, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        value = part.get_param(parameter, None, header=field)
        if isinstance(value, tuple):  # RFC 2231; the standard library has undone the % escapes into Latin-1
            label, _, text = value
            found = charset.decode(str(text).encode("latin-1", "replace"), label or None)
        elif value is not None:
            found = headers.words(_raw(value))
        else:
            continue
        return headers.clean(found) or None
    return None


def _content(part: Message) -> bytes:
    """The decoded bytes of a part; those of a forwarded mail are the mail."""
    if part.is_multipart():
        inner = part.get_payload()
        return b"".join(each.as_bytes() for each in inner if isinstance(each, Message))
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _is_text(part: Message) -> bool:
    if part.get_content_maintype() == "multipart":  # a container without its boundary: shown as it stands
        return not part.is_multipart()
    if part.is_multipart() or part.get_content_type() not in ("text/plain", "text/html"):
        return False
    disposition = _disposition(part)
    return disposition == "inline" or (disposition in ("", "none") and _name(part) is None)


def _text(part: Message) -> str:
    label = part.get_param("charset", None)
    label = label[2] if isinstance(label, tuple) else label
    decoded = charset.decode(_content(part), str(label) if label is not None else None)
    return html.to_text(decoded) if part.get_content_type() == "text/html" else decoded


def _tidy(text: str) -> str:
    """LF line ends, no control characters but line end and tab."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def read(message: Message) -> tuple[str, tuple[Attachment, ...]]:
    """The text (all inline text/plain joined, else the HTML as text) and what is attached."""
    plain: list[str] = []
    rich: list[str] = []
    attached: list[Attachment] = []
    for number, part in enumerate(_leaves(message)):
        if number >= PART_LIMIT:
            break
        if not _is_text(part):
            attached.append(Attachment(_name(part), part.get_content_type(), len(_content(part))))
        elif part.get_content_type() != "text/html":
            plain.append(_tidy(_text(part)))
        else:
            rich.append(_tidy(_text(part)))
    chosen = plain if any(visible(text) for text in plain) or not rich else rich
    return "\n".join(text.rstrip("\n") for text in chosen), tuple(attached)


def visible(text: str) -> bool:
    """Whether any character can be seen: spaces, U+3000, U+200B, blanks and selectors cannot (空メール)."""
    return any(char.isprintable() and not char.isspace() for char in _UNSEEN.sub("", text))
