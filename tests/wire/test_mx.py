"""MX look-ups against a real DNS server on loopback: order, fallback, null MX, absence, silence, cache."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from outbound.errors import Deferred, Rejected
from outbound.mx import Hop, MailExchangers

ZONE = """
many.example.jp. 300 IN MX 20 b.example.jp.
many.example.jp. 300 IN MX 10 a.example.jp.
many.example.jp. 300 IN MX 5 gone.example.jp.
a.example.jp. 60 IN A 192.0.2.1
a.example.jp. 60 IN AAAA 2001:db8::1
b.example.jp. 60 IN A 192.0.2.2
plain.example.jp. 60 IN A 192.0.2.3
null.example.jp. 60 IN MX 0 .
lame.example.jp. 60 IN MX 10 gone.example.jp.
empty.example.jp. 60 IN TXT "x"
"""


class Names(asyncio.DatagramProtocol):
    """Answers from ZONE; NXDOMAIN for unknown names, SERVFAIL for broken.example.jp, counts questions."""

    def __init__(self) -> None:
        self.asked = 0
        self.silent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # By its duty, not by its class: the loop's transport does not inherit DatagramTransport.
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        if self.silent:
            return
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        asked = question.question[0]
        lines = [line.split(" ", 4) for line in ZONE.strip().splitlines()]
        named = [line for line in lines if line[0] == asked.name.to_text()]
        if not named:
            broken = "broken" in asked.name.to_text()
            answer.set_rcode(dns.rcode.SERVFAIL if broken else dns.rcode.NXDOMAIN)
        rows = [line for line in named if line[3] == asked.rdtype.name]
        if rows:
            values = [line[4] for line in rows]
            answer.answer.append(dns.rrset.from_text(rows[0][0], int(rows[0][1]), "IN", rows[0][3], *values))
        self.transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def names() -> AsyncIterator[tuple[Names, tuple[str, int]]]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        Names, ("127.0.0.1", 0), family=socket.AF_INET
    )
    try:
        yield server, transport.get_extra_info("sockname")
    finally:
        transport.close()


@pytest.mark.req("C8.3")
async def test_exchangers_come_in_order_with_their_addresses() -> None:
    async with names() as (_, where):
        look = MailExchangers(where)
        assert await look.lookup("MANY.example.jp.") == (
            Hop("a.example.jp", "2001:db8::1"),
            Hop("a.example.jp", "192.0.2.1"),
            Hop("b.example.jp", "192.0.2.2"),
        )
        assert await look.lookup("plain.example.jp") == (Hop("plain.example.jp", "192.0.2.3"),)
        assert await look.lookup("[192.0.2.9]") == (Hop("192.0.2.9", "192.0.2.9"),)


@pytest.mark.req("C8.3")
@pytest.mark.parametrize(
    ("domain", "status"),
    [("null.example.jp", "5.1.10"), ("absent.example.jp", "5.1.2"), ("empty.example.jp", "5.1.2")],
)
async def test_domains_without_mail_are_rejected(domain: str, status: str) -> None:
    async with names() as (_, where):
        look = MailExchangers(where)
        for _ in range(2):
            with pytest.raises(Rejected) as caught:
                await look.lookup(domain)
            assert (caught.value.reply.enhanced, str(caught.value.reply.kind)) == (status, "rejected")


async def test_trouble_with_the_dns_only_defers() -> None:
    async with names() as (server, where):
        look = MailExchangers(where, seconds=0.2)
        for domain in ("broken.example.jp", "lame.example.jp"):
            with pytest.raises(Deferred):
                await look.lookup(domain)
        server.silent = True
        with pytest.raises(Deferred):
            await look.lookup("many.example.jp")


async def test_answers_live_as_long_as_the_dns_says() -> None:
    now = 0.0
    async with names() as (server, where):
        look = MailExchangers(where, clock=lambda: now)
        await look.lookup("many.example.jp")
        asked = server.asked
        now = 59.0
        await look.lookup("many.example.jp")
        assert server.asked == asked
        now = 61.0
        await look.lookup("many.example.jp")
        assert server.asked == 2 * asked
