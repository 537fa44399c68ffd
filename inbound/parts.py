"""Take a mail apart into its parts, for mails that nobody composed with care: bounces and reports.

It reads raw bytes by itself because the standard parser throws away what matters here (the text of
message/delivery-status, bodies whose boundary is wrong) and because every size is capped. Never raises.
"""

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from inbound import charset, html
from inbound.headers import words

MOST_BYTES = 2_000_000
MOST_HEADER = 65_536
MOST_FIELD = 8_192
MOST_PARTS = 100
DEEPEST = 10
MOST_TEXT = 200_000


@dataclass(frozen=True)
class Part:
    """One leaf of a mail: its media type, its header fields (names in small letters) and its text."""

    type: str
    headers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    text: str = ""

    def header(self, name: str) -> str:
        """The first field of that name, unfolded and RFC 2047 decoded, or ""."""
        values = self.headers.get(name.lower(), ())
        return words(values[0].encode("utf-8", "replace")) if values else ""


@dataclass(frozen=True)
class Taken:
    """A mail taken apart: its own header, and its leaves in order; a returned mail inside is one leaf."""

    top: Part
    parts: tuple[Part, ...]

    def of(self, *types: str) -> tuple[Part, ...]:
        """The leaves of these media types, in order."""
        return tuple(part for part in self.parts if part.type in types)

    @cached_property
    def text(self) -> str:
        """All the plain text, or else the HTML as text."""
        plain = "\n".join(part.text for part in self.of("text/plain", "text"))
        if plain.strip():
            return plain
        # Yahoo has sent plain text under the name of HTML.
        marked = (part.text for part in self.of("text/html"))
        return "\n".join(html.to_text(text) if "</" in text else text for text in marked)


def take_apart(data: bytes) -> Taken:
    """Split a raw mail (at most 2 MB of it are looked at) into its leaves, whatever its line ends."""
    raw = data[:MOST_BYTES].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    raw = raw.lstrip(b"\n")
    if raw.startswith(b"From "):  # An mbox line in front.
        raw = raw.partition(b"\n")[2]
    head, body = _halves(raw)
    top = Part(_type(head, "text/plain"), head)
    leaves = []
    for leaf in _leaves(head, body, 0):
        leaves.append(leaf)
        if len(leaves) >= MOST_PARTS:
            break
    return Taken(top, tuple(leaves))


def headers_of(text: str) -> dict[str, tuple[str, ...]]:
    """The header fields at the beginning of a text, such as a returned mail's."""
    return _headers(text.lstrip("\n").encode("utf-8", "replace")[:MOST_HEADER].partition(b"\n\n")[0])


def _halves(raw: bytes) -> tuple[dict[str, tuple[str, ...]], bytes]:
    if raw.startswith(b"\n"):
        return {}, raw[1:]
    head, _, body = raw.partition(b"\n\n")
    return _headers(head[:MOST_HEADER]), body


def _headers(block: bytes) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in re.sub(rb"\n[ \t]+", b" ", block).split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon and re.fullmatch(rb"[!-9;-~]{1,80}[ \t]*", name):
            key = name.strip().lower().decode("ascii")
            text = charset.decode(value[:MOST_FIELD].strip())
            found[key] = (*found.get(key, ()), text)
    return found


def _type(head: dict[str, tuple[str, ...]], default: str) -> str:
    given = re.match(r"\s*([\w.+-]+/[\w.+-]+)", head.get("content-type", ("",))[0])
    return given.group(1).lower() if given else default


def _parameter(head: dict[str, tuple[str, ...]], name: str) -> str:
    found = re.search(
        rf';\s*{name}\s*=\s*(?:"([^"]{{0,300}})"|([^\s;"]{{1,300}}))',
        head.get("content-type", ("",))[0],
        re.I,
    )
    return (found.group(1) or found.group(2) or "") if found else ""


def _leaves(head: dict[str, tuple[str, ...]], body: bytes, depth: int) -> Iterator[Part]:
    kind = _type(head, "text/plain")
    boundary = _parameter(head, "boundary") if kind.startswith("multipart/") else ""
    inner = _split(body, boundary) if boundary and depth < DEEPEST else []
    for piece in inner[:MOST_PARTS]:
        yield from _leaves(*_halves(piece), depth + 1)
    if not inner:  # A boundary that is never met leaves a plain text with everything in it.
        yield Part("text/plain" if kind.startswith("multipart/") else kind, head, _text(head, body))


def _split(body: bytes, boundary: str) -> list[bytes]:
    mark = re.escape(boundary.encode("utf-8", "replace").rstrip())
    pieces = re.split(rb"(?:^|\n)--" + mark + rb"(--)?[ \t]*(?=\n|$)", body, maxsplit=MOST_PARTS)
    return [piece.removeprefix(b"\n") for piece in pieces[2::2] if piece.strip()]


def _text(head: dict[str, tuple[str, ...]], body: bytes) -> str:
    coding = head.get("content-transfer-encoding", ("",))[0].strip().lower()
    if coding == "base64":
        try:
            body = base64.b64decode(re.sub(rb"[^A-Za-z0-9+/]", b"", body) + b"==")
        except (binascii.Error, ValueError):
            return ""
    elif coding == "quoted-printable":
        body = quopri.decodestring(body)
    return charset.decode(body[:MOST_TEXT], _parameter(head, "charset")).replace("\r\n", "\n")
