"""No address of a resident reaches a log line."""

import io
import logging
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import logs


@pytest.fixture
def lines() -> io.StringIO:
    """Where the root logger writes to during this test; pytest's own handlers are put back after it."""
    return io.StringIO()


@pytest.fixture(autouse=True)
def root_logger(lines: io.StringIO) -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    logs.start("inbound", stream=lines)
    yield
    logging.captureWarnings(False)
    root.handlers, root.level = handlers, level


@pytest.mark.req("C5.5")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("accepted from taro@docomo.ne.jp size=3", "accepted from <address> size=3"),
        ("to=taro@docomo.ne.jp", "to=<address>"),
        ('RCPT TO:<"a..b"@docomo.ne.jp>', "RCPT TO:<<address>>"),
        ("a..b.@ezweb.ne.jp, c@d.jp", "<address>, <address>"),
        ("GET /join?address=taro%40example.jp&x=1", "GET <address>"),
        ("太郎＠例え．ｊｐ", "<address>"),
        ("user@[192.0.2.1] refused", "<address> refused"),
        ("'o'brien@example.jp'", "<address>'"),
        ("delivery=812 attempt=2 code=250", "delivery=812 attempt=2 code=250"),
        ("@ alone", "@ alone"),
    ],
)
def test_addresses_are_hidden(text: str, shown: str) -> None:
    assert logs.redact(text) == shown


LOCAL = st.from_regex(r"\A[A-Za-z0-9!#$%&'*+/=?^_`|~.\-]{1,64}\Z")
DOMAIN = st.from_regex(r"\A[a-z0-9\-]{1,20}(\.[a-z]{2,10}){1,3}\Z")


@given(before=st.text(max_size=30), local=LOCAL, domain=DOMAIN, after=st.text(max_size=30))
@settings(max_examples=100)
def test_no_address_survives_wherever_it_stands(before: str, local: str, domain: str, after: str) -> None:
    shown = logs.redact(f"{before} {local}@{domain} {after}")
    assert not re.search(re.escape(f"@{domain}"), shown)


@pytest.mark.req("C5.5")
def test_a_traceback_is_hidden_too(lines: io.StringIO) -> None:
    try:
        raise ValueError("no such mailbox taro@docomo.ne.jp")
    except ValueError:
        logging.getLogger("some.library").exception("failed for %s", "hanako@softbank.ne.jp")
    said = lines.getvalue()
    assert "ValueError: no such mailbox <address>" in said
    assert "failed for <address>" in said
    assert "@" not in said


def test_a_line_names_the_program_and_what_it_is_about(lines: io.StringIO) -> None:
    with logs.context(arrival=12):
        logging.getLogger("inbound.smtp").info("accepted bytes=%d", 300)
    logging.getLogger("inbound.smtp").info("two\nlines")
    first, second = lines.getvalue().splitlines()
    assert first.endswith("INFO inbound.smtp accepted bytes=300 program=inbound arrival=12")
    assert "+09:00 " in first
    assert second.endswith("two\\nlines program=inbound")
