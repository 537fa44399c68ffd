"""When a deferred mail is tried again, and when it is given up: pure arithmetic on a table."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Urgency(StrEnum):
    """Of a category (MODEL.md): life-safety, immediate, routine."""

    LIFE = "life"
    IMMEDIATE = "immediate"
    ROUTINE = "routine"


@dataclass(frozen=True, slots=True)
class Plan:
    """``first`` delay, multiplied by ``growth`` after each failure up to ``longest``; given up after
    ``lifetime``.
    """

    first: timedelta
    growth: float
    longest: timedelta
    lifetime: timedelta


# Greylisting lets the second try pass after 1 to 5 minutes, so the urgent ones come back soon and often.
# RFC 5321 section 4.5.4.1 asks ordinary mail to be tried for days; an old alert is worth less than its quiet.
PLANS = {
    Urgency.LIFE: Plan(timedelta(seconds=15), 1.6, timedelta(minutes=5), timedelta(hours=24)),
    Urgency.IMMEDIATE: Plan(timedelta(seconds=30), 2.0, timedelta(minutes=30), timedelta(hours=48)),
    Urgency.ROUTINE: Plan(timedelta(minutes=2), 3.0, timedelta(hours=4), timedelta(hours=72)),
}


def next_due(
    *,
    attempts: int,
    urgency: Urgency,
    first_due: datetime,
    now: datetime,
    not_after: datetime | None,
    jitter: float,
) -> datetime | None:
    """When attempt ``attempts`` + 1 is due, or None to give up.

    ``attempts`` >= 1 have failed; ``first_due`` is when the first was due; ``not_after`` the bulletin's own
    end; ``jitter`` in [0, 1) spreads the delay over 80-120 % so that a thousand refused together do not
    return together.
    """
    plan = PLANS[urgency]
    # The exponent is capped: 3.0 ** 1000 is no timedelta.
    delay = min(plan.first * plan.growth ** min(attempts - 1, 16), plan.longest)
    due = now + delay * (0.8 + 0.4 * jitter)
    last = first_due + plan.lifetime
    if not_after is not None:
        last = min(last, not_after)
    return due if due <= last else None
