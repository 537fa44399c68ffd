"""The training town's name server over real sockets, and the key look-up that asks it."""

import asyncio
from collections.abc import AsyncIterator

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbound.keylookup import KeyLookup
from inbound.keyrecord import KeyUnavailable
from inbound.nameserver import NameServer

LONG = "v=DKIM1; k=rsa; p=" + "A" * 700
ZONE = {
    ("h1._domainkey.anzen.example.lg.jp", "TXT"): [LONG],
    ("two._domainkey.anzen.example.lg.jp", "TXT"): ["v=DKIM1; p=AAAA", "v=DKIM1; p=BBBB"],
    ("mixed._domainkey.anzen.example.lg.jp", "TXT"): ['note "1"; 覚え書き', "p=AAAA"],
    ("docomo.example", "MX"): ["10 mail.docomo.example"],
    ("mail.docomo.example", "A"): ["127.0.0.2"],
}


@pytest.fixture
async def town() -> AsyncIterator[tuple[NameServer, int]]:
    server = NameServer(ZONE)
    port = await server.start("127.0.0.1", 0)
    yield server, port
    await server.stop()


async def ask(port: int, name: str, kind: str, *, tcp: bool = False) -> dns.message.Message:
    query = dns.message.make_query(name, kind, use_edns=False)
    send = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
    return await send(query, "127.0.0.1", port=port, timeout=5)


async def test_records_absent_types_and_absent_names(town: tuple[NameServer, int]) -> None:
    _, port = town
    answer = await ask(port, "DOCOMO.example", "MX")
    assert [str(each).lower() for each in answer.answer[0]] == ["10 mail.docomo.example."]
    assert [str(each) for each in (await ask(port, "mail.docomo.example", "A")).answer[0]] == ["127.0.0.2"]
    empty = await ask(port, "mail.docomo.example", "MX")
    assert (empty.rcode(), empty.answer) == (dns.rcode.NOERROR, [])
    assert (await ask(port, "_domainkey.anzen.example.lg.jp", "TXT")).rcode() == dns.rcode.NOERROR
    assert (await ask(port, "nowhere.example", "A")).rcode() == dns.rcode.NXDOMAIN


async def test_a_long_record_is_truncated_over_udp_and_whole_over_tcp(town: tuple[NameServer, int]) -> None:
    _, port = town
    short = await ask(port, "h1._domainkey.anzen.example.lg.jp", "TXT")
    assert short.flags & dns.flags.TC
    whole = await ask(port, "h1._domainkey.anzen.example.lg.jp", "TXT", tcp=True)
    strings = whole.answer[0][0].strings
    assert [len(each) for each in strings] == [255, 255, len(LONG) - 510]


async def test_keys_are_looked_up_joined_and_remembered(town: tuple[NameServer, int]) -> None:
    server, port = town
    seconds = [0.0]
    keys = KeyLookup(f"127.0.0.1:{port}", timeout=3, clock=lambda: seconds[0])
    assert await asyncio.to_thread(keys, "h1._domainkey.anzen.example.lg.jp") == LONG
    assert await asyncio.to_thread(keys, "two._domainkey.anzen.example.lg.jp") is None
    assert await asyncio.to_thread(keys, "mixed._domainkey.anzen.example.lg.jp") == "p=AAAA"
    assert await asyncio.to_thread(keys, "absent._domainkey.anzen.example.lg.jp") is None
    server.replace({})
    assert await asyncio.to_thread(keys, "H1._domainkey.anzen.example.lg.jp") == LONG
    seconds[0] = 61
    assert await asyncio.to_thread(keys, "h1._domainkey.anzen.example.lg.jp") is None


async def test_a_silent_resolver_is_a_temporary_condition() -> None:
    class Silent(asyncio.DatagramProtocol):
        pass

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Silent, local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    try:
        with pytest.raises(KeyUnavailable):
            await asyncio.to_thread(
                KeyLookup(f"127.0.0.1:{port}", timeout=0.2), "h1._domainkey.anzen.example.lg.jp"
            )
    finally:
        transport.close()


async def test_it_listens_on_loopback_only() -> None:
    with pytest.raises(ValueError, match="loopback"):
        await NameServer(ZONE).start("0.0.0.0", 0)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=60))
def test_no_question_makes_it_raise(data: bytes) -> None:
    NameServer(ZONE).answer(data, udp=True)
    NameServer(ZONE).answer(b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + data, udp=False)
