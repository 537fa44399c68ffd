"""What people call the destinations of routes.yaml (ドコモ, そのほか), on cards, pages and reports."""

from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "letters" / "carriers.tsv"


def name_of(key: str) -> str:
    """The name of a route's destination; a route of the town's own making is called as it is."""
    return _names().get(key, key)


@cache
def _names() -> dict[str, str]:
    rows = (line.split("\t", 1) for line in FILE.read_text(encoding="utf-8").splitlines() if "\t" in line)
    return {key: name for key, name in rows if not key.startswith("#")}
