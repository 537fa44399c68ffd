"""The mail reader: what a person would have read, and which mails no machine may answer."""

import base64
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbound import automatic, headers, parsing

SCHEMA = json.loads((Path(__file__).parents[1] / "contracts" / "mail.schema.json").read_text("utf-8"))
JIS = b"\x1b$B$3$s$K$A$O\x1b(B"


def mail(*lines: str | bytes, body: bytes = b"") -> bytes:
    head = b"\r\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    return head + b"\r\n\r\n" + body


def check(data: bytes) -> dict[str, object]:
    found = parsing.as_json(parsing.read(data), "x.eml")
    jsonschema.validate(found, SCHEMA)
    assert list(found) == SCHEMA["required"]
    json.dumps(found, ensure_ascii=False).encode("utf-8")
    return found


def test_worked_examples_keep_the_contract() -> None:
    for example in SCHEMA["examples"]:
        jsonschema.validate(example, SCHEMA)


def test_a_plain_phone_mail_in_jis() -> None:
    found = parsing.read(
        mail("From: a..b.@docomo.ne.jp", "Subject: =?ISO-2022-JP?B?" + base64.b64encode(JIS).decode() + "?=",
             "Content-Type: text/plain; charset=iso-2022-jp", "Content-Transfer-Encoding: 7bit",
             "Date: Sat, 21 Nov 2026 09:55:00 +0900", "Message-ID: <1@docomo.ne.jp>", body=JIS + b"\r\n> q\r\n")
    )  # fmt: skip
    assert (found.from_address, found.subject, found.text) == (
        "a..b.@docomo.ne.jp",
        "こんにちは",
        "こんにちは\n> q",
    )
    assert found.date is not None
    assert found.date.isoformat() == "2026-11-21T00:55:00+00:00"
    assert (found.message_id, found.empty, found.automatic) == ("<1@docomo.ne.jp>", False, False)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b" =?utf-8?B?5Y2D?= =?utf-8?B?6JGJ?=", "千葉"),
        (b" =?utf-8?B?5Y2D6A==?=\r\n =?utf-8?B?kYk=?=", "千葉"),  # cut inside a character
        (b" =?utf-8?B?5Y2D6J?=\r\n =?utf-8?B?GJ?=", "千葉"),  # base64 runs over two words
        (b" =?utf-8?B?5Y2D?==?utf-8?B?6JGJ?=", "千葉"),
        (b" Re: =?utf-8?Q?=E5=8D=83_x?= end", "Re: 千 x end"),
        (b" =?iso-2022-jp?B?GyRCJCI=?= =?iso-2022-jp?B?JCQbKEI=?=", "あい"),  # shift state carried over
        (b" " + JIS, "こんにちは"),
        (" 大雨警報".encode("cp932"), "大雨警報"),
        (" 大雨警報".encode(), "大雨警報"),
        (b" folded\r\n\tline\r\n here", "folded line here"),
        (b" =?x-unknown?Q?abc?= =?utf-8?X?zz?=", "abc =?utf-8?X?zz?="),
        ("\u202e 反転\u2066\x07".encode(), "反転"),
    ],
)
def test_subjects(raw: bytes, text: str) -> None:
    assert parsing.read(mail(b"Subject:" + raw)).subject == text


def test_an_encoded_line_end_adds_no_header() -> None:
    """CVE-2024-6923: a decoded subject put into another mail must stay one line."""
    found = parsing.read(
        mail("Subject: =?utf-8?q?a=0D=0ABcc:_x@y=E2=80=A8z=00?=", "From: =?utf-8?q?n=0AX=3A?= <a@b.example>")
    )
    assert found.subject == "a Bcc: x@yz"
    assert found.from_name == "n X:"


@pytest.mark.req("D2", "M6.1")
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b""), ("text/plain", b"\r\n \t\r\n"),
        ("text/plain; charset=utf-8", "\u3000\u200b\ufeff\ufe0f".encode()),
        ("text/html", b"<html><head><title>x</title></head><body><div><br></div>&nbsp;</body></html>"),
        ("multipart/mixed; boundary=b", b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--"),
    ],
)  # fmt: skip
def test_empty_mails_are_empty(kind: str, body: bytes) -> None:
    assert (
        check(mail("From: a@b.example", "MIME-Version: 1.0", f"Content-Type: {kind}", body=body))["empty"]
        is True
    )


