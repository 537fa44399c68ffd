"""The destinations of a measurement: where residents' mailboxes are, and how each of their servers behaves."""

from dataclasses import dataclass
from enum import StrEnum


class Profile(StrEnum):
    """`sink`: servers that take everything at once; `carriers`: servers that behave as providers do."""

    SINK = "sink"
    CARRIERS = "carriers"


@dataclass(frozen=True, slots=True)
class Manners:
    """How a server answers: seconds of thought a mail, mails a second in all (0 = no limit), connections at once
    (0 = no limit, else 421), percent of recipients told 451 at their first attempt, `dead` = connection refused.
    """

    thought: float = 0.0
    per_second: float = 0.0
    connections: int = 0
    later_percent: int = 0
    dead: bool = False


@dataclass(frozen=True, slots=True)
class Destination:
    """A route of the town under measurement: its name, the one domain it takes, and what stands behind it.

    `kept`: connections the route keeps, for each worker in the profile `sink`, in all in `carriers`.
    """

    name: str
    domain: str
    kept: int
    manners: Manners = Manners()


def destinations(profile: Profile) -> tuple[Destination, ...]:
    """The last takes every other domain too."""
    return _CARRIERS if profile is Profile.CARRIERS else _SINK


_SINK = (
    Destination("docomo", "docomo.ne.jp", 5),
    Destination("au", "ezweb.ne.jp", 5),
    Destination("softbank", "softbank.ne.jp", 5),
    Destination("gmail", "gmail.com", 5),
    Destination("others", "example.jp", 5),
)
# Invented, but of the kinds operators meet: nobody publishes his limits.
_CARRIERS = (
    Destination("docomo", "docomo.ne.jp", 8, Manners(thought=0.03, per_second=200, later_percent=1)),
    Destination("au", "ezweb.ne.jp", 8, Manners(thought=0.05, per_second=150, later_percent=2)),
    # Allows fewer connections than the town's route thinks.
    Destination("softbank", "softbank.ne.jp", 4, Manners(thought=0.03, connections=3, later_percent=5)),
    Destination("gmail", "gmail.com", 16, Manners(thought=0.1)),
    Destination("dead", "dead.example.jp", 4, Manners(dead=True)),
    Destination("others", "example.jp", 8, Manners(thought=0.02)),
)
