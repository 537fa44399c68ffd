"""ARCHITECTURE.md draws the tree that is there: one line a module, its docstring's first line.

Run as a program (`python tests/unit/test_architecture.py`), it writes the tree into the document.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "ARCHITECTURE.md"
PACKAGES = ("config", "store", "inbound", "outbound", "bot", "feeds")
BEGIN, END = (
    "<!-- tree: written by tests/unit/test_architecture.py -->\n```\n",
    "```\n<!-- end of the tree -->",
)


def purpose(path: Path) -> str:
    """The first line of a module's docstring, "" without one."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def lines(package: Path, depth: int = 0) -> list[str]:
    """A package and what it holds: modules by name, then packages in it."""
    found = [line(f"{package.name}/", purpose(package / "__init__.py"), depth)]
    modules = [path for path in sorted(package.glob("*.py")) if path.name != "__init__.py"]
    found += [line(path.name, purpose(path), depth + 1) for path in modules]
    for inner in sorted(path.parent for path in package.glob("*/__init__.py")):
        found += lines(inner, depth + 1)
    return found


def line(name: str, words: str, depth: int) -> str:
    return f"{'  ' * depth + name:<24} {words}".rstrip()


def tree() -> str:
    """The whole tree, as the document shows it."""
    found = [line("hansho.py", purpose(ROOT / "hansho.py"), 0)]
    for package in PACKAGES:
        found += lines(ROOT / package)
    return "\n".join(found) + "\n"


def drawn(text: str) -> str:
    """What the document shows now."""
    return text.partition(BEGIN)[2].partition(END)[0]


def test_the_tree_in_the_document_is_the_tree() -> None:
    right = tree()
    how = "write it with: python tests/unit/test_architecture.py"
    assert drawn(DOCUMENT.read_text(encoding="utf-8")) == right, f"{how}\n\n{right}"


def test_every_module_says_what_it_is_for() -> None:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    silent = [path.relative_to(ROOT).as_posix() for path in paths if not purpose(path)]
    assert not silent


def write() -> None:
    """Put the right tree into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    assert found, f"no {BEGIN!r} in {DOCUMENT.name}"
    DOCUMENT.write_text(before + BEGIN + tree() + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    write()
