"""The bot's words: a sentence for every refusal of the ledger, names for every state, and a memory that survives."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import memory, refusals
from bot.memory import Memory
from bot.names import clock_time, day_and_time, name_of
from bot.pace import Pace
from store.decisions import Door
from store.errors import Refused
from store.rules import Origin
from store.states import BulletinState
from store.tokens import TokenState

STORE = Path(__file__).parents[2] / "store"


def refused_in_store() -> Iterator[tuple[str, set[str]]]:
    """Every code the ledger refuses with, and the values that come with it."""
    for file in sorted(STORE.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) != "Refused":
                continue
            values = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
            code = node.args[0]
            if isinstance(code, ast.Constant):
                yield str(code.value), values
            elif isinstance(code, ast.JoinedStr):
                for state in TokenState:
                    yield f"token-{state}", values
            else:
                yield from ((word, values) for word in _said_by_may_decide())


def _said_by_may_decide() -> Iterator[str]:
    tree = ast.parse((STORE / "decisions.py").read_text(encoding="utf-8"))
    asked = next(
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "may_decide"
    )
    for node in ast.walk(asked):
        if isinstance(node, ast.Return):
            found = ast.walk(node)
            yield from (
                one.value for one in found if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )


@pytest.mark.parametrize("code", sorted({code for code, _ in refused_in_store()} - {"token-good"}))
def test_every_refusal_of_the_ledger_has_its_sentence(code: str) -> None:
    for found, values in refused_in_store():
        if found != code:
            continue
        filled = {key: "approve" if key == "action" else "あ" for key in values}
        words = refusals.sentence(Refused(code, **filled), {})
        assert "。" in words
        assert "$" not in words


def test_no_sentence_waits_for_a_refusal_that_nobody_makes() -> None:
    made = {code for code, _ in refused_in_store()}
    ours = {
        "unknown-person",
        "unknown-button",
        "unknown-command",
        "unknown-number",
        "no-categories",
        "temporary",
    }
    ours |= {"already-approved", "already-returned", "already-rejected"}
    ours |= {"past-time", "half-time", "unclear-time", "area-unclear"}
    assert refusals.codes() - made - ours == set()


def test_who_decided_does_not_hide_that_it_was_withdrawn() -> None:
    refused = Refused("decided", by="安全 花子", action="return", at="10:00:00")
    words = {"number": "2026-0001", "state": "取下げ"}
    assert refusals.sentence(refused, words) == (
        "この配信（2026-0001）は、いま「取下げ」のため、この操作はできません。"
    )
    assert "安全 花子さんが差し戻しました" in refusals.sentence(refused, {"number": "2026-0001"})


def test_everything_has_a_name() -> None:
    kinds = (("state", BulletinState), ("door", Door), ("origin", Origin))
    assert [key for kind, keys in kinds for key in keys if name_of(kind, key) == str(key)] == []
    assert name_of("door", "unheard-of") == "unheard-of"


def test_moments_are_said_in_japan_time() -> None:
    moment = datetime(2026, 11, 21, 23, 30, 5, tzinfo=UTC)
    assert day_and_time(moment) == "11月22日（日）8:30"
    assert clock_time(moment) == "11月22日 8:30:05"


MEMORIES = st.builds(
    Memory,
    round=st.integers(0, 9),
    digest=st.text(max_size=9),
    parts=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    changed=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    count=st.none() | st.integers(0, 10**6),
    carriers=st.lists(st.tuples(st.text(max_size=5), st.integers(0, 10**6)), max_size=3).map(tuple),
    face=st.text(max_size=5),
    buttons=st.booleans(),
)


@given(MEMORIES)
@settings(max_examples=30)
def test_a_memory_is_read_back(remembered: Memory) -> None:
    assert memory.read(remembered.write()) == remembered


@given(
    st.none() | st.text(max_size=30) | st.sampled_from(["[]", "1", '{"carriers": [1, [2]], "count": "x"}'])
)
@settings(max_examples=30)
def test_anything_else_is_an_empty_memory(words: str | None) -> None:
    assert memory.read(words).face == ""


def test_urgent_turns_never_wait_but_count() -> None:
    clock = [0.0]
    pace = Pace(2, 1.0, lambda: clock[0])
    assert [pace.wait() for _ in range(4)] == [0.0, 0.0, 1.0, 2.0]
    assert pace.wait(urgent=True) == 0.0
    assert pace.wait() == 4.0
    clock[0] = 100.0
    assert pace.wait() == 0.0
