"""The life cycles in ARCHITECTURE.md are those of store/states.py, word for word, both ways."""

import re
from pathlib import Path

import pytest

from store.states import CYCLES, Cycle

PAPER = Path(__file__).parents[2] / "ARCHITECTURE.md"
HEADER = "| from | may become |"
NOTHING = "–"


def table(cycle: Cycle) -> str:
    """The table of a cycle as the paper must show it."""
    rows = [
        f"| {source} | {', '.join(str(to) for to in cycle.table if to in targets) or NOTHING} |"
        for source, targets in cycle.table.items()
    ]
    return "\n".join([f"### {cycle.name}", "", HEADER, "| --- | --- |", *rows])


def written(paper: str, name: str) -> dict[str, set[str]] | None:
    """What the paper says of a cycle: state → the states it may become; None when it has no such table."""
    section = re.search(rf"^### {re.escape(name)}$(.*?)(?=^#|\Z)", paper, re.MULTILINE | re.DOTALL)
    if section is None or HEADER not in section[1]:
        return None
    found: dict[str, set[str]] = {}
    for line in section[1].split(HEADER)[1].strip().splitlines()[1:]:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or len(cells) < 2:
            break
        found[cells[0].strip("`")] = {to.strip(" `") for to in cells[1].split(",")} - {"", NOTHING, "-"}
    return found


def said(cycle: Cycle) -> dict[str, set[str]]:
    return {str(source): {str(to) for to in targets} for source, targets in cycle.table.items()}


@pytest.mark.parametrize("cycle", CYCLES, ids=lambda cycle: cycle.name)
def test_the_paper_says_what_the_code_does(cycle: Cycle) -> None:
    paper = PAPER.read_text(encoding="utf-8") if PAPER.exists() else ""
    if written(paper, cycle.name) != said(cycle):
        pytest.fail(f"{PAPER.name} must show this, or store/states.py must change:\n\n{table(cycle)}\n")


@pytest.mark.parametrize("cycle", CYCLES, ids=lambda cycle: cycle.name)
def test_the_reading_of_a_table(cycle: Cycle) -> None:
    paper = f"# x\n\n{table(cycle)}\n\n### other\n\ntext"
    assert written(paper, cycle.name) == said(cycle)
    assert written(paper, "other") is None
    first = next(iter(cycle.table))
    assert written(paper.replace(f"| {first} |", "| somewhere |", 1), cycle.name) != said(cycle)


@pytest.mark.parametrize("cycle", CYCLES, ids=lambda cycle: cycle.name)
def test_every_state_has_its_row_and_an_end_can_be_reached(cycle: Cycle) -> None:
    targets = {to for may in cycle.table.values() for to in may}
    assert targets <= set(cycle.table)
    assert {state for state, may in cycle.table.items() if not may} <= targets
