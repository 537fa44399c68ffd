"""What the source itself must say: one writer of states, one writer of `sent`, a closed list of letters."""

import ast
import hashlib
import re
from pathlib import Path

import pytest

from store import letters
from store.db import Store
from store.letters import Purpose
from tests.ledger import acts
from tests.ledger.conftest import NOW

STORE = Path(__file__).parents[2] / "store"
LETTERS = STORE.parent / "config" / "letters"
SOURCES = sorted(STORE.glob("*.py"))


def _updates_state(tree: ast.AST) -> list[int]:
    """Lines that set a `state` in an update: Model.update(state=…), Model.update({"state": …}), row.state = …, SQL."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update":
            named = any(word.arg == "state" for word in node.keywords)
            keyed = any("state" in ast.unparse(argument) for argument in node.args)
            if named or keyed:
                lines.append(node.lineno)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Attribute) and one.attr == "state" for one in targets):
                lines.append(node.lineno)
        text = node.value if isinstance(node, ast.Constant) else None
        if (
            isinstance(node, ast.Constant)
            and isinstance(text, str)
            and re.search(r"\bSET\b[^?]*?\bstate\s*=", text)
        ):
            lines.append(node.lineno)
        if isinstance(node, ast.Attribute) and node.attr in (
            "save",
            "bulk_update",
            "set_by_id",
            "replace_many",
        ):
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_only_moves_writes_a_state(source: Path) -> None:
    found = _updates_state(ast.parse(source.read_text(encoding="utf-8")))
    if source.name == "moves.py":
        assert len(found) == 2, "moves.py has two writers: move_where and claim"
    else:
        assert not found, f"{source.name} lines {found} write a state; only store/moves.py may"


def test_sent_is_said_in_one_place() -> None:
    """R19: the verb that counts the rows is the only one that names the state it writes."""
    naming = [path.name for path in SOURCES if "BulletinState.SENT)" in path.read_text(encoding="utf-8")]
    writing = [path.name for path in SOURCES if "to = BulletinState.SENT" in path.read_text(encoding="utf-8")]
    assert (writing, set(naming) - {"posts.py"}) == (["release.py"], set())


def test_a_realm_is_written_at_birth_only() -> None:
    """R1: no update names a realm."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "update"
            ):
                assert all(word.arg != "realm" for word in node.keywords), f"{path.name}:{node.lineno}"


def test_the_released_schema_is_never_edited() -> None:
    """A database out there has it; write schema_0002.sql and a migration instead."""
    text = (STORE / "schema_0001.sql").read_bytes()
    assert hashlib.sha256(text).hexdigest() == FROZEN


FROZEN = "371188319b20090f5a36e264ae9219523a3997178b49c40c617472f4d5971ad1"


def test_every_purpose_has_its_letter_and_no_letter_is_without() -> None:
    assert {path.stem for path in LETTERS.glob("*.txt")} == {str(purpose) for purpose in Purpose}


def test_nothing_else_is_written_to_anybody(store: Store) -> None:
    """R16: a letter has a purpose of the list; there is no free text to a resident."""
    acts.join(store, "a@example.jp", NOW)
    with pytest.raises(ValueError, match="operators_notice"):
        store.call(letters.write, "operators_notice", "a@example.jp", {"text": "…"}, now=NOW)  # type: ignore[arg-type]
    assert acts.tokens_of(store, "join") == 1
