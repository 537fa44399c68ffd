"""Verifies each DKIM signature of a mail; the one importer of dkimpy for verification.

dkimpy's canonicalisation and arithmetic are used through its DKIM class. Parsing of the mail, the tags and
the key is ours: dkimpy asks the wall clock about t= and x=, needs PyNaCl for ed25519, cuts the header in its
own way, and its regular expressions take quadratic time on long runs of white space.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import dkim
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from inbound.headers import FIELD_LIMIT, Field, Sheet
from inbound.keyrecord import BadKey, Key, KeyUnavailable, parse, tags

SIGNATURE_LIMIT = 10
_DOMAIN = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})+")
_SELECTOR = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,120})")
_MANDATORY = ("v", "a", "b", "bh", "d", "h", "s")
_CANONICAL = re.compile(r"(?:simple|relaxed)(?:/(?:simple|relaxed))?")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+=?\s*=?\s*")

KeyLookup = Callable[[str], str | None]


class Result(StrEnum):
    """What became of one signature, in the words of RFC 8601."""

    PASS = "pass"  # noqa: S105 - a result, no password
    FAIL = "fail"
    NONE = "none"
    PERMERROR = "permerror"
    TEMPERROR = "temperror"


@dataclass(frozen=True)
class Signature:
    """One signature: its result, what it says of itself, and `why` codes of what keeps it unbelieved.

    `covered` are the names of h= whose every occurrence in the mail is signed. `signed` and `expires` are t=
    and x= in seconds since 1970, or None.
    """

    result: Result
    domain: str | None
    selector: str | None
    algorithm: str | None
    covered: tuple[str, ...]
    signed: int | None
    expires: int | None
    why: tuple[str, ...]


class _Refused(Exception):
    """A signature that cannot be verified: permerror, with its code."""


class _Ed25519:
    """What dkimpy expects of a PyNaCl key, made of cryptography; it remembers instead of raising."""

    def __init__(self, public: Ed25519PublicKey) -> None:
        self._public = public
        self.good = False

    def verify(self, digest: bytes, signature: bytes) -> None:
        try:
            self._public.verify(signature, digest)
            self.good = True
        except InvalidSignature:
            self.good = False


def _well_formed(found: dict[str, str] | None) -> bool:
    """The syntax of RFC 6376 section 3.5, as far as anything depends on it."""
    if found is None or any(not found.get(tag) for tag in _MANDATORY) or found["v"] != "1":
        return False
    if not _DOMAIN.fullmatch(found["d"].lower()) or not _SELECTOR.fullmatch(found["s"]):
        return False
    if not _CANONICAL.fullmatch(found.get("c", "simple")) or found.get("q", "dns/txt") != "dns/txt":
        return False
    if not all(_BASE64.fullmatch(found[tag]) for tag in ("b", "bh")):
        return False
    return all(found[tag].isascii() and found[tag].isdecimal() and len(found[tag]) <= 12
               for tag in ("t", "x") if tag in found)  # fmt: skip


def _identity_fits(found: dict[str, str], strict: bool) -> bool:
    """i= must lie in d=, and be d= itself where the key says t=s."""
    identity = found.get("i", "@" + found["d"]).rpartition("@")[2].lower()
    domain = found["d"].lower()
    return identity == domain or (not strict and identity.endswith("." + domain))


def _names(found: dict[str, str]) -> list[str]:
    return [name.strip().lower() for name in found["h"].split(":")]


def _covered(names: list[str], sheet: Sheet) -> tuple[str, ...]:
    return tuple(dict.fromkeys(n for n in names if names.count(n) >= len(sheet.all(n))))


def _key(found: dict[str, str], keys: KeyLookup) -> Key:
    record = keys(f"{found['s']}._domainkey.{found['d'].lower()}")
    if record is None:
        raise _Refused("key-missing")
    try:
        key = parse(record)
    except BadKey as error:
        raise _Refused(error.code) from error
    algorithm, _, digest = found["a"].partition("-")
    if key.kind != algorithm:
        raise _Refused("key-other-algorithm")
    if key.services and "email" not in key.services:
        raise _Refused("key-service")
    if key.hashes and digest not in key.hashes:
        raise _Refused("key-hash")
    if key.kind == "rsa" and key.bits < 1024:  # RFC 8301: must not be considered valid
        raise _Refused("key-weak")
    if not _identity_fits(found, "s" in key.flags):
        raise _Refused("signature-malformed")
    return key


def _relaxed_body(body: bytes) -> bytes:
    """White space reduced in linear time, so that dkimpy's own reduction finds nothing left to do."""
    return b"\r\n".join(re.sub(rb"[\t ]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n"))


