"""A resident joins, changes and leaves by mail alone; forged, late and automatic mails do nothing of the kind."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from store import letters, subscriptions
from store.subscriptions import Reason
from store.tokens import Signed
from tests.wire.intake import DOMAIN, Intake, intake

ME = "a..b.@docomo.ne.jp"


async def join(town: Intake, address: str = ME) -> int:
    """Ask, answer, be registered; returns the subscriber's number."""
    await town.write(address, "touroku")
    token = town.letters(address)[-1].params["token"]
    await town.write(address, f"touroku+{token}", "Re: 仮登録のご案内")
    found = town.store.call(subscriptions.find, address)
    assert found is not None
    assert found.state == "confirmed"
    return found.id


@pytest.mark.req("D1", "D2", "C5.3", "C5.6", "M6.1")
async def test_any_mail_is_a_request_and_an_answer_confirms(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        await town.write(ME, "touroku", "無題", "入会希望 iPhoneから送信")
        (letter,) = town.letters(ME)
        assert letter.purpose == "join_confirm"
        assert set(letter.params) == {"subscriber", "token", "hours"}  # nothing of the mail comes back
        assert letter.queue_id == town.office.queues["docomo"]
        assert (letter.in_reply_to or "").startswith("<")
        pending = town.store.call(subscriptions.find, ME)
        assert pending is not None
        assert pending.state == "pending"
        # The answer may come from anywhere and say anything: only the token matters (MAIL.md 4).
        await town.write("other@example.jp", f"TOUROKU+{letter.params['token'].upper()}", "Re＞ 仮登録")
        found = town.store.call(subscriptions.find, ME)
        assert found is not None
        assert (found.id, found.state) == (pending.id, "confirmed")
        assert [one.purpose for one in town.letters(ME)] == ["join_confirm", "welcome"]
        await town.write(ME, "touroku")
        assert town.letters(ME)[-1].purpose == "join_again"
        assert town.store.call(subscriptions.find, ME) == found


@pytest.mark.req("C5.6")
async def test_expired_used_and_forged_tokens_get_an_exact_answer(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        await town.write(ME, "touroku+" + "a" * 24, "Re: 仮登録")
        assert "記録にありません" in town.letters(ME)[-1].params["what"]
        assert (town.last().state, town.last().why) == ("not-understood", "forged-token")
        await town.write(ME, "touroku")
        token = town.letters(ME)[-1].params["token"]
        town.store.set_offset(timedelta(days=1, minutes=1))
        await town.write(ME, f"touroku+{token}")
        assert "期限が切れています" in town.letters(ME)[-1].params["what"]
        await town.write(ME, "touroku")
        token = town.letters(ME)[-1].params["token"]
        await town.write(ME, f"touroku+{token}")
        await town.write(ME, f"touroku+{token}")
        answer = town.letters(ME)[-1]
        assert answer.purpose == "token_answer"
        assert "すでに使われています" in answer.params["what"]
        assert "touroku@anzen.example.lg.jp" in answer.params["how"] or "settei@" in answer.params["how"]
        for _ in range(4):
            await town.write(ME, f"touroku+{token}")
        answers = [one for one in town.letters(ME) if one.purpose == "token_answer"]
        assert len(answers) == 1 + 3  # one of yesterday, three of today


@pytest.mark.req("C5.6", "C4.3")
@pytest.mark.parametrize(
    ("envelope", "extra", "why"),
    [
        ("", b"", "null-sender"),
        ("mailer-daemon@example.jp", b"", "machine-sender"),
        ("someone@evil.example", b"", "other-sender"),
        ("x@anzen.example.lg.jp", b"", "own-domain"),
        (None, b"Auto-Submitted: auto-replied\r\n", "auto-submitted"),
        (None, b"List-Id: <x.example.jp>\r\n", "list"),
        (None, b"Precedence: bulk\r\n", "precedence"),
        (None, b"From: second@example.jp\r\n", "author-unclear"),
    ],
)
async def test_who_is_never_answered(tmp_path: Path, envelope: str | None, extra: bytes, why: str) -> None:
    async with intake(tmp_path) as town:
        await town.write("me@nowhere.example", "touroku", envelope=envelope, extra=extra)
        assert town.letters() == []
        assert (town.last().state, town.last().why) == ("not-understood", why)


@pytest.mark.req("C5.6")
async def test_a_vacation_notice_confirms_nothing(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        await town.write(ME, "touroku")
        token = town.letters(ME)[-1].params["token"]
        await town.write(ME, f"touroku+{token}", extra=b"Auto-Submitted: auto-replied\r\n")
        await town.write(ME, f"touroku+{token}", envelope="")
        found = town.store.call(subscriptions.find, ME)
        assert found is not None
        assert found.state == "pending"


@pytest.mark.req("C5.6")
async def test_forwarded_mail_is_answered_when_its_author_signed(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        await town.write("me@example.jp", "touroku", envelope="srs0=x@relay.example", sign="example.jp")
        assert [one.address for one in town.letters()] == ["me@example.jp"]


@pytest.mark.req("C4.3")
async def test_a_flood_is_answered_a_few_times(tmp_path: Path) -> None:
    async with intake(tmp_path, most_joins=5) as town:
        for _ in range(5):
            await town.write(ME, "touroku")
        assert len(town.letters(ME)) == subscriptions.LETTERS_A_DAY
        await town.write("other@docomo.ne.jp", "touroku")
        assert (town.last().why, town.letters("other@docomo.ne.jp")) == ("too-many-of-domain", [])
        await town.write("other@example.jp", "touroku")
        assert len(town.letters("other@example.jp")) == 1


@pytest.mark.req("D1", "M6.2")
async def test_leaving_by_the_address_at_the_end_of_every_mail(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        me = await join(town)
        token = town.office.tokens.sign(Signed.STOP, me)
        wrong = ("a" if token[-1] != "a" else "b") + token[1:]
        await town.write(ME, f"teishi+{wrong}", "解除")
        assert "解除していません" in town.letters(ME)[-1].params["what"]
        await town.write("other@example.jp", f"teishi+{token.upper()}")
        assert town.store.call(subscriptions.find, ME) is None
        assert town.letters(ME)[-1].purpose == "goodbye"
        await town.write(ME, f"teishi+{token}")
        assert "すでに解除" in town.letters(ME)[-1].params["what"]


@pytest.mark.req("D1", "C5.5")
async def test_a_forged_mail_unsubscribes_nobody(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        await join(town, "me@example.jp")
        await town.write("me@example.jp", "kaijo", "解除")
        assert town.letters("me@example.jp")[-1].purpose == "settings_link"
        assert town.store.call(subscriptions.find, "me@example.jp") is not None
        await town.write("me@example.jp", "kaijo", "解除", sign="example.jp")
        assert town.store.call(subscriptions.find, "me@example.jp") is None
        assert town.letters("me@example.jp")[-1].purpose == "goodbye"


@pytest.mark.req("D1")
async def test_settings_link_and_free_text(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        await join(town)
        await town.write(ME, "settei")
        assert town.letters(ME)[-1].purpose == "settings_link"
        await town.write("stranger@example.jp", "settei")
        assert "登録されていません" in town.letters("stranger@example.jp")[-1].params["what"]
        # An answer to an alert is not an order, whatever weather word it holds (WORDS.md).
        await town.write(ME, "oshirase", "Re: 【解除】大雨警報", "了解")
        assert town.letters(ME)[-1].purpose == letters.Purpose.NOT_UNDERSTOOD
        assert town.store.call(subscriptions.find, ME) is not None
        assert (town.last().state, town.last().why) == ("not-understood", "free-text")


@pytest.mark.req("D1")
async def test_somebody_not_registered_yet_is_told_so(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        await town.write(ME, "touroku")
        await town.write(ME, "kaijo")
        assert "まだ完了していません" in town.letters(ME)[-1].params["what"]
        me = await join(town, "you@example.jp")
        town.store.call(subscriptions.suspend, me, Reason.NON_EXISTENT, now=town.now())
        await town.write("you@example.jp", "settei")
        assert town.letters("you@example.jp")[-1].purpose == "settings_link"


@pytest.mark.req("D2", "C5.3")
async def test_the_same_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    async with intake(tmp_path, ledger=postgres_url) as town:
        me = await join(town)
        raw = b"From: a..b.@docomo.ne.jp\r\n\r\n"
        sends = (town.send(raw, f"r{n}@docomo.ne.jp", f"settei@{DOMAIN}") for n in range(20))
        await asyncio.gather(*sends)
        await town.settled()
        assert await join(town, "you@docomo.ne.jp") != me
        await town.write(ME, f"teishi+{town.office.tokens.sign(Signed.STOP, me)}")
        assert town.store.call(subscriptions.find, ME) is None
