"""Our SMTP against real servers that refuse, defer, drop, dawdle, lie, or speak TLS."""

import asyncio
import ssl

import pytest
import trustme

from outbound.connections import Limits, Pool, reach
from outbound.errors import Deferred
from outbound.mx import Hop
from outbound.reply import Kind, Stage
from outbound.smtp import Connection, Tls
from tests.wire.peers import Stubborn, scripted, serving

MAIL = b"Subject: x\r\n\r\n.one\r\n..two\r\nthree\r\n"
FROM, TO = "fukan+abc@anzen.example.lg.jp", "hanako@example.jp"


async def opened(port: int, tls: Tls = Tls.NONE, **more: object) -> Connection:
    settings: dict[str, object] = {"hello": "mail.anzen.example.lg.jp", "tls": tls, "timeout": 5} | more
    return await Connection.open("127.0.0.1", port, **settings)  # type: ignore[arg-type]


@pytest.mark.req("D6")
@pytest.mark.parametrize("pipelining", [True, False])
async def test_mails_arrive_byte_for_byte_on_one_connection(pipelining: bool) -> None:
    peer = Stubborn(pipelining=pipelining)
    async with serving(peer) as port:
        connection = await opened(port)
        assert connection.pipelines is pipelining
        for to in (TO, "a..b.@docomo.ne.jp", "c@example.jp"):
            reply = await connection.send(FROM, to, MAIL)
            assert (reply.kind, reply.code, reply.enhanced, reply.text) == (Kind.SENT, 250, "2.0.0", "taken")
        assert (await connection.send("", TO, MAIL)).kind is Kind.SENT
        connection.close()
    assert peer.got == [
        (FROM, [TO], MAIL),
        (FROM, ["a..b.@docomo.ne.jp"], MAIL),
        (FROM, ["c@example.jp"], MAIL),
        ("", [TO], MAIL),
    ]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("stage", "answer", "kind", "enhanced"),
    [
        ("mail", "550 5.7.1 not you", Kind.DEFERRED, "5.7.1"),
        ("mail", "451 4.3.0 later", Kind.DEFERRED, "4.3.0"),
        ("rcpt", "550 5.1.1 no such user", Kind.REJECTED, "5.1.1"),
        ("rcpt", "550 no such user", Kind.REJECTED, None),
        ("rcpt", "451 4.7.1 greylisted", Kind.DEFERRED, "4.7.1"),
        ("rcpt", "552 too many", Kind.DEFERRED, None),
        ("rcpt", "299 4.x odd", Kind.SENT, None),
        ("rcpt", "503 5.5.1 bad sequence", Kind.DEFERRED, "5.5.1"),
        ("data", "530 5.7.0 encrypt first", Kind.DEFERRED, "5.7.0"),
        ("data", "554 5.7.1 spam", Kind.REJECTED, "5.7.1"),
        ("data", "452 4.2.2 full", Kind.DEFERRED, "4.2.2"),
        ("data", "550 4.2.2 muddled", Kind.DEFERRED, "4.2.2"),
    ],
)
async def test_refusals_at_each_stage_leave_the_connection_good(
    pipelining: bool, stage: str, answer: str, kind: Kind, enhanced: str | None
) -> None:
    peer = Stubborn(pipelining=pipelining)
    async with serving(peer) as port:
        connection = await opened(port)
        setattr(peer, stage, answer)
        reply = await connection.send(FROM, TO, MAIL)
        if kind is not Kind.SENT:
            assert (reply.kind, reply.enhanced, reply.code) == (kind, enhanced, int(answer[:3]))
            assert reply.stage is {"mail": Stage.MAIL, "rcpt": Stage.RCPT, "data": Stage.TEXT}[stage]
            assert not reply.maybe_sent
        assert reply.about_us is (enhanced in ("5.7.0", "5.7.1", "4.7.1"))
        setattr(peer, stage, None)
        assert connection.usable
        assert (await connection.send(FROM, "next@example.jp", MAIL)).kind is Kind.SENT
        connection.close()
    assert peer.got[-1] == (FROM, ["next@example.jp"], MAIL)


async def test_announcing_the_next_envelope_saves_a_round_trip() -> None:
    peer = Stubborn()
    async with serving(peer) as port:
        connection = await opened(port)
        queue = [(FROM, f"{n}@example.jp") for n in range(5)]
        for envelope, ahead in zip(queue, [*queue[1:], None], strict=True):
            assert (await connection.send(*envelope, MAIL, ahead=ahead)).kind is Kind.SENT
        assert connection.usable
        # What was announced must come next: anything else ends the connection and sends nothing.
        assert (await connection.send(*queue[0], MAIL, ahead=queue[1])).kind is Kind.SENT
        reply = await connection.send(*queue[3], MAIL)
        assert (reply.kind, reply.maybe_sent, connection.usable) == (Kind.DEFERRED, False, False)
    assert [to for _, (to,), _ in peer.got] == [*(f"{n}@example.jp" for n in range(5)), "0@example.jp"]


