"""One header field: its bytes for the wire and for the signature, and no way to inject a second one."""

import base64
import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,70}\Z")
_PLAIN = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*\Z")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_TOKEN = re.compile(r"[\x21-\x7e]+\Z")
_MESSAGE_ID = re.compile(r"<?([^\s<>@\x00-\x1f\x7f]+@[^\s<>@\x00-\x1f\x7f]+)>?\Z")

# RFC 2047 section 2: an encoded word has at most 75 characters, 12 of them frame: 63 -> 60 of base64 -> 45
# bytes.
_WORD_BYTES = 45


class BadField(ValueError):
    """A name or value that may not stand in a header; the message says which field, never the value."""


class Field(NamedTuple):
    """A header field: ``wire`` with folding and CRLF, ``canonical`` as RFC 6376 section 3.4.2 relaxes it."""

    name: bytes
    wire: bytes
    canonical: bytes


def field(name: str, words: Sequence[str]) -> Field:
    """A field whose value is ``words`` (ASCII, no white space at the ends), folded before each word but the
    first.
    """
    lower, wire, canonical = _heads(name)
    value = " ".join(words).encode("ascii")
    relaxed = value
    while b"  " in relaxed:  # only a quoted local part can hold a run of spaces
        relaxed = relaxed.replace(b"  ", b" ")
    folded = value if len(words) == 1 else "\r\n ".join(words).encode("ascii")
    return Field(lower, wire + folded + b"\r\n", canonical + relaxed + b"\r\n")


@cache
def _heads(name: str) -> tuple[bytes, bytes, bytes]:
    if not _NAME.match(name):
        raise BadField("a header name that is not a name")
    head = name.encode("ascii")
    return head.lower(), head + b": ", head.lower() + b":"


def token(name: str, value: str) -> str:
    """``value`` if it is one run of printable ASCII; raises BadField naming the field otherwise."""
    if not _TOKEN.match(value):
        raise BadField(f"{name}: white space, control or non-ASCII character")
    return value


def message_id(name: str, value: str) -> str:
    """``<id@host>`` from the same with or without its angles; raises BadField."""
    found = _MESSAGE_ID.match(value)
    if not found or not value.isascii():
        raise BadField(f"{name}: not a message id")
    return f"<{found.group(1)}>"


def text_words(name: str, value: str) -> list[str]:
    """Words of an unstructured value (Subject, X-...): as it is where plain ASCII fits a line, else RFC
    2047.
    """
    value = visible(value)
    if value and len(name) + 2 + len(value) <= 76 and _PLAIN.match(value) and "=?" not in value:
        return [value]
    return encoded_words(value, first=_WORD_BYTES - (len(name) + 2) * 3 // 4 - 1)


def phrase_words(name: str, value: str) -> list[str]:
    """Words of a display name (RFC 5322 phrase): atoms, a quoted string, or RFC 2047 words."""
    value = visible(value)
    if value and len(name) + len(value) <= 60 and _PLAIN.match(value) and "=?" not in value:
        return [value if _ATOMS.match(value) else '"' + re.sub(r'(["\\])', r"\\\1", value) + '"']
    return encoded_words(value, first=_WORD_BYTES - (len(name) + 2) * 3 // 4 - 1)


def encoded_words(value: str, *, first: int = _WORD_BYTES) -> list[str]:
    """RFC 2047 words of UTF-8 in base64, no character cut in two; the first holds at most ``first`` bytes."""
    words: list[bytes] = [b""]
    room = max(first, 4)
    for character in value:
        piece = character.encode("utf-8")
        if len(words[-1]) + len(piece) > room:
            words.append(b"")
            room = _WORD_BYTES
        words[-1] += piece
    return [f"=?utf-8?b?{base64.b64encode(word).decode('ascii')}?=" for word in words if word]


def visible(value: str) -> str:
    """Text for people on one line: control characters and line ends become a space, lone surrogates ``?``."""
    value = value.encode("utf-8", "replace").decode("utf-8")
    return "".join(" " if _unseen(c) else c for c in value).strip(" ")


def _unseen(character: str) -> bool:
    # C0, DEL, C1 and the two Unicode line ends: nothing else may end a line for any reader.
    return character < " " or "\x7f" <= character <= "\x9f" or character in "\u2028\u2029"
