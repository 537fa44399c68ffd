"""Answers DNS for the training town: a few TXT, MX and A records over UDP and TCP, on loopback only."""

import asyncio
import ipaddress
from collections.abc import Mapping
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

_TTL = 60
_KINDS = ("A", "AAAA", "MX", "TXT", "CNAME", "PTR")
_STRING = 255  # octets in one character-string (RFC 1035 3.3)
_PLAIN_UDP = 512

Zone = Mapping[tuple[str, str], list[str]]


def _rdata(kind: str, value: str) -> str:
    """The presentation form of one record; a long TXT becomes several strings of 255 octets."""
    if kind == "TXT":
        raw = value.encode("utf-8")
        pieces = [raw[at : at + _STRING] for at in range(0, len(raw), _STRING)] or [b""]
        return " ".join('"' + "".join(f"\\{byte:03d}" for byte in piece) + '"' for piece in pieces)
    if kind in ("MX", "CNAME", "PTR"):
        return value if value.endswith(".") else value + "."
    return value


def _records(zone: Zone) -> dict[tuple[dns.name.Name, str], dns.rrset.RRset]:
    out: dict[tuple[dns.name.Name, str], dns.rrset.RRset] = {}
    for (name, kind), values in zone.items():
        if kind not in _KINDS:
            raise ValueError(f"record type {kind} is not served")
        owner = dns.name.from_text(name.lower())
        texts = [_rdata(kind, value) for value in values]
        out[owner, kind] = dns.rrset.from_text(owner, _TTL, "IN", kind, *texts)
    return out


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: "NameServer") -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # By its duty, not by its class: the selector loop's transport does not inherit DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._server.answer(data, udp=True)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


class NameServer:
    """An authoritative responder for `zone`: {(name, type): [values]}, MX as "10 mail.example.jp"."""

    def __init__(self, zone: Zone) -> None:
        self._records = _records(zone)
        self._names = {name for name, _ in self._records}
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def replace(self, zone: Zone) -> None:
        """Serve another zone from now on (a key rolled over, a record forgotten)."""
        self._records = _records(zone)
        self._names = {name for name, _ in self._records}

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen on UDP and TCP at one port of a loopback address (0 = any free); ValueError, OSError."""
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError("the training town answers on loopback only")
        loop = asyncio.get_running_loop()
        for attempt in range(20):
            self._tcp = await asyncio.start_server(self._serve, host, port)
            chosen: int = self._tcp.sockets[0].getsockname()[1]
            try:
                self._udp, _ = await loop.create_datagram_endpoint(
                    lambda: _Udp(self), local_addr=(host, chosen)
                )
                return chosen
            except OSError:  # the port is free for TCP but taken for UDP: try another
                self._tcp.close()
                if port or attempt == 19:
                    raise
        raise OSError("no port is free for both UDP and TCP")

    async def stop(self) -> None:
        """Close both sockets."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
            talks = list(self._talks)
            for writer in self._talks.values():
                writer.close()
            await asyncio.gather(*talks, return_exceptions=True)
            await self._tcp.wait_closed()

    def answer(self, wire: bytes, *, udp: bool) -> bytes | None:
        """The answer to one question; None for what is not a question. Too long for UDP: truncated (TC)."""
        try:
            query = dns.message.from_wire(wire)
        except (dns.exception.DNSException, ValueError):
            return None
        if query.flags & dns.flags.QR or len(query.question) != 1 or query.opcode() != dns.opcode.QUERY:
            return None
        response = dns.message.make_response(query, our_payload=1232)
        response.flags |= dns.flags.AA
        self._fill(response, query.question[0])
        limit = max(_PLAIN_UDP, min(query.payload, 1232)) if query.edns >= 0 else _PLAIN_UDP
        try:
            return response.to_wire(max_size=limit if udp else 65535)
        except dns.exception.TooBig:
            short = dns.message.make_response(query, our_payload=1232)
            short.flags |= dns.flags.AA | dns.flags.TC
            return short.to_wire()

    def _fill(self, response: dns.message.Message, question: dns.rrset.RRset) -> None:
        owner = dns.name.from_text(str(question.name).lower())
        kind = dns.rdatatype.to_text(question.rdtype)
        found = self._records.get((owner, kind)) or self._records.get((owner, "CNAME"))
        if question.rdclass == dns.rdataclass.IN and found is not None:
            response.answer.append(found)
        elif not any(name == owner or name.is_subdomain(owner) for name in self._names):
            response.set_rcode(dns.rcode.NXDOMAIN)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Questions over TCP, each after its length (RFC 1035 4.2.2)."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._talks[task] = writer
        try:
            while True:
                length = int.from_bytes(await asyncio.wait_for(reader.readexactly(2), 5), "big")
                answer = self.answer(await asyncio.wait_for(reader.readexactly(length), 5), udp=False)
                if answer is None:
                    break
                writer.write(len(answer).to_bytes(2, "big") + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, TimeoutError, ConnectionError):
            pass
        finally:
            del self._talks[task]
            writer.close()
