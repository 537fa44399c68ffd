"""The formats in which mail servers without a machine part say that they could not deliver."""

from textwrap import dedent

import pytest

from inbound.bounce import read

DAEMON = "From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\nSubject: Mail delivery failed\n\n"


def seen(body: str, head: str = DAEMON) -> list[tuple[str | None, str, str | None]]:
    bounce = read((head + dedent(body).lstrip("\n")).encode())
    return [(r.recipient, r.kind.value, r.reason.value if r.reason else None) for r in bounce.results]


ONE = [
    (
        "qmail, code of its own",
        """
        Hi. This is the qmail-send program at mx.example.org.
        I'm afraid I wasn't able to deliver your message to the following addresses.
        This is a permanent error; I've given up. Sorry it didn't work out.

        <mori@town.example>:
        Sorry, no mailbox here by that name. (#5.1.1)

        --- Below this line is a copy of the message.

        To: someone-else@town.example
        """,
        ("hard", "user-unknown"),
    ),
    (
        "qmail, remote answer to RCPT",
        """
        Hi. This is the qmail-send program at mx.example.org.
        I'm afraid I wasn't able to deliver your message to the following addresses.

        <mori@town.example>:
        192.0.2.7 does not like recipient.
        Remote host said: 550 No such person here
        Giving up on 192.0.2.7.
        """,
        ("hard", "user-unknown"),
    ),
    (
        "qmail, after the message was sent",
        """
        Hi. This is the qmail-send program at mx.example.org.
        I'm afraid I wasn't able to deliver your message to the following addresses.

        <mori@town.example>:
        192.0.2.7 failed after I sent the message.
        Remote host said: 550 user unknown
        """,
        ("soft", "filtered"),
    ),
    (
        "qmail, no such domain",
        """
        Hi. This is the qmail-send program at mx.example.org.
        I'm afraid I wasn't able to deliver your message to the following addresses.

        <mori@town.example>:
        Sorry, I couldn't find any host named town.example. (#5.1.2)
        """,
        ("hard", "host-unknown"),
    ),
    (
        "vpopmail, full",
        """
        Hi. This is the qmail-send program at mx.example.org.
        I'm afraid I wasn't able to deliver your message to the following addresses.

        <mori@town.example>:
        The users mailfolder is over the allowed quota (size). (#5.2.2)
        """,
        ("soft", "mailbox-full"),
    ),
    (
        "Exim, RCPT",
        """
        This message was created automatically by mail delivery software.

        A message that you sent could not be delivered to one or more of its
        recipients. This is a permanent error. The following address(es) failed:

          mori@town.example
            SMTP error from remote mail server after RCPT TO:<mori@town.example>:
            host mx.town.example [192.0.2.7]: 550 Unknown account

        ------ This is a copy of the message, including all the headers. ------

        To: other@town.example
        """,
        ("hard", "user-unknown"),
    ),
    (
        "Exim, no router",
        """
        This message was created automatically by mail delivery software.

        A message that you sent could not be delivered to one or more of its
        recipients. This is a permanent error. The following address(es) failed:

          mori@town.example
            Unrouteable address
        """,
        ("hard", "user-unknown"),
    ),
    (
        "Exim, our sender",
        """
        This message was created automatically by mail delivery software.

        A message that you sent could not be delivered to one or more of its
        recipients. This is a permanent error. The following address(es) failed:

          mori@town.example
            SMTP error from remote mail server after MAIL FROM:<r@city.example>:
            host mx.town.example [192.0.2.7]: 550 unknown user
        """,
        ("soft", "rejected"),
    ),
    (
        "Exim, MX without hosts",
        """
        This message was created automatically by mail delivery software.

        A message that you sent could not be delivered to one or more of its
        recipients. The following address(es) failed:

          mori@town.example
            all relevant MX records point to non-existent hosts
        """,
        ("hard", "host-unknown"),
    ),
    (
        "Exim, delay",
        """
        This message was created automatically by mail delivery software.
        A message that you sent has not yet been delivered to one or more of its
        recipients after more than 24 hours on the queue on mx.example.org.

        The address to which the message has not yet been delivered is:

          mori@town.example
            host mx.town.example [192.0.2.7]: Connection timed out
        """,
        ("soft", "expired"),
    ),
    (
        "Postfix without a report",
        """
        This is the Postfix program at host mx.example.org.

        I'm sorry to have to inform you that the message returned
        below could not be delivered to one or more destinations.

        <mori@town.example>: host mx.town.example[192.0.2.7] said: 550 <mori@town.example>:
            Recipient address rejected: User unknown (in reply to RCPT TO command)
        """,
        ("hard", "user-unknown"),
    ),
    (
        "sendmail transcript",
        """
        The original message was received at Thu, 1 Oct 2026 10:00:00 +0900

           ----- The following addresses had permanent fatal errors -----
        <mori@town.example>
            (reason: 550 sorry, no such account)

           ----- Transcript of session follows -----
        ... while talking to mx.town.example.:
        >>> RCPT To:<mori@town.example>
        <<< 550 sorry, no such account
        """,
        ("hard", "user-unknown"),
    ),
    (
        "sendmail, words after DATA",
        """
           ----- The following addresses had permanent fatal errors -----
        <mori@town.example>
            (reason: 550 user unknown)

           ----- Transcript of session follows -----
        ... while talking to mx.town.example.:
        >>> DATA
        <<< 550 user unknown
        554 5.0.0 Service unavailable
        """,
        ("soft", "filtered"),
    ),
    (
        "sendmail that pipelines",
        """
           ----- The following addresses had permanent fatal errors -----
        <mori@town.example>
            (reason: 550 user unknown)

           ----- Transcript of session follows -----
        ... while talking to mx.town.example.:
        >>> DATA
        <<< 550 user unknown
        550 <mori@town.example>... User unknown
        <<< 503 need RCPT
        """,
        ("hard", "user-unknown"),
    ),
    (
        "Exchange 5.5",
        """
        Your message

          To:      list@city.example
          Subject: bosai
          Sent:    Thu, 1 Oct 2026 10:00:00 +0900

        did not reach the following recipient(s):

        mori@town.example on Thu, 1 Oct 2026 10:00:03 +0900
            The recipient name is not recognized
            MSEXCH:IMS:TOWN:OFFICE:MX 0 (000C05A6) Unknown Recipient
        """,
        ("hard", "user-unknown"),
    ),
    (
        "Exchange Online",
        """
        Delivery has failed to these recipients or groups:

        mori@town.example<mailto:mori@town.example>
        The email address you entered couldn't be found.

        Diagnostic information for administrators:

        Generating server: A.prod.outlook.com

        mori@town.example
        Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'

        Original message headers:
        To: other@town.example
        """,
        ("hard", "user-unknown"),
    ),
    (
        "Domino",
        """
        Your message

          Subject: bosai

        was not delivered to:

          mori@town.example

        because:

          User mori (mori@town.example) not listed in Domino Directory
        """,
        ("hard", "user-unknown"),
    ),
    (
        "IMail",
        """
        User mailbox exceeds allowed size: mori@town.example


        Original message follows.
        """,
        ("soft", "mailbox-full"),
    ),
    (
        "MDaemon",
        """
        The attached message had PERMANENT fatal delivery errors!

        Failed address: mori@town.example

        --- Session Transcript ---
         Thu 2026-10-01 10:00:00: --> RCPT To:<mori@town.example>
         Thu 2026-10-01 10:00:00: <-- 550 Requested action not taken: mailbox unavailable
        """,
        ("soft", "filtered"),
    ),
    (
        "MailMarshal",
        """
        Your message:
           From:    r@city.example
           Subject: bosai

        Could not be delivered because of

        550 5.1.1 User unknown

        The following recipients were affected:
            mori@town.example
        """,
        ("hard", "user-unknown"),
    ),
    (
        "OpenSMTPD",
        """
            Hi!

            This is the MAILER-DAEMON, please DO NOT REPLY to this e-mail.

            An error has occurred while attempting to deliver a message for
            the following list of recipients:

        mori@town.example: 550 5.2.2 <mori@town.example>... Mailbox Full

            Below is a copy of the original message:

        To: other@town.example
        """,
        ("soft", "mailbox-full"),
    ),
    (
        "m-FILTER",
        """
        以下のメールアドレスへの送信に失敗しました。
        mori@town.example

        -------server message
        550 unknown user <mori@town.example>

        -------SMTP command
        DATA

        -------original message
        To: other@town.example
        """,
        ("soft", "filtered"),
    ),
    (
        "EZweb's filter",
        """
        <mori@ezweb.ne.jp>

        Each of the following recipients was rejected by a remote mail server.
        ---------------------------------------------------
        Received: from mx.city.example (host [192.0.2.22])
                by lsean.ezweb.ne.jp (EZweb Mail) with SMTP id 1
        To: mori@ezweb.ne.jp
        """,
        ("soft", "filtered"),
    ),
    (
        "au one net, full",
        """
        送信先のメールボックスが一杯のため、送信できませんでした。

        Your mail sent on: Thu, 1 Oct 2026 10:00:00 +0900
             Could not be delivered to: <mori@town.example>
             As their mailbox is full.
        """,
        ("soft", "mailbox-full"),
    ),
    (
        "Zoho",
        """
        This message was created automatically by mail delivery software.
        A message that you sent could not be delivered to one or more of its recipients. This is a permanent error.

        mori@town.example Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 Account does not exist
        """,
        ("hard", "user-unknown"),
    ),
    (
        "Gmail, old form",
        """
        Delivery to the following recipient failed permanently:

             mori@town.example

        Technical details of permanent failure:
        The error that the other server returned was: 550 550 5.1.1 <mori@town.example>: User unknown (state 14).

        ----- Original message -----

        To: other@town.example
        """,
        ("hard", "user-unknown"),
    ),
    (
        "German, full",
        """
        Die Nachricht konnte nicht zugestellt werden:

        mori@town.example
        Das Postfach ist voll
        """,
        ("soft", "mailbox-full"),
    ),
    (
        "LSMTP",
        """
        --> Error description:

        Error-for:  mori@town.example
        Error-Code: 3
        Error-Text: No such local user.

        Error-End:  One error reported.
        """,
        ("soft", "filtered"),
    ),
    (
        "InterMail",
        """
        This Message was undeliverable due to the following reason:

        The user(s) account is temporarily over quota.

        <mori@town.example>

        Please reply to <Postmaster@mx.example.org>
        if you feel this message to be in error.
        """,
        ("soft", "mailbox-full"),
    ),
    (
        "a format nobody knows",
        """
        Something is wrong with your letter.

          <mori@town.example>

        There is no more to say about it.
        """,
        ("soft", "unknown"),
    ),
    (
        "Dovecot by sentence",
        """
        Your message to <mori@town.example> was automatically rejected:
        Quota exceeded (mailbox for user is full)
        """,
        ("soft", "mailbox-full"),
    ),
]


