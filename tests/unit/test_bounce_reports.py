"""Mails with a machine part, complaints, automatic replies, and what only looks like one of them."""

from textwrap import dedent

import pytest

from inbound.bounce import read


def report(fields: str, words: str = "", type: str = "message/delivery-status", returned: str = "") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example.org\nSubject: Returned mail\n"
        "Content-Type: multipart/report; boundary=b\n\n"
        f"--b\n\n{dedent(words)}\n--b\nContent-Type: {type}\n\n{dedent(fields).lstrip()}\n"
        f"--b\nContent-Type: message/rfc822\n\n{dedent(returned).lstrip()}\n--b--\n"
    ).encode()


def seen(data: bytes) -> list[tuple[str | None, str, str | None]]:
    return [(r.recipient, r.kind.value, r.reason.value if r.reason else None) for r in read(data).results]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("Action: failed\nStatus: 5.1.1\n", ("hard", "user-unknown")),
        ("Action: failed\nStatus: 5.2.2\n", ("soft", "mailbox-full")),
        ("Action: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 550 5.7.1 User unknown\n", ("soft", "policy")),
        ("Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 553 SPF fail\n", ("soft", "policy")),
        ("Action: failed\nStatus: 4.4.7\n", ("soft", "expired")),
        ("Action: failed\nStatus: 5.0.0\n", ("soft", "unknown")),
        ("Action: delayed\nStatus: 4.4.1\n", ("soft", "expired")),
        ("Action: delayed\nStatus: 5.1.1\n", ("soft", "delayed")),
        ("Action: delivered\nStatus: 2.1.5\n", ("other", "delivered")),
        ("Action: relayed\nStatus: 2.1.5\n", ("other", "delivered")),
        ("Action: expanded (to a list)\nStatus: 2.1.5\n", ("other", "delivered")),
        ("Action: expired\nStatus:\n", ("soft", "expired")),
        ("Action: failed\nStatus: 5.4.4\nDiagnostic-Code: X-Postfix; Host not found\n", ("hard", "host-unknown")),
        ("Action: failed\nStatus: 4.4.3\nDiagnostic-Code: X-Postfix; Host not found, try again\n", ("soft", "expired")),
    ],
)  # fmt: skip
def test_what_the_fields_say(fields: str, expected: tuple[str, str]) -> None:
    head = "Reporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; mori@town.example\n"
    assert seen(report(head + fields)) == [("mori@town.example", *expected)]


def test_the_words_say_when_it_was_answered() -> None:
    fields = """
        Reporting-MTA: dns; mx.example.org

        Final-Recipient: rfc822; mori@town.example
        Action: failed
        Status: 5.0.0
        Diagnostic-Code: smtp; 550 No such person
        """
    line = "<mori@town.example>: host mx.town.example[192.0.2.1] said: 550 No such person (in reply to {} command)"
    assert seen(report(fields, line.format("RCPT TO"))) == [("mori@town.example", "hard", "user-unknown")]
    assert seen(report(fields, line.format("end of DATA"))) == [("mori@town.example", "soft", "filtered")]
    assert seen(report(fields)) == [("mori@town.example", "soft", "filtered")]


@pytest.mark.parametrize(
    ("final", "original", "recipient"),
    [
        ("rfc822; a..b.@DoCoMo.ne.jp", "", "a..b.@docomo.ne.jp"),
        ('rfc822; "a..b."@docomo.ne.jp', "", "a..b.@docomo.ne.jp"),
        ("RFC822;<.mori@ezweb.ne.jp>", "", ".mori@ezweb.ne.jp"),
        ("rfc822; new@town.example", "rfc822; old@town.example", "new@town.example"),
        ("rfc822; mori@mailstore", "rfc822; mori@town.example", "mori@town.example"),
        ("", "rfc822; mori@town.example", "mori@town.example"),
        ("mori@town.example", "", "mori@town.example"),
    ],
)
def test_whose_mail_it_was(final: str, original: str, recipient: str) -> None:
    fields = f"Final-Recipient: {final}\n" * bool(final) + f"Original-Recipient: {original}\n" * bool(
        original
    )
    assert read(report(fields + "Action: failed\nStatus: 5.1.1\n")).worst.recipient == recipient


