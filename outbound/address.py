"""An address as the wire wants it: quoted where an old carrier address needs it, refused where unsafe."""

import re

# RFC 5321 section 4.1.2 (Dot-string), 4.5.3.1 (lengths).
_DOT_STRING = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_PRINTABLE = re.compile(r"[\x20-\x7e]+\Z")
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z"
)
_LITERAL = re.compile(r"\[[0-9A-Za-z:.]{2,60}\]\Z")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\Z')


class BadAddress(ValueError):
    """The address cannot stand in an envelope; the message says why and holds no address."""


def split(address: str) -> tuple[str, str]:
    """Unquoted local part and domain (lower case, A-labels) of an address in either form; raises
    BadAddress.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise BadAddress("no local part or no domain")
    quoted = _QUOTED.match(local)
    if quoted:
        local = re.sub(r"\\(.)", r"\1", quoted.group(1))
    if not _PRINTABLE.match(local):
        # Non-ASCII would need SMTPUTF8 (RFC 6531), which no carrier offers: refused before the wire.
        raise BadAddress("the local part holds a control character or is not ASCII")
    return local, _ascii_domain(domain)


def wire_form(address: str) -> str:
    """The address for MAIL, RCPT and To: ``a..b@docomo.ne.jp`` becomes ``"a..b"@docomo.ne.jp`` (RFC 5321
    4.1.2).

    Source: the canonical, unquoted form of the ledger (a quoted form is taken as well). Raises BadAddress.
    """
    local, domain = split(address)
    if not _DOT_STRING.match(local):
        local = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
    if len(local) > 66 or len(domain) > 255 or len(local) + len(domain) > 320:
        raise BadAddress("too long")
    return f"{local}@{domain}"


def _ascii_domain(domain: str) -> str:
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise BadAddress("the domain is not a domain") from error
    if not (_DOMAIN.match(domain) or _LITERAL.match(domain)):
        raise BadAddress("the domain is not a domain")
    return domain.lower()