@pytest.mark.parametrize(
    ("body", "expected"), [(body, exp) for _, body, exp in ONE], ids=[n for n, _, _ in ONE]
)
def test_a_format_names_its_recipient_and_what_became_of_him(body: str, expected: tuple[str, str]) -> None:
    who = "mori@ezweb.ne.jp" if "ezweb" in body else "mori@town.example"
    assert seen(body) == [(who, *expected)]


def test_each_recipient_has_its_own_words() -> None:
    body = """
        Hi. This is the qmail-send program at mx.example.org.
        I'm afraid I wasn't able to deliver your message to the following addresses.

        <mori@town.example>:
        Sorry, no mailbox here by that name. (#5.1.1)

        <hayashi@town.example>:
        Recipient's mailbox is full, message returned to sender. (#5.2.2)
        """
    assert seen(body) == [
        ("mori@town.example", "hard", "user-unknown"),
        ("hayashi@town.example", "soft", "mailbox-full"),
    ]


def test_nobody_named_but_x_failed_recipients() -> None:
    head = (
        "From: mailer-daemon@googlemail.com\nSubject: Delivery Status Notification (Failure)\n"
        "X-Failed-Recipients: some-list@googlegroups.com\n\n"
    )
    assert seen("\nDobrý den, skupina neexistuje.\n", head) == [
        ("some-list@googlegroups.com", "soft", "rejected")
    ]


