"""Every signature of ours verifies with dkimpy, and nothing can be added to or changed in what it covers."""

import functools
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound.compose import Outgoing, Recipient, prepare
from outbound.parts import Attachment
from outbound.signing import BadKey, Signer, generate, relaxed_body
from tests.opendkim import LIBRARY, OpenDkim

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@functools.cache
def signer() -> Signer:
    return Signer(rsa.generate_private_key(65537, 2048), "anzen.example.lg.jp", "h1")


def verifies(raw: bytes, by: Signer | None = None) -> bool:
    record = (by or signer()).public_record().encode()

    def txt(name: bytes, timeout: float = 5) -> bytes | None:
        return record if name == b"h1._domainkey.anzen.example.lg.jp." else None

    return bool(dkim.verify(raw, dnsfunc=txt))


def outgoing(**changes: object) -> Outgoing:
    given_: dict[str, object] = {
        "from_name": "ちばし安全・安心メール",
        "from_address": "oshirase@anzen.example.lg.jp",
        "subject": "【警報】花見川区 大雨警報",
        "text": "花見川区に大雨警報が発表されました。\n" * 9,
        "html": "<html><body><p>花見川区</p>" + "大雨<br>\n" * 40,
        "date": NOW,
        "list_id": "bosai.anzen.example.lg.jp",
        "headers": (("X-Hansho-Realm", "training"), ("X-Hansho-Mark", "訓練")),
    }
    return Outgoing(**(given_ | changes))  # type: ignore[arg-type]


def recipient(**changes: object) -> Recipient:
    given_: dict[str, object] = {
        "address": "hanako@example.jp",
        "message_id": "<812.abc@anzen.example.lg.jp>",
        "tail_text": "\n花見川区・大雨 を選択\n",
        "tail_html": "<p>花見川区・大雨 を選択</p></body></html>",
        "unsubscribe_url": "https://anzen.example.lg.jp/teishi/abcdef",
        "unsubscribe_mail": "teishi+abcdef@anzen.example.lg.jp",
    }
    return Recipient(**(given_ | changes))  # type: ignore[arg-type]


def test_a_town_days_ahead_signs_at_the_verifiers_time() -> None:
    ahead = datetime.now(UTC) + timedelta(days=3)
    assert verifies(prepare(outgoing(date=ahead)).fill(recipient(), signer()))


CSV = Attachment("不達一覧.csv", "text/csv; charset=utf-8", "列,値\r\n".encode() * 90)

VARIANTS = {
    "plain": (outgoing(html=None), recipient(tail_html="")),
    "both": (outgoing(), recipient()),
    "no list": (outgoing(list_id=None), recipient(unsubscribe_url=None, unsubscribe_mail=None)),
    "link only": (outgoing(), recipient(unsubscribe_mail=None)),
    "answer": (
        outgoing(headers=(("Auto-Submitted", "auto-replied"),)),
        recipient(reply_to="touroku+x@anzen.example.lg.jp", references=("<a@b.jp>", "c@d.jp")),
    ),
    "report": (
        outgoing(attachments=(CSV,)),
        recipient(),
    ),
    "plain report": (outgoing(html=None, attachments=(Attachment("a.csv", "text/csv", b""),)), recipient()),
    "empty": (outgoing(text="", html=None, subject=""), recipient(tail_text="", tail_html="")),
    "carrier": (outgoing(), recipient(address="a..b.@docomo.ne.jp")),
    "spaces": (outgoing(), recipient(address="a  b@example.jp")),
}


@pytest.mark.req("D6")
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_verifies(variant: str) -> None:
    message, reader = VARIANTS[variant]
    prepared = prepare(message)
    first = prepared.fill(reader, signer())
    assert verifies(first)
    assert prepared.fill(reader, signer()) == first
    other = prepared.fill(recipient(address="taro@example.jp", tail_text="別の人\n" * 30), signer())
    assert verifies(other)


@pytest.mark.req("D6")
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_fast_way_hashes_what_the_slow_way_hashes(variant: str) -> None:
    """The kept digest states give the bh= and a signature as valid as canonicalising the whole mail anew."""
    message, reader = VARIANTS[variant]
    plain = prepare(message).fill(reader, None)
    fast, slow = prepare(message).fill(reader, signer()), signer().sign(plain, NOW)
    assert verifies(slow)
    assert fast.partition(b" bh=")[2][:44] == slow.partition(b" bh=")[2][:44]
    assert fast.endswith(plain)


