"""One incident is one thread of mails: which thread a bulletin belongs to, and as which report of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from feeds.telegram import Telegram
from store import bulletins, watch

# The EventID (or the day of a forecast) names one incident. Elsewhere it names an office, a river or a volcano, and
# there an incident lasts as long as something of it is in force.
_NAMED: Final = ("VXSE", "VTSE", "VPBS", "VPFT", "VPFD", "VFVO56")


@dataclass(frozen=True, slots=True)
class Thread:
    """`earlier`: the bulletins of this incident and category, oldest first."""

    key: str
    earlier: tuple[int, ...]

    @property
    def n(self) -> int:
        """第n報; 1 is the first."""
        return len(self.earlier) + 1


def thread(telegram: Telegram, event_key: str, category: int, *, ends: bool, now: datetime) -> Thread:
    """The thread of a bulletin about to be written. `ends`: it runs out by itself. Runs inside a verb."""
    key = event_key
    if not (telegram.type or "").startswith(_NAMED):
        before = watch.standing(event_key, since=now if ends else None)
        known = bulletins.view(before).event_key if before is not None else None
        key = known or f"{event_key}:{now:%Y%m%d%H%M%S}"
    return Thread(key, tuple(bulletins.issued(key, category)))
