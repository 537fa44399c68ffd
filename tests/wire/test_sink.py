"""The training mailboxes over real SMTP and HTTP: what arrives, what is answered, what a restart keeps."""

import asyncio
import base64
import email
import email.policy
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import dkim
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound.compose import Outgoing, Recipient, prepare
from outbound.handwritten import Written
from outbound.mailboxes import Mailboxes, content, decoded
from outbound.reply import Kind
from outbound.signing import Signer
from outbound.sink import MailSink, Town
from outbound.smtp import Connection, Tls
from tests.wire.peers import Stubborn, serving

NOW = datetime(2026, 11, 21, 9, 5, tzinfo=UTC)
RETURN = "fukan+token@anzen.example.lg.jp"
TOWN = Town(
    "touroku@anzen.example.lg.jp",
    "souan@anzen.example.lg.jp",
    (("千葉中央署 佐藤", "sato@police.example.jp"),),
)


class Intake(Stubborn):
    """Hansho's door: says when something has come."""

    def __init__(self) -> None:
        super().__init__()
        self.came = asyncio.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        self.came.set()
        return answer

    async def next(self) -> tuple[str, list[str], EmailMessage]:
        async with asyncio.timeout(5):
            await self.came.wait()
        self.came.clear()
        mail_from, to, raw = self.got[-1]
        message = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return mail_from, to, message


@asynccontextmanager
async def town(folder: Path, signer: Signer | None = None) -> AsyncIterator[tuple[MailSink, Intake, str]]:
    intake = Intake()
    sign = (lambda raw: signer.sign(raw, NOW)) if signer else None
    async with serving(intake) as port:
        sink = MailSink(folder, ("127.0.0.1", port), TOWN, sign=sign, clock=lambda: NOW)
        await sink.start()
        try:
            yield sink, intake, f"http://127.0.0.1:{sink.web_port}"
        finally:
            await sink.stop()


def bulletin(to: str, subject: str = "【警報】花見川区 大雨警報") -> bytes:
    message = Outgoing(
        "ちばし安全・安心メール",
        "oshirase@anzen.example.lg.jp",
        subject,
        "本文です。\n登録: http://127.0.0.1:8080/k/abc。\n",
        "<p>本文です。<script>alert(1)</script></p>",
        NOW,
    )
    return prepare(message).fill(
        Recipient(to, "1.a@anzen.example.lg.jp", reply_to="kaijo+t@anzen.example.lg.jp"), None
    )


async def deliver(sink: MailSink, *addresses: str) -> list[tuple[Kind, str | None]]:
    connection = await Connection.open("127.0.0.1", sink.smtp_port, hello="test", tls=Tls.NONE, timeout=5)
    assert connection.pipelines
    replies = [await connection.send(RETURN, address, bulletin(address)) for address in addresses]
    connection.close()
    return [(reply.kind, reply.enhanced) for reply in replies]


