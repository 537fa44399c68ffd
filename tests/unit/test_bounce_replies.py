"""What a server's reply means for an address: codes, words and what single providers mean by them."""

import pytest

from config.reasons import HARD, Reason
from config.replies import classify
from config.reply_tables import basic, enhanced, providers, texts


def meaning(reply: str, stage: str = "rcpt", domain: str = "town.example", host: str = "") -> tuple[str, str]:
    verdict = classify(None, None, reply, domain=domain, stage=stage, host=host)
    return verdict.kind.value, verdict.reason.value


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (
            "550 5.1.1 <mori@town.example>: Recipient address rejected: User unknown in virtual alias table",
            "user-unknown",
        ),
        ("550 No such user here", "user-unknown"),
        ("550 5.1.1 The email account that you tried to reach does not exist.", "user-unknown"),
        ("550 mailbox unavailable", "user-unknown"),
        ("550 5.1.2 Host unknown", "host-unknown"),
        ("556 5.1.10 Domain does not accept mail (nullMX)", "not-accepting"),
        ("551 5.1.6 The user has moved, try elsewhere", "moved"),
    ],
)
def test_an_address_is_dead(reply: str, reason: str) -> None:
    assert meaning(reply) == ("hard", reason)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("552 5.2.2 <mori@town.example>... Mailbox full", "mailbox-full"),
        ("452 4.2.2 The email account that you tried to reach is over quota.", "mailbox-full"),
        ("550 5.2.1 The email account that you tried to reach is disabled.", "suspended"),
        ("552 5.3.4 Message size exceeds fixed limit", "too-big"),
        ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "blocked"),
        ("554 5.7.1 Message rejected as spam", "spam"),
        ("550 5.7.26 This mail is unauthenticated, SPF did not pass", "policy"),
        (
            "550 5.7.515 Access denied, sending domain does not meet the required authentication level",
            "policy",
        ),
        ("553 5.1.8 <r@city.example>: Sender address rejected: Domain not found", "rejected"),
        ("554 5.7.1 <mori@town.example>: Relay access denied", "rejected"),
        ("450 4.2.0 <mori@town.example>: Recipient address rejected: Greylisted", "blocked"),
        ("421 4.7.0 Try again later, closing connection.", "expired"),
        ("550 5.7.1 User unknown", "policy"),
        (
            "550 5.1.0 <r@city.example>: Sender address rejected: User unknown in virtual mailbox table",
            "rejected",
        ),
        (
            "450 4.1.1 <mori@town.example>: Recipient address rejected: unverified address: lookup failed",
            "delayed",
        ),
        ("550 Recipient rejected by the owner's settings", "rejected"),
        ("450 4.1.1 User unknown in local recipient table", "delayed"),
    ],
)
def test_an_address_may_live(reply: str, reason: str) -> None:
    assert meaning(reply) == ("soft", reason)


@pytest.mark.parametrize(
    ("domain", "stage", "reply", "expected"),
    [
        ("docomo.ne.jp", "rcpt", "550 Unknown user mori@docomo.ne.jp", ("hard", "user-unknown")),
        ("docomo.ne.jp", "data", "550 Unknown user mori@docomo.ne.jp", ("soft", "filtered")),
        ("docomo.ne.jp", "", "550 Unknown user mori@docomo.ne.jp", ("soft", "filtered")),
        ("docomo.ne.jp", "data", "550 5.1.1 Unknown user mori@docomo.ne.jp", ("soft", "filtered")),
        ("docomo.ne.jp", "data", "552 too much mail data", ("soft", "too-big")),
        ("ezweb.ne.jp", "data", "550 : User unknown", ("soft", "filtered")),
        ("au.com", "rcpt", "550 : User unknown", ("soft", "filtered")),
        ("au.com", "rcpt", "550 <mori@au.com>: User unknown", ("hard", "user-unknown")),
        ("biz.ezweb.ne.jp", "data", "550 <mori@ezweb.ne.jp>: User unknown", ("soft", "filtered")),
        ("softbank.ne.jp", "rcpt", "550 Invalid recipient: <mori@softbank.ne.jp>", ("hard", "user-unknown")),
        ("softbank.ne.jp", "data", "550 5.1.1 User unknown", ("soft", "filtered")),
        ("hotmail.com", "rcpt", "550 5.5.0 Requested action not taken: mailbox unavailable", ("hard", "user-unknown")),
        ("outlook.com", "rcpt", "550 5.7.606 Access denied, banned sending IP [192.0.2.1]", ("soft", "blocked")),
        ("gmail.com", "rcpt", "550-5.2.1 The email account that you tried to reach is inactive.", ("soft", "suspended")),
        ("yahoo.com", "data", "554 delivery error: dd This user doesn't have a yahoo.com account", ("hard", "user-unknown")),
    ],
)  # fmt: skip
def test_providers_mean_different_things(
    domain: str, stage: str, reply: str, expected: tuple[str, str]
) -> None:
    assert meaning(reply, stage, domain) == expected


@pytest.mark.parametrize("stage", ["connect", "helo", "mail"])
def test_an_answer_before_rcpt_is_about_us(stage: str) -> None:
    assert meaning("550 5.1.1 User unknown", stage)[0] == "soft"


def test_after_data_an_unknown_user_may_be_a_filter() -> None:
    assert meaning("550 User unknown", "data") == ("soft", "filtered")
    assert meaning("550 User unknown", "") == ("soft", "filtered")


def test_a_residents_name_decides_nothing() -> None:
    assert meaning("550 5.1.1 <quota-full@spam.example>: User unknown") == ("hard", "user-unknown")


def test_a_given_up_4_1_1_counts_as_dead_and_a_first_one_does_not() -> None:
    words = "450 4.1.1 <mori@town.example>: User unknown in virtual alias table"
    for final, kind in ((True, "hard"), (False, "soft")):
        assert (
            classify(450, "4.1.1", words, domain="town.example", stage="rcpt", final=final).kind.value == kind
        )


def test_no_policy_code_and_no_bare_reply_code_can_kill() -> None:
    assert not HARD & set(basic().values())
    assert not HARD & {reason for code, reason in enhanced().items() if code.split(".")[1] == "7"}
    for code in range(500, 560):
        assert classify(code, "5.7.1", "user unknown", domain="x.example", stage="rcpt").reason not in HARD


def test_the_tables_are_whole() -> None:
    assert len(texts()) > 15 and len(providers()) > 20
    assert {"5.1.1", "x.2.2", "x.7.x"} <= set(enhanced())
    assert {rule.reason for rule in texts()} | {rule.reason for rule in providers()} <= set(Reason)
