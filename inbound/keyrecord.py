"""Reads the public key that a signing domain publishes in DNS (RFC 6376 section 3.6.1)."""

import base64
import binascii
import re
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

_TAG = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*(.*?)\s*", re.DOTALL)
_LIMIT = 8 * 1024
_MODULUS_LIMIT = 8192  # bits; larger ones only cost the verifier


class KeyUnavailable(Exception):
    """The key cannot be looked up now (no answer from DNS): a temporary condition."""


class BadKey(ValueError):
    """The record is there but gives no usable key; `code` is one of the codes of texts/proof_why.tsv."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Key:
    """A published key and its restrictions. `hashes` and `services` are empty where the record sets none."""

    public: RSAPublicKey | Ed25519PublicKey
    bits: int
    hashes: tuple[str, ...]
    services: tuple[str, ...]
    flags: tuple[str, ...]

    @property
    def kind(self) -> str:
        """`rsa` or `ed25519`, as in k= and in the first half of a=."""
        return "rsa" if isinstance(self.public, RSAPublicKey) else "ed25519"


def tags(text: str) -> dict[str, str] | None:
    """A tag=value list (RFC 6376 section 3.2), or None if it is malformed or names a tag twice."""
    found: dict[str, str] = {}
    pieces = text.split(";")
    if not pieces[-1].strip():
        pieces.pop()
    for piece in pieces:
        match = _TAG.fullmatch(piece)
        if match is None or match[1] in found:
            return None
        found[match[1]] = match[2]
    return found


def _listed(value: str | None) -> tuple[str, ...]:
    return tuple(word.strip().lower() for word in value.split(":")) if value is not None else ()


def _rsa(der: bytes) -> RSAPublicKey:
    try:
        public = load_der_public_key(der)  # reads SubjectPublicKeyInfo and bare RSAPublicKey alike
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("key-malformed") from error
    if not isinstance(public, RSAPublicKey) or public.key_size > _MODULUS_LIMIT:
        raise BadKey("key-malformed")
    return public


def parse(text: str) -> Key:
    """The key in a TXT record; raises BadKey (key-malformed, key-revoked)."""
    found = tags(text) if len(text) <= _LIMIT else None
    if found is None or "p" not in found or found.get("v", "DKIM1") != "DKIM1":
        raise BadKey("key-malformed")
    letters = re.sub(r"\s", "", found["p"])
    if not letters:
        raise BadKey("key-revoked")
    try:
        material = base64.b64decode(letters, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadKey("key-malformed") from error
    kind = found.get("k", "rsa")
    public: RSAPublicKey | Ed25519PublicKey
    if kind == "rsa":
        public = _rsa(material)
    elif kind == "ed25519" and len(material) == 32:  # RFC 8463: the bare 32 octets
        public = Ed25519PublicKey.from_public_bytes(material)
    else:
        raise BadKey("key-malformed")
    bits = public.key_size if isinstance(public, RSAPublicKey) else 256
    services = tuple(service for service in _listed(found.get("s")) if service != "*")
    if "*" in _listed(found.get("s")):
        services = ()
    return Key(public, bits, _listed(found.get("h")), services, _listed(found.get("t")))
