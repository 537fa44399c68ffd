"""What the ledger's refusals mean in Japanese, for pages and commands: a code, a sentence that says what to do."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template

FILE = Path(__file__).parent / "letters" / "refusals.tsv"


def sentence(code: str, values: Mapping[str, str]) -> str:
    """The sentence of a code, filled; an unknown code is named, so that it can be reported."""
    template = _table().get(code) or _table()["other"]
    return template.safe_substitute({"code": code, **values})


def told(error: Exception) -> str:
    """An error as an operator is told it: the sentence of its code if the ledger gave one, else its own words."""
    code, values = getattr(error, "code", None), getattr(error, "values", None)
    return sentence(code, values) if isinstance(code, str) and isinstance(values, Mapping) else str(error)


@cache
def _table() -> dict[str, Template]:
    rows = [line.split("\t", 1) for line in FILE.read_text(encoding="utf-8").splitlines() if "\t" in line]
    return {code: Template(text) for code, text in rows if not code.startswith("#")}


def codes() -> frozenset[str]:
    """Every code that has a sentence of its own."""
    return frozenset(_table())
