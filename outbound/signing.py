"""DKIM signatures (RFC 6376, relaxed/relaxed, rsa-sha256), made so that what is shared is hashed once.

The RSA operation is 246 of about 280 microseconds a mail; so the key is parsed once, the digest of the
constant headers and of the shared front of the body is kept as a state that is copied, and dkimpy is left to
the tests, where it verifies every variant.
"""

import base64
import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from outbound.headers import Field

# Signed always, once more often than present, so that none can be added in front of the reader's eyes.
SIGNED = (
    "from",
    "subject",
    "date",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "auto-submitted",
    "list-id",
    "sender",
    "cc",
    "reply-to",
    "to",
    "message-id",
    "in-reply-to",
    "references",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "x-hansho-realm",
)

_PADDING = padding.PKCS1v15()
_HASH = utils.Prehashed(hashes.SHA256())
_WSP = re.compile(rb"[ \t]+")


class BadKey(ValueError):
    """The file holds no private key that may sign: not RSA, under 2048 bits, or unreadable."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What all mails of one text share: the digest state of the constant headers, and the signature's own
    frame.
    """

    state: "hashlib._Hash"
    wire: bytes
    canonical: bytes


class Signer:
    """Signs for one domain with one selector; safe to share between threads (the key is read-only)."""

    def __init__(self, key: rsa.RSAPrivateKey, domain: str, selector: str) -> None:
        if key.key_size < 2048:
            raise BadKey(f"RSA key of {key.key_size} bits; 2048 are needed")
        self._key = key
        self.domain = domain.encode("idna").decode("ascii").lower()
        self.selector = selector

    @classmethod
    def from_pem(cls, path: Path, domain: str, selector: str) -> "Signer":
        """Signer with the unencrypted PEM key (PKCS#8 or PKCS#1) at ``path``; raises BadKey, OSError."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except (ValueError, TypeError) as error:
            raise BadKey(f"{path.name}: no PEM private key") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise BadKey(f"{path.name}: not an RSA key")
        return cls(key, domain, selector)

    def public_record(self) -> str:
        """Value of the TXT record at ``<selector>._domainkey.<domain>`` (RFC 6376 section 3.6.1)."""
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode("ascii")

    def seal(self, constant: Sequence[Field], varying: Iterable[str], when: datetime) -> Seal:
        """Digest state after ``constant`` (each name at most once), ready for the ``varying`` names in their
        order.

        Varying names are listed twice whether a mail has them or not: a name listed more often than present
        covers its absence (RFC 6376 section 5.4.2), so h= is the same for all mails of the text.
        """
        late = list(varying)
        present = [field.name.decode("ascii") for field in constant]
        absent = [name for name in SIGNED if name not in present and name not in late]
        names = present + present + late + late + absent
        state = hashlib.sha256(b"".join(field.canonical for field in constant))
        tags = (
            "v=1; a=rsa-sha256; c=relaxed/relaxed;",
            f"d={self.domain}; s={self.selector}; t={int(when.timestamp())};",
            *_folded_names(names),
            "bh=",
        )
        return Seal(
            state,
            b"DKIM-Signature: " + "\r\n ".join(tags).encode("ascii"),
            b"dkim-signature:" + " ".join(tags).encode("ascii"),
        )

    def signature(self, seal: Seal, varying: bytes, body: bytes) -> bytes:
        """The DKIM-Signature field, for ``varying`` canonical fields and the SHA-256 digest ``body``."""
        bh = base64.b64encode(body)
        state = seal.state.copy()
        state.update(varying + seal.canonical + bh + b"; b=")
        b = base64.b64encode(self._key.sign(state.digest(), _PADDING, _HASH))
        lines = b"\r\n ".join(b[i : i + 72] for i in range(0, len(b), 72))
        return seal.wire + bh + b";\r\n b=" + lines + b"\r\n"

    def sign(self, message: bytes, when: datetime) -> bytes:
        """``message`` (any, CRLF) with a signature on top: the slow way, for a mail that no template stands
        behind.

        Every field of SIGNED is covered with all its occurrences and once more. Source: RFC 6376 section
        3.4, 5.4.
        """
        head, _, body = message.partition(b"\r\n\r\n")
        fields = [_relaxed(raw) for raw in re.split(rb"\r\n(?![ \t])", head)]
        # Section 5.4.2: of several fields with one name the last is hashed first.
        covered = [
            field for name in SIGNED for field in reversed(fields) if field.name == name.encode("ascii")
        ]
        seal = self.seal(covered, (), when)
        return self.signature(seal, b"", hashlib.sha256(relaxed_body(body)).digest()) + message


def relaxed_body(body: bytes) -> bytes:
    """Canonical form of a CRLF body (RFC 6376 section 3.4.4)."""
    lines = [_WSP.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def generate(path: Path) -> None:
    """A new RSA-2048 key at ``path`` (PKCS#8 PEM, mode 0600); raises FileExistsError rather than overwrite
    one.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)


def _relaxed(raw: bytes) -> Field:
    name, _, value = raw.partition(b":")
    lower = name.strip(b" \t").lower()
    canonical = _WSP.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return Field(lower, raw + b"\r\n", lower + b":" + canonical + b"\r\n")


def _folded_names(names: Sequence[str]) -> list[str]:
    """``h=`` in lines of about 70 characters; RFC 6376 section 3.5 allows white space around each colon."""
    lines, line = [], "h="
    for name in names:
        if len(line) + len(name) > 70:
            lines.append(line)
            line = ""
        line += name + ":"
    return [*lines, line.removesuffix(":") + ";"]
