"""Whatever the bytes, the readers answer and never raise."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from feeds import atom
from feeds.bulletins import drafts
from feeds.item import Audience
from feeds.telegram import as_json, read
from feeds.training import names, training
from tests.telegrams import RAIN, report

NOW = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
SEEDS = [training(name, NOW) for name in names()]
TAGS = st.sampled_from(
    ["Warning", "Item", "Kind", "Area", "Areas", "Code", "Name", "Status", "LastKind", "Pref"]
)
WORDS = st.one_of(st.sampled_from(["03", "発表", "解除", "1210000", "4", "5-"]), st.text(max_size=6))


def _check(data: bytes) -> None:
    telegram = read(data)
    found = as_json(telegram, "-")
    assert found["understood"] is (found["why"] is None)
    assert telegram.understood or all(item.to is Audience.NOBODY for item in telegram.items)
    drafts(telegram)
    atom.read(data)


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_bytes(data: bytes) -> None:
    _check(data)


@given(st.sampled_from(SEEDS), st.integers(0, 4000), st.binary(max_size=12), st.integers(0, 40))
@settings(max_examples=120, deadline=None)
def test_damaged_telegrams(seed: bytes, at: int, what: bytes, gone: int) -> None:
    at %= len(seed)
    _check(seed[:at] + what + seed[at + gone :])


@st.composite
def _tree(draw: st.DrawFn, depth: int = 4) -> str:
    tag = draw(TAGS)
    if depth == 0 or draw(st.booleans()):
        words = "".join(c for c in draw(WORDS) if c.isalnum() or c in "-・（）")
        return f"<{tag}>{words}</{tag}>"
    inner = "".join(draw(st.lists(_tree(depth - 1), max_size=3)))
    return f'<{tag} type="気象警報・注意報（市町村等）">{inner}</{tag}>'


TITLES = st.sampled_from(
    [RAIN, "震度速報", "津波警報・注意報・予報a", "噴火警報・予報", "府県天気予報（Ｒ１）"]
)


@given(TITLES, _tree())
@settings(max_examples=120, deadline=None)
def test_any_shape_of_body(title: str, body: str) -> None:
    _check(report(title, body))
