"""Charsets are decoded by evidence, whatever the label says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbound import charset
from inbound.jis import decode_jis


def jis(text: str) -> bytes:
    """Kanji as cp932 knows them, written in ISO-2022-JP: the inverse of what the reader does."""
    out = b"\x1b$B"
    for char in text:
        lead, trail = char.encode("cp932")
        row = (lead - (0x81 if lead < 0xA0 else 0xC1)) * 2
        if trail >= 0x9F:
            row, cell = row + 1, trail - 0x9F
        else:
            cell = trail - 0x40 - (trail > 0x7F)
        out += bytes((row + 0x21, cell + 0x21))
    return out + b"\x1b(B"


@pytest.mark.parametrize("text", ["いろは", "①㈱№Ⅲ", "髙﨑", "～－∥￢￠￡", "警報級の大雨"])
@pytest.mark.parametrize(
    "label", ["ISO-2022-JP", "iso-2022-jp-ms", "cp50221", "us-ascii", "utf-8", None, "x-unknown"]
)
def test_jis_escapes_win_over_any_label(text: str, label: str | None) -> None:
    assert charset.decode(jis(text), label) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x1b(I1\x1b(B end", "ｱ end"),
        (b"\x0e1\x0f end", "ｱ end"),
        (b"\xb1\xb2 end", "ｱｲ end"),
        (b'\x1b$B$"\r\nnext', "あ\r\nnext"),
        (b'\x1b$B$"$', "あ\ufffd"),
        (b"\x1b$(D\x30\x21\x1b(B", "丂"),
    ],
)
def test_half_width_kana_and_torn_escapes(raw: bytes, text: str) -> None:
    assert charset.decode(raw, "iso-2022-jp") == text


@pytest.mark.parametrize(
    "label", ["Shift_JIS", "x-sjis", "windows-31j", "MS_Kanji", None, "utf-8", "us-ascii"]
)
def test_shift_jis_under_right_and_wrong_labels(label: str | None) -> None:
    assert charset.decode("避難指示①～".encode("cp932"), label) == "避難指示①～"


def test_euc_jp_with_and_without_its_label() -> None:
    raw = "これは日本語の文章です。漢字もある。".encode("euc_jp")
    assert charset.decode(raw, "EUC-JP") == charset.decode(raw) == "これは日本語の文章です。漢字もある。"
    assert charset.decode(b"\xad\xa1", "euc-jp") == "①"


def test_utf8_under_the_label_of_jis() -> None:
    assert charset.decode("千葉市🏫".encode(), "iso-2022-jp") == "千葉市🏫"


def test_one_torn_character_does_not_change_the_charset() -> None:
    raw = ("千葉市からのお知らせです。" * 4).encode()[:-1]
    assert charset.decode(raw, "utf-8").startswith("千葉市からのお知らせです。")


@pytest.mark.parametrize(
    "label", ["idna", "undefined", "unicode_escape", "raw_unicode_escape", "punycode", "utf-7", "hex"]
)
def test_python_codecs_are_not_charsets(label: str) -> None:
    assert charset.decode(rb"a\x00\u202e+AAA-", label) == r"a\x00\u202e+AAA-"


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=80),
    st.sampled_from([None, "iso-2022-jp", "shift_jis", "euc-jp", "utf-8", "utf-16", "hz", "big5"]),
)
def test_any_bytes_become_a_string_that_utf8_can_hold(data: bytes, label: str | None) -> None:
    charset.decode(data, label).encode("utf-8")
    charset.decode(b"\x1b$B" + data, label).encode("utf-8")
    decode_jis(data)


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="あいうアイウ漢字日本語①㈱髙～－。、", min_size=1, max_size=30))
def test_round_trip_through_jis(text: str) -> None:
    assert charset.decode(jis(text), "iso-2022-jp") == text
