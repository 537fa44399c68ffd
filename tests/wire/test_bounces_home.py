"""Bounces and complaints find their subscriber by the token alone; operators read of it by mail and undo it."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest

from store import decisions, subscriptions
from store.decisions import Door
from store.deliveries import Mail
from store.subscriptions import Resident
from store.tokens import Signed
from tests.ledger import acts
from tests.wire.intake import CHIEF, DOMAIN, OFFICER, POLICE, Intake, intake

GONE = "gone@docomo.ne.jp"


def dsn(action: str = "failed", status: str = "5.1.1", said: str = "550 5.1.1 User unknown") -> bytes:
    """A delivery status notification (RFC 3464), written by hand."""
    lines = (
        "From: MAILER-DAEMON@docomo.ne.jp",
        "Subject: Returned mail",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "Your mail was not delivered.",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.docomo.ne.jp",
        "",
        f"Final-Recipient: rfc822; {GONE}",
        f"Action: {action}",
        f"Status: {status}",
        f"Diagnostic-Code: smtp; {said}",
        "",
        "--b--",
        "",
    )
    return "\r\n".join(lines).encode()


def arf(fields: str) -> bytes:
    """A complaint (RFC 5965) with the header of the mail it is about."""
    return (
        "From: fbl@provider.example\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nabuse report\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        "Feedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{fields}\r\nSubject: x\r\n\r\n--b--\r\n"
    ).encode()


def joined(town: Intake, address: str = GONE) -> int:
    return acts.join(town.store, address, town.now(), ("suspicious", "city", 1))


def delivered(town: Intake) -> Mail:
    """One bulletin on its way to the one subscriber; returns his delivery."""
    made = acts.draft(town.store, town.now(), where=("city",))
    chief = acts.person(town.store, "chief")
    town.store.call(decisions.approve, made.id, made.digest, person=chief, door=Door.SLACK, now=town.now())
    acts.expand(town.store, made.id, town.now())
    (mail,) = acts.deliver(town.store, town.now())
    return mail


async def returns(town: Intake, raw: bytes, token: str) -> None:
    await town.send(raw, "", f"fukan+{token}@{DOMAIN}")
    await town.settled()


def whose(town: Intake, address: str = GONE) -> Resident | None:
    return town.store.call(subscriptions.find, address)


@pytest.mark.req("C8.6")
async def test_two_hard_ones_on_different_days_and_an_operator_undoes_it(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        me = joined(town)
        for day in range(2):
            town.store.set_offset(timedelta(days=day))
            mail = delivered(town)
            for _ in range(2):
                await returns(town, dsn(), town.office.tokens.sign(Signed.RETURN_DELIVERY, mail.id).upper())
            found = whose(town)
            assert found is not None
            assert found.state == ("confirmed" if day == 0 else "suspended")
        assert town.last().state == "understood"
        await town.write(CHIEF, "unyo", "Re: 不達の報告", f"配信再開 {me}\n> 配信再開 99\n", sign=POLICE)
        found = whose(town)
        assert found is not None
        assert found.state == "confirmed"
        answer = town.letters(CHIEF)[-1]
        assert answer.purpose == "operators_help"
        assert answer.params["text"] == f"登録番号{me}の配信を再開しました。"
        await town.write(CHIEF, "unyo", f"配信再開　＃{me}", "", sign=POLICE)
        assert "配信停止中ではありません" in town.letters(CHIEF)[-1].params["text"]


@pytest.mark.req("C8.6")
async def test_a_forged_token_changes_nothing(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        me = joined(town)
        mail = delivered(town)
        good = town.office.tokens.sign(Signed.RETURN_DELIVERY, mail.id)
        others = (good[:-1] + ("b" if good[-1] == "a" else "a"), town.office.tokens.sign(Signed.STOP, me))
        for day in range(3):
            town.store.set_offset(timedelta(days=day))
            for token in others:
                await returns(town, dsn(), token)
                assert (town.last().state, town.last().why) == ("not-understood", "forged-token")
        found = whose(town)
        assert found is not None
        assert found.state == "confirmed"
        assert [one.purpose for one in town.letters(GONE)] == ["join_confirm", "welcome"]


@pytest.mark.req("C8.6")
@pytest.mark.parametrize(
    "raw",
    [
        dsn(said="550 5.2.0 filtered", status="5.2.0"),
        dsn("delayed", "4.4.1", "451 later"),
        dsn("failed", "5.7.1", "550 5.7.26 policy"),
        dsn("delivered", "2.0.0", "250 OK"),
        b"From: gone@docomo.ne.jp\r\nAuto-Submitted: auto-replied\r\nSubject: away\r\n\r\nback soon\r\n",
        b"From: gone@docomo.ne.jp\r\nSubject: Re: x\r\n\r\nthank you\r\n",
    ],
)
async def test_what_is_no_death_suspends_nobody(tmp_path: Path, raw: bytes) -> None:
    async with intake(tmp_path) as town:
        joined(town)
        token = town.office.tokens.sign(Signed.RETURN_DELIVERY, delivered(town).id)
        for day in range(3):
            town.store.set_offset(timedelta(days=day))
            await returns(town, raw, token)
        found = whose(town)
        assert found is not None
        assert found.state == "confirmed"
        assert len(town.letters(GONE)) == 2


@pytest.mark.req("C8.6", "C8.3")
@pytest.mark.parametrize("carrier", ["return", "list-mailto", "list-url"])
async def test_a_complaint_ends_the_subscription_it_names(tmp_path: Path, carrier: str) -> None:
    async with intake(tmp_path) as town:
        me = joined(town)
        stop = town.office.tokens.sign(Signed.STOP, me)
        back = town.office.tokens.sign(Signed.RETURN_DELIVERY, delivered(town).id)
        fields = {
            "return": f"Return-Path: <fukan+{back}@{DOMAIN}>",
            "list-mailto": f"List-Unsubscribe: <mailto:teishi+{stop}@{DOMAIN}>",
            "list-url": f"List-Unsubscribe: <https://x.example/teishi/{stop}>,\r\n <mailto:x@y.example>",
        }[carrier]
        for false in (f"Return-Path: <fukan+{stop[::-1]}@{DOMAIN}>", "To: <gone@docomo.ne.jp>"):
            await town.send(arf(false), "fbl@provider.example", f"kujo@{DOMAIN}")
            await town.settled()
            assert town.last().why == "complaint-without-token"
            assert whose(town) is not None
        await town.send(arf(fields), "fbl@provider.example", f"kujo@{DOMAIN}")
        await town.settled()
        assert town.last().state == "understood"
        assert whose(town) is None
        assert len(town.letters(GONE)) <= 2  # no farewell to who complains


@pytest.mark.req("D7")
async def test_operators_ask_for_the_report_by_mail(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        me = joined(town)
        for day in range(2):
            town.store.set_offset(timedelta(days=day))
            await returns(town, dsn(), town.office.tokens.sign(Signed.RETURN_DELIVERY, delivered(town).id))
        await town.write(CHIEF, "unyo", "不達報告", "", sign=POLICE)
        (letter,) = town.letters(CHIEF)
        assert letter.purpose == "bounce_report"
        assert f"登録番号{me}" in letter.params["table"]
        assert "docomo　恒久（あて先なし）　あて先がない　1件" in letter.params["table"]
        assert f"配信再開 {me}" in letter.params["advice"]
        name, text = letter.attachment_name, letter.attachment
        assert name is not None
        assert name.startswith("futatsu-")
        assert text is not None
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        assert [row["件数"] for row in rows if row["区分"] == "件数"] == ["1", "1"]
        assert [row["登録番号"] for row in rows if row["区分"] == "配信停止"] == [str(me)]
        assert "gone" not in text + str(letter.params)
        await town.write(CHIEF, "unyo", "こんにちは", "", sign=POLICE)
        assert town.letters(CHIEF)[-1].purpose == "operators_help"


@pytest.mark.req("D7", "C6.2")
@pytest.mark.parametrize(
    ("sender", "sign", "state", "told"),
    [
        (OFFICER, POLICE, "quarantined", "権限"),
        (CHIEF, None, "quarantined", "確かめられませんでした"),
        ("stranger@example.jp", "example.jp", "not-understood", None),
    ],
)
async def test_nobody_else_gets_it(
    tmp_path: Path, sender: str, sign: str | None, state: str, told: str | None
) -> None:
    async with intake(tmp_path) as town:
        await town.write(sender, "unyo", "不達報告", "", sign=sign)
        assert town.last().state == state
        letters = town.letters()
        assert [one.purpose for one in letters] == ([] if told is None else ["operators_help"])
        if told is not None:
            assert told in letters[0].params["text"]
