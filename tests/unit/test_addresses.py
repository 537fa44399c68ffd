"""Our addresses and what they mean; every other one is unknown at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Addresses
from inbound.addresses import Meaning, Meant, meant, table

DOMAIN = "anzen.example.lg.jp"
DOORS = table(Addresses())
TOKEN = "abcdefghijklmnopqrstuv27"


def door(local: str, domain: str = DOMAIN) -> Meant | None:
    return meant(f"{local}@{domain}", DOORS, DOMAIN)


@pytest.mark.req("D2", "D1")
@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("touroku", Meant(Meaning.JOIN)),
        ("TouRoku", Meant(Meaning.JOIN)),
        (f"touroku+{TOKEN}", Meant(Meaning.JOIN, TOKEN)),
        (f"TOUROKU+{TOKEN.upper()}", Meant(Meaning.JOIN, TOKEN)),
        ("kaijo", Meant(Meaning.LEAVE)),
        ("settei", Meant(Meaning.SETTINGS)),
        ("souan", Meant(Meaning.DRAFT)),
        (f"fukan+{TOKEN}", Meant(Meaning.BOUNCE, TOKEN)),
        ("kujo", Meant(Meaning.COMPLAINT)),
        (f"teishi+{TOKEN}", Meant(Meaning.STOP, TOKEN)),
        ("teishi", Meant(Meaning.STOP)),
        ("unyo", Meant(Meaning.OPERATORS)),
        ("oshirase", Meant(Meaning.SENDER)),
        ("postmaster", Meant(Meaning.OPERATORS)),
        ("Abuse", Meant(Meaning.OPERATORS)),
    ],
)
def test_each_door(local: str, expected: Meant) -> None:
    assert door(local) == expected


@pytest.mark.parametrize(
    "local",
    [
        "", "nobody", "touroku2", "+touroku", "touroku+", "touroku+a b", f"touroku+{TOKEN}a", "touroku+a1", "fukan",
        "kaijo+abc", "souan+abc", "renkei+kenkei", "tansaku+abc", '"touroku"', "touroku%x", "touroku+あ", "x" * 41,
    ],
)  # fmt: skip
def test_everything_else_is_unknown(local: str) -> None:
    assert door(local) is None


def test_only_our_domain_and_the_bare_postmaster() -> None:
    assert door("touroku", "other.example.jp") is None
    assert door("touroku", f"x.{DOMAIN}") is None
    assert door("touroku", DOMAIN.upper()) == Meant(Meaning.JOIN)
    assert meant("postmaster", DOORS, DOMAIN) == Meant(Meaning.OPERATORS)
    assert meant("touroku", DOORS, DOMAIN) is None


def test_names_are_settings() -> None:
    doors = table(Addresses(join="entry", leave="bye"))
    assert meant(f"entry@{DOMAIN}", doors, DOMAIN) == Meant(Meaning.JOIN)
    assert meant(f"touroku@{DOMAIN}", doors, DOMAIN) is None


@given(st.text(max_size=60))
def test_no_text_makes_it_raise(text: str) -> None:
    for address in (text, f"{text}@{DOMAIN}", f"touroku+{text}@{DOMAIN}"):
        found = meant(address, DOORS, DOMAIN)
        assert found is None or len(found.token or "") <= 24
