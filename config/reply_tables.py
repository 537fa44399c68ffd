"""The tables of ``config/replies/*.tsv``, loaded once: what words, codes and providers mean."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from config.reasons import Reason

TABLES = Path(__file__).parent / "replies"


@dataclass(frozen=True)
class Phrase:
    """Words of a reply; ``needs_rcpt`` = they mean it only in answer to RCPT TO or beside an X.1.y code."""

    reason: Reason
    needs_rcpt: bool
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Provider:
    """One provider's meaning of its words, sought in "reply-code enhanced-codes words"."""

    hosts: tuple[str, ...]
    stages: tuple[str, ...]
    pattern: re.Pattern[str]
    reason: Reason

    def here(self, names: tuple[str, ...], stage: str) -> bool:
        """Whether one of these names (domain, host) is the provider's, and the stage one of the rule's."""
        if not any(n == h or n.endswith("." + h) for n in names for h in self.hosts):
            return False
        return "*" in self.stages or (stage or "-") in self.stages


def rows(path: Path) -> list[list[str]]:
    """The rows of one of our tables: cells parted by tabs, # and empty lines skipped, the heading dropped."""
    lines = path.read_text(encoding="utf-8").splitlines()
    table = [[cell.strip() for cell in line.split("\t")] for line in lines if line and line[0] != "#"]
    return table[1:]


@cache
def texts() -> tuple[Phrase, ...]:
    """texts.tsv in its order: the first that is found decides."""
    return tuple(
        Phrase(Reason(row[0]), row[1] == "rcpt", re.compile(row[2])) for row in rows(TABLES / "texts.tsv")
    )


@cache
def providers() -> tuple[Provider, ...]:
    """providers.tsv in its order."""
    return tuple(
        Provider(tuple(row[0].split()), tuple(row[1].split()), re.compile(row[2]), Reason(row[3]))
        for row in rows(TABLES / "providers.tsv")
    )


@cache
def enhanced() -> dict[str, Reason]:
    """enhanced.tsv: "5.1.1", "x.2.2" (any class) or "x.7.x" (any class and detail) to its reason."""
    return {row[0]: Reason(row[1]) for row in rows(TABLES / "enhanced.tsv")}


@cache
def basic() -> dict[str, Reason]:
    """basic.tsv: the three-digit reply code to its reason."""
    return {row[0]: Reason(row[1]) for row in rows(TABLES / "basic.tsv")}