async def test_a_refused_announcement_is_the_next_mails_answer() -> None:
    peer = Stubborn()
    async with serving(peer) as port:
        connection = await opened(port)
        assert (await connection.send(FROM, TO, MAIL, ahead=(FROM, "b@x.jp"))).kind is Kind.SENT
        peer.rcpt = None
        assert (await connection.send(FROM, "b@x.jp", MAIL)).kind is Kind.SENT
        peer.rcpt = "550 5.1.1 gone"
        assert (await connection.send(FROM, TO, MAIL, ahead=(FROM, "c@x.jp"))).kind is Kind.REJECTED
        peer.rcpt = None
        assert (await connection.send(FROM, "c@x.jp", MAIL)).kind is Kind.SENT


async def test_354_after_a_refused_recipient_is_ended_with_a_lone_dot() -> None:
    """RFC 2920 section 3.1: the text of one recipient must never go to nobody, nor be taken for commands."""
    heard: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend([await reader.readline() for _ in range(3)])
        writer.write(b"250 ok\r\n550 5.1.1 no\r\n354 go\r\n")
        heard.append(await reader.readline())
        writer.write(b"554 no valid recipients\r\n")
        heard.extend([await reader.readline() for _ in range(4)])
        writer.write(b"250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        heard.append(await reader.readuntil(b"\r\n.\r\n"))
        writer.write(b"250 ok\r\n")

    async with scripted(script) as port:
        connection = await opened(port)
        assert (await connection.send(FROM, TO, MAIL)).enhanced == "5.1.1"
        assert (await connection.send(FROM, "b@x.jp", MAIL)).kind is Kind.SENT
        connection.close()
    assert [line.split()[0] for line in heard[:8]] == [
        b"MAIL",
        b"RCPT",
        b"DATA",
        b".",
        b"RSET",
        b"MAIL",
        b"RCPT",
        b"DATA",
    ]
    assert heard[8] == MAIL.replace(b"\n.", b"\n..") + b".\r\n"


@pytest.mark.parametrize("extensions", ["250 PIPELINING", "250 HELP"])
@pytest.mark.parametrize(
    ("answers", "stage", "maybe"),
    [
        ([], Stage.MAIL, False),
        ([b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"], Stage.TEXT, True),
        ([b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"25"], Stage.TEXT, True),
        ([b"hello\r\n"], Stage.MAIL, False),
    ],
)
async def test_lost_connections_defer(
    extensions: str, answers: list[bytes], stage: Stage, maybe: bool
) -> None:
    """The peer goes away: before the final dot nothing was sent; after it the mail may be there."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers[:3]:
            await reader.readline()
            writer.write(answer)
        if len(answers) > 2:
            await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"".join(answers[3:]))

    async with scripted(script, extensions=extensions) as port:
        connection = await opened(port)
        reply = await connection.send(FROM, TO, MAIL)
        assert (reply.kind, reply.maybe_sent) == (Kind.DEFERRED, maybe)
        assert reply.stage is stage
        again = await connection.send(FROM, TO, MAIL)
        assert (again.kind, again.maybe_sent, connection.usable) == (Kind.DEFERRED, False, False)
        connection.close()


@pytest.mark.parametrize("extensions", ["250 PIPELINING", "250 HELP"])
async def test_a_silent_server_is_left(extensions: str) -> None:
    gone = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    async with scripted(script, extensions=extensions) as port:
        connection = await opened(port, timeout=0.05)
        assert (await connection.send(FROM, TO, MAIL)).kind is Kind.DEFERRED
        assert not connection.usable
        connection.close()
        async with asyncio.timeout(5):
            await gone.wait()


async def test_an_endless_answer_is_cut() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        for _ in range(100):
            writer.write(b"2" * 1000)
            await writer.drain()
        await reader.read()

    async with scripted(script) as port:
        connection = await opened(port)
        reply = await connection.send(FROM, TO, MAIL)
        assert (reply.kind, reply.maybe_sent, connection.usable) == (Kind.DEFERRED, False, False)


async def test_a_server_that_closes_while_idle_is_noticed() -> None:
    idle = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await idle.wait()
        writer.write(b"421 4.4.2 idle too long\r\n")
        await reader.read()

    async with scripted(script) as port:
        connection = await opened(port)
        assert connection.usable
        idle.set()
        async with asyncio.timeout(5):
            while connection.usable:  # noqa: ASYNC110 - the property is what is tested
                await asyncio.sleep(0)
        assert (await connection.send(FROM, TO, MAIL)).stage is Stage.MAIL


@pytest.mark.parametrize("bad", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\n\r\n", b"no end", b"a\0\r\n", b""])
async def test_unclean_text_is_refused_before_the_wire(bad: bytes) -> None:
    peer = Stubborn()
    async with serving(peer) as port:
        connection = await opened(port)
        with pytest.raises(ValueError, match="CRLF"):
            await connection.send(FROM, TO, bad)
        for address in ("a@x.jp>\r\nRCPT TO:<b@x.jp", "a\r\n@x.jp", "a@x.jp\n", "", "あ@x.jp"):
            with pytest.raises(ValueError, match=r".+"):
                await connection.send(FROM, address, MAIL)
        assert (await connection.send(FROM, TO, MAIL)).kind is Kind.SENT
        connection.close()


@pytest.mark.req("C5.5")
async def test_tls_is_used_required_and_proven() -> None:
    authority = trustme.CA()
    ours, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("mx.example.jp").configure_cert(ours)
    authority.configure_trust(trusting)
    peer = Stubborn()
    async with serving(peer, ours) as port:
        wanted: list[tuple[Tls, dict[str, object]]] = [
            (Tls.OPPORTUNISTIC, {}),
            (Tls.REQUIRED, {"context": trusting, "name": "mx.example.jp"}),
        ]
        for tls, more in wanted:
            connection = await opened(port, tls, **more)
            assert connection.secure
            assert connection.pipelines
            assert (await connection.send(FROM, TO, MAIL)).kind is Kind.SENT
            assert (await connection.send(FROM, "b@x.jp", MAIL)).kind is Kind.SENT
            connection.close()
        unproven: list[dict[str, object]] = [
            {"context": trusting, "name": "other.example.jp"},
            {"name": "mx.example.jp"},
        ]
        for case in unproven:
            with pytest.raises(Deferred) as caught:
                await opened(port, Tls.REQUIRED, **case)
            assert caught.value.reply.stage is Stage.TLS
        # A context that fails under the opportunistic rule: the mail goes out unencrypted rather than not
        # at all.
        connection = await opened(port, Tls.OPPORTUNISTIC, context=trusting, name="other.example.jp")
        assert not connection.secure
        connection.close()
    async with serving(Stubborn()) as port:
        with pytest.raises(Deferred):
            await opened(port, Tls.REQUIRED)
    assert len(peer.got) == 4


async def test_no_server_or_an_unwilling_one_defers() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with scripted(script) as port:
        pass
    with pytest.raises(Deferred) as caught:
        await opened(port)
    assert (caught.value.reply.stage, caught.value.reply.kind) == (Stage.CONNECT, Kind.DEFERRED)

    async def busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 5.7.1 your address is blocked\r\n")
        writer.close()

    server = await asyncio.start_server(busy, "127.0.0.1", 0)
    async with server:
        with pytest.raises(Deferred) as caught:
            await opened(server.sockets[0].getsockname()[1])
    reply = caught.value.reply
    assert (reply.code, reply.enhanced, reply.stage, reply.kind) == (
        554,
        "5.7.1",
        Stage.CONNECT,
        Kind.DEFERRED,
    )


async def test_the_pool_keeps_counts_and_replaces() -> None:
    peer = Stubborn()
    opened_: list[Connection] = []
    async with serving(peer) as port:

        async def connect() -> Connection:
            opened_.append(await opened(port))
            return opened_[-1]

        pool = Pool(Limits(connections=2, mails=3), connect)

        async def one(n: int) -> None:
            async with pool.connection() as connection:
                assert (await connection.send(FROM, f"{n}@x.jp", MAIL)).kind is Kind.SENT

        await asyncio.gather(*(one(n) for n in range(12)))
        assert len(peer.got) == 12
        assert len(opened_) == 4
        assert all(each.mails == 3 for each in opened_)
        assert pool.prune() == 0
        await one(13)
        assert pool.prune() == 1
        with pytest.raises(KeyError):
            async with pool.connection():
                raise KeyError("a broken block")
        assert pool.prune() == 0
        async with pool.connection() as connection:
            await connection.send(FROM, "15@x.jp", MAIL, ahead=(FROM, "never@x.jp"))
        assert pool.prune() == 0
        await one(14)
        pool.close()
        assert not opened_[-1].usable


async def test_idle_connections_are_closed() -> None:
    async with serving(Stubborn()) as port:
        pool = Pool(Limits(connections=1, idle=0.0), lambda: opened(port))
        async with pool.connection() as first:
            pass
        async with pool.connection() as second:
            pass
        assert first is not second
        assert not first.usable
        pool.close()


async def test_the_first_server_that_answers_is_taken() -> None:
    async with serving(Stubborn()) as dead:
        pass
    async with serving(Stubborn()) as port:

        async def connect(hop: Hop) -> Connection:
            return await opened(dead if hop.name == "dead" else port)

        connection = await reach([Hop("dead", "127.0.0.1"), Hop("good", "127.0.0.1")], connect)
        assert connection.usable
        connection.close()
        with pytest.raises(Deferred):
            await reach([Hop("dead", "127.0.0.1")], connect)
        with pytest.raises(Deferred):
            await reach([], connect)