def test_the_worst_stands_first_and_each_recipient_once() -> None:
    fields = """
        Reporting-MTA: dns; mx.example.org

        Final-Recipient: rfc822; hayashi@town.example
        Action: failed
        Status: 5.2.2

        Final-Recipient: rfc822; mori@town.example
        Action: failed
        Status: 5.1.1

        Final-Recipient: rfc822; Hayashi@town.example
        Action: failed
        Status: 5.2.2
        """
    assert seen(report(fields)) == [
        ("mori@town.example", "hard", "user-unknown"),
        ("hayashi@town.example", "soft", "mailbox-full"),
    ]


def test_a_report_in_the_returned_mail_is_not_ours() -> None:
    inner = "From: x@y.example\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; victim@town.example\n"
    outer = "Final-Recipient: rfc822; mori@town.example\nAction: failed\nStatus: 5.2.2\n"
    assert seen(report(outer, returned=inner + "Action: failed\nStatus: 5.1.1\n")) == [
        ("mori@town.example", "soft", "mailbox-full")
    ]


def test_a_report_wrapped_by_a_gateway() -> None:
    inner = report("Final-Recipient: rfc822; mori@town.example\nAction: failed\nStatus: 5.1.1\n").decode()
    outer = (
        "From: MAILER-DAEMON@gate.example\nSubject: Returned mail\nContent-Type: multipart/mixed; boundary=o\n\n"
        f"--o\n\nSee the attachment.\n--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n"
    )
    assert seen(outer.encode()) == [("mori@town.example", "hard", "user-unknown")]


def test_a_report_whose_boundary_is_broken() -> None:
    fields = "Final-Recipient: rfc822; mori@town.example\nAction: failed\nStatus: 5.1.1\n"
    assert seen(report(fields).replace(b"boundary=b", b"boundary=other")) == [
        ("mori@town.example", "hard", "user-unknown")
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("Feedback-Type: abuse\nOriginal-Rcpt-To: <mori@town.example>\n", ("mori@town.example", "complaint", "feedback")),
        ("Feedback-Type: abuse\nUser-Agent: X\n", (None, "complaint", "feedback")),
        ("Feedback-Type: opt-out\nRemoval-Recipient: mori@town.example\n", ("mori@town.example", "complaint", "feedback")),
        ("Feedback-Type: auth-failure\nAuth-Failure: dmarc\n", ("other@town.example", "other", "auth-failure")),
        ("Feedback-Type: not-spam\nOriginal-Rcpt-To: mori@town.example\n", ("mori@town.example", "other", "delivered")),
    ],
)  # fmt: skip
def test_feedback(fields: str, expected: tuple[str | None, str, str]) -> None:
    data = report(fields, type="message/feedback-report", returned="To: other@town.example\nSubject: bosai\n")
    assert seen(data) == [expected]


def test_a_dmarc_summary_is_no_complaint() -> None:
    data = b"From: noreply-dmarc-support@google.com\nSubject: Report domain: city.example Submitter: google.com\n\nx\n"
    assert seen(data) == [(None, "other", "auth-failure")]


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "X-Autoreply: yes",
        "Precedence: auto_reply",
        "Subject: Out of Office: bosai",
        "Subject: 自動返信: 大雨警報",
        "Subject: =?UTF-8?B?6Ieq5YuV5b+c562U?=",
    ],
)
def test_an_automatic_reply_is_nothing(field: str) -> None:
    data = f"Return-Path: <>\nFrom: mori@town.example\n{field}\n\nmori@town.example is away.\n".encode()
    assert seen(data) == [("mori@town.example", "auto-reply", "vacation")]


def test_a_read_receipt_is_no_failure() -> None:
    fields = "Final-Recipient: rfc822; mori@town.example\nDisposition: manual-action/MDN-sent-manually; displayed\n"
    assert seen(report(fields, "Your message was read.", "message/disposition-notification")) == [
        (None, "other", "delivered")
    ]


def test_a_delivery_agent_that_refuses_by_a_receipt() -> None:
    fields = "Final-Recipient: rfc822; mori@town.example\nDisposition: automatic-action/MDN-sent-automatically; deleted\n"
    words = "Your message to <mori@town.example> was automatically rejected:\nQuota exceeded (mailbox for user is full)"
    assert seen(report(fields, words, "message/disposition-notification")) == [
        ("mori@town.example", "soft", "mailbox-full")
    ]
