"""What an approval card says, as plain values, and what becomes of it."""

from dataclasses import dataclass
from enum import StrEnum


class Realm(StrEnum):
    """Whether it is the real thing; each has words and colours of its own (R2)."""

    LIVE = "live"
    DRILL = "drill"
    TEST = "test"


class Action(StrEnum):
    """Action ids of the card's buttons."""

    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"
    READ = "read"
    STOP = "stop"


class Verdict(StrEnum):
    """What became of a card that was waiting."""

    APPROVED = "approved"
    RETURNED = "returned"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Card:
    """A version waiting for approval, in the words people read.

    `areas` are names; `count` as 約12,345件 or 12,345件; `carriers` one short line each (ドコモ 約4,000件);
    `release` 即時配信 or 予約配信 11月22日（日）8:30; `findings` of the checks (None: nothing was checked),
    `changes` since the version shown before and `steps` of a decision in stages, a sentence each; `version` is
    the token that binds a click to this text; `link` leads to the whole text (or None); `refers` names the
    bulletin corrected or retracted (or None).
    """

    number: str
    realm: Realm
    category: str
    level: str | None
    areas: tuple[str, ...]
    count: str
    carriers: tuple[str, ...]
    subject: str
    body: str
    author: str
    unit: str
    release: str
    version: str
    duration: str | None = None
    findings: tuple[str, ...] | None = ()
    changes: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    refers: str | None = None
    link: str | None = None


@dataclass(frozen=True)
class Outcome:
    """A decision on a card: `when` and `door` (Slack, メール …) as people read them, `note` the reason."""

    verdict: Verdict
    by: str
    when: str
    door: str
    note: str | None = None
    progress: str | None = None
    """How the delivery stands (配信中 1,200件 ／ 12,345件), or None."""
    by_rule: bool = False
    """Whether an acknowledged automatic rule decided, and no person."""
    stoppable: bool = False
    """Whether the delivery is under way and can be stopped (配信を中止する)."""


def button_value(number: str, version: str) -> str:
    """What a card's button carries: the bulletin and the version a click is about."""
    return f"{number} {version}"


def read_button_value(value: str) -> tuple[str, str] | None:
    """Number and version of a button's value, or None for anything that is not one of ours."""
    number, space, version = value.partition(" ")
    return (number, version) if number and space and version and " " not in version else None
