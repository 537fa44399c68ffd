"""The first route whose pattern fits carries the mail; a document that leaves some without is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound.routing import BadRoutes, parse
from outbound.smtp import Tls

DOCUMENTS: list[dict[str, object]] = [
    {
        "key": "docomo",
        "domains": ["docomo.ne.jp"],
        "hop": "mx",
        "connections": 3,
        "mails_per_connection": 100,
    },
    {
        "key": "au",
        "domains": ["au.com", "ezweb.ne.jp", "*.ezweb.ne.jp"],
        "per_minute": 600,
        "tls": "required",
    },
    {
        "key": "relay",
        "domains": ["*.lg.jp", "t.docomo.ne.jp"],
        "hop": "relay.example.lg.jp:587",
        "tls": "none",
    },
    {"key": "late", "domains": ["docomo.ne.jp", "*.ne.jp"]},
    {"key": "rest", "domains": ["*"], "hop": "[::1]:2526", "per_minute": None},
]


@pytest.mark.req("C8.3")
@pytest.mark.parametrize(
    ("domain", "key"),
    [
        ("docomo.ne.jp", "docomo"),
        ("DOCOMO.ne.jp.", "docomo"),
        ("t.docomo.ne.jp", "relay"),
        ("x.docomo.ne.jp", "late"),
        ("ezweb.ne.jp", "au"),
        ("a.b.ezweb.ne.jp", "au"),
        ("city.chiba.lg.jp", "relay"),
        ("lg.jp", "rest"),
        ("ne.jp", "rest"),
        ("localhost", "rest"),
        ("", "rest"),
    ],
)
def test_the_first_fitting_route_wins(domain: str, key: str) -> None:
    assert parse(DOCUMENTS).route_for(domain).key == key


def test_what_a_route_says() -> None:
    docomo, au, relay, late, rest = parse(DOCUMENTS).all
    assert (docomo.hop, docomo.connections, docomo.mails_per_connection, docomo.tls) == (
        None,
        3,
        100,
        Tls.OPPORTUNISTIC,
    )
    assert (au.per_minute, au.tls) == (600, Tls.REQUIRED)
    assert relay.hop == ("relay.example.lg.jp", 587)
    assert (late.connections, late.per_minute) == (5, None)
    assert rest.hop == ("::1", 2526)


@pytest.mark.parametrize(
    "change",
    [
        {"key": ""},
        {"domains": []},
        {"domains": "x"},
        {"domains": ["x.jp"]},
        {"hop": "relay"},
        {"hop": "relay:0"},
        {"hop": "relay:smtp"},
        {"tls": "maybe"},
        {"connections": 0},
        {"connections": True},
        {"per_minute": "10"},
    ],
)
def test_what_is_no_document_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadRoutes):
        parse([{"key": "rest", "domains": ["*"]} | change])


@given(st.text())
def test_every_domain_has_a_route(domain: str) -> None:
    assert parse(DOCUMENTS).route_for(domain).key