def _genuine(field: Field, found: dict[str, str], key: Key, sheet: Sheet) -> bool:
    """dkimpy's verification of one signature over our own cut of the mail; raises its ValidationError."""
    machine = dkim.DKIM(minkey=1)
    machine.headers = [[f.raw_name, f.value + b"\r\n"] for f in sheet.fields]
    relaxed = found.get("c", "simple").endswith("/relaxed")
    machine.body = _relaxed_body(sheet.body) if relaxed else sheet.body
    machine.ktag, machine.keysize = key.kind.encode(), key.bits
    if isinstance(key.public, RSAPublicKey):
        numbers = key.public.public_numbers()
        machine.pk = {"modulus": numbers.n, "publicExponent": numbers.e}
    else:
        machine.pk = _Ed25519(key.public)
    fields = {tag.encode(): value.encode() for tag, value in found.items()}
    names = [name.encode() for name in _names(found)]
    good = machine.verify_sig_process(fields, names, (field.raw_name, field.value + b"\r\n"), None)
    return bool(good) and (not isinstance(machine.pk, _Ed25519) or machine.pk.good)


def _doubts(found: dict[str, str], key: Key) -> list[str]:
    """What a valid signature may still not say: nothing of this is ever believed (MAIL.md section 8)."""
    out = ["length-tag"] if "l" in found else []
    if key.kind == "rsa" and key.bits < 2048:
        out.append("key-weak")
    if "y" in key.flags:
        out.append("key-testing")
    return out


def _acceptable(found: dict[str, str]) -> None:
    """What must hold before any key is asked for; raises _Refused."""
    if found["a"] not in ("rsa-sha256", "ed25519-sha256"):  # rsa-sha1: RFC 8301 section 3.1
        raise _Refused("algorithm")
    length = found.get("l", "0")
    if "from" not in _names(found) or not (length.isascii() and length.isdecimal() and len(length) <= 12):
        raise _Refused("signature-malformed")


def _verified(field: Field, found: dict[str, str], sheet: Sheet, keys: KeyLookup) -> tuple[Result, list[str]]:
    try:
        _acceptable(found)
        key = _key(found, keys)
        if _genuine(field, found, key, sheet):
            return Result.PASS, _doubts(found, key)
    except _Refused as error:
        return Result.PERMERROR, [str(error)]
    except KeyUnavailable:
        return Result.TEMPERROR, ["key-unavailable"]
    except dkim.ValidationError:  # after our own checks only the body hash is left to raise it
        return Result.FAIL, ["body-changed"]
    except (dkim.DKIMException, ValueError):
        return Result.PERMERROR, ["signature-malformed"]
    return Result.FAIL, ["signature-broken"]


def _one(field: Field, sheet: Sheet, keys: KeyLookup) -> Signature:
    text = re.sub(rb"\r?\n(?=[ \t])", b"", field.value)
    found = tags(text.decode("ascii")) if text.isascii() and len(text) <= FIELD_LIMIT else None
    if found is None or not _well_formed(found):
        known = found or {}
        return Signature(Result.PERMERROR, known.get("d"), known.get("s"), known.get("a"), (), None, None,
                         ("signature-malformed",))  # fmt: skip
    result, why = _verified(field, found, sheet, keys)
    return Signature(
        result=result,
        domain=found["d"].lower(),
        selector=found["s"],
        algorithm=found["a"],
        covered=_covered(_names(found), sheet),
        signed=int(found["t"]) if "t" in found else None,
        expires=int(found["x"]) if "x" in found else None,
        why=tuple(why),
    )


def verify(sheet: Sheet, keys: KeyLookup) -> tuple[Signature, ...]:
    """Every DKIM-Signature of a mail, top first; those after the tenth are not looked at (result none).

    `sheet` has CRLF line ends. `keys` answers the TXT record of a name or None, and may raise KeyUnavailable.
    """
    fields = [field for field in sheet.fields if field.name == "dkim-signature"]
    unread = Signature(Result.NONE, None, None, None, (), None, None, ("too-many-signatures",))
    return tuple(
        _one(field, sheet, keys) if number < SIGNATURE_LIMIT else unread
        for number, field in enumerate(fields)
    )
