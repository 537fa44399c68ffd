"""Every letter the ledger can hold, made and delivered; and one that cannot be made, alone."""

import csv
import io
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from config.letters import Purpose as Text
from outbound.chores import write_bounce_report
from store import approvals, bounces, decisions, letters, subscriptions
from store.bounces import Source, Verdict
from store.decisions import Door
from store.letters import Purpose
from store.models import Delivery, Letter
from store.tokens import Signed
from tests.ledger import acts
from tests.wire.peers import serving
from tests.wire.pool import DOMAIN, KEYS, Pool, Post, pool, route, text_of, token_in, verified

WHO = "a@example.jp"
DRAFT = {
    "number": "2026-0001",
    "subject": "件名",
    "category": "不審者情報",
    "areas": "千葉市",
    "text": "本文",
    "waiting": "承認待ち",
}


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
async def town(tmp_path: Path, post: Post) -> AsyncIterator[Pool]:
    async with serving(post) as port, pool(tmp_path, route("all", port, "*")) as made:
        yield made


def test_the_ledger_and_the_texts_know_the_same_purposes() -> None:
    assert {str(one) for one in Purpose} == {str(one) for one in Text}


async def _sent(town: Pool, post: Post) -> dict[str, EmailMessage]:
    """Everything that waits goes out; by purpose."""
    expected = len(town.letters())
    town.start(town.sender())
    await post.until(expected)
    await town.until(lambda: all(row.state == "sent" for row in town.letters()))
    await town.stop()
    return {str(mail["X-Hansho-Letter"]): mail for _, _, mail in post.mails()}


@pytest.mark.req("D1", "D2", "C6.1")
async def test_what_a_resident_is_written(town: Pool, post: Post) -> None:
    now = town.now()
    town.store.call(subscriptions.request, WHO, queue=1, now=now, in_reply_to='<"x@y"@phone.example.jp>')
    token = str((town.letters()[0].params or {})["token"])
    town.store.call(subscriptions.confirm, token, now=now)
    town.store.call(subscriptions.request, WHO, queue=1, now=now, in_reply_to="<m1@phone.example.jp>")
    town.store.call(subscriptions.send_settings_link, WHO, now=now)
    who = town.store.call(subscriptions.find, WHO)
    assert who is not None
    town.store.call(
        letters.write, Purpose.TOKEN_ANSWER, WHO, {"what": "使用済みです。", "how": "手順"}, now=now
    )
    town.store.call(letters.write, Purpose.NOT_UNDERSTOOD, WHO, {}, now=now)
    await _sent(town, post)
    town.store.call(subscriptions.remove, who.id, subscriptions.Reason.BY_MAIL, now=now)
    mails = await _sent(town, post)
    manage = f"http://127.0.0.1:8080/settei/{KEYS.sign(Signed.SETTINGS, who.id)}"
    confirm = mails["join_confirm"]
    assert f"/touroku/{token}" in text_of(confirm)
    assert confirm["Reply-To"] == f"touroku+{token}@{DOMAIN}"
    assert confirm["In-Reply-To"] is None  # an id with two @ may stand in no header, and stops no letter
    assert confirm["Auto-Submitted"] == "auto-replied"
    assert "仮登録" in confirm["Subject"]
    assert mails["join_again"]["In-Reply-To"] == "<m1@phone.example.jp>"
    assert manage in text_of(mails["join_again"])
    assert "緊急防犯情報（千葉市）" in text_of(mails["welcome"]) and manage in text_of(mails["welcome"])
    assert manage in text_of(mails["settings_link"])
    assert "登録を解除しました" in text_of(mails["goodbye"])
    assert "使用済みです。" in text_of(mails["token_answer"])
    assert "119" in text_of(mails["not_understood"])
    by_purpose = {row.purpose: row for row in town.letters()}
    for path, to, mail in post.mails():
        assert to == WHO
        read = KEYS.read([Signed.RETURN_LETTER], token_in(path))
        assert read == (Signed.RETURN_LETTER, by_purpose[str(mail["X-Hansho-Letter"])].id)
        assert mail["From"].addresses[0].addr_spec == f"oshirase@{DOMAIN}"
        assert "043-555-0100" in text_of(mail)
    for _, _, raw in post.got:
        verified(raw)
    assert all(row.address is None for row in town.letters() if row.subscriber_id == who.id)