@pytest.mark.req("D6")
@pytest.mark.skipif(
    LIBRARY is None, reason="OpenDKIM's library is not installed (Debian package opendkim-tools)"
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_verifies_with_opendkim(variant: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"h1._domainkey.anzen.example.lg.jp {signer().public_record()}\n")
    judge = OpenDkim(keys)
    message, reader = VARIANTS[variant]
    raw = prepare(message).fill(reader, signer())
    assert judge.verifies(raw)
    assert not judge.verifies(b"Subject: other\r\n" + raw)
    assert not judge.verifies(raw + b"more\r\n")


def _added(raw: bytes, line: bytes) -> bytes:
    return line + b"\r\n" + raw


@pytest.mark.req("D6")
@pytest.mark.parametrize(
    "line",
    [
        b"Subject: other",
        b"From: mayor@city.example.lg.jp",
        b"To: <all@example.jp>",
        b"Cc: <all@example.jp>",
        b"Reply-To: <evil@example.net>",
        b"Date: Sat, 21 Nov 2026 18:00:01 +0900",
        b"Message-ID: <new@example.net>",
        b"Content-Type: text/html",
        b"Content-Transfer-Encoding: 8bit",
        b"MIME-Version: 1.0",
        b"List-Unsubscribe: <https://example.net/>",
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        b"List-Id: <other.example.net>",
        b"Auto-Submitted: no",
        b"Sender: <evil@example.net>",
        b"X-Hansho-Realm: live",
        b"References: <a@b>",
        b"In-Reply-To: <a@b>",
    ],
)
@pytest.mark.parametrize("variant", ["both", "plain", "no list", "answer"])
def test_nothing_can_be_added(line: bytes, variant: str) -> None:
    message, reader = VARIANTS[variant]
    raw = prepare(message).fill(reader, signer())
    assert verifies(raw)
    assert not verifies(_added(raw, line))


@pytest.mark.req("D6")
def test_nothing_can_be_changed_or_appended() -> None:
    raw = prepare(outgoing()).fill(recipient(), signer())
    for part in (b"teishi/abcdef", b"List-Unsubscribe=One-Click", b"X-Hansho-Realm: training", b"hanako@"):
        assert part in raw
        assert not verifies(raw.replace(part, part[:-1] + b"X"))
    assert not verifies(raw + b"more\r\n")
    assert not verifies(raw, Signer(rsa.generate_private_key(65537, 2048), "anzen.example.lg.jp", "h1"))
    head = raw.partition(b"\r\n\r\n")[0]
    assert b"t=%d" % int(NOW.timestamp()) in head
    assert b" l=" not in head


def test_a_key_is_made_read_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "dkim.pem"
    generate(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    made = Signer.from_pem(path, "anzen.example.lg.jp", "h1")
    assert verifies(prepare(outgoing()).fill(recipient(), made), made)
    with pytest.raises(FileExistsError):
        generate(path)
    path.write_text("no key")
    with pytest.raises(BadKey):
        Signer.from_pem(path, "anzen.example.lg.jp", "h1")
    with pytest.raises(BadKey):
        Signer(rsa.generate_private_key(65537, 1024), "anzen.example.lg.jp", "h1")


@settings(max_examples=60, deadline=None)
@given(st.text(), st.text(), st.text(), st.text(), st.text())
@pytest.mark.req("D6")
def test_any_text_verifies(subject: str, name: str, text: str, html: str, tail: str) -> None:
    message = outgoing(subject=subject, from_name=name, text=text, html=html)
    assert verifies(prepare(message).fill(recipient(tail_text=tail, tail_html=tail), signer()))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", "あ".encode(), b"."]), max_size=40).map(b"".join)
)
def test_any_body_of_a_strange_mail_verifies(body: bytes) -> None:
    head = b"From: <a@anzen.example.lg.jp>\r\nsubject:  x \t y\r\n  z\r\nSubject: 2\r\nTo: <b@c.jp>\r\n\r\n"
    assert verifies(signer().sign(head + body + b"\r\n", NOW))


def test_relaxed_bodies_of_the_rfc() -> None:
    """RFC 6376 section 3.4.5, the example; section 3.4.4: no body is no bytes."""
    assert relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"
    assert relaxed_body(b"") == b""
    assert relaxed_body(b"\r\n\r\n") == b""
