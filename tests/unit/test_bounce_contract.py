"""The bounce document others rely on, for a worked example and for any bytes at all."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from inbound.bounce import as_json, read

CONTRACTS = Path(__file__).parents[1] / "contracts"
CHECK = Draft202012Validator(json.loads((CONTRACTS / "bounce.schema.json").read_text(encoding="utf-8")))
KEYS = ["file", "kind", "recipient", "status", "reason", "reply_code", "results"]

WORKED = b"""\
From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: fukan+token@anzen.example
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="cut/here"

--cut/here
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.org.

<a..b.@docomo.ne.jp>: host mfsmax.docomo.ne.jp[192.0.2.1] said: 550 Unknown user
    a..b.@docomo.ne.jp (in reply to end of DATA command)

<mori@town.example>: host mx.town.example[192.0.2.2] said: 550 5.1.1
    <mori@town.example>... User unknown (in reply to RCPT TO command)

--cut/here
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; "a..b."@DOCOMO.ne.jp
Action: failed
Status: 5.2.0
Remote-MTA: dns; mfsmax.docomo.ne.jp
Diagnostic-Code: smtp; 550 Unknown user a..b.@docomo.ne.jp

Final-Recipient: rfc822; mori@Town.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.town.example
Diagnostic-Code: smtp; 550 5.1.1 <mori@town.example>... User unknown

--cut/here
Content-Type: message/rfc822

To: somebody@else.example
Subject: bosai

text
--cut/here--
"""


def test_the_worked_example() -> None:
    expected = json.loads((CONTRACTS / "bounce.example.json").read_text(encoding="utf-8"))
    CHECK.validate(expected)
    assert as_json(read(WORKED), "bounce.eml") == expected


def test_line_ends_make_no_difference() -> None:
    assert read(WORKED.replace(b"\n", b"\r\n")) == read(WORKED)


def test_the_keys_stand_in_their_order() -> None:
    document = as_json(read(b""), "-")
    assert list(document) == KEYS
    assert document["kind"] == "none" and document["results"] == []


PIECES = st.sampled_from(
    [
        b"Final-Recipient: rfc822; a@b.c\n", b"Action: failed\n", b"Status: 5.1.1\n", b"\n", b"\n\n", b"--x\n", b"--x--\n",
        b"Content-Type: multipart/report; boundary=x\n", b"Content-Type: message/delivery-status\n",
        b"Content-Type: message/feedback-report\n", b"Feedback-Type: abuse\n", b"Content-Type: message/rfc822\n",
        b"From: MAILER-DAEMON@x\n", b"Subject: =?iso-2022-jp?B?GyRC?=\n", b"<a@b.c>:\n", b"550 5.1.1 user unknown\n",
        b"the following recipients:\n", b"Content-Transfer-Encoding: base64\n", b"\x1b$B\x00", b"\xff\xfe", b">>> DATA\n",
        b"<<< 550 no\n", b"Original-Rcpt-To: <>\n", b"Diagnostic-Code: smtp; 550\n", b"Auto-Submitted: auto-replied\n",
    ]
)  # fmt: skip


@pytest.mark.parametrize("way", ["bytes", "pieces"])
def test_no_bytes_make_it_raise(way: str) -> None:
    data = st.binary(max_size=2000) if way == "bytes" else st.lists(PIECES, max_size=40).map(b"".join)

    @settings(max_examples=150, deadline=None)
    @given(data)
    @example(WORKED)
    def hold(raw: bytes) -> None:
        document = as_json(read(raw), "f")
        CHECK.validate(document)
        json.dumps(document, ensure_ascii=False).encode("utf-8")

    hold()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_torn_report_is_still_read(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(WORKED)))
    length = data.draw(st.integers(0, 200))
    CHECK.validate(as_json(read(WORKED[:start] + WORKED[start + length :]), "f"))


def test_a_large_mail_costs_little() -> None:
    report = b"Final-Recipient: rfc822; a@b.c\nAction: failed\nStatus: 5.1.1\n\n" * 40_000
    head = b"From: MAILER-DAEMON@x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
    assert [r.recipient for r in read(head + report).results] == ["a@b.c"]
