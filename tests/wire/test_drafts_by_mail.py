"""Officers hand in drafts by signed mail; what is not believed is kept apart and answered, nothing is released."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from outbound.handwritten import Written, write
from store import bulletins, decisions, people
from store.bulletins import View
from store.decisions import Door
from store.models import Delivery, Person
from tests.unit.test_smime import NOW as CERTIFIED
from tests.unit.test_smime import certificate, cms, detached, root, trust
from tests.wire.intake import CHIEF, DOMAIN, OFFICER, POLICE, Intake, intake, signer

BODY = "種別：不審者情報\n地域：花見川区、真砂\n\n本日１５時ごろ、①声かけがありました。\n"


async def hand_in(town: Intake, subject: str = "不審者情報", body: str = BODY, **more: object) -> None:
    await town.write(OFFICER, "souan", subject, body, sign=POLICE, **more)  # type: ignore[arg-type]


def made(town: Intake) -> list[View]:
    return town.store.call(bulletins.listed)


@pytest.mark.req("D3", "D4", "C6.1", "C6.2", "C6.8")
async def test_a_signed_mail_becomes_a_bulletin_that_waits(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        await hand_in(town)
        (seen,) = made(town)
        assert (seen.state, seen.realm, seen.origin) == ("submitted", "live", "mail")
        assert (seen.subject, seen.category, set(seen.areas)) == (
            "不審者情報",
            "不審者情報",
            {"花見川区", "真砂"},
        )
        assert seen.body == "本日１５時ごろ、①声かけがありました。"
        assert (seen.submitter, seen.phone) == ("西 一郎", "043-555-0102")
        assert "本日１５時ごろ" in seen.rendering
        (letter,) = town.letters(OFFICER)
        assert letter.purpose == "draft_received"
        assert letter.params["number"] == seen.number
        assert "①声かけ" in letter.params["text"]
        assert letter.params["waiting"] == "承認待ち（安全 花子、安全 次郎）"
        assert town.store.call(lambda: Delivery.select().count()) == 0
        assert town.last().state == "understood"


@pytest.mark.req("D3", "C6.2")
@pytest.mark.parametrize(
    ("sender", "sign", "more", "why", "told"),
    [
        (OFFICER, None, {}, "no-signature", "電子署名（DKIM）がありません"),
        (OFFICER, "example.jp", {}, "other-domain", "差出人のドメインのものではありません"),
        (OFFICER, POLICE, {"age": timedelta(hours=2)}, "date-too-old", "60分を過ぎています"),
        (OFFICER, POLICE, {"extra": b"Sender: x@example.jp\r\n"}, "sender-present", "代理送信"),
        ("stranger@police.example.lg.jp", POLICE, {}, "unknown-person", "登録されていません"),
        ("stranger@police.example.lg.jp", None, {}, "unknown-person", "登録されていません"),
        (OFFICER, None, {"extra": b"Auto-Submitted: auto-replied\r\n"}, "no-signature", None),
    ],
)
async def test_what_is_not_believed_is_quarantined_and_answered(
    tmp_path: Path, sender: str, sign: str | None, more: dict[str, object], why: str, told: str | None
) -> None:
    async with intake(tmp_path) as town:
        await town.write(sender, "souan", "件名", BODY, sign=sign, **more)  # type: ignore[arg-type]
        assert made(town) == []
        line = town.last()
        assert line.state == "quarantined"
        assert why in (line.why or "").split()
        letters = town.letters()
        assert [one.address for one in letters] == ([] if told is None else [sender])
        if told is not None:
            assert letters[0].purpose == "draft_refused"
            assert told in letters[0].params["why"]
            # A stranger's own words are never mailed to an address that may be somebody else's.
            assert letters[0].params["subject"] == ("件名" if sender == OFFICER else "（省略）")


@pytest.mark.req("D3", "C6.2")
async def test_a_replay_and_a_changed_mail(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        raw = await town.write(OFFICER, "souan", "件名", BODY, sign=POLICE)
        await town.send(raw, "thief@evil.example", f"souan@{DOMAIN}")
        await town.settled()
        assert (town.last().state, town.last().why) == ("quarantined", "replayed")
        assert "二度は受け付けません" in town.letters(OFFICER)[-1].params["why"]
        head, blank, _ = raw.partition(b"\r\n\r\n")
        other = base64.encodebytes(BODY.replace("花見川区", "美浜区").encode()).replace(b"\n", b"\r\n")
        await town.send(head + blank + other, OFFICER, f"souan@{DOMAIN}")
        await town.settled()
        assert "body-changed" in (town.last().why or "")
        assert len(made(town)) == 1


@pytest.mark.req("D3")
async def test_a_mail_for_another_address_is_no_draft(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        raw = write(Written(OFFICER, f"unyo@{DOMAIN}", "件名", BODY), town.now())
        await town.send(signer().sign(raw, town.now()), OFFICER, f"souan@{DOMAIN}")
        await town.settled()
        assert town.last().why == "not-addressed"


@pytest.mark.req("D3", "C6.5")
@pytest.mark.parametrize(
    ("subject", "body", "told"),
    [
        ("件名", "声かけがありました。", ["種別がありません", "地域がありません"]),
        (
            "件名",
            "種別：不審者情法\n地域：花見川\n\n本文",
            ["もしかして: 不審者情報", "もしかして: 花見川区"],
        ),
        ("件名", "種別：不審者情報\n地域：美浜区\n配信：あした\n\n本文", ["日時が読めません"]),
        ("件名", "種別：不審者情報\n地域：美浜区\n配信：2020-01-01 09:00\n\n本文", ["すでに過ぎています"]),
        ("件名", "種別：不審者情報\n地域：美浜区\n", ["本文がありません"]),
        ("【訓練】", "種別：不審者情報\n地域：美浜区\n\n本文", ["件名がありません"]),
        ("件名", "種別：大雨\n地域：千葉市\n段階：警報\n\n本文", ["権限がありません"]),
        ("件名", "種別：大雨\n地域：千葉市\n\n本文", ["段階がわかりません", "注意報・警報・特別警報"]),
        ("修正 2026-0099", "本文", ["その番号の"]),
    ],
)
async def test_what_is_missing_is_told_exactly_and_nothing_is_lost(
    tmp_path: Path, subject: str, body: str, told: list[str]
) -> None:
    async with intake(tmp_path) as town:
        await hand_in(town, subject, body)
        (letter,) = town.letters(OFFICER)
        assert letter.purpose == "draft_refused"
        for words in told:
            assert words in letter.params["why"]
        assert "種別：" in letter.params["how"]
        assert made(town) == []
        assert town.last().state == "not-understood"


@pytest.mark.req("D3", "X1")
async def test_a_new_text_for_a_draft_voids_the_approval(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        tomorrow = (town.now() + timedelta(days=1)).astimezone(bulletins.JST)
        await hand_in(
            town, body=f"種別：不審者情報\n地域：花見川区\n配信：{tomorrow:%Y-%m-%d %H:%M}\n\n本文\n"
        )
        (first,) = made(town)
        assert first.release_at == tomorrow.replace(second=0, microsecond=0)
        chief = town.store.call(people.by_key, "chief").id
        state = town.store.call(
            decisions.approve, first.id, first.digest, person=chief, door=Door.LINK, now=town.now()
        )
        assert state == "scheduled"
        await hand_in(town, f"[{first.number}] 新しい件名", "直した本文です。\n")
        (second,) = made(town)
        assert (second.id, second.n, second.state) == (first.id, 2, "submitted")
        assert (second.subject, second.body, second.areas) == (
            "新しい件名",
            "直した本文です。",
            ("花見川区",),
        )
        assert second.release_at == first.release_at
        assert second.digest != first.digest
        await hand_in(town, f"修正 {first.number}", "種別：防犯情報\n\n本文")
        assert "種別は途中で変えられません" in town.letters(OFFICER)[-1].params["why"]


@pytest.mark.req("D3")
async def test_a_draft_sent_back_is_handed_in_again(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        await hand_in(town)
        (first,) = made(town)
        chief = town.store.call(people.by_key, "chief").id
        town.store.call(
            decisions.send_back,
            first.id,
            first.digest,
            person=chief,
            door=Door.LINK,
            note="短く",
            now=town.now(),
        )
        await town.write(CHIEF, "souan", f"修正 {first.number}", "私が直します", sign=POLICE)
        assert "差し戻した人" in town.letters(CHIEF)[-1].params["why"]
        await hand_in(town, f"修正 {first.number}", "短い本文\n")
        (second,) = made(town)
        assert (second.state, second.subject, second.body) == ("submitted", first.subject, "短い本文")


@pytest.mark.req("X4", "C8.7")
async def test_drills_sections_and_attachments(tmp_path: Path) -> None:
    async with intake(tmp_path) as town:
        body = "種別：防犯情報\n\n昨日の分です。\n■自転車盗（幕張町、真砂）\n2件\n■車上ねらい（花見川区検見川町）\n1件\n"
        raw = _with_attachment(town, "【訓練】犯罪発生日報", body)
        await town.send(raw, OFFICER, f"souan@{DOMAIN}")
        await town.settled()
        (seen,) = made(town)
        assert (seen.realm, seen.subject) == ("drill", "犯罪発生日報")
        assert set(seen.areas) == {"幕張町", "真砂", "検見川町"}
        assert "■自転車盗" in seen.rendering
        assert "地図" not in seen.rendering
        (letter,) = town.letters(OFFICER)
        assert "添付ファイル（1個）は配信しません" in letter.params["waiting"]
        assert "訓練です。" in letter.params["waiting"]
        assert letter.params["text"] == "昨日の分です。\n\n■自転車盗\n2件\n\n■車上ねらい\n1件"


def _with_attachment(town: Intake, subject: str, body: str) -> bytes:
    plain = write(Written(OFFICER, f"souan@{DOMAIN}", subject, body), town.now())
    head, _, content = plain.partition(b"MIME-Version: 1.0\r\n")
    raw = (
        head
        + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        + content
        + b'\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="a.pdf"\r\n\r\n'
        + "地図".encode()
        + b"\r\n--b--\r\n"
    )
    return signer().sign(raw, town.now())


@pytest.mark.req("D3")
async def test_silent_dns_is_temporary(tmp_path: Path) -> None:
    async with intake(tmp_path, again=0.01, dns_seconds=0.1) as town:
        await town.names.stop()
        await hand_in(town)
        assert (town.last().state, town.last().why) == ("quarantined", "key-unavailable")
        assert "しばらく待って" in town.letters(OFFICER)[-1].params["why"]


@pytest.mark.req("D3", "C6.2")
async def test_a_person_of_whom_smime_is_asked(tmp_path: Path) -> None:
    pair = certificate("Officer", root(), address=OFFICER)
    async with intake(tmp_path, trust=trust()) as town:
        town.store.set_offset(CERTIFIED - datetime.now(UTC))
        town.store.call(lambda: Person.update(proof="dkim+smime").execute())
        await hand_in(town)
        assert town.last().why == "no-smime"
        assert "S/MIME" in town.letters(OFFICER)[-1].params["why"]
        head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        entity = head + BODY.replace("\n", "\r\n").encode()
        for changed, state in ((entity + "書き足し".encode(), "quarantined"), (entity, "understood")):
            signed = detached(changed, cms(entity, pair, root())).partition(b"MIME-Version")
            plain = write(Written(OFFICER, f"souan@{DOMAIN}", "件名", ""), town.now())
            raw = plain.partition(b"MIME-Version")[0] + b"MIME-Version" + signed[2]
            await town.send(signer().sign(raw, town.now()), OFFICER, f"souan@{DOMAIN}")
            await town.settled()
            assert town.last().state == state
        (seen,) = made(town)
        assert seen.body == "本日１５時ごろ、①声かけがありました。"
        assert "添付" not in town.letters(OFFICER)[-1].params["waiting"]
