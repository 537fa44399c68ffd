"""The same mails through Postfix with OpenDKIM: handed over unsigned and addressed, counted where they arrive."""

import asyncio
import itertools
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from outbound.bench.counters import Counters
from outbound.bench.crew import Asked, BenchFailed
from outbound.bench.figures import Peer
from outbound.bench.postfix import CannotRun, postfix
from outbound.errors import Deferred
from outbound.smtp import Connection, Tls

NAME = "postfix-opendkim"
HOST = "127.0.0.1"
MOST = 3_000
SESSIONS = 20
SILENCE_SECONDS = 30.0
_DOMAIN, _SELECTOR, _NUMBER = "anzen.example.lg.jp", "h1", "peer"
_OWN = re.compile(rb"^(?:DKIM-Signature|To|Message-ID): .*?\r\n(?![ \t])", re.S | re.M)


def against_postfix(key: Path, sample: bytes, recipients: int) -> Peer:
    """Mails a second from the first one Postfix took to the last one that arrived, signed with `key`.

    `sample` is one of our own mails: the peer gets the same bytes, without our signature, with a name and an id of
    its own for each recipient. Never fails: what goes wrong is `skipped_why`.
    """
    count = min(recipients, MOST)
    log = key.parent / "peer-log"
    try:
        sink = Asked("outbound.bench.sink", {"peer": {}}, log)
        try:
            port = cast(dict[str, int], sink.first)["peer"]
            with postfix(key, _DOMAIN, _SELECTOR, port) as door:
                began = asyncio.run(_push(door, sample, count))
                rate = _arrived(Counters(sink, [_NUMBER]), began, count)
        finally:
            sink.close()
    except (CannotRun, BenchFailed, OSError, subprocess.SubprocessError) as error:
        return Peer(NAME, None, str(error) or type(error).__name__)
    return Peer(NAME, rate, None)


async def _push(port: int, sample: bytes, count: int) -> float:
    """Hand all over by some sessions at once; when the first was taken. Raises CannotRun."""
    numbers = iter(range(count))
    rest = _OWN.sub(b"", sample + b"\r\n")
    taken = await asyncio.gather(*(_session(port, rest, numbers) for _ in range(SESSIONS)))
    return min(itertools.chain(*taken))


async def _session(port: int, rest: bytes, numbers: Iterator[int]) -> list[float]:
    """When each mail of this session was taken."""
    try:
        connection = await Connection.open(HOST, port, hello="bench.example.jp", tls=Tls.NONE)
    except Deferred as error:
        raise CannotRun(f"Postfix につながりません（{error}）") from error
    taken = []
    try:
        for number in numbers:
            to = f"jumin{number}@example.jp"
            own = f"To: <{to}>\r\nMessage-ID: <{_NUMBER}.{number}@{_DOMAIN}>\r\n".encode()
            reply = await connection.send(f"fukan@{_DOMAIN}", to, own + rest)
            if reply.code != 250:
                raise CannotRun(f"Postfix が受け取りません（{reply.code} {reply.text[:100]}）")
            taken.append(time.monotonic())
    finally:
        connection.close()
    return taken or [time.monotonic()]


def _arrived(counters: Counters, began: float, count: int) -> float:
    """Wait for the last; mails a second. Raises CannotRun when it does not come, or comes unsigned."""
    seen, moved = -1, time.monotonic()
    while (people := counters.count().people) < count:
        if people != seen:
            seen, moved = people, time.monotonic()
        if time.monotonic() - moved > SILENCE_SECONDS:
            raise CannotRun(f"{count:,}通のうち{people:,}通しか届きませんでした")
        time.sleep(0.05)
    if b"DKIM-Signature:" not in counters.sample():
        raise CannotRun("OpenDKIM が署名しませんでした")
    last = counters.times()[_NUMBER]["peer"][-1]
    return count / (last - began)
