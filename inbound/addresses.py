"""Says what an address of ours means: the name before `+` is a door, what follows it a token (DESIGN.md)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from config.settings import Addresses

LOCAL_LIMIT = 40
_TOKEN = re.compile(r"[a-z2-7]{1,24}")


class Meaning(StrEnum):
    """What somebody who writes to one of our addresses wants; the words stand in the ledger."""

    JOIN = "join"
    LEAVE = "leave"
    SETTINGS = "settings"
    DRAFT = "draft"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    STOP = "stop"
    OPERATORS = "operators"
    GENUINE = "genuine"
    SENDER = "sender"


# Who writes there: our staff and other mail servers, whose mails may be bigger (MODEL.md, arrivals).
BIG = frozenset({Meaning.DRAFT, Meaning.OPERATORS, Meaning.BOUNCE, Meaning.COMPLAINT})
_WITH_TOKEN = frozenset({Meaning.JOIN, Meaning.STOP, Meaning.BOUNCE})
_ONLY_WITH_TOKEN = frozenset({Meaning.BOUNCE})
# RFC 5321 section 4.5.1 and RFC 2142: these must reach a person, whatever the settings say.
_ALWAYS = {"postmaster": Meaning.OPERATORS, "abuse": Meaning.OPERATORS}


@dataclass(frozen=True)
class Meant:
    """A door and the token that was presented there, in lower case."""

    meaning: Meaning
    token: str | None = None


def table(names: Addresses) -> dict[str, Meaning]:
    """Local part → meaning. A name in the settings whose door is not built (partner, canary) is not in it."""
    built = {meaning.value for meaning in Meaning}
    own = {local.lower(): Meaning(name) for name, local in names.model_dump().items() if name in built}
    return _ALWAYS | own


def meant(address: str, doors: Mapping[str, Meaning], domain: str) -> Meant | None:
    """What `address` (unquoted, of any case) means, or None: unknown here, and refused at once with 550.

    Source: the address table of the settings; `+TOKEN` is at most 24 characters of base32 (MODEL.md, tokens).
    """
    local, at, host = address.lower().rpartition("@")
    if not at:  # RCPT TO:<postmaster> has no domain (RFC 5321 section 4.5.1)
        return Meant(Meaning.OPERATORS) if host == "postmaster" else None
    if host != domain.lower() or len(local) > LOCAL_LIMIT:
        return None
    name, plus, token = local.partition("+")
    meaning = doors.get(name)
    if meaning is None:
        return None
    if not plus:
        return None if meaning in _ONLY_WITH_TOKEN else Meant(meaning)
    if meaning not in _WITH_TOKEN or not _TOKEN.fullmatch(token):
        return None
    return Meant(meaning, token)