def test_the_returned_mail_names_the_recipient_at_last() -> None:
    body = """
        I'm afraid your message could not be sent.

        ----- Original message -----
        From: r@city.example
        To: mori@town.example
        Subject: bosai
        """
    assert seen(body) == [("mori@town.example", "soft", "unknown")]


def test_a_forwarded_report_counts_as_one() -> None:
    head = "From: Mori <mori@town.example>\nSubject: Fwd: Returned mail\n\n"
    body = """
        Begin forwarded message:
        > Final-Recipient: RFC822; hayashi@town.example
        > Action: failed
        > Status: 5.1.1
        > Diagnostic-Code: SMTP; 550 5.1.1 <hayashi@town.example>... User unknown
        """
    assert seen(body, head) == [("hayashi@town.example", "hard", "user-unknown")]


@pytest.mark.parametrize(
    "body",
    [
        "Hello,\n\nplease write to mori@town.example. Is my mailbox full?\n",
        "My address mori@town.example does not exist any more; please use hayashi@town.example.\n",
        "550 is a nice number. See you, mori@town.example\n",
    ],
)
def test_an_ordinary_mail_is_no_bounce(body: str) -> None:
    assert seen(body, "From: Mori <mori@town.example>\nTo: r@city.example\nSubject: question\n\n") == []


def test_notes_writes_the_reason_first() -> None:
    body = """
        ------- Failure Reasons  --------

        User not listed in public Name & Address Book
        mori@town.example

        Mailbox is full
        hayashi@town.example

        ------- Returned Message --------
        """
    assert seen(body) == [
        ("mori@town.example", "hard", "user-unknown"),
        ("hayashi@town.example", "soft", "mailbox-full"),
    ]