async def get(url: str, **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as client, client.get(url, headers=headers) as answer:
        return answer.status, await answer.text()


@pytest.mark.req("Y20")
async def test_a_mail_arrives_is_read_and_survives_a_restart(tmp_path: Path) -> None:
    async with town(tmp_path) as (sink, _, url):
        assert await deliver(sink, "hanako@example.jp", "a..b@docomo.ne.jp") == [(Kind.SENT, "2.0.0")] * 2
        assert "hanako@example.jp" in (await get(url))[1]
    with (tmp_path / "index.jsonl").open("a") as index:
        index.write('{"id": 9, "mailb')
    async with town(tmp_path) as (sink, _, url):
        page = (await get(f"{url}/mailbox?address=hanako@example.jp"))[1]
        assert "【警報】花見川区 大雨警報" in page
        number = sink.mailboxes.mails("hanako@example.jp")[0].id
        page = (await get(f"{url}/mails/{number}"))[1]
        assert (
            '<a href="http://127.0.0.1:8080/k/abc" rel="noreferrer">http://127.0.0.1:8080/k/abc</a>。' in page
        )
        assert "kaijo+t@anzen.example.lg.jp" in page
        assert "<script>" not in page
        assert re.search(r'<iframe[^>]* sandbox="allow-popups[^"]*" srcdoc=', page)
        async with aiohttp.ClientSession() as client:
            boxes = await (await client.get(f"{url}/api/mailboxes")).json()
            assert [box["address"] for box in boxes["mailboxes"]] == [
                "a..b@docomo.ne.jp",
                "hanako@example.jp",
            ]
            box = await (await client.get(f"{url}/api/mailboxes/hanako%40example.jp")).json()
            mail = await (await client.get(f"{url}/api/mails/{box['mails'][0]['id']}")).json()
        assert base64.b64decode(mail["raw"]) == bulletin("hanako@example.jp")
        assert (mail["mail_from"], mail["text"].splitlines()[0]) == (RETURN, "本文です。")
        assert (await deliver(sink, "hanako@example.jp"))[0][0] is Kind.SENT
    assert [each.id for each in Mailboxes(tmp_path).mails("hanako@example.jp")] == [3, 1]


@pytest.mark.req("C8.6", "Y20")
@pytest.mark.parametrize(
    ("address", "status"), [("shinda@example.jp", "5.1.1"), ("ippai@example.jp", "5.2.2")]
)
async def test_dead_and_full_mailboxes_answer_with_a_report(
    tmp_path: Path, address: str, status: str
) -> None:
    async with town(tmp_path) as (sink, intake, _):
        assert (await deliver(sink, address))[0][0] is Kind.SENT
        mail_from, to, message = await intake.next()
        assert (mail_from, to) == ("", [RETURN])
        assert message.get_content_type() == "multipart/report"
        _, facts, head = message.iter_parts()
        fields = list(facts.iter_parts())[1]
        assert (fields["Final-Recipient"], fields["Status"], fields["Action"]) == (
            f"rfc822; {address}",
            status,
            "failed",
        )
        assert "Message-ID: <1.a@anzen.example.lg.jp>" in head.get_content()
        assert sink.mailboxes.mails(address) == []


@pytest.mark.req("Y20")
async def test_refusing_and_late_mailboxes(tmp_path: Path) -> None:
    async with town(tmp_path) as (sink, _, _url):
        late = "okure.taro@example.jp"
        assert await deliver(sink, "kyohi@example.jp", late, late, late, late) == [
            (Kind.REJECTED, "5.1.1"),
            (Kind.DEFERRED, "4.7.1"),
            (Kind.DEFERRED, "4.7.1"),
            (Kind.SENT, "2.0.0"),
            (Kind.DEFERRED, "4.7.1"),
        ]
        assert len(sink.mailboxes.mails(late)) == 1


@pytest.mark.req("D2", "Y20")
async def test_an_empty_mail_and_an_answer_from_the_pages(tmp_path: Path) -> None:
    async with town(tmp_path) as (sink, intake, url), aiohttp.ClientSession() as client:
        assert "まだ一通も届いていません" in (await get(url))[1]
        form = {"from": "a..b@docomo.ne.jp", "to": TOWN.join_address}
        async with client.post(f"{url}/write", data=form) as answer:
            assert "送りました" in await answer.text()
        mail_from, to, message = await intake.next()
        assert (mail_from, to) == ("a..b@docomo.ne.jp", [TOWN.join_address])
        assert (message["Subject"], message.get_content().strip(), message["Auto-Submitted"]) == (
            "",
            "",
            None,
        )
        await deliver(sink, "hanako@example.jp")
        form = {
            "from": "hanako@example.jp",
            "to": "kaijo+t@anzen.example.lg.jp",
            "subject": "Re: 大雨",
            "body": "解除👋\n",
        }
        async with client.post(f"{url}/write", data=form | {"answers": "1"}) as answer:
            assert answer.status == 200
        _, _, message = await intake.next()
        assert (message["Subject"], message["In-Reply-To"]) == ("Re: 大雨", "<1.a@anzen.example.lg.jp>")
        assert message.get_content() == "解除👋\r\n"
        intake.rcpt = "550 5.1.1 そのあて先はありません".encode().decode("ascii", "ignore") + "no such"
        async with client.post(f"{url}/write", data=form) as answer:
            assert (answer.status, "送れませんでした" in await answer.text()) == (422, True)


@pytest.mark.req("D3", "Y20")
async def test_an_officers_mail_is_signed(tmp_path: Path) -> None:
    signer = Signer(rsa.generate_private_key(65537, 2048), "police.example.jp", "p1")
    async with town(tmp_path, signer) as (_, intake, url), aiohttp.ClientSession() as client:
        assert "署名つきで送る（警察官の下書き）: 千葉中央署 佐藤" in (await get(url))[1]
        letter = {
            "from": "sato@police.example.jp",
            "to": TOWN.draft_address,
            "subject": "不審者情報",
            "body": "本文",
        }
        async with client.post(f"{url}/api/send", json=letter | {"sign": True}) as answer:
            assert (await answer.json())["kind"] == "sent"
        await intake.next()
        raw = intake.got[-1][2]
        assert dkim.verify(raw, dnsfunc=lambda name, timeout=5: signer.public_record().encode())
        async with client.post(f"{url}/api/send", json=letter | {"sign": False}) as answer:
            assert answer.status == 200
        assert b"DKIM-Signature" not in intake.got[-1][2]


async def test_bad_requests_are_answered_kindly(tmp_path: Path) -> None:
    async with town(tmp_path) as (sink, intake, url), aiohttp.ClientSession() as client:
        letter = {"from": "a@x.jp", "to": "b@x.jp", "subject": "x", "body": "y"}
        for bad in ({"from": "a@x.jp\r\nBcc: c@x.jp"}, {"to": ""}, {"sign": True}):
            async with client.post(f"{url}/api/send", json=letter | bad) as answer:
                assert (answer.status, (await answer.json())["kind"]) == (502, "rejected")
        for body in (b"no json", b"[]", b'{"from": "a@x.jp"}'):
            async with client.post(f"{url}/api/send", data=body) as answer:
                assert answer.status == 400
        async with client.post(
            f"{url}/write", data=letter, headers={"Origin": "http://evil.example"}
        ) as answer:
            assert answer.status == 403
        assert (await get(url, Host="evil.example"))[0] == 403
        assert (await get(f"{url}/mails/99"))[0] == 404
        assert (await get(f"{url}/api/mails/99"))[0] == 404
        assert (await get(f"{url}/?page=x&q=%3Cscript%3E"))[0] == 200
        assert intake.got == []
        with pytest.raises(ValueError, match="loopback"):
            await sink.start(host="0.0.0.0")


async def test_hansho_away_is_told(tmp_path: Path) -> None:
    async with serving(Stubborn()) as port:
        pass
    sink = MailSink(tmp_path, ("127.0.0.1", port), TOWN, clock=lambda: NOW)
    await sink.start()
    async with aiohttp.ClientSession() as client:
        letter = {"from": "a@x.jp", "to": "b@x.jp"}
        async with client.post(f"http://127.0.0.1:{sink.web_port}/api/send", json=letter) as answer:
            assert (answer.status, (await answer.json())["kind"]) == (502, "deferred")
    await deliver(sink, "shinda@example.jp")
    await sink.stop()


async def test_long_lists_are_paged(tmp_path: Path) -> None:
    async with town(tmp_path) as (sink, _, url):
        for n in range(1, 1101):
            sink.mailboxes.add(f"r{n:04}@example.jp", RETURN, b"Subject: x\r\n\r\n", NOW)
        first = (await get(url))[1]
        assert "受信箱 1100 件" in first
        assert first.count("/mailbox?") == 50
        assert "r1100@" in first
        assert "r0001@" in (await get(f"{url}/?page=22"))[1]
        assert (await get(f"{url}/?q=r0042"))[1].count("/mailbox?") == 1
        async with aiohttp.ClientSession() as client:
            boxes = await (await client.get(f"{url}/api/mailboxes?limit=7")).json()
        assert (boxes["total"], len(boxes["mailboxes"])) == (1100, 7)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.text(max_size=60))
def test_whatever_came_can_be_shown(data: bytes, header: str) -> None:
    content(data)
    content(b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" + data + b"\r\n--a--\r\n")
    content(b"Content-Type: text/html; charset=x-none\r\n\r\n" + data)
    decoded(header)


async def test_two_people_never_share_a_message_id(tmp_path: Path) -> None:
    async with town(tmp_path) as (sink, intake, _):
        letter = Written("a@x.jp", "b@x.jp", "", "")
        await asyncio.gather(*(sink.send(letter) for _ in range(5)))
        assert len({re.search(rb"Message-ID: (\S+)", raw)[1] for _, _, raw in intake.got}) == 5  # type: ignore[index]
