"""The stand-in's bad days, for tests: what shall go wrong with the next calls of a method."""

from collections import defaultdict, deque
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a call goes wrong."""

    ERROR = "error"
    """500 with a body that is not JSON; nothing was done."""
    LIMITED = "limited"
    """429 with Retry-After; nothing was done."""
    LOST = "lost"
    """It was done, but the connection breaks before the answer."""
    REFUSED = "refused"
    """200 with `ok: false` and `code`; nothing was done."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong; `retry_after` in seconds, `code` for a refusal."""

    kind: Kind
    retry_after: int = 1
    code: str = "fatal_error"


class Faults:
    """Faults waiting for their call, by method name."""

    def __init__(self) -> None:
        """Nothing goes wrong at first."""
        self._waiting: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def add(self, method: str, fault: Fault, times: int = 1) -> None:
        """The next `times` calls of `method` (as `chat.postMessage`) meet this fault."""
        self._waiting[method].extend([fault] * times)

    def take(self, method: str) -> Fault | None:
        """The fault for a call that has just come in, or None."""
        waiting = self._waiting[method]
        return waiting.popleft() if waiting else None
