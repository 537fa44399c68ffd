"""What compose writes is a clean mail, and no value of anybody's can become a header of its own."""

import base64
import email
import email.policy
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound.address import BadAddress, split, wire_form
from outbound.compose import Outgoing, Recipient, prepare
from outbound.headers import BadField, encoded_words
from outbound.parts import Attachment

NOW = datetime(2026, 11, 21, 0, 5, tzinfo=UTC)


def outgoing(**changes: object) -> Outgoing:
    given_: dict[str, object] = {
        "from_name": "ちばし安全・安心メール",
        "from_address": "oshirase@anzen.example.lg.jp",
        "subject": "【警報】花見川区 大雨警報",
        "text": "本文\n",
        "html": None,
        "date": NOW,
    }
    return Outgoing(**(given_ | changes))  # type: ignore[arg-type]


def fill(message: Outgoing, **changes: object) -> bytes:
    given_: dict[str, object] = {"address": "hanako@example.jp", "message_id": "1.a@anzen.example.lg.jp"}
    return prepare(message).fill(Recipient(**(given_ | changes)), None)  # type: ignore[arg-type]


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def leaves(message: EmailMessage) -> Iterator[EmailMessage]:
    for part in message.walk():
        if not part.is_multipart():
            assert isinstance(part, EmailMessage)
            yield part


def test_a_bulletin_reads_back_as_it_was_meant() -> None:
    raw = fill(
        outgoing(
            html="<html><p>本文</p>",
            list_id="bosai.anzen.example.lg.jp",
            headers=(("X-Hansho-Realm", "test"),),
        ),
        tail_text="\n花見川区 を選択\n",
        tail_html="<p>花見川区 を選択</p></html>",
        unsubscribe_url="https://anzen.example.lg.jp/t/abc",
        unsubscribe_mail="teishi+abc@anzen.example.lg.jp",
        reply_to="kaijo@anzen.example.lg.jp",
        references=("<a@b.jp>", "<c@d.jp>"),
    )
    message = parsed(raw)
    assert message["From"] == "ちばし安全・安心メール <oshirase@anzen.example.lg.jp>"
    assert message["Subject"] == "【警報】花見川区 大雨警報"
    assert message["To"] == "hanako@example.jp"
    assert message["Date"] == "Sat, 21 Nov 2026 09:05:00 +0900"
    assert message["Message-ID"] == "<1.a@anzen.example.lg.jp>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "<bosai.anzen.example.lg.jp>"
    assert message["List-Unsubscribe"] == (
        "<https://anzen.example.lg.jp/t/abc>, <mailto:teishi+abc@anzen.example.lg.jp>"
    )
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Reply-To"] == "kaijo@anzen.example.lg.jp"
    assert (message["In-Reply-To"], message["References"]) == ("<c@d.jp>", "<a@b.jp> <c@d.jp>")
    assert message["X-Hansho-Realm"] == "test"
    text, html = (part.get_content() for part in leaves(message))
    assert text == "本文\r\n\r\n花見川区 を選択\r\n"
    assert html == "<html><p>本文</p><p>花見川区 を選択</p></html>"


def test_attachments_keep_their_names_and_bytes() -> None:
    files = (
        Attachment("不達一覧.csv", "text/csv; charset=utf-8", b"\xef\xbb\xbfa,b\r\n"),
        Attachment("x", "bad\r\nX: y", b"\0"),
    )
    message = parsed(fill(outgoing(html="<p>表</p>", attachments=files)))
    assert message.get_content_type() == "multipart/mixed"
    first, second = message.iter_attachments()
    assert (first.get_filename(), first.get_payload(decode=True)) == ("不達一覧.csv", files[0].data)
    assert first.get_content_type() == "text/csv"
    assert (second.get_content_type(), second.get_payload(decode=True)) == ("application/octet-stream", b"\0")


@settings(max_examples=150, deadline=None)
@given(st.text(), st.text(), st.text(), st.text(), st.booleans())
def test_clean_on_the_wire_whatever_is_written(
    subject: str, name: str, text: str, tail: str, both: bool
) -> None:
    raw = fill(
        outgoing(
            subject=subject, from_name=name, text=text, html=text if both else None, headers=(("X-A", name),)
        ),
        tail_text=tail,
        tail_html=tail,
    )
    assert raw.isascii()
    lines = raw.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line or len(line) > 78 for line in lines)
    assert raw.endswith(b"\r\n")
    head = raw.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in re.split(rb"\r\n(?! )", head)]
    assert sorted(names) == sorted(
        [
            b"To",
            b"Message-ID",
            b"From",
            b"Subject",
            b"Date",
            b"MIME-Version",
            b"Content-Type",
            b"X-A",
            b"Auto-Submitted",
        ]
        + ([] if both else [b"Content-Transfer-Encoding"])
    )
    message = parsed(raw)
    whole = (text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "") or "\n") + tail.replace(
        "\r\n", "\n"
    ).replace("\r", "\n").replace("\0", "")
    # A front that ends in CR and a tail that begins with LF are two line ends, in both.
    expected = whole.replace("\n", "\r\n").encode("utf-8", "replace")
    for part in leaves(message):
        assert part.get_payload(decode=True) == expected


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=120))
def test_subjects_come_back_in_whole_characters(subject: str) -> None:
    raw = fill(outgoing(subject=subject))
    value = re.search(rb"(?m)^Subject: (.*(?:\r\n .*)*)\r\n", raw)
    assert value is not None
    words = value.group(1).decode().split("\r\n ")
    if words == [subject.strip(" ")]:
        return
    pieces = []
    for word in words:
        assert len(word) <= 75
        found = re.fullmatch(r"=\?utf-8\?b\?([A-Za-z0-9+/]+=*)\?=", word)
        assert found
        pieces.append(base64.b64decode(found.group(1)).decode("utf-8"))
    assert "".join(pieces) == subject.strip(" ")