def test_text_is_all_inline_plain_parts_and_attachments_are_named() -> None:
    name = "=?iso-2022-jp?B?" + base64.b64encode(JIS + b".pdf").decode() + "?="
    body = "\r\n".join([
        "--b", "Content-Type: multipart/alternative; boundary=c", "",
        "--c", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", "",
        base64.b64encode("一つ目\r\n".encode()).decode(),
        "--c", "Content-Type: text/html", "", "<p>html</p>", "--c--",
        "--b", "Content-Type: text/plain; charset=us-ascii", "", "second",
        "--b", f'Content-Type: application/pdf; name="{name}"', "Content-Transfer-Encoding: base64", "", "AAAA",
        "--b", "Content-Type: text/plain", "Content-Disposition: attachment; filename*=utf-8''%E5%8D%83.txt", "", "no",
        "--b", "Content-Type: message/rfc822", "", "Subject: inner", "", "inner text", "--b--", "",
    ])  # fmt: skip
    found = check(mail("From: a@b.example", "Content-Type: multipart/mixed; boundary=b", body=body.encode()))
    assert found["text"] == "一つ目\nsecond"
    assert found["attachments"] == [
        {"name": "こんにちは.pdf", "type": "application/pdf", "size": 3},
        {"name": "千.txt", "type": "text/plain", "size": 2},
        {"name": None, "type": "message/rfc822", "size": len(b"Subject: inner\n\ninner text")},
    ]


def test_html_alone_is_read_as_text() -> None:
    markup = "<style>x</style><p>大雨&amp;洪水<br>中央区</p><script>no</script><p>以上</p>".encode()
    found = parsing.read(mail("Content-Type: text/html; charset=utf-8", body=markup))
    assert found.text == "大雨&洪水\n中央区\n\n以上"


@pytest.mark.parametrize("piece", ["<", "<a ", "<1", "<!--", "&#", "<script></s", "<a b='", "</"])
def test_broken_html_costs_linear_time(piece: str) -> None:
    """html.parser of CPython 3.11 needs hours for the second of these."""
    parsing.read(mail("Content-Type: text/html", body=(piece * 200_000 + ">").encode()))


def test_an_unclosed_head_does_not_swallow_the_mail() -> None:
    body = b"<html><head><title>t</title><body>a < b <!-- no --><p class='x'>c</p>\xe5\x8d\x83</body>"
    assert parsing.read(mail("Content-Type: text/html; charset=utf-8", body=body)).text == "a < b\nc\n千"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Auto-Submitted: auto-replied (vacation)", "auto-submitted"), ("Auto-Submitted: no", None),
        ("Precedence: bulk", "precedence"), ("Return-Path: <>", "null-sender"), ("List-Id: <x.y>", "list"),
        ("Return-Path: <owner-x@b.example>", "machine-sender"), ("From: MAILER-DAEMON@b.example", "machine-sender"),
        ("From: Mailer-Daemon <>", "machine-sender"),
        ("X-Auto-Response-Suppress: DR, OOF", "response-suppressed"), ("Feedback-ID: 1:2:3", "bulk"),
        ("X-Loop: touroku@city.example", "loop"), ("X-Autoreply: yes", "auto-reply-header"),
        ("Content-Type: multipart/report; report-type=delivery-status; boundary=x", "report"),
        ("Subject: 自動応答: 不在です", "auto-subject"), ("Subject: 大雨の自動応答について", None),
        ("Return-Path: <a@b.example>", None),
    ],
)  # fmt: skip
def test_who_must_not_be_answered(line: str, why: str | None) -> None:
    found = parsing.read(mail("To: touroku@city.example", line))
    assert (found.automatic, found.automatic_why) == (why is not None, why)


def test_the_envelope_is_asked_the_same() -> None:
    assert automatic.envelope(None, "city.example") == automatic.envelope("", "city.example") == "null-sender"
    assert automatic.envelope("x-bounces@b.example", "city.example") == "machine-sender"
    assert automatic.envelope("a@City.Example", "city.example") == "own-domain"
    assert automatic.envelope("a..b.@docomo.ne.jp", "city.example") is None


def test_lf_and_crlf_read_alike() -> None:
    data = mail("From: a@b.example", "Subject: x\r\n y", body=b"one\r\ntwo\r\n")
    assert parsing.read(data) == parsing.read(data.replace(b"\r\n", b"\n"))


def test_hostile_sizes_are_cut() -> None:
    assert len(parsing.read(mail(b"Subject: " + b"a" * 300_000)).subject) <= headers.FIELD_LIMIT
    many = b"".join(b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n" for _ in range(500)) + b"--b--"
    assert len(parsing.read(mail("Content-Type: multipart/mixed; boundary=b", body=many)).attachments) == 100
    deep = b"".join(
        b"--%d\r\nContent-Type: multipart/mixed; boundary=%d\r\n\r\n" % (n, n + 1) for n in range(300)
    )
    check(mail("Content-Type: multipart/mixed; boundary=0", body=deep))


FRAGMENTS = [
    b"From: ", b"Subject: ", b"Content-Type: multipart/mixed; boundary=b", b"\r\n", b"\r\n\r\n", b"--b\r\n", b"--b--",
    b"Content-Type: text/html; charset=", b"idna", b"Content-Transfer-Encoding: base64", b"=?utf-8?B?", b"?=",
    b"Content-Disposition: attachment; filename*0*=", b"begin 644 x\n", b"Date: ", b"<a@b.example>", b"\x1b$B", b"<![",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=8)), max_size=25).map(b"".join))
def test_no_bytes_make_the_reader_raise(data: bytes) -> None:
    check(data)