@pytest.mark.req("D4", "D7", "C8.6")
async def test_what_staff_are_written(town: Pool, post: Post) -> None:
    now = town.now()
    subscriber = town.resident("r@example.jp", ("suspicious", "city", 1))
    town.store.call(_bounced, town.expanded().id, now - timedelta(hours=1))
    town.store.call(lambda: Delivery.update(state="failed").execute())
    made = town.write(subject="改行\nのある件名")
    town.store.call(approvals.ask_by_letter, made.id, now=now, hours=24)
    town.store.call(
        decisions.send_back,
        made.id,
        made.digest,
        person=acts.person(town.store, "chief"),
        door=Door.SLACK,
        note="場所が違います",
        now=now,
    )
    town.store.call(letters.write, Purpose.DRAFT_RECEIVED, WHO, DRAFT, now=now)
    refused = {"subject": "件名", "why": "署名がありません。", "how": "もう一度送ってください。"}
    town.store.call(letters.write, Purpose.DRAFT_REFUSED, WHO, refused, now=now)
    town.store.call(letters.write, Purpose.OPERATORS_HELP, WHO, {"text": "読み取れませんでした。"}, now=now)
    assert town.store.call(write_bounce_report, now - timedelta(days=1), now, now=now) == 1
    assert town.store.call(write_bounce_report, now - timedelta(days=1), now, now=now) == 1
    assert (
        sum(row.purpose == "bounce_report" for row in town.letters()) == 1
    )  # once for each operator and day
    mails = await _sent(town, post)
    asked = text_of(mails["approval_request"])
    assert "/shounin/" in asked and "約1人" in asked and "声かけ" in asked and "24時間" in asked
    notice = mails["decision_notice"]
    assert notice["Subject"].startswith("【差戻し】") and "場所が違います" in text_of(notice)
    assert notice["Reply-To"] == f"souan@{DOMAIN}"
    assert "承認待ち" in text_of(mails["draft_received"])
    assert "署名がありません。" in text_of(mails["draft_refused"])
    assert "読み取れませんでした。" in text_of(mails["operators_help"])
    report = mails["bounce_report"]
    (attached,) = list(report.iter_attachments())
    assert str(attached.get_filename()).endswith(".csv")
    data = attached.get_payload(decode=True)
    assert isinstance(data, bytes)
    assert data.startswith(b"\xef\xbb\xbf") and not data.startswith(b"\xef\xbb\xbf\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows[0]["期間のはじめ"] and rows[0]["理由"] == "あて先がない" and rows[0]["件数"] == "1"
    assert "不達の合計　1件" in text_of(report)
    assert subscriber


def _bounced(bulletin: int, at: object) -> None:
    row = Delivery.get(Delivery.bulletin_id == bulletin)
    verdict = Verdict("hard", "user-unknown", "5.1.1", 550)
    bounces.of_delivery(row.id, verdict, source=Source.SESSION, now=at)  # type: ignore[arg-type]


async def test_a_letter_that_cannot_be_made_fails_alone(
    town: Pool, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    now = town.now()
    bad = town.store.call(letters.write, Purpose.TOKEN_ANSWER, WHO, {"what": "手順が書かれていない"}, now=now)
    (town.settings.folder / "letters").mkdir()
    (town.settings.folder / "letters" / "goodbye.txt").write_text("Subject なし\n", encoding="utf-8")
    spoilt = town.store.call(letters.write, Purpose.GOODBYE, WHO, {}, now=now)
    town.store.call(letters.write, Purpose.NOT_UNDERSTOOD, "b@example.jp", {}, now=now)
    with caplog.at_level(logging.ERROR):
        town.start(town.sender())
        await post.until(1)
        await town.until(lambda: [row.state for row in town.letters()] == ["failed", "failed", "sent"])
    assert [to for _, to, _ in post.mails()] == ["b@example.jp"]
    assert f"letter={bad} purpose=token_answer" in caplog.text and f"letter={spoilt}" in caplog.text
    assert WHO not in caplog.text
    assert town.store.call(lambda: Letter.get_by_id(bad).reply) == "letter cannot be made"
