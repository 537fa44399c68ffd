"""An SMTP connection to a resident's server or relay: opened by aiosmtplib, pipelined by us where offered."""

import ssl
from enum import StrEnum
from functools import cache

import aiosmtplib

from outbound.address import wire_form
from outbound.dialogue import Dialogue, take_over
from outbound.errors import Deferred
from outbound.reply import Reply, Stage, from_wire, lost


class Tls(StrEnum):
    """What a route asks: take STARTTLS if offered, insist on it with a valid certificate, or never."""

    OPPORTUNISTIC = "opportunistic"
    REQUIRED = "required"
    NONE = "none"


class Connection:
    """One open session; one mail at a time. ``mails`` counts what was tried, for limits of mails a
    connection.
    """

    def __init__(self, client: aiosmtplib.SMTP, dialogue: Dialogue | None, secure: bool) -> None:
        self._client = client
        self._dialogue = dialogue
        self.secure = secure
        self.mails = 0

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        *,
        hello: str,
        tls: Tls,
        timeout: float = 60,  # noqa: ASYNC109 - per answer, not for the whole call
        final_timeout: float | None = None,
        name: str | None = None,
        context: ssl.SSLContext | None = None,
    ) -> "Connection":
        """Connect, greet, start TLS as ``tls`` says; raises Deferred with the stage and the server's words.

        ``host`` is a name or an address; ``name`` the name its certificate must carry (default: host).
        ``hello`` is our own name; ``timeout`` (seconds) holds for each answer, ``final_timeout`` for the one
        after the text (RFC 5321 section 4.5.3.2.6 asks for 600). ``context`` replaces the shared TLS
        context.
        """
        client = aiosmtplib.SMTP(
            hostname=host, port=port, local_hostname=hello, timeout=timeout, start_tls=False, use_tls=False
        )
        stage = Stage.CONNECT
        try:
            await client.connect()
            stage = Stage.HELLO
            await _greet(client)
            secure = False
            if tls is not Tls.NONE and client.supports_extension("starttls"):
                stage = Stage.TLS
                await client.starttls(server_hostname=name or host, tls_context=context or _context(tls))
                stage = Stage.HELLO
                await _greet(client)
                secure = True
            elif tls is Tls.REQUIRED:
                stage = Stage.TLS
                raise aiosmtplib.SMTPException("TLS is required and not offered")
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            if stage is Stage.TLS and tls is Tls.OPPORTUNISTIC:
                # RFC 7435: a broken TLS offer must not be worse than none.
                return await cls.open(
                    host, port, hello=hello, tls=Tls.NONE, timeout=timeout, final_timeout=final_timeout
                )
            raise Deferred(_told(error, stage)) from error
        except BaseException:
            client.close()
            raise
        dialogue = None
        if client.supports_extension("pipelining"):
            dialogue = take_over(client.transport, timeout=timeout, final_timeout=final_timeout or 600)
        return cls(client, dialogue, secure)

    @property
    def usable(self) -> bool:
        """True if another mail may start on it."""
        return self._dialogue.usable if self._dialogue else self._client.is_connected

    @property
    def pipelines(self) -> bool:
        """True if the server offered PIPELINING, so that ``ahead`` saves a round trip."""
        return self._dialogue is not None

    @property
    def promised(self) -> bool:
        """True while the last send()'s ``ahead`` waits for its mail."""
        return self._dialogue is not None and self._dialogue.promised

    async def send(
        self, mail_from: str, rcpt_to: str, data: bytes, *, ahead: tuple[str, str] | None = None
    ) -> Reply:
        """Hand one mail over and say how it went; never raises for what the network or the server does.

        ``mail_from`` may be empty (null sender); ``data`` has CRLF line ends and no NUL. ``ahead`` names the
        (mail_from, rcpt_to) of the next call on this connection; if that call is not made, close the
        connection. Raises address.BadAddress and ValueError (bare CR or LF) before anything is written.
        """
        envelope = _envelope(mail_from, rcpt_to)
        stuffed = _stuffed(data)
        self.mails += 1
        if self._dialogue is not None:
            return await self._dialogue.transact(envelope, stuffed, _envelope(*ahead) if ahead else None)
        return await self._stepwise(envelope, data)

    async def _stepwise(self, envelope: bytes, data: bytes) -> Reply:
        """aiosmtplib's way: each command waits for its answer."""
        stage = Stage.MAIL
        try:
            for stage, line in zip((Stage.MAIL, Stage.RCPT), envelope.splitlines(), strict=True):
                code, text = await self._client.execute_command(line)
                if code // 100 != 2:
                    await self._forget()
                    return from_wire(code, text, stage)
            stage = Stage.TEXT
            code, text = await self._client.data(data)
            return from_wire(code, text, stage)
        except aiosmtplib.SMTPDataError as error:
            await self._forget()
            return from_wire(error.code, error.message, Stage.TEXT)
        except (aiosmtplib.SMTPException, OSError) as error:
            self._client.close()
            told = _told(error, stage)
            return lost(stage, told.text, maybe_sent=stage is Stage.TEXT)

    async def _forget(self) -> None:
        """Close the open transaction; a connection that cannot do so is closed."""
        if self._client.is_connected:
            try:
                await self._client.rset()
            except (aiosmtplib.SMTPException, OSError):
                self._client.close()

    def close(self) -> None:
        """QUIT without waiting, and close; safe to call twice."""
        if self._dialogue is not None:
            self._dialogue.close()
        self._client.close()


@cache
def _context(tls: Tls) -> ssl.SSLContext:
    """One context for all connections: making one costs 20 ms."""
    context = ssl.create_default_context()
    if tls is Tls.OPPORTUNISTIC:
        # RFC 7435 and practice: MX certificates are rarely valid; encryption without proof beats none.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


def _envelope(mail_from: str, rcpt_to: str) -> bytes:
    sender = wire_form(mail_from) if mail_from else ""
    return f"MAIL FROM:<{sender}>\r\nRCPT TO:<{wire_form(rcpt_to)}>\r\n".encode("ascii")


def _stuffed(data: bytes) -> bytes:
    ends = data.count(b"\r\n")
    if data.count(b"\n") != ends or data.count(b"\r") != ends or not data.endswith(b"\r\n") or b"\0" in data:
        # RFC 5321 section 2.3.8; a bare line end is how one mail smuggles a second.
        raise ValueError("the mail does not consist of lines ended by CRLF")
    if b"\n." in data or data.startswith(b"."):
        data = data.replace(b"\n.", b"\n..")
        data = b"." + data if data.startswith(b".") else data
    return data


def _told(error: Exception, stage: Stage) -> Reply:
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code > 0:
        return from_wire(error.code, error.message, stage)
    return lost(
        stage,
        type(error).__name__ + ": " + str(error).splitlines()[0][:200]
        if str(error)
        else type(error).__name__,
    )
