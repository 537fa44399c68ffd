"""How fast we may ask Slack: about one message a second and channel, fifty changes a minute, short bursts allowed."""

import asyncio
from collections.abc import Callable


class Pace:
    """A bucket of turns. What is urgent never waits for a turn, but takes one, so that the others wait longer."""

    def __init__(self, burst: int, seconds: float, now: Callable[[], float] | None = None) -> None:
        """`burst` turns at once, then one every so many `seconds`."""
        self._burst = float(burst)
        self._seconds = seconds
        self._now = now or (lambda: asyncio.get_running_loop().time())
        self._turns = float(burst)
        self._at: float | None = None

    def wait(self, *, urgent: bool = False) -> float:
        """Take a turn; the seconds to wait before using it."""
        now = self._now()
        since = 0.0 if self._at is None else now - self._at
        self._at = now
        self._turns = min(self._burst, self._turns + since / self._seconds) - 1
        return 0.0 if urgent or self._turns >= 0 else -self._turns * self._seconds

    async def turn(self, *, urgent: bool = False) -> None:
        """Wait until it is our turn."""
        if (seconds := self.wait(urgent=urgent)) > 0:
            await asyncio.sleep(seconds)
