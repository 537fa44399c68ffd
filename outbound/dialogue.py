"""A pipelined SMTP transaction on an open connection (RFC 2920): one write, one wait, one reply decided."""

import asyncio
from collections import deque
from typing import cast

from outbound.reply import Reply, Stage, from_wire, lost

# More than any honest server says in one answer; a stream without line ends must not fill the memory.
_LONGEST = 32_768


class Lost(Exception):
    """The peer went away, fell silent, or does not speak SMTP; the message says which, for the record."""


class Dialogue(asyncio.Protocol):
    """Takes a connected transport over from aiosmtplib after EHLO/STARTTLS; at most one mail is in flight."""

    def __init__(self, transport: asyncio.Transport, *, timeout: float, final_timeout: float) -> None:
        self._transport = transport
        self._timeout = timeout
        self._final_timeout = final_timeout
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._lines: list[str] = []
        self._answers: deque[tuple[int, str]] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._wanted = 0
        self._why: str | None = None
        self._announced: bytes | None = None
        self._unclean = False
        self._busy = False
        transport.set_protocol(self)

    @property
    def usable(self) -> bool:
        """False once lost, or when the server spoke unasked (421 before it closes): no mail may start
        here.
        """
        return (
            self._why is None
            and not self._transport.is_closing()
            and not (self._answers and not self._announced)
        )

    @property
    def promised(self) -> bool:
        """True while an announced envelope waits for its mail: nobody else may use the connection."""
        return self._announced is not None

    async def transact(self, envelope: bytes, data: bytes, ahead: bytes | None) -> Reply:
        """Deliver dot-stuffed ``data``, ended by CRLF, to ``envelope`` = MAIL and RCPT lines with CRLF.

        ``ahead`` is the envelope of the next call, announced in the same write: one round trip a mail. What
        was announced must come next, or the connection must be closed: after 354 there is no way back (RFC
        2920 3.1).
        """
        stage = Stage.MAIL
        self._busy = True
        try:
            if self._announced not in (None, envelope):
                raise Lost("another envelope was announced")
            if self._announced is None:
                await self._announce(envelope)
            self._announced = None
            refused = await self._answered()
            if refused is not None:
                self._busy = False
                return refused
            stage = Stage.TEXT
            self._write(data + b".\r\n" + (ahead + b"DATA\r\n" if ahead else b""))
            self._announced = ahead
            code, text = await self._next(self._final_timeout)
            self._busy = False
            return from_wire(code, text, Stage.TEXT)
        except Lost as gone:
            self.abort(str(gone))
            return lost(stage, str(gone), maybe_sent=stage is Stage.TEXT)

    async def _announce(self, envelope: bytes) -> None:
        if not self.usable:
            raise Lost(self._why or "the server closed the session")
        if self._unclean:
            # A refused transaction may still be open (RFC 5321 section 4.1.1.5).
            self._unclean = False
            self._write(b"RSET\r\n" + envelope + b"DATA\r\n")
            await self._next(self._timeout)
        else:
            self._write(envelope + b"DATA\r\n")

    async def _answered(self) -> Reply | None:
        """None if the text may follow; else the refusal, with the transaction closed behind it."""
        mail, rcpt, go = [await self._next(self._timeout) for _ in range(3)]
        for (code, text), stage in ((mail, Stage.MAIL), (rcpt, Stage.RCPT)):
            if code // 100 != 2:
                self._unclean = True
                if go[0] == 354:
                    # RFC 2920 section 3.1: the server waits for text that has no recipient; end it at once.
                    self._write(b".\r\n")
                    await self._next(self._final_timeout)
                return from_wire(code, text, stage)
        if go[0] != 354:
            self._unclean = True
            return from_wire(go[0], go[1], Stage.DATA)
        return None

    def close(self) -> None:
        """Say QUIT and close without waiting for the answer; in mid-transaction drop the connection
        instead.
        """
        if self._busy or self._announced is not None:
            self.abort("closed")
        elif not self._transport.is_closing():
            self._transport.write(b"QUIT\r\n")
            self._transport.close()
        self._why = self._why or "closed"

    def abort(self, why: str) -> None:
        """Drop the connection at once, whatever lies in its buffers."""
        self._why = self._why or why
        self._transport.abort()

    def _write(self, data: bytes) -> None:
        if self._why is not None:
            raise Lost(self._why)
        self._transport.write(data)

    async def _next(self, seconds: float) -> tuple[int, str]:
        if not self._answers:
            if self._why is not None:
                raise Lost(self._why)
            self._waiter = self._loop.create_future()
            alarm = self._loop.call_later(seconds, self._expired)
            try:
                await self._waiter
            finally:
                alarm.cancel()
                self._waiter = None
            if not self._answers:
                raise Lost(self._why or "closed")
        return self._answers.popleft()

    def _expired(self) -> None:
        self._end("no answer in time")

    def _end(self, why: str) -> None:
        self._why = self._why or why
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > _LONGEST or len(self._lines) > 100:
            self._end("the server's answer is too long")
            self._transport.abort()
            return
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            self._line(line)
        if self._answers and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _line(self, line: bytes) -> None:
        code = line[:3]
        if not (code.isdigit() and len(code) == 3):
            self._end("the server does not speak SMTP")
            self._transport.abort()
            return
        self._lines.append(line[4:].decode("utf-8", "replace").rstrip("\r"))
        if line[3:4] != b"-":
            self._answers.append((int(code), "\n".join(self._lines)))
            self._lines = []

    def eof_received(self) -> bool:
        self._end("the server closed the connection")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._end("connection reset" if exc else "the server closed the connection")


def take_over(transport: object, *, timeout: float, final_timeout: float) -> Dialogue:
    """A Dialogue on aiosmtplib's transport, whose own protocol hears nothing more."""
    return Dialogue(cast(asyncio.Transport, transport), timeout=timeout, final_timeout=final_timeout)
