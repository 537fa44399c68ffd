"""Which module imports which library, read from the source without running it."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("inbound", "outbound", "bot", "feeds", "store", "config")


@cache
def product() -> frozenset[tuple[str, str]]:
    """(path, top-level name) of every import in the six packages and the front door."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return _imports([*paths, ROOT / "hansho.py"])


@cache
def tests() -> frozenset[tuple[str, str]]:
    """The same of the tests."""
    return _imports(list((ROOT / "tests").rglob("*.py")))


def _imports(paths: list[Path]) -> frozenset[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for path in paths:
        place = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {(place, alias.name.partition(".")[0]) for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add((place, node.module.partition(".")[0]))
    return frozenset(found)
