"""The Japanese sentences of our answers, one table a kind, in texts/: code, what is the matter, what to do."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TEXTS = Path(__file__).with_name("texts")


@dataclass(frozen=True)
class Said:
    """Why something was not done, and how to go on."""

    what: str
    how: str


@cache
def _table(name: str) -> dict[str, tuple[str, str]]:
    rows = (line.split("\t") for line in (TEXTS / name).read_text("utf-8").splitlines() if line)
    return {code: (what, how) for code, what, how in rows}


def codes(name: str) -> list[str]:
    """Every code of a table."""
    return list(_table(name))


def say(name: str, code: str, words: Mapping[str, str]) -> Said:
    """The sentences for a code, its `$names` filled from `words`. Raises KeyError for a code not in the table."""
    what, how = _table(name)[code]
    return Said(string.Template(what).substitute(words), string.Template(how).substitute(words))
