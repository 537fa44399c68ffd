"""Decodes the bytes of a mail by evidence: our own table of labels, then what the bytes themselves say."""

import re
from collections.abc import Callable

from inbound.jis import BAD, SIGN, decode_euc, decode_jis

_Decoder = Callable[[bytes], str]


def _strict(codec: str) -> _Decoder:
    def decode(data: bytes) -> str:
        return data.decode(codec)

    return decode


_WINDOWS = {b: bytes((b,)).decode("cp1252", "ignore") or chr(b) for b in range(0x80, 0xA0)}


def _western(data: bytes) -> str:
    """ISO 8859-1 as browsers read it: windows-1252, its five holes as they stand."""
    return data.decode("latin-1").translate(_WINDOWS)


# Written out, not asked of the codecs module: a label comes from the sender, and Python's registry holds
# "codecs" such as idna, undefined, unicode_escape and utf-7 that raise or smuggle control characters.
_JIS = ("iso2022jp", "iso2022jp1", "iso2022jp2", "iso2022jp3", "iso2022jp2004", "iso2022jpms", "iso2022jpext",
        "csiso2022jp", "cp50220", "cp50221", "cp50222", "jis", "jis7", "junet")  # fmt: skip
_SJIS = ("shiftjis", "sjis", "xsjis", "mskanji", "csshiftjis", "cp932", "windows31j", "cswindows31j", "ms932",
         "sjiswin", "xmscp932", "shiftjis2004", "shiftjisx0213")  # fmt: skip
_EUC = ("eucjp", "xeucjp", "ujis", "cseucpkdfmtjapanese", "eucjpms", "eucjpwin", "cp51932", "eucjis2004")
_UTF8 = ("utf8", "utf8mb4", "unicode11utf8", "cp65001")
_ASCII = ("usascii", "ascii", "ansix341968", "iso646us", "us", "")
_OTHERS = {
    "utf16": "utf-16", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf32": "utf-32",
    "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "cp936": "gb18030", "hzgb2312": "hz",
    "big5": "big5hkscs", "big5hkscs": "big5hkscs", "cp950": "cp950",
    "euckr": "cp949", "ksc56011987": "cp949", "cp949": "cp949", "windows949": "cp949",
    "iso2022kr": "iso2022_kr",
    "koi8r": "koi8-r", "koi8u": "koi8-u", "tis620": "tis-620", "windows874": "cp874", "viscii": "cp1258",
    "macintosh": "mac-roman", "ibm437": "cp437", "cp437": "cp437", "ibm850": "cp850", "cp850": "cp850",
    **{f"iso8859{n}": f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14, 15, 16)},
    "iso88598i": "iso8859-8", "latin2": "iso8859-2", "latin9": "iso8859-15",
    "iso88599": "cp1254", "latin5": "cp1254",
    **{f"windows{n}": f"cp{n}" for n in range(1250, 1259) if n != 1252},
    **{f"cp{n}": f"cp{n}" for n in range(1250, 1259) if n != 1252},
}  # fmt: skip

_DECODERS: dict[str, _Decoder] = {
    **{label: decode_jis for label in _JIS},
    **{label: _strict("cp932") for label in _SJIS},
    **{label: decode_euc for label in _EUC},
    **{label: _strict("utf-8") for label in _UTF8},
    **{label: _strict("ascii") for label in _ASCII},
    **{label: _western for label in ("iso88591", "latin1", "l1", "windows1252", "cp1252", "ansi")},
    **{label: _strict(codec) for label, codec in _OTHERS.items()},
}


def _plain(label: str | None) -> str:
    return re.sub(r"[^a-z0-9]", "", (label or "")[:64].lower())


def _attempt(decoder: _Decoder, data: bytes) -> str | None:
    try:
        text = decoder(data)
    except UnicodeError:
        return None
    return None if BAD in text and BAD.encode() not in data else text


def _likeness(text: str) -> float:
    """How much a text looks like Japanese that somebody wrote: kana and common kanji against rarities."""
    score = 0.0
    for char in text[:4000]:
        code = ord(char)
        if 0x3041 <= code <= 0x30FF or 0x3000 <= code <= 0x3002:
            score += 1
        elif 0x4E00 <= code <= 0x9FFF:
            score += 0.5
        elif 0xFF61 <= code <= 0xFF9F:
            score -= 0.5
        elif 0xE000 <= code <= 0xF8FF or 0x80 <= code < 0xA0:
            score -= 2
    return score


def detect(data: bytes) -> str:
    """Decode bytes whose label is missing or wrong; never fails, at worst leaves U+FFFD."""
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:].decode("utf-8", "replace")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if SIGN.search(data) and (data.isascii() or _attempt(decode_jis, data) is not None):
        return decode_jis(data)
    text = _attempt(_strict("utf-8"), data)
    if text is not None:
        return text
    replaced = data.decode("utf-8", "replace")
    if replaced.count(BAD) * 40 < len(replaced):  # one torn character does not make a text something else
        return replaced
    japanese = [t for t in (_attempt(_strict("cp932"), data), _attempt(decode_euc, data)) if t is not None]
    return max(japanese, key=_likeness) if japanese else replaced


def _whole(text: str) -> str:
    """No lone surrogate leaves this module: such a string could not be written to any JSON or database."""
    return text.encode("utf-8", "replace").decode("utf-8")


def decode(data: bytes, label: str | None = None) -> str:
    """The text of these bytes.

    `label` is the charset as the sender wrote it, or None. The strict label is tried first, then UTF-8, then
    detection; JIS escapes in pure 7-bit data win over any label, because nothing else looks like them
    (LESSONS R26). cp932 forms (～, －) stay as decoded. Never raises.
    """
    plain = _plain(label)
    decoder = _DECODERS.get(plain)
    if data.isascii() and SIGN.search(data) and plain not in ("iso2022kr", "hzgb2312"):
        return _whole(decode_jis(data))
    if decoder is None:
        return _whole(detect(data))
    if decoder is decode_jis and not data.isascii():  # often UTF-8 under the label of ISO-2022-JP
        utf8 = _attempt(_strict("utf-8"), data)
        if utf8 is not None:
            return _whole(utf8)
    text = _attempt(decoder, data)
    if text is None:
        return _whole(detect(data))
    return _whole(text.removeprefix("\ufeff"))
