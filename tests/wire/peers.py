"""Mail servers that misbehave on purpose: one with a say at every stage, one that follows a script."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Stubborn:
    """What an aiosmtpd answers at each stage (None = accept), and what it got."""

    pipelining: bool = True
    mail: str | None = None
    rcpt: str | None = None
    data: str | None = None
    greeting: str | None = None
    got: list[tuple[str, list[str], bytes]] = field(default_factory=list)

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], *(["250-PIPELINING"] if self.pipelining else []), responses[-1]]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.mail is None:
            envelope.mail_from = address
        return self.mail or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt is None:
            envelope.rcpt_tos.append(address)
        return self.rcpt or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        if self.data is None:
            # aiosmtpd 1.4.6 hands a null sender on as "<>".
            sender = (envelope.mail_from or "").removeprefix("<>")
            self.got.append((sender, list(envelope.rcpt_tos), envelope.content))
        return self.data or "250 2.0.0 taken"


@asynccontextmanager
async def serving(handler: Stubborn, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port on 127.0.0.1 where an aiosmtpd with this handler listens."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="mx.example.jp", ident="test", tls_context=tls, loop=loop),
        "127.0.0.1",
        0,
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def scripted(script: Script, *, extensions: str = "250 PIPELINING") -> AsyncIterator[int]:
    """The port where a server greets, answers EHLO, then does what the script says, then closes."""

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"220 mx.example.jp\r\n")
            await reader.readline()
            writer.write(b"250-mx.example.jp\r\n" + extensions.encode() + b"\r\n")
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
