"""One author with certainty, or nobody."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbound import mailbox


@pytest.mark.parametrize(
    ("value", "address", "name"),
    [
        (b" a@b.example", "a@b.example", ""),
        (b" <a@B.Example>", "a@b.example", ""),
        (b" a..b.@docomo.ne.jp", "a..b.@docomo.ne.jp", ""),
        (b" .x@ezweb.ne.jp", ".x@ezweb.ne.jp", ""),
        (b' "a..b."@docomo.ne.jp', "a..b.@docomo.ne.jp", ""),
        (b" =?iso-2022-jp?B?GyRCQGlNVRsoQg==?= <a.@docomo.ne.jp>", "a.@docomo.ne.jp", "千葉"),
        (b' "=?UTF-8?B?5Y2D6JGJ?=" <a@b.example>', "a@b.example", "千葉"),
        (b' "a@city.example" <x@b.example>', "x@b.example", "a@city.example"),
        (b" a@b.example <a@b.example>", "a@b.example", "a@b.example"),
        (
            b" a@b.example (Chiba \\(city\\))",
            "a@b.example",
            "Chiba (city)",
        ),
        (b" Taro Y. Chiba <a@b.example> (PC)", "a@b.example", "Taro Y. Chiba"),
        ("千葉市 <a@b.example>".encode("cp932"), "a@b.example", "千葉市"),
        (b"\r\n =?utf-8?q?a?=\r\n =?utf-8?q?b?= <a@b.example>", "a@b.example", "ab"),
    ],
)
def test_an_author(value: bytes, address: str, name: str) -> None:
    found = mailbox.author([value])
    assert found is not None
    assert (found.address, found.name) == (address, name)


@pytest.mark.parametrize(
    "value",
    [
        b"", b"nobody", b" a@b.example, c@d.example", b" a@b.example,", b"<>",
        b"=?utf-8?B?PGFkbWluQGNpdHkuZXhhbXBsZT4=?=,<second@attack.example>",
        b" <@attack.example,@any.example:admin@city.example>",
        b" <admin@city.example>\\,<second@attack.example>",
        b" <any@attack.example>admin@city.example",
        b" admin@city.example <x@attack.example>",
        b" Group: admin@city.example;", b" Group: <admin@city.example>",
        b" <admin@city.example\x00@attack.example>", b" <admin(c)@city.example>",
        b" =?utf-8?q?admin?=@city.example", b" \"a b\"@city.example", b" \"a@city.example\"@attack.example",
        b" a@[127.0.0.1]", b" a@b..example", "あ@b.example".encode(), b' "open <a@b.example>',
        b" (open <a@b.example>", b" a@b.example\r\nBcc: x@y.example",
    ],
)  # fmt: skip
def test_nobody(value: bytes) -> None:
    assert mailbox.author([value]) is None


def test_a_host_name_says_who_wrote_but_is_no_subscriber() -> None:
    found = mailbox.author([b" root@localhost"])
    assert found is not None
    assert (found.address, mailbox.canonical("root@localhost")) == ("root@localhost", None)


def test_two_from_fields_are_nobody() -> None:
    assert mailbox.author([b"a@b.example", b"a@b.example"]) is None


def test_recipients_of_several_fields_and_groups() -> None:
    fields = [
        b" souan@mail.city.example, X <y@z.example>",
        b" undisclosed:;",
        b" team: a@b.example, c@d.example;",
    ]
    assert mailbox.recipients(fields) == (
        "souan@mail.city.example",
        "y@z.example",
        "a@b.example",
        "c@d.example",
    )


def test_a_deep_comment_and_a_long_field_take_no_stack() -> None:
    assert mailbox.author([b"(" * 20000]) is None
    assert mailbox.author([b"(" * 8000 + b")" * 8000 + b" a@b.example"]) is not None
    assert mailbox.author([b"a" * 100_000]) is None


PIECES = [b"<", b">", b'"', b"(", b")", b"@", b",", b"a", b"b.c", b":", b";", b"\\", b"=?utf-8?q?", b"?="]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=6), st.sampled_from(PIECES)), max_size=14).map(b"".join))
def test_nothing_raises_and_what_is_found_is_canonical(value: bytes) -> None:
    found = mailbox.author([value])
    if found is not None:
        assert mailbox.canonical(found.address) in (found.address, None)
        assert not {"\r", "\n", "\x00"} & set(found.name)
    mailbox.recipients([value])
