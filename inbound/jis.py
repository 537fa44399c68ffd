"""Decodes ISO-2022-JP and EUC-JP as they are really written, through cp932."""

import re
from functools import cache

BAD = "\ufffd"

# ISO 2022 escapes as they occur in mail: RFC 1468, 2237, 1554, and what phones and cp50221 add.
_ESCAPES: dict[bytes, str] = {
    b"\x1b(B": "ascii",
    b"\x1b(J": "ascii",  # JIS X 0201 Roman: a yen sign in 0x5C on paper, a backslash in every mail reader
    b"\x1b(H": "ascii",
    b"\x1b(I": "kana",
    b"\x1b$@": "kanji",
    b"\x1b$B": "kanji",
    b"\x1b$(@": "kanji",
    b"\x1b$(B": "kanji",
    b"\x1b$(D": "supplement",
    b"\x1b$(O": "plane1",
    b"\x1b$(Q": "plane1",
    b"\x1b$(P": "plane2",
    b"\x1b&@": "same",
    b"\x0e": "kana",
    b"\x0f": "ascii",
}
_ESCAPE = re.compile(b"(" + b"|".join(re.escape(e) for e in sorted(_ESCAPES, key=len, reverse=True)) + b")")
SIGN = re.compile(rb"\x1b(?:\$\(?[@BDOPQ]|\(I)")


@cache  # at most four sets of 94 x 94
def _pair(mode: str, first: int, second: int) -> str:
    """One character of a 94 x 94 set; cp932 knows the NEC and IBM rows iso2022_jp refuses (①, ㈱, 髙)."""
    if mode == "kanji":
        row, cell = first - 0x21, second - 0x21
        lead = row // 2 + (0x81 if row < 62 else 0xC1)
        trail = cell + (0x9F if row % 2 else (0x40 if cell < 63 else 0x41))
        raw, codec = bytes((lead, trail)), "cp932"
    elif mode == "supplement":
        raw, codec = bytes((0x8F, first | 0x80, second | 0x80)), "euc_jp"
    else:
        head = b"\x8f" if mode == "plane2" else b""
        raw, codec = head + bytes((first | 0x80, second | 0x80)), "euc_jis_2004"
    return raw.decode(codec, "replace")[:1] if mode == "kanji" else raw.decode(codec, "replace")


def _single(mode: str, byte: int) -> str:
    if mode == "kana" and 0x21 <= byte <= 0x5F:
        return chr(0xFF61 + byte - 0x21)
    if 0xA1 <= byte <= 0xDF:  # 8-bit half-width kana, which some phones wrote under the label of ISO-2022-JP
        return chr(0xFF61 + byte - 0xA1)
    return chr(byte) if byte < 0x80 else BAD


def _run(mode: str, data: bytes) -> tuple[str, str]:
    """Decode what lies between two escapes; a line end returns to ASCII (RFC 1468)."""
    out: list[str] = []
    at = 0
    while at < len(data):
        if mode == "ascii" and data[at] < 0x80:  # the common case, taken in one bite
            end = at
            while end < len(data) and data[end] < 0x80:
                end += 1
            out.append(data[at:end].decode("ascii"))
            at = end
            continue
        double = mode not in ("ascii", "kana")
        if double and 0x21 <= data[at] <= 0x7E and at + 1 < len(data) and 0x21 <= data[at + 1] <= 0x7E:
            out.append(_pair(mode, data[at], data[at + 1]))
            at += 2
            continue
        if double and 0x21 <= data[at] <= 0x7E:
            out.append(BAD)
        else:
            out.append(_single(mode, data[at]))
        if data[at] in b"\r\n":
            mode = "ascii"
        at += 1
    return "".join(out), mode


def decode_jis(data: bytes) -> str:
    """ISO-2022-JP with NEC and IBM characters, and half-width kana by ESC ( I, SO/SI or 8 bits."""
    out: list[str] = []
    mode = "ascii"
    for piece in _ESCAPE.split(data):
        if piece in _ESCAPES:
            mode = _ESCAPES[piece] if _ESCAPES[piece] != "same" else mode
        else:
            text, mode = _run(mode, piece)
            out.append(text)
    return "".join(out)


def decode_euc(data: bytes) -> str:
    try:
        return data.decode("euc_jp")
    except UnicodeDecodeError:
        return _euc_with_extras(data)


def _euc_with_extras(data: bytes) -> str:
    """EUC-JP with the NEC and IBM rows of cp51932."""
    out: list[str] = []
    at = 0
    while at < len(data):
        byte, rest = data[at], data[at + 1 : at + 3]
        if 0xA1 <= byte <= 0xFE and len(rest) >= 1 and 0xA1 <= rest[0] <= 0xFE:
            out.append(_pair("kanji", byte & 0x7F, rest[0] & 0x7F))
            at += 2
        elif byte == 0x8E and len(rest) >= 1 and 0xA1 <= rest[0] <= 0xDF:
            out.append(_single("ascii", rest[0]))
            at += 2
        elif byte == 0x8F and len(rest) == 2 and rest[0] >= 0xA1 and rest[1] >= 0xA1:
            out.append(_pair("supplement", rest[0] & 0x7F, rest[1] & 0x7F))
            at += 3
        else:
            out.append(chr(byte) if byte < 0x80 else BAD)
            at += 1
    text = "".join(out)
    if BAD in text:
        raise UnicodeDecodeError("euc_jp", data, 0, len(data), "not EUC-JP")
    return text
