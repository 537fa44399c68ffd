"""Reads address fields: who wrote a mail, and to whom, or that this cannot be said."""

import re
from dataclasses import dataclass

from inbound import charset, headers

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~"
# Dots may stand anywhere: docomo and au sold `a..b.@` and `.x@` until 2009 (MAIL.md 2).
_LOCAL = re.compile(rf"[.{_ATEXT}-]{{1,64}}")
_LABEL = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_ATOM = re.compile(r"[^\s()<>\[\]:;@\\,\"\x00-\x1f\x7f]+")
_LIMIT = 64 * 1024


class BadAddress(ValueError):
    """The text is not what an address field may hold."""


@dataclass(frozen=True)
class Mailbox:
    """One author or addressee: display name as text, address in unquoted canonical form."""

    name: str
    address: str


@dataclass(frozen=True)
class _Token:
    kind: str  # "space", "comment", "quoted", "atom", or the special character itself
    text: str


def canonical(address: str) -> str | None:
    """The unquoted form, domain in lower case, by which a subscriber is known; None if it is no address.

    `"a..b."@docomo.ne.jp` and `a..b.@docomo.ne.jp` are one. Quoted forms that need their quotes (spaces, a
    second @), address literals, domains without a dot, non-ASCII and encoded words are refused.
    """
    found = _form(address)
    return found if found is not None and "." in found.rpartition("@")[2] else None


def _form(address: str) -> str | None:
    """The same, where a domain may be a bare host name: enough to say who wrote (MAILER-DAEMON@localhost)."""
    local, at, domain = address.rpartition("@")
    if local.startswith('"') and local.endswith('"') and len(local) > 1:
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    if not at or "=?" in local or len(address) > 320:
        return None
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return None
    return f"{local}@{domain.lower()}"


def _quoted(text: str, at: int) -> int:
    """Where the quoted-string that opens at `at` ends."""
    end = at + 1
    while end < len(text) and text[end] != '"':
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise BadAddress("open quote")
    return end + 1


def _comment(text: str, at: int) -> int:
    """Where the comment that opens at `at` ends; comments nest, but without recursion here."""
    depth, end = 0, at
    while end < len(text):
        if text[end] == "\\":
            end += 1
        elif text[end] == "(":
            depth += 1
        elif text[end] == ")":
            depth -= 1
            if depth == 0:
                return end + 1
        end += 1
    raise BadAddress("open comment")


def _token(text: str, at: int) -> tuple[_Token, int]:
    char = text[at]
    if char in " \t\r\n":
        end = at + 1
        return _Token("space", " "), end
    if char == '"':
        end = _quoted(text, at)
        return _Token("quoted", re.sub(r"\\(.)", r"\1", text[at + 1 : end - 1])), end
    if char == "(":
        end = _comment(text, at)
        return _Token("comment", re.sub(r"\\(.)", r"\1", text[at + 1 : end - 1])), end
    if char in "<>[]:;@,":
        return _Token(char, char), at + 1
    match = _ATOM.match(text, at)
    if match is None:  # a backslash or a control character outside quotes
        raise BadAddress("stray character")
    return _Token("atom", match[0]), match.end()


def _tokens(value: bytes) -> list[_Token]:
    """Tokens of a field. Raw 8-bit or JIS names become text first: their bytes may look like quotes and @."""
    if len(value) > _LIMIT:
        raise BadAddress("too long")
    text = charset.decode(value)
    if "\x00" in text:
        raise BadAddress("NUL")
    out: list[_Token] = []
    at = 0
    while at < len(text):
        token, at = _token(text, at)
        out.append(token)
    return out


def _split(tokens: list[_Token]) -> list[list[_Token]]:
    """Cut at the commas between mailboxes."""
    out: list[list[_Token]] = [[]]
    for token in tokens:
        if token.kind == ",":
            out.append([])
        else:
            out[-1].append(token)
    return out


def _spec(tokens: list[_Token]) -> str:
    """An addr-spec from its tokens; no comment or space may hide inside it (espoofer A17-A19)."""
    kinds = [token.kind for token in tokens]
    if kinds not in (["atom", "@", "atom"], ["quoted", "@", "atom"]):
        raise BadAddress("not an address")
    quote = '"' if kinds[0] == "quoted" else ""
    local = tokens[0].text.replace("\\", "\\\\").replace('"', '\\"') if quote else tokens[0].text
    address = _form(f"{quote}{local}{quote}@{tokens[2].text}")
    if address is None:
        raise BadAddress("not an address")
    return address


def _trimmed(tokens: list[_Token]) -> list[_Token]:
    start, end = 0, len(tokens)
    while start < end and tokens[start].kind in ("space", "comment"):
        start += 1
    while end > start and tokens[end - 1].kind in ("space", "comment"):
        end -= 1
    return tokens[start:end]


def _name(tokens: list[_Token]) -> str:
    """A display name: encoded words are read, also inside quotes, as Japanese mailers write them."""
    text = "".join(token.text for token in tokens if token.kind != "comment")
    return headers.clean(headers.words(text.encode("utf-8", "replace")))


def _mailbox(tokens: list[_Token]) -> Mailbox:
    kinds = [token.kind for token in tokens]
    if "<" not in kinds:
        comments = [token for token in tokens if token.kind == "comment"]
        name = headers.clean(headers.words(comments[-1].text.encode("utf-8", "replace"))) if comments else ""
        return Mailbox(name, _spec(_trimmed(tokens)))
    opened = kinds.index("<")
    if ">" not in kinds[opened:]:
        raise BadAddress("open angle")
    closed = kinds.index(">", opened)
    if any(kind not in ("space", "comment") for kind in kinds[closed + 1 :]):
        raise BadAddress("text after the address")
    phrase = tokens[:opened]
    address = _spec([token for token in tokens[opened + 1 : closed] if token.kind != "space"])
    bare = "".join(token.text for token in phrase).strip()
    allowed = ("space", "comment", "quoted", "atom", "[", "]")
    # An unquoted name with @ or : is a second address or a group to some readers, if not the address again.
    if any(token.kind not in allowed for token in phrase) and _form(bare) != address:
        raise BadAddress("not a display name")
    return Mailbox(_name(phrase), address)


def author(values: list[bytes]) -> Mailbox | None:
    """The one author, or None unless there is exactly one From field (`values`) holding exactly one address.

    Groups, routes, second addresses, text after the address, encoded addresses and NUL make it None: whoever
    cannot be named with certainty is nobody.
    """
    if len(values) != 1:
        return None
    try:
        elements = _split(_tokens(values[0]))
        if len(elements) != 1:
            return None
        found = _mailbox(elements[0])
    except BadAddress:
        return None
    return found


def recipients(values: list[bytes]) -> tuple[str, ...]:
    """The addresses of To or Cc fields that can be read with certainty, the rest left out. Never raises."""
    out: list[str] = []
    for value in values:
        try:
            elements = _split(_tokens(value))
        except BadAddress:
            continue
        for element in elements:
            try:
                out.append(_mailbox(_group_member(element)).address)
            except BadAddress:
                continue
    return tuple(dict.fromkeys(out))


def _group_member(tokens: list[_Token]) -> list[_Token]:
    """A mailbox out of `Group: a@b, c@d;`, which in To is harmless."""
    kinds = [token.kind for token in tokens]
    if ":" in kinds and "<" not in kinds[: kinds.index(":")]:
        tokens = tokens[kinds.index(":") + 1 :]
    return [token for token in tokens if token.kind != ";"]