def test_emoji_are_not_cut() -> None:
    words = encoded_words("👨‍👩‍👧🚨" * 30)
    assert all(base64.b64decode(word[10:-2]).decode("utf-8") for word in words)


INJECTIONS = ["a\r\nBcc: x@y.jp", "a\nBcc: x@y.jp", "a\rBcc: x@y.jp", "a\0b", "a\x85Bcc: x", "a\u2028Bcc: x"]


@pytest.mark.parametrize("bad", INJECTIONS)
def test_texts_for_people_lose_what_could_end_a_line(bad: str) -> None:
    message = parsed(fill(outgoing(subject=bad, from_name=bad, headers=(("X-Mark", bad),))))
    assert message["Bcc"] is None
    assert message["Subject"].startswith("a ")


@pytest.mark.parametrize("bad", [*INJECTIONS, "a b", "あ"])
def test_values_for_machines_are_refused(bad: str) -> None:
    with pytest.raises((BadField, BadAddress)):
        fill(outgoing(), message_id=bad + "@x")
    with pytest.raises(BadField):
        fill(outgoing(), unsubscribe_url="https://x/" + bad)
    with pytest.raises(BadField):
        fill(outgoing(), references=(bad,))
    with pytest.raises(BadField):
        prepare(outgoing(list_id=bad))
    with pytest.raises(BadField):
        prepare(outgoing(headers=((bad, "x"),)))


@pytest.mark.parametrize("bad", INJECTIONS)
def test_addresses_with_line_ends_are_refused(bad: str) -> None:
    for where in ("address", "reply_to", "unsubscribe_mail"):
        for address in (bad + "@example.jp", "a@example.jp" + bad, f'"{bad}"@example.jp'):
            with pytest.raises(BadAddress):
                fill(outgoing(), **{where: address})
    with pytest.raises(BadAddress):
        prepare(outgoing(from_address=bad + "@example.jp"))


@pytest.mark.parametrize(
    "name", ["From", "to", "Bcc", "Message-ID", "Content-Type", "DKIM-Signature", "Subject"]
)
def test_extra_headers_cannot_replace_ours(name: str) -> None:
    with pytest.raises(BadField):
        prepare(outgoing(headers=((name, "x"),)))
    with pytest.raises(BadField):
        prepare(outgoing(headers=(("X-A", "x"), ("x-a", "y"))))


def test_a_naive_date_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        prepare(outgoing(date=datetime(2026, 1, 1)))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("hanako@Example.JP", "hanako@example.jp"),
        ("a..b@docomo.ne.jp", '"a..b"@docomo.ne.jp'),
        ('"a..b"@docomo.ne.jp', '"a..b"@docomo.ne.jp'),
        (".abc@ezweb.ne.jp", '".abc"@ezweb.ne.jp'),
        ("abc.@docomo.ne.jp", '"abc."@docomo.ne.jp'),
        ("-x@docomo.ne.jp", "-x@docomo.ne.jp"),
        ("a/b?c@docomo.ne.jp", "a/b?c@docomo.ne.jp"),
        ('a"b\\c@example.jp', '"a\\"b\\\\c"@example.jp'),
        ("a@b@example.jp", '"a@b"@example.jp'),
        ("a@[127.0.0.1]", "a@[127.0.0.1]"),
        ("a@例え.jp", "a@xn--r8jz45g.jp"),
    ],
)
def test_wire_forms(address: str, wire: str) -> None:
    assert wire_form(address) == wire
    assert wire_form(wire) == wire


@pytest.mark.parametrize(
    "bad", ["", "a", "@x.jp", "a@", "あ@c.jp", "a@b c", "a@x..jp", "a@-x.jp", "a@x>y", "x" * 70 + "@a.jp"]
)
def test_bad_addresses(bad: str) -> None:
    with pytest.raises(BadAddress):
        wire_form(bad)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30))
def test_wire_form_keeps_the_local_part(local: str) -> None:
    if re.fullmatch(r'".*"', local):
        return
    assert split(wire_form(local + "@example.jp")) == (local, "example.jp")
