"""Cuts a mail into header fields and body, and reads the words of RFC 2047 in a field as they really come."""

import base64
import binascii
import re
from dataclasses import dataclass

from inbound import charset

BLOCK_LIMIT = 64 * 1024
FIELD_LIMIT = 8 * 1024

_NAME = re.compile(rb"([!-9;-~]+):")
# White space, even folded, before the colon (RFC 5322 4.5): read so that such a From is seen, and marked.
_LOOSE_NAME = re.compile(rb"[ \t]*([!-9;-~]+)(?:[ \t]|\r?\n[ \t])*:")
_WORD = re.compile(rb"=\?([^?\s=]{1,64})\?([bBqQ])\?((?:[^?]|\?(?!=))*)\?=")
_INVISIBLE = re.compile(  # C0, C1, line separators, bidi controls, byte order mark, interlinear marks
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb]"
)


@dataclass(frozen=True)
class Field:
    """One field: name in lower case, value without its last line end, and whether it is well formed."""

    name: str
    raw_name: bytes
    value: bytes
    well_formed: bool = True


@dataclass(frozen=True)
class Sheet:
    """A mail cut at its blank line; `faults` are stable codes of what is wrong with the header block."""

    fields: tuple[Field, ...]
    body: bytes
    faults: tuple[str, ...]

    def all(self, name: str) -> list[bytes]:
        """The values of every field of this name (lower case), top first."""
        return [field.value for field in self.fields if field.name == name]

    def first(self, name: str) -> bytes | None:
        """The value of the topmost field of this name, or None."""
        return next(iter(self.all(name)), None)


def _unfolded_lines(block: bytes) -> list[bytes]:
    """The lines of a header block, each with its continuation lines."""
    lines: list[list[bytes]] = []
    for line in block.split(b"\n"):
        line = line.removesuffix(b"\r")
        if line[:1] in (b" ", b"\t") and lines:
            lines[-1].append(line)
        else:
            lines.append([line])
    return [b"\r\n".join(parts) for parts in lines]


def _field(line: bytes) -> Field | None:
    match = _NAME.match(line)
    if match:
        return Field(match[1].decode("ascii").lower(), match[1], line[match.end() :])
    match = _LOOSE_NAME.match(line[:FIELD_LIMIT])
    if match:
        return Field(match[1].decode("ascii").lower(), match[1], line[match.end() :], well_formed=False)
    return None


def cut(data: bytes) -> Sheet:
    """Cut raw bytes (CRLF or LF) into fields and body. Never raises; reads 64 KiB of header at most."""
    end = re.search(rb"\r?\n\r?\n", data)
    if data[:1] == b"\n" or data[:2] == b"\r\n":
        block, body = b"", data.lstrip(b"\r").removeprefix(b"\n")
    elif end is None:
        block, body = data, b""
    else:
        block, body = data[: end.start()], data[end.end() :]
    faults: list[str] = []
    if len(block) > BLOCK_LIMIT:
        block = block[:BLOCK_LIMIT]
        faults.append("header-too-big")
    lines = _unfolded_lines(block)
    if lines and lines[0].startswith((b"From ", b">From ")):  # an mbox line, not a field
        faults.append("mbox-line")
        lines = lines[1:]
    fields: list[Field] = []
    for line in lines:
        field = _field(line)
        if field is not None:
            fields.append(field)
        if line and (field is None or not field.well_formed):
            faults.append("malformed-header")
        elif len(line) > FIELD_LIMIT:
            faults.append("header-too-big")
    return Sheet(tuple(fields), body, tuple(dict.fromkeys(faults)))


def clean(text: str) -> str:
    """Without control and direction characters, line ends and tabs as spaces: safe to stand in a header."""
    return _INVISIBLE.sub("", re.sub(r"[\t\r\n]+", " ", text)).strip(" ")


def _q(text: bytes) -> bytes:
    return re.sub(rb"=([0-9A-Fa-f]{2})", lambda m: bytes((int(m[1], 16),)), text.replace(b"_", b" "))


def _b(text: bytes) -> bytes:
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", text)
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    try:
        return base64.b64decode(letters + b"=" * (-len(letters) % 4))
    except binascii.Error:
        return b""


def _bytes_of(words: list[tuple[bytes, bytes]]) -> list[bytes]:
    """The bytes of neighbouring words (encoding letter, text); base64 running over two words is joined."""
    out: list[bytes] = []
    carried = b""
    for index, (kind, text) in enumerate(words):
        if kind in b"qQ":
            out.append(_q(text))
            continue
        text = carried + re.sub(rb"\s", b"", text)
        carried = b""
        following = words[index + 1][0] if index + 1 < len(words) else b"q"
        if len(text) % 4 and not text.endswith(b"=") and following in b"bB":
            carried = text
        else:
            out.append(_b(text))
    return out


def _join(label: str, words: list[tuple[bytes, bytes]]) -> str:
    """Decode neighbouring words of one charset: their bytes together first, each alone as second try."""
    pieces = _bytes_of(words)
    together = charset.decode(b"".join(pieces), label)
    if "\ufffd" not in together:
        return together
    alone = "".join(charset.decode(_bytes_of([word])[0], label) for word in words)
    return alone if alone.count("\ufffd") < together.count("\ufffd") else together


def words(value: bytes) -> str:
    """Decode encoded words and raw bytes of an unstructured value or phrase; control characters are kept."""
    value = re.sub(rb"\r?\n(?=[ \t])", b"", value[:FIELD_LIMIT])
    out: list[str] = []
    label = ""
    run: list[tuple[bytes, bytes]] = []
    at = 0
    for match in _WORD.finditer(value):
        between = value[at : match.start()]
        here = match[1].decode("ascii", "replace").split("*")[0].lower()  # RFC 2231 language suffix
        if run and (between.strip() or here != label):
            out.append(_join(label, run))
            run = []
        if between.strip() or (between and at == 0):
            out.append(charset.decode(between))
        label = here
        run.append((match[2], match[3]))
        at = match.end()
    if run:
        out.append(_join(label, run))
    out.append(charset.decode(value[at:]))
    return "".join(out)


def text(value: bytes | None) -> str:
    """An unstructured field (Subject) as a person may read it: decoded, unfolded, cleaned. Never raises."""
    return clean(words(value)) if value is not None else ""
