"""Every letter renders, reads as one clean Japanese mail, and says how to reach a person."""

import string
import unicodedata
from pathlib import Path

import pytest

from config.letters import COMMON, PARAMETERS, RESIDENT, BadLetter, Purpose, letter, template

WORDS = {
    "service": "ちばし安全・安心メール",
    "town": "千葉市",
    "contact": "千葉市地域安全課 電話 043-000-0111",
    "join_address": "touroku@anzen.example.lg.jp",
    "settings_address": "settei@anzen.example.lg.jp",
    "operators_address": "unyo@anzen.example.lg.jp",
}
SAMPLES = {
    "link": "http://127.0.0.1:8080/t/ABCDEFGHJKLMNPQRSTUVWXYZ",
    "manage_link": "http://127.0.0.1:8080/k/ABCDEFGHJKLMNPQRSTUVWXYZ",
    "hours": "24",
    "realm": "本番",
    "choices": "・気象警報（千葉市）\n・震度情報（千葉県北西部、震度3以上）",
    "what": "この案内は、すでに使われています。",
    "how": "手続きは終わっています。何もしなくてかまいません。",
    "number": "2026-0123",
    "subject": "不審者 中央区富士見 声かけ",
    "category": "不審者情報",
    "areas": "中央区富士見",
    "text": "11月20日午後4時ごろ、声かけがありました。",
    "waiting": "承認待ち",
    "why": "署名（DKIM）がありません。",
    "count": "約1,200人",
    "decision": "差戻し",
    "by": "地域安全課 見本 太郎",
    "note": "場所の書き方を直してください。",
    "date": "2026年11月20日",
    "table": "docomo.ne.jp 3件\nexample.jp 1件",
    "advice": "とくにすることはありません。",
    "record": "12件　abcdef",
    "title": "読み取れない電文",
    "at": "2026年11月20日 09:00",
}


def _sample(purpose: Purpose) -> dict[str, str]:
    return WORDS | {name: SAMPLES[name] for name in PARAMETERS[purpose]}


@pytest.mark.parametrize("purpose", Purpose)
def test_letter_is_complete_and_clean(purpose: Purpose) -> None:
    one = letter(purpose, _sample(purpose))
    whole = one.subject + "\n" + one.text
    assert "$" not in whole
    assert unicodedata.is_normalized("NFC", whole)
    assert "\r" not in whole
    assert one.text.endswith("\n")
    assert not one.text.startswith("\n")
    assert all(line == line.rstrip() for line in one.text.split("\n"))
    assert 0 < len(one.subject) <= 60
    assert "\n" not in one.subject


@pytest.mark.parametrize("purpose", Purpose)
def test_letter_uses_every_parameter(purpose: Purpose) -> None:
    pair: tuple[string.Template, string.Template] = template(purpose)
    used = {name for one in pair for name in one.get_identifiers()}
    assert used >= PARAMETERS[purpose]
    assert used <= PARAMETERS[purpose] | COMMON


@pytest.mark.parametrize("purpose", sorted(RESIDENT))
def test_resident_letter_names_the_contact(purpose: Purpose) -> None:
    assert "電話 043-000-0111" in letter(purpose, _sample(purpose)).text


@pytest.mark.req("M6.2")
@pytest.mark.parametrize("purpose", [Purpose.JOIN_AGAIN, Purpose.WELCOME])
def test_letter_to_subscriber_ends_with_change_and_leave(purpose: Purpose) -> None:
    assert letter(purpose, _sample(purpose)).text.endswith(
        f"登録内容の変更・解除:\n{SAMPLES['manage_link']}\n"
    )


def test_words_of_the_glossary() -> None:
    assert letter(Purpose.JOIN_CONFIRM, _sample(Purpose.JOIN_CONFIRM)).subject == (
        "仮登録のご案内（登録はまだ完了していません）"
    )
    assert letter(Purpose.WELCOME, _sample(Purpose.WELCOME)).subject == "登録完了のお知らせ"
    assert letter(Purpose.GOODBYE, _sample(Purpose.GOODBYE)).subject == "登録解除完了のお知らせ"
    answer = letter(Purpose.NOT_UNDERSTOOD, _sample(Purpose.NOT_UNDERSTOOD)).text
    assert "110番" in answer
    assert "119番" in answer


def test_subject_stays_one_line_whatever_the_parameter() -> None:
    params = _sample(Purpose.DRAFT_REFUSED) | {"subject": "一行目\r\nBcc: x@example.jp"}
    assert letter(Purpose.DRAFT_REFUSED, params).subject == "【受け付けていません】一行目 Bcc: x@example.jp"


def test_missing_parameter_is_an_error() -> None:
    with pytest.raises(KeyError):
        letter(Purpose.JOIN_CONFIRM, WORDS)


def test_town_may_write_its_own(tmp_path: Path) -> None:
    (tmp_path / "goodbye.txt").write_text("Subject: さようなら\n\n$town より\n", encoding="utf-8")
    one = letter(Purpose.GOODBYE, WORDS, tmp_path)
    assert (one.subject, one.text) == ("さようなら", "千葉市 より\n")
    assert (
        letter(Purpose.JOIN_AGAIN, _sample(Purpose.JOIN_AGAIN), tmp_path).subject == "すでに登録されています"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("件名: x\n\n本文\n", "1行目"),
        ("Subject: x\n本文\n", "2行目"),
        ("Subject: x\n\n$tonw\n", "$tonw"),
        ("Subject: x\n\n100$ です\n", "$$"),
        ("Subject: x\n\n \n", "本文"),
    ],
)
def test_bad_letter_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "goodbye.txt").write_text(text, encoding="utf-8")
    with pytest.raises(BadLetter, match=told.replace("$", r"\$")):
        letter(Purpose.GOODBYE, WORDS, tmp_path)
