"""`python -m outbound.bench.sink`: mail servers that only count, in one quick process; commands on stdin, JSON out.

First line in: {"name": {manners}, …}; first line out: {"name": port, …}. Then `counts`, `times` or `sample`, a line
each way. It ends when stdin does.
"""

import asyncio
import base64
import json
import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from zlib import crc32

from outbound.bench.destinations import Manners

HOST = "127.0.0.1"
_HELLO = b"250-sink.example.jp\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
_OK = b"250 2.0.0 OK\r\n"


@dataclass(slots=True)
class Tally:
    """What one destination accepted of one bulletin: mails, different recipients, when each was first accepted."""

    accepted: int = 0
    seen: set[bytes] = field(default_factory=set)
    times: "array[float]" = field(default_factory=lambda: array("d"))


class Server:
    """One destination: its manners, who is connected, and its tallies by the bulletin in the Message-ID."""

    def __init__(self, manners: Manners) -> None:
        self.manners = manners
        self.open = 0
        self.tallies: dict[bytes, Tally] = {}
        self.sample = b""
        self._told_later: set[bytes] = set()
        self._next = 0.0

    def full(self) -> bool:
        """Whether the connection just made is one too many."""
        return 0 < self.manners.connections < self.open

    def later(self, recipient: bytes) -> bool:
        """Whether this recipient is told 451 this time."""
        percent = self.manners.later_percent
        if not percent or crc32(recipient) % 100 >= percent or recipient in self._told_later:
            return False
        self._told_later.add(recipient)
        return True

    def wait(self) -> float:
        """Seconds until this mail may be answered."""
        manners = self.manners
        if not manners.per_second:
            return manners.thought
        now = time.monotonic()
        self._next = max(now, self._next) + 1 / manners.per_second
        return max(manners.thought, self._next - now)

    def accept(self, recipient: bytes, mail: bytes) -> None:
        """Count a mail. A second mail of one bulletin to one person is a duplicate, whatever its Message-ID."""
        start = mail.find(b"\r\nMessage-ID: <") + 15
        bulletin = mail[start : mail.find(b"@", start)].rpartition(b".")[0] if start > 14 else b""
        tally = self.tallies.get(bulletin)
        if tally is None:
            tally = self.tallies[bulletin] = Tally()
            self.sample = mail
        tally.accepted += 1
        if recipient not in tally.seen:
            tally.seen.add(recipient)
            tally.times.append(time.monotonic())


class Session(asyncio.Protocol):
    """One SMTP session (RFC 5321) with PIPELINING (RFC 2920), as little of it as a sender needs."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = b""
        self._recipient = b""
        self._in_text = False
        self._waits = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.open += 1
        if self._server.full():
            self._transport.write(b"421 4.7.0 too many connections\r\n")
            self._transport.close()
            return
        self._transport.write(b"220 sink.example.jp ESMTP\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open -= 1

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        self._go_on()

    def _go_on(self) -> None:
        said: list[bytes] = []
        while not self._waits and self._step(said):
            pass
        if said:
            self._transport.write(b"".join(said))

    def _step(self, said: list[bytes]) -> bool:
        """One command or one text; False when the buffer holds no whole one."""
        end = self._buffer.find(b"\r\n.\r\n" if self._in_text else b"\r\n")
        if end < 0:
            return False
        taken = self._buffer[:end]
        if not self._in_text:
            self._buffer = self._buffer[end + 2 :]
            said.append(self._command(taken))
            return True
        self._buffer = self._buffer[end + 5 :]
        self._in_text = False
        wait = self._server.wait()
        if wait:
            self._waits = True
            asyncio.get_running_loop().call_later(wait, self._taken, taken)
        else:
            self._server.accept(self._recipient, taken)
            self._recipient = b""
            said.append(_OK)
        return True

    def _taken(self, mail: bytes) -> None:
        self._waits = False
        if not self._transport.is_closing():
            self._server.accept(self._recipient, mail)
            self._recipient = b""
            self._transport.write(_OK)
            self._go_on()

    def _command(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"MAIL":
            self._recipient = b""
            return _OK
        if verb == b"RCPT":
            recipient = line[line.find(b"<") + 1 : line.rfind(b">")]
            if self._server.later(recipient):
                return b"451 4.7.1 try again later\r\n"
            self._recipient = recipient
            return _OK
        if verb == b"DATA":
            self._in_text = bool(self._recipient)
            return b"354 go on\r\n" if self._in_text else b"554 5.5.1 no recipient\r\n"
        return self._other(verb)

    def _other(self, verb: bytes) -> bytes:
        if verb == b"EHLO":
            return _HELLO
        if verb == b"QUIT":
            asyncio.get_running_loop().call_soon(self._transport.close)
        return _OK


def counts(servers: dict[str, Server]) -> object:
    """{bulletin: {destination: [accepted, different recipients]}}."""
    told: dict[str, dict[str, list[int]]] = {}
    for name, server in servers.items():
        for bulletin, tally in server.tallies.items():
            told.setdefault(bulletin.decode("ascii", "replace"), {})[name] = [tally.accepted, len(tally.seen)]
    return told


def times(servers: dict[str, Server]) -> object:
    """{bulletin: {destination: monotonic seconds, as the base64 of doubles}}."""
    told: dict[str, dict[str, str]] = {}
    for name, server in servers.items():
        for bulletin, tally in server.tallies.items():
            packed = base64.b64encode(tally.times.tobytes()).decode("ascii")
            told.setdefault(bulletin.decode("ascii", "replace"), {})[name] = packed
    return told


def sample(servers: dict[str, Server]) -> object:
    """One accepted mail in base64, "" while there is none."""
    found = next((server.sample for server in servers.values() if server.sample), b"")
    return base64.b64encode(found).decode("ascii")


ANSWERS: dict[str, Callable[[dict[str, Server]], object]] = {
    "counts": counts,
    "times": times,
    "sample": sample,
}


async def serve() -> None:
    """Listen, answer, end with stdin."""
    loop = asyncio.get_running_loop()
    asked = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    wanted: dict[str, dict[str, float]] = json.loads(await asked.readline())
    servers = {name: Server(Manners(**manners)) for name, manners in wanted.items()}  # type: ignore[arg-type]
    ports = {}
    for name, server in servers.items():
        listening = await loop.create_server(lambda at=server: Session(at), HOST, 0, backlog=512)  # type: ignore[misc]
        ports[name] = listening.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    while line := await asked.readline():
        print(json.dumps(ANSWERS[line.decode().strip()](servers)), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
