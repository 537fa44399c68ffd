"""Tokens that fit a local part: signed ones for return paths and footers, random ones for a single use."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from string import ascii_lowercase

from store.models import Token

# 15 bytes are exactly 24 base32 characters (MODEL.md: at most 24, local part at most 40, case-blind).
_BYTES = 15
_MAC_BYTES = 9
_LENGTH = 24


class Signed(StrEnum):
    """What a signed token is for; each purpose has a key of its own."""

    RETURN_DELIVERY = "return-delivery"
    RETURN_LETTER = "return-letter"
    STOP = "stop"
    SETTINGS = "settings"


class Once(StrEnum):
    """What a random token is for; it works once, until it expires."""

    JOIN = "join"
    APPROVE = "approve"


_NUMBERS = {purpose: number for number, purpose in enumerate(Signed)}


def _encode(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").lower()


def _decode(token: str) -> bytes | None:
    if len(token) != _LENGTH or not token.isascii():
        return None
    try:
        return base64.b32decode(token.upper())
    except ValueError:
        return None


class Keys:
    """The town's token keys: the first signs, every one that is alive verifies (two at most, MODEL.md)."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        """(name, key), the signing one first; a name ends in its number, as `k1`. Raises ValueError."""
        numbered = [(int(name.lstrip(ascii_lowercase)), key) for name, key in keys]
        if not numbered or any(not 0 <= kid < 16 or len(key) < 32 for kid, key in numbered):
            raise ValueError("token keys are numbered 0 to 15 and hold at least 32 bytes each")
        if len(dict(numbered)) < len(numbered) or len(numbered) > 2:
            raise ValueError("two token keys may be alive, each with its own number")
        self._keys = dict(numbered)
        self._newest = numbered[0][0]
        self._ready: dict[tuple[int, Signed], tuple[hashlib._Hash, hashlib._Hash]] = {}

    def _mac(self, kid: int, purpose: Signed, body: bytes) -> bytes:
        inner, outer = (state.copy() for state in self._states(kid, purpose))
        inner.update(body)
        outer.update(inner.digest())
        return outer.digest()[:_MAC_BYTES]

    def _states(self, kid: int, purpose: Signed) -> "tuple[hashlib._Hash, hashlib._Hash]":
        """HMAC-SHA256 (RFC 2104) with the key already hashed in: three tokens a mail cost 8 microseconds, not 90."""
        found = self._ready.get((kid, purpose))
        if found is None:
            own = hmac.digest(self._keys[kid], b"hansho token " + purpose.encode(), "sha256").ljust(64, b"\0")
            inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in own)) for pad in (0x36, 0x5C))
            found = self._ready[kid, purpose] = (inner, outer)
        return found

    def sign(self, purpose: Signed, row: int) -> str:
        """The token that names `row` for `purpose`: 24 characters of a-z2-7."""
        body = bytes([self._newest << 4 | _NUMBERS[purpose]]) + row.to_bytes(_BYTES - _MAC_BYTES - 1, "big")
        return _encode(body + self._mac(self._newest, purpose, body))

    def read(self, purposes: Iterable[Signed], token: str) -> tuple[Signed, int] | None:
        """(purpose, row) of a token we signed for one of `purposes`; None for anything else."""
        raw = _decode(token)
        if raw is None:
            return None
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        kid, number = body[0] >> 4, body[0] & 15
        for purpose in purposes:
            if _NUMBERS[purpose] != number or kid not in self._keys:
                continue
            if hmac.compare_digest(mac, self._mac(kid, purpose, body)):
                return purpose, int.from_bytes(body[1:], "big")
        return None


def issue(purpose: Once, subject: int, *, now: datetime, lasts: timedelta, detail: object = None) -> str:
    """Make a one-time token; only its hash stays in the ledger."""
    token = _encode(secrets.token_bytes(_BYTES))
    Token.create(
        purpose=str(purpose),
        digest=_hash(purpose, token),
        subject_id=subject,
        detail=detail,
        created_at=now,
        expires_at=now + lasts,
    )
    return token


def _hash(purpose: Once, token: str) -> str:
    return hashlib.sha256(f"{purpose} {token.lower()}".encode()).hexdigest()


class TokenState(StrEnum):
    """What became of a one-time token that somebody presents."""

    GOOD = "good"
    USED = "used"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Presented:
    """A one-time token as the ledger knows it; `subject` is 0 and `detail` None when it is unknown."""

    state: TokenState
    subject: int
    detail: object


def look(purpose: Once, token: str, *, now: datetime) -> Presented:
    """Say what a token is worth; changes nothing (a GET may do this)."""
    row = Token.get_or_none((Token.purpose == str(purpose)) & (Token.digest == _hash(purpose, token)))
    if row is None:
        return Presented(TokenState.UNKNOWN, 0, None)
    if row.used_at is not None:
        return Presented(TokenState.USED, row.subject_id, row.detail)
    state = TokenState.EXPIRED if row.expires_at <= now else TokenState.GOOD
    return Presented(state, row.subject_id, row.detail)


def use(purpose: Once, token: str, *, now: datetime) -> Presented:
    """Use it up: of two callers at once only one is told GOOD."""
    mine = (Token.purpose == str(purpose)) & (Token.digest == _hash(purpose, token))
    fresh = mine & Token.used_at.is_null() & (Token.expires_at > now)
    if Token.update(used_at=now).where(fresh).execute():
        row = Token.get(mine)
        return Presented(TokenState.GOOD, row.subject_id, row.detail)
    return look(purpose, token, now=now)


def revoke(purpose: Once, subject: int, *, now: datetime) -> None:
    """Make every open token of this purpose for this row useless (as if used)."""
    open_ones = (Token.purpose == str(purpose)) & (Token.subject_id == subject) & Token.used_at.is_null()
    Token.update(used_at=now).where(open_ones).execute()
