"""What the sink has counted: of which bulletin, at which destination, when."""

import base64
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from outbound.bench.crew import Asked

_Counts = Mapping[str, Mapping[str, tuple[int, int]]]


@dataclass(frozen=True)
class Count:
    """Mails accepted, and different people who got one."""

    mails: int = 0
    people: int = 0


class Counters:
    """The sink, asked. Times are seconds of time.monotonic(), which is the same clock in every process."""

    def __init__(self, sink: Asked, bulletins: Sequence[str]) -> None:
        self._sink = sink
        self._bulletins = bulletins

    def count(self, only: str | None = None) -> Count:
        """Of both bulletins, or of one."""
        told = cast(_Counts, self._sink.ask("counts"))
        wanted = self._bulletins if only is None else [only]
        found = [pair for number in wanted for pair in told.get(number, {}).values()]
        return Count(sum(mails for mails, _ in found), sum(people for _, people in found))

    def times(self) -> dict[str, dict[str, list[float]]]:
        """bulletin → destination → when each person's mail was accepted, ascending."""
        told = cast(Mapping[str, Mapping[str, str]], self._sink.ask("times"))
        return {
            number: {name: _unpacked(packed) for name, packed in told.get(number, {}).items()}
            for number in self._bulletins
        }

    def sample(self) -> bytes:
        """One mail that was accepted."""
        return base64.b64decode(cast(str, self._sink.ask("sample")))


def _unpacked(packed: str) -> list[float]:
    found = array("d")
    found.frombytes(base64.b64decode(packed))
    return sorted(found)
