"""What an operators' alert says in Japanese: a code of the ledger, a title, what happened, what to do."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from string import Template
from zoneinfo import ZoneInfo

FILE = Path(__file__).parent / "letters" / "alerts.tsv"
_TOKYO = ZoneInfo("Asia/Tokyo")


def words(params: Mapping[str, object]) -> dict[str, str]:
    """The parameters of the letter from those the ledger kept (`cause`, `at` as ISO 8601, and the cause's own)."""
    values = {name: " ".join(str(value).split()) for name, value in params.items()}
    title, what, how = _table()[values["cause"]]
    at = datetime.fromisoformat(values["at"]).astimezone(_TOKYO)
    return {
        "title": title,
        "what": Template(what).safe_substitute(values),
        "how": Template(how).safe_substitute(values),
        "at": f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}",
    }


@cache
def _table() -> dict[str, tuple[str, str, str]]:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if "\t" in line and not line.startswith("#"))
    return {code: (title, what, how) for code, title, what, how in rows}


def codes() -> frozenset[str]:
    """Every cause that has its sentences."""
    return frozenset(_table())
