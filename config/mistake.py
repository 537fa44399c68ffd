"""One mistake somebody made in the configuration, told with its file and line."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """`file` as the operator knows it, `line` from 1 (None: the whole file), `message` in Japanese."""

    file: str
    line: int | None
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file} {self.line}行目"
        return f"{where}: {self.message}"


class BadConfig(Exception):
    """The configuration cannot be used; carries every mistake found, never only the first."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes
