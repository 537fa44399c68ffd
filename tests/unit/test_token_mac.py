"""The short way to a token's MAC is HMAC-SHA256 and nothing else."""

import base64
import hmac

from hypothesis import given, settings
from hypothesis import strategies as st

from store.tokens import Keys, Signed


@settings(max_examples=50)
@given(st.binary(min_size=32, max_size=80), st.sampled_from(Signed), st.integers(0, 2**39 - 1))
def test_a_token_carries_the_mac_of_its_body(key: bytes, purpose: Signed, row: int) -> None:
    keys = Keys([("k3", key)])
    token = keys.sign(purpose, row)
    raw = base64.b32decode(token.upper())
    own = hmac.digest(key, b"hansho token " + purpose.encode(), "sha256")
    assert raw[-9:] == hmac.digest(own, raw[:-9], "sha256")[:9]
    assert keys.read(Signed, token) == (purpose, row)
