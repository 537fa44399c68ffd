"""What operators must hear of at once: a letter to each of them, at most one an hour for each cause (R8, R15)."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from store import letters, people
from store.letters import Purpose
from store.people import Right


class Cause(StrEnum):
    """Everything that pages an operator; the sentences are config's (config/letters/alerts.tsv)."""

    HELD = "held"
    FEED_DEAD = "feed-dead"
    CEILING = "ceiling"
    NOT_READ = "not-read"
    NOT_MAILED = "not-mailed"


def alert(cause: Cause, about: str, details: Mapping[str, str], *, now: datetime) -> int:
    """Write to everybody who operates; returns how many letters, 0 when the hour has had one of this cause.

    `about` tells causes of one kind apart (a feed's name, a code); it may come from outside and is cut.
    """
    cause = Cause(cause)
    written = 0
    for operator in people.holders(Right.OPERATE, None, now=now):
        made = letters.write(
            Purpose.OPERATOR_ALERT,
            operator.address,
            {"cause": str(cause), "at": now.isoformat(), **{k: str(v)[:200] for k, v in details.items()}},
            now=now,
            person=operator.id,
            once=f"alert {cause} {about[:80]} {now:%Y%m%d%H} {operator.id}",
        )
        written += made is not None
    return written
