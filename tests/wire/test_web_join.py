"""Joining by the pages: every state of the mailed link, one answer for known and unknown addresses."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inbound.web_guard import Limits
from store import choices, queues, subscriptions
from store.letters import Purpose
from store.subscriptions import Reason
from tests.wire.web_town import DAY, Door, opened


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as made:
        yield made


@pytest.mark.parametrize("path", ["/", "/touroku", "/help", "/chirashi"])
async def test_the_open_pages_are_there(door: Door, path: str) -> None:
    status, text = await door.get(path)
    assert status == 200
    assert "touroku@anzen.example.lg.jp" in text
    assert '<html lang="ja">' in text and "<script" not in text
    if path in ("/", "/chirashi"):
        assert "<svg" in text


@pytest.mark.req("M6.3", "C5.6")
async def test_a_known_address_gets_the_same_answer_and_another_letter(door: Door) -> None:
    door.join("known@docomo.ne.jp")
    known = await door.post("/touroku", ("address", "known@docomo.ne.jp"))
    new = await door.post("/touroku", ("address", "strange@docomo.ne.jp"))
    assert known[0] == new[0] == 200
    assert known[1].replace("known@", "X@") == new[1].replace("strange@", "X@")
    assert door.letters(Purpose.JOIN_AGAIN)[0].address == "known@docomo.ne.jp"
    invitation = door.letters(Purpose.JOIN_CONFIRM)[-1]
    assert invitation.address == "strange@docomo.ne.jp"
    assert invitation.queue_id == door.store.call(lambda: {q.key: q.id for q in queues.listed()})["docomo"]


@pytest.mark.parametrize(
    ("typed", "written"),
    [("ｈａｎａｋｏ＠docomo.ne.jp", "hanako@docomo.ne.jp"), (" a..b.@DOCOMO.ne.jp ", "a..b.@docomo.ne.jp")],
)
async def test_addresses_as_people_type_them(door: Door, typed: str, written: str) -> None:
    assert (await door.post("/touroku", ("address", typed)))[0] == 200
    assert door.letters(Purpose.JOIN_CONFIRM)[-1].address == written


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "メールアドレスを入力してください。"),
        ("hanako", "「@」が入っていません。"),
        ("花子@例え.jp", "メールアドレスの形が正しくありません。"),
        ('"><script>@x', "メールアドレスの形が正しくありません。"),
        ("a@b.jp\r\nBcc: c@d.jp", "メールアドレスの形が正しくありません。"),
    ],
)
async def test_what_is_no_address_is_told_at_the_field(door: Door, typed: str, said: str) -> None:
    status, text = await door.post("/touroku", ("address", typed))
    assert status == 422
    assert said in text and 'role="alert"' in text and 'aria-invalid="true"' in text
    assert "<script" not in text
    assert door.letters(Purpose.JOIN_CONFIRM) == []


@pytest.mark.req("C5.6", "CA.2")
async def test_the_button_confirms_with_the_chosen_ward(door: Door) -> None:
    token = door.invite()
    status, text = await door.get(f"/touroku/{token}")
    assert status == 200 and "登録する" in text and "花見川区" in text and "千葉西署" in text
    assert door.letters(Purpose.WELCOME) == []
    status, text = await door.post(f"/touroku/{token.upper()}", ("home", "hanamigawa"))
    assert status == 200 and "登録が完了しました" in text
    known = door.store.call(subscriptions.find, "hanako@docomo.ne.jp")
    assert known is not None and known.state == "confirmed"
    assert door.settei(known.id) in text
    chosen = {(c.category, c.area) for c in door.store.call(choices.of, known.id)}
    assert ("crime-urgent", "hanamigawa") in chosen and ("crime-urgent", "chiba") not in chosen
    assert len(door.letters(Purpose.WELCOME)) == 1


@pytest.mark.req("C5.6")
async def test_used_expired_removed_and_forged_links_say_what_to_do(door: Door) -> None:
    token = door.invite()
    await door.post(f"/touroku/{token}")
    for answer in (await door.get(f"/touroku/{token}"), await door.post(f"/touroku/{token}")):
        assert answer[0] == 410 and "登録は完了しています" in answer[1]
    known = door.store.call(subscriptions.find, "hanako@docomo.ne.jp")
    assert known is not None
    door.store.call(subscriptions.remove, known.id, Reason.OPERATOR, now=door.store.now())
    for answer in (await door.get(f"/touroku/{token}"), await door.post(f"/touroku/{token}")):
        assert answer[0] == 410 and "登録は解除されています" in answer[1]
    for forged in ("a" * 24, "short", "x" * 3000, "%F0%9F%92%A9", "..%2F..%2Fetc"):
        for answer in (await door.get(f"/touroku/{forged}"), await door.post(f"/touroku/{forged}")):
            assert answer[0] == 404 and "このリンクは正しくありません" in answer[1]


@pytest.mark.req("C5.6")
async def test_an_expired_link_offers_a_new_one(door: Door) -> None:
    token = door.invite()
    door.clock.set(door.clock.at + 2 * DAY)
    status, text = await door.get(f"/touroku/{token}")
    assert status == 410 and "期限が切れています" in text and "もう一度送る" in text
    assert (await door.post(f"/touroku/{token}"))[0] == 410
    assert door.letters(Purpose.WELCOME) == []
    status, text = await door.post(f"/touroku/{token}", ("again", "1"))
    assert status == 200 and "hanako" not in text
    fresh = door.letters(Purpose.JOIN_CONFIRM)[-1].params["token"]
    assert fresh != token
    assert (await door.post(f"/touroku/{fresh}"))[0] == 200


async def test_a_ward_that_was_not_offered_is_refused(door: Door) -> None:
    token = door.invite()
    assert (await door.post(f"/touroku/{token}", ("home", "tokyo-minato")))[0] == 400
    assert door.letters(Purpose.WELCOME) == []


async def test_joins_of_one_domain_have_a_pace(tmp_path: Path) -> None:
    async with opened(tmp_path, limits=Limits(joins_burst=2, joins_rate=0.001)) as door:
        answers = [await door.post("/touroku", ("address", f"a{n}@docomo.ne.jp")) for n in range(3)]
        assert [status for status, _ in answers] == [200, 200, 429]
        assert (await door.post("/touroku", ("address", "a@au.example.jp")))[0] == 200
