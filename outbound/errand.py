"""One mail to carry: who sends it to whom, how its bytes are made, how long it is worth sending, and when again."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from outbound import retry
from store.queues import Lane

URGENCIES = {
    Lane.SIGN_IN: retry.Urgency.LIFE,
    Lane.LIFE: retry.Urgency.LIFE,
    Lane.IMMEDIATE: retry.Urgency.IMMEDIATE,
    Lane.ROUTINE: retry.Urgency.ROUTINE,
}


@dataclass(frozen=True, slots=True)
class Errand:
    """A leased row as a mail; `bulletin` None = a letter. `fill` makes the signed bytes, at the last moment."""

    id: int
    bulletin: int | None
    queue: int
    lane: Lane
    mail_from: str
    rcpt_to: str
    fill: Callable[[], bytes]
    attempts: int
    first_due: datetime
    not_after: datetime | None

    def stale(self, now: datetime) -> bool:
        """Nobody wants it any more, even if it was never tried: the senders were down for too long (R6)."""
        last = self.first_due + retry.PLANS[URGENCIES[self.lane]].lifetime
        return now >= (last if self.not_after is None else min(last, self.not_after))

    def again(self, now: datetime) -> datetime | None:
        """When to try again after a temporary failure now; None to give up."""
        return retry.next_due(
            attempts=self.attempts + 1,
            urgency=URGENCIES[self.lane],
            first_due=self.first_due,
            now=now,
            not_after=self.not_after,
            jitter=random.random(),  # noqa: S311 - spreads retries, guards nothing
        )
