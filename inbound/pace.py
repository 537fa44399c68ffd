"""How often something may happen for one domain in an hour; forgotten at a restart, which only makes us kinder."""

import threading
from collections import deque
from datetime import datetime, timedelta

WINDOW = timedelta(hours=1)
# One carrier may hold half a town that reads of us in the paper on one day; a flood of forged joins is more.
JOINS_OF_A_DOMAIN = 2000
_DOMAINS = 10_000


class Pace:
    """Counts by key within the last hour; safe to use from several threads."""

    def __init__(self, most: int = JOINS_OF_A_DOMAIN) -> None:
        self._most = most
        self._times: dict[str, deque[datetime]] = {}
        self._lock = threading.Lock()

    def allows(self, key: str, now: datetime) -> bool:
        """Count one more for this key, or say no."""
        with self._lock:
            times = self._times.setdefault(key, deque())
            while times and times[0] <= now - WINDOW:
                times.popleft()
            if len(times) >= self._most:
                return False
            times.append(now)
            if len(self._times) > _DOMAINS:
                self._times = {name: kept for name, kept in self._times.items() if kept[-1] > now - WINDOW}
            return True
