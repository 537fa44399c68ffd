"""The mail door on real sockets: what it takes is in the ledger before its 250, what it refuses it says clearly."""

import asyncio
import contextlib
import logging
import smtplib
import sqlite3
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbound.addresses import Meaning
from inbound.desk import Desk
from inbound.limits import Limits
from inbound.office import Office, Reading
from inbound.session import network
from inbound.smtp import Door
from store import arrivals
from store.arrivals import Received
from store.models import Arrival, ArrivalRaw
from tests.wire.intake import DOMAIN, Intake, intake
from tests.wire.intake import settings as town_settings

JOIN = f"touroku@{DOMAIN}"
MAIL = b"From: me@example.jp\r\nSubject: x\r\n\r\ntext\r\n"
SMALL = Limits(small=4096, big=16384, header=2048, line=4096, idle_seconds=5.0)


class Client:
    """A client that says exactly what the test wants, line ends included."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> str:
        """One reply, its lines joined; "" when the door has hung up."""
        lines: list[str] = []
        async with asyncio.timeout(10):
            while True:
                line = (await self.reader.readline()).decode("ascii")
                lines.append(line.rstrip())
                if line[3:4] != "-":
                    return "\n".join(lines)

    async def say(self, line: bytes) -> str:
        self.writer.write(line + b"\r\n")
        return await self.answer()

    async def begin(self, *to: str, sender: bytes = b"<me@example.jp>") -> list[str]:
        """EHLO, MAIL and RCPTs; returns the answers to the recipients."""
        await self.say(b"EHLO phone.example.jp")
        assert (await self.say(b"MAIL FROM:" + sender)).startswith("250")
        return [await self.say(f"RCPT TO:<{address}>".encode()) for address in to]

    async def data(self, content: bytes) -> str:
        """DATA with these very bytes, and the end of it."""
        assert (await self.say(b"DATA")).startswith("354")
        self.writer.write(content + b"\r\n.\r\n")
        return await self.answer()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = Client(reader, writer)
    assert (await client.answer()).startswith(("220 mail.anzen.example.lg.jp ESMTP", "421"))
    try:
        yield client
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def kept(town: Intake) -> list[tuple[str, str, str | None, str, bytes]]:
    """(rcpt_to, meaning, token, mail_from, raw) of every arrival."""
    rows = town.store.call(lambda: list(Arrival.select().order_by(Arrival.id)))
    raws = town.store.call(lambda: {row.id: zlib.decompress(bytes(row.body)) for row in ArrivalRaw.select()})
    return [(r.rcpt_to, r.meaning, r.token, r.mail_from, raws[r.raw_id or 0]) for r in rows]


@pytest.mark.req("X12", "D2")
async def test_stored_before_250_byte_for_byte(tmp_path: Path) -> None:
    async with intake(tmp_path, desk=False) as town, connected(town.port) as client:
        token = "a" * 24
        to = [JOIN, f"TOUROKU+{token.upper()}@{DOMAIN.upper()}", JOIN, "Postmaster"]
        assert await client.begin(*to) == ["250 2.1.5 OK"] * 4
        said = await client.data(b"Subject: \x82\xa0\r\n\r\n..dot\r\n\xff\xfe")
        assert said.startswith("250 2.0.0 Kept as")
        raw = b"Subject: \x82\xa0\r\n\r\n.dot\r\n\xff\xfe\r\n"
        assert kept(town) == [
            (JOIN, "join", None, "me@example.jp", raw),
            (to[1], "join", token, "me@example.jp", raw),
            ("Postmaster", "operators", None, "me@example.jp", raw),
        ]
        assert await client.begin(JOIN, sender=b"<>") == ["250 2.1.5 OK"]  # the same session, the null sender
        assert (await client.data(MAIL)).startswith("250")
        assert kept(town)[-1][3] == ""


@pytest.mark.req("C4.3")
async def test_recipients_are_answered_from_the_table(tmp_path: Path) -> None:
    async with intake(tmp_path, desk=False) as town, connected(town.port) as client:
        answers = await client.begin(
            f"nobody@{DOMAIN}", "me@gmail.example", f"touroku+!@{DOMAIN}", f"fukan@{DOMAIN}", "nodomain"
        )
        assert [answer[:9] for answer in answers] == [
            "550 5.1.1", "550 5.7.1", "550 5.1.1", "550 5.1.1", "550 5.7.1",
        ]  # fmt: skip
        for bad, code in {
            b"RCPT TO:<\xe3\x81\x82@c.jp>": "553 5.6.7",
            b"RCPT TO:<>": "553 5.1.3",
            b"RCPT TO:<" + b"(" * 400: "553 5.1.3",
            b"RCPT TO:" + b'<"a b"@c.jp>': "553 5.1.3",
            b"RCPT TO:<" + b"x" * 900 + b"@c.jp>": "553 5.1.3",
        }.items():
            assert (await client.say(bad)).startswith((code, "550")), bad
        assert (await client.say(b"DATA")).startswith("503")
        await client.say(b"RSET")
        assert (await client.say(b"MAIL FROM:<a@b.jp> SMTPUTF8")).startswith("555 5.6.7")
        assert (await client.say(b"MAIL FROM:<a@b.jp> SIZE=99999999")).startswith("552 5.3.4")
        assert (await client.say(b"MAIL FROM:<a@b.jp> SIZE=500000")).startswith("250")
        assert (await client.say(f"RCPT TO:<{JOIN}>".encode())).startswith("552 5.3.4")
        assert (await client.say(f"RCPT TO:<souan@{DOMAIN}>".encode())).startswith("250")


@pytest.mark.req("C4.3", "C6.2")
async def test_what_is_offered(tmp_path: Path) -> None:
    async with intake(tmp_path, desk=False) as town, connected(town.port) as client:
        offered = await client.say(b"EHLO x")
        assert "SIZE 2097152" in offered
        assert "8BITMIME" in offered
        for absent in ("AUTH", "SMTPUTF8", "STARTTLS", "HELP", "Python"):
            assert absent not in offered
        assert (await client.say(b"AUTH LOGIN")).startswith("500")
        assert (await client.say(b"VRFY touroku")).startswith("252")


@pytest.mark.req("C5.5")
async def test_starttls_with_a_certificate_and_still_no_auth(tmp_path: Path) -> None:
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("mail.anzen.example.lg.jp").configure_cert(server_side)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with intake(tmp_path, desk=False) as town:
        door = Door(town_settings(), town.store, tls=server_side)
        port = int((await door.open()).rpartition(":")[2])

        def talk() -> tuple[dict[str, str], dict[str, str]]:
            with smtplib.SMTP("127.0.0.1", port, "x.example.jp", timeout=10) as client:
                client._host = "mail.anzen.example.lg.jp"  # type: ignore[attr-defined]
                client.ehlo()
                before = dict(client.esmtp_features)
                client.starttls(context=trusting)
                client.sendmail("me@example.jp", [JOIN], MAIL)
                return before, dict(client.esmtp_features)

        before, after = await asyncio.to_thread(talk)
        await door.close()
        assert "starttls" in before
        assert "auth" not in after
        assert len(kept(town)) == 1


@pytest.mark.req("C4.3", "X12")
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"Subject: a\r\n\r\nbare\nLF", "550 5.6.0"),
        (b"Subject: a\r\n\r\nbare\rCR", "550 5.6.0"),
        (b"Subject: a\r\n\r\nsmuggled\r\n\n.\r\nMAIL FROM:<x@y.jp>", "550 5.6.0"),
        (b"Subject: a\r\n\r\nN\x00L", "550 5.6.0"),
        (b"Subject: " + b"a" * 65536 + b"\r\n\r\ntext", "550 5.6.0"),
        (b"Subject: a\r\n" * 400 + b"\r\ntext", "552 5.3.4"),
        (b"a" * 3000, "552 5.3.4"),
        (b"Subject: a\r\n\r\n" + b"text\r\n" * 1000, "552 5.3.4"),
        (b"Subject: a\r\n\r\n" + b"text\r\n" * 9000, "552 5.3.4"),
    ],
)
async def test_hostile_content_is_refused_clearly_and_the_session_goes_on(
    tmp_path: Path, content: bytes, code: str
) -> None:
    async with intake(tmp_path, desk=False, limits=SMALL) as town, connected(town.port) as client:
        await client.begin(JOIN)
        assert (await client.data(content)).startswith(code)
        await client.begin(JOIN)
        assert (await client.data(MAIL)).startswith("250")
        assert len(kept(town)) == 1


async def test_staff_may_send_more_than_residents(tmp_path: Path) -> None:
    async with intake(tmp_path, desk=False, limits=SMALL) as town, connected(town.port) as client:
        big = MAIL + b"text\r\n" * 1000
        await client.begin(f"souan@{DOMAIN}", f"fukan+{'a' * 24}@{DOMAIN}")
        assert (await client.data(big)).startswith("250")
        await client.begin(f"souan@{DOMAIN}", JOIN)
        assert (await client.data(big)).startswith("552 5.3.4")


@pytest.mark.req("C4.3")
async def test_three_thousand_recipients(tmp_path: Path) -> None:
    async with intake(tmp_path, desk=False) as town, connected(town.port) as client:
        await client.begin()
        client.writer.write(f"RCPT TO:<{JOIN}>\r\n".encode() * 3000)
        answers = [await client.answer() for _ in range(3000)]
        assert answers[:100] == ["250 2.1.5 OK"] * 100
        assert {answer[:9] for answer in answers[100:]} == {"452 4.5.3"}
        assert (await client.data(MAIL)).startswith("250")
        assert len(kept(town)) == 1  # the same door a hundred times is one arrival


@pytest.mark.req("C4.3")
async def test_mistakes_and_nonsense_end_the_session(tmp_path: Path) -> None:
    async with intake(tmp_path, desk=False) as town:
        async with connected(town.port) as client:
            await client.begin()
            answers = [await client.say(b"RCPT TO:<x%d@%s>" % (n, DOMAIN.encode())) for n in range(30)]
            assert answers[-1].startswith("550 5.1.1")
            assert (await client.answer()).startswith("421 4.7.0")
            assert await client.answer() == ""
        async with connected(town.port) as client:
            client.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
            while (said := await client.answer()) != "":
                assert said.startswith(("500", "502"))
        async with connected(town.port) as client:
            assert (await client.say(b"NOOP " + b"x" * 60_000)).startswith("500")
            assert (await client.say(b"EHLO x")).startswith("250")


@pytest.mark.req("C4.3")
async def test_slow_clients_are_told_and_dropped(tmp_path: Path) -> None:
    quick = Limits(idle_seconds=0.2)
    async with intake(tmp_path, desk=False, limits=quick) as town:
        async with connected(town.port) as client:
            client.writer.write(b"EHL")
            assert (await client.answer()).startswith("421 4.4.2")
        async with connected(town.port) as client:
            await client.begin(JOIN)
            await client.say(b"DATA")
            client.writer.write(b"Subject: a\r\n")
            assert (await client.answer()).startswith("421 4.4.2")
            assert await client.answer() == ""
        assert kept(town) == []


@pytest.mark.req("C4.3")
async def test_a_crowd_gets_less_time(tmp_path: Path) -> None:
    crowd = Limits(connections=2, stress_seconds=0.2)
    async with intake(tmp_path, desk=False, limits=crowd) as town, connected(town.port) as first:
        async with connected(town.port) as second:
            assert (await second.answer()).startswith("421 4.4.2")
        assert (await first.say(b"EHLO x")).startswith("250")


def test_who_counts_as_one_peer() -> None:
    assert network("192.0.2.7") == "192.0.2.7"
    assert network("2001:db8:1:2:3::4") == "2001:db8:1:2::"
    assert network("fe80::1%eth0") == network("fe80::2%eth0")
    assert network("?") == "?"


@pytest.mark.req("C4.3")
async def test_connections_are_counted_in_all_and_by_peer(tmp_path: Path) -> None:
    two = Limits(connections_per_peer=2)
    async with intake(tmp_path, desk=False, limits=two) as town, connected(town.port) as first:
        async with connected(town.port):
            reader, writer = await asyncio.open_connection("127.0.0.1", town.port)
            third = Client(reader, writer)
            assert (await third.answer()).startswith("421 4.7.0")
            assert await third.answer() == ""
            writer.close()
        assert (await first.say(b"EHLO x")).startswith("250")
        while True:  # the one who left may need a moment to be forgotten
            reader, writer = await asyncio.open_connection("127.0.0.1", town.port)
            greeting = await Client(reader, writer).answer()
            writer.close()
            if greeting.startswith("220"):
                break


@pytest.mark.req("X12")
async def test_no_250_when_the_ledger_does_not_take_it(tmp_path: Path) -> None:
    async with intake(tmp_path, desk=False) as town, connected(town.port) as client:
        town.store.call(lambda: Arrival.raw("PRAGMA busy_timeout = 50").execute())
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await client.begin(JOIN)
        said = await client.data(MAIL)
        other.execute("ROLLBACK")
        other.close()
        assert said.startswith("451 4.3.0")
        assert "Traceback" not in said
        await client.begin(JOIN)
        assert (await client.data(MAIL)).startswith("250")
        assert len(kept(town)) == 1


@pytest.mark.req("X12", "C4.1")
async def test_stopping_finishes_the_mail_under_way(tmp_path: Path) -> None:
    async with (
        intake(tmp_path, desk=False) as town,
        connected(town.port) as busy,
        connected(town.port) as idle,
    ):
        await idle.say(b"EHLO x")
        await busy.begin(JOIN)
        assert (await busy.say(b"DATA")).startswith("354")
        closing = asyncio.create_task(town.door.close())
        assert (await idle.answer()).startswith("421 4.3.2")
        assert await idle.answer() == ""
        busy.writer.write(MAIL + b".\r\n")
        assert (await busy.answer()).startswith("250")
        assert (await busy.answer()).startswith("421 4.3.2")
        await closing
        assert len(kept(town)) == 1


@pytest.mark.req("C5.5")
async def test_no_address_and_no_traceback_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with intake(tmp_path) as town:
        await town.send(MAIL, "me@example.jp", JOIN)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await town.send(MAIL, "me@example.jp", f"me.too@{DOMAIN}")
        await town.settled()
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith("asyncio")]
    assert any(line.startswith("accepted") for line in ours)
    assert not [line for line in ours if "@" in line or "me.too" in line]


@pytest.mark.req("X12")
async def test_a_mail_that_kills_its_reader_is_set_aside(tmp_path: Path) -> None:
    def dies(office: Office, received: Received) -> Reading:
        raise ZeroDivisionError

    async with intake(tmp_path, desk=False) as town:
        await town.send(MAIL, "me@example.jp", JOIN)
        stop = asyncio.Event()
        running = asyncio.create_task(Desk(town.office, readers={Meaning.JOIN: dies}, again=0.01).run(stop))
        await town.settled()
        stop.set()
        await running
        (line,) = town.store.call(arrivals.listed)
        assert (line.state, line.why) == ("not-understood", "reader-died")


@pytest.mark.req("X12")
async def test_malformed_mails_are_kept_and_the_desk_goes_on(tmp_path: Path) -> None:
    hostile = [
        b"",
        b"\r\n\r\n",
        b"From: \xff\xfe@\r\nContent-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" * 200,
        b"From: ((((((((((\r\nTo: " + b"<" * 900 + b"\r\n\r\nx\r\n",
        b"Content-Type: text/plain; charset=unicode_escape\r\n\r\n\\x00\r\n",
    ]
    doors = ["touroku", "kaijo", "settei", "souan", "kujo", "teishi", "unyo", "oshirase", f"fukan+{'a' * 24}"]
    async with intake(tmp_path) as town:
        for raw in hostile:
            await town.send(raw, "me@example.jp", *(f"{door}@{DOMAIN}" for door in doors))
        await town.settled()
        lines = town.store.call(arrivals.listed)
        assert len(lines) == len(hostile) * len(doors)
        assert {line.state for line in lines} <= {"not-understood", "quarantined"}
        assert "reader-died" not in {line.why for line in lines}
        assert town.letters() == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([b"EHLO x", b"MAIL FROM:<>", b"DATA"])))
)
def test_no_line_makes_the_door_fall(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    async def talk() -> None:
        folder = tmp_path_factory.mktemp("door")
        async with intake(folder, desk=False, limits=Limits(finish_seconds=0.01)) as town:
            async with connected(town.port) as client:
                client.writer.write(b"\r\n".join([*lines, b"", b".", b"QUIT", b""]))
                while said := await client.answer():
                    assert said[:1] in "2345"
                    assert "Error: (" not in said
                    if said.startswith("221"):
                        break
            async with connected(town.port) as client:
                assert (await client.say(b"EHLO x")).startswith("250")

    asyncio.run(talk())
