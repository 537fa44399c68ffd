"""MODEL.md, tokens: they fit a local part, know their purpose, survive a mail client, and cannot be guessed."""

from datetime import timedelta

import pytest

from store import approvals, people, tokens
from store.db import Store
from store.models import Token
from store.tokens import Keys, Once, Signed, TokenState
from tests.ledger import acts
from tests.ledger.conftest import NOW
from tests.ledger.small_town import PIN

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
KEYS = Keys([("k2", NEW), ("k1", OLD)])
ROWS = [1, 255, 256, 10**6, 2**40 - 1]


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("purpose", list(Signed))
def test_a_signed_token_says_its_row_to_its_purpose_only(purpose: Signed, row: int) -> None:
    token = KEYS.sign(purpose, row)
    assert len(token) <= 24
    assert len(f"longest-address+{token}") <= 40
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert KEYS.read([purpose], token) == (purpose, row)
    assert KEYS.read([purpose], token.upper()) == (purpose, row)
    assert KEYS.read([other for other in Signed if other is not purpose], token) is None
    assert KEYS.read(list(Signed), token) == (purpose, row)


def test_one_character_changed_is_nobody_s() -> None:
    token = KEYS.sign(Signed.STOP, 4711)
    for place, letter in enumerate(token):
        for other in "a7" if letter not in "a7" else "bc":
            forged = token[:place] + other + token[place + 1 :]
            assert KEYS.read(list(Signed), forged) is None


@pytest.mark.parametrize("token", ["", "a", "a" * 23, "a" * 25, "1" * 24, "あ" * 24, "=" * 24, " " * 24])
def test_what_is_no_token_is_read_as_none(token: str) -> None:
    assert KEYS.read(list(Signed), token) is None


def test_two_keys_are_alive_and_the_first_signs() -> None:
    before, after = Keys([("k1", OLD)]), Keys([("k2", NEW)])
    assert KEYS.read([Signed.STOP], before.sign(Signed.STOP, 7)) == (Signed.STOP, 7)
    assert after.read([Signed.STOP], KEYS.sign(Signed.STOP, 7)) == (Signed.STOP, 7)
    assert after.read([Signed.STOP], before.sign(Signed.STOP, 7)) is None
    assert Keys([("k1", NEW)]).read([Signed.STOP], before.sign(Signed.STOP, 7)) is None


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [("k1", b"short")],
        [("k16", OLD)],
        [("kx", OLD)],
        [("k1", OLD), ("k1", NEW)],
        [("k1", OLD), ("k2", NEW), ("k3", OLD)],
    ],
)
def test_bad_keys_stop_the_start(keys: list[tuple[str, bytes]]) -> None:
    with pytest.raises(ValueError, match=r"token keys|invalid literal"):
        Keys(keys)


@pytest.mark.req("C5.6")
def test_a_one_time_token_works_once_and_is_stored_as_a_hash(store: Store) -> None:
    token = store.call(tokens.issue, Once.JOIN, 7, now=NOW, lasts=timedelta(hours=1), detail={"a": 1})
    assert len(token) <= 24
    assert token not in store.call(lambda: Token.get().digest)
    assert store.call(tokens.look, Once.APPROVE, token, now=NOW).state is TokenState.UNKNOWN
    assert store.call(tokens.look, Once.JOIN, token, now=NOW).state is TokenState.GOOD
    late = NOW + timedelta(hours=1)
    assert store.call(tokens.use, Once.JOIN, token, now=late).state is TokenState.EXPIRED
    used = store.call(tokens.use, Once.JOIN, token.upper(), now=NOW)
    assert (used.state, used.subject, used.detail) == (TokenState.GOOD, 7, {"a": 1})
    assert store.call(tokens.use, Once.JOIN, token, now=NOW).state is TokenState.USED


@pytest.mark.req("X2")
def test_an_approval_link_is_one_person_s_for_one_version(store: Store) -> None:
    made = acts.draft(store, NOW)
    chief = acts.person(store, "chief")
    detail = {"person": chief, "digest": made.digest}
    token = store.call(tokens.issue, Once.APPROVE, made.id, now=NOW, lasts=timedelta(hours=1), detail=detail)
    asked = store.call(approvals.look, token, now=NOW)
    assert (asked.state, asked.person, asked.bulletin, asked.digest) == ("good", chief, made.id, made.digest)
    assert store.call(approvals.use, token, now=NOW).person == chief
    assert acts.refusal(store, approvals.use, token, now=NOW).code == "token-used"
    assert acts.refusal(store, approvals.look, "x" * 24, now=NOW).code == "token-unknown"


@pytest.mark.req("X2")
def test_a_pin_is_guessed_five_times_at_most(store: Store) -> None:
    chief = acts.person(store, "chief")
    assert store.call(people.check_pin, chief, PIN)
    assert [store.call(people.check_pin, chief, f"{n}") for n in range(5)] == [False] * 5
    assert acts.refusal(store, people.check_pin, chief, PIN).code == "pin-locked"
    store.call(people.set_pin, chief, "2222", by="test", now=NOW)
    assert store.call(people.check_pin, chief, "2222")
