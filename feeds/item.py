"""One thing a telegram says of one area: what, how strong, what changed, and whom it concerns."""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What the telegram does to the area (CONTRACTS.md, telegram)."""

    ISSUE = "issue"
    RAISE = "raise"
    LOWER = "lower"
    LIFT = "lift"
    CONTINUE = "continue"
    REPORT = "report"
    CORRECT = "correct"
    CANCEL = "cancel"
    UNKNOWN = "unknown"


class Audience(StrEnum):
    """Who hears of it: those who chose it, those who got what is now corrected, or nobody."""

    SUBSCRIBERS = "subscribers"
    RECIPIENTS = "recipients"
    NOBODY = "nobody"


class Realm(StrEnum):
    """Control/Status in our words (LESSONS R1)."""

    LIVE = "live"
    DRILL = "drill"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Area:
    """`code` is `system:number` (CONTRACTS.md), `name` as the telegram writes it."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """`level` is the word of CONTRACTS.md in force after the telegram, `rank` the same as a small integer of
    the category's scale (0 = nothing in force); `last_*` the same before it (0 and None = nothing, or not
    said). `told` is false where even a live telegram is not told to people: a continuation, an unknown code,
    a second copy."""

    phenomenon: str
    kind: str | None
    kind_name: str | None
    level: str | None
    rank: int
    areas: tuple[Area, ...]
    action: Action
    to: Audience = Audience.NOBODY
    last_kind: str | None = None
    last_kind_name: str | None = None
    last_level: str | None = None
    last_rank: int = 0
    sentences: tuple[str, ...] = ()
    told: bool = True

    @property
    def match_rank(self) -> int:
        """The rank a resident's minimum is compared with: who was told of the higher level hears its end."""
        return max(self.rank, self.last_rank)

    @property
    def mail(self) -> bool:
        return self.to is Audience.SUBSCRIBERS
