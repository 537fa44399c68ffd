"""What became of a telegram, as it is recorded on it."""

from collections.abc import Iterable
from dataclasses import dataclass

from store.states import TelegramState


@dataclass(frozen=True, slots=True)
class Outcome:
    """`why`: the numbers of its bulletins, separated by spaces (understood), else a code."""

    state: TelegramState
    why: str


def made(numbers: Iterable[str]) -> Outcome:
    """It became bulletins; store.units finds them by these numbers when it is corrected or taken back."""
    return Outcome(TelegramState.UNDERSTOOD, " ".join(numbers))


def passed(why: str) -> Outcome:
    """Recorded, and nobody is told."""
    return Outcome(TelegramState.PASSED, why)
