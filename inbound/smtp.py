"""The door for mail: answers RCPT from the address table, and says 250 only when the mail is in the ledger (X12)."""

import asyncio
import logging
import ssl

from aiosmtpd.smtp import Envelope, Session

from config.settings import Settings
from inbound import acceptance
from inbound.addresses import Meaning, meant, table
from inbound.limits import Limits
from inbound.session import Guests, SmtpSession
from store import arrivals
from store.arrivals import Addressed
from store.db import Store

log = logging.getLogger(__name__)

NULL = "<>"  # how the library hands on the null sender
LONGEST = 320  # characters of an address: 64 + @ + 255 (RFC 5321 section 4.5.3.1)
NOT_KEPT = "451 4.3.0 The mail could not be kept, please try again later"


class Reception:
    """What aiosmtpd asks at each command; one for all sessions, the envelope holds what belongs to one mail."""

    def __init__(self, settings: Settings, store: Store, limits: Limits) -> None:
        self._doors = table(settings.mail.addresses)
        self._domain = settings.mail.domain
        self._store = store
        self._limits = limits

    async def handle_EHLO(
        self, server: SmtpSession, session: Session, envelope: Envelope, name: str, lines: list[str]
    ) -> list[str]:
        session.host_name = name
        kept = [line for line in lines if not line[4:].startswith(("AUTH", "HELP"))]
        return [*kept, "250-PIPELINING", "250 ENHANCEDSTATUSCODES"]

    async def handle_VRFY(
        self, server: SmtpSession, session: Session, envelope: Envelope, address: str
    ) -> str:
        return "252 2.5.2 Try to send something"

    async def handle_MAIL(
        self, server: SmtpSession, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not _plain(address):
            return "553 5.1.7 This sender's address is not understood"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: SmtpSession, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= self._limits.recipients:
            return "452 4.5.3 Too many recipients for one mail"
        if not _plain(address):
            return "553 5.1.3 This address is not understood"
        known = meant(address, self._doors, self._domain)
        if known is None:
            ours = address.lower().endswith(f"@{self._domain}")
            return "550 5.1.1 No such address here" if ours else "550 5.7.1 Mail for others is not taken here"
        if _declared(envelope) > acceptance.room([known.meaning], self._limits):
            return "552 5.3.4 This mail is too big for this address"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    def _addressed(self, envelope: Envelope) -> list[Addressed]:
        """One for each door and token: the same address named twice is one arrival."""
        found: dict[tuple[Meaning, str | None], Addressed] = {}
        for address in envelope.rcpt_tos:
            one = meant(address, self._doors, self._domain)
            if one is not None:
                found.setdefault((one.meaning, one.token), Addressed(address, str(one.meaning), one.token))
        return list(found.values())

    async def handle_DATA(self, server: SmtpSession, session: Session, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        to = self._addressed(envelope)
        refused = acceptance.refusal(raw, [Meaning(one.meaning) for one in to], self._limits)
        if refused is not None:
            log.info("refused code=%s size=%d peer=%s", refused[:9], len(raw), server.peer)
            return refused
        server.awake()
        sender = (envelope.mail_from or "").removeprefix(NULL)
        helo = (session.host_name or "")[:255]
        # A named edge: whatever keeps the mail from the disk, it is not ours yet, and its sender tries again.
        try:
            ids = await self._store.run(
                arrivals.receive,
                raw,
                to,
                mail_from=sender,
                peer=server.peer,
                helo=helo,
                now=self._store.now(),
            )
        except Exception:
            log.exception("not-kept size=%d peer=%s", len(raw), server.peer)
            return NOT_KEPT
        log.info("accepted arrivals=%s size=%d peer=%s", ",".join(map(str, ids)), len(raw), server.peer)
        return f"250 2.0.0 Kept as {ids[0]}"

    async def handle_exception(self, error: Exception) -> str:
        """The library met something in a command that it cannot take: never a traceback to the client."""
        log.error("command-failed", exc_info=error)
        return "451 4.3.0 Could not do this, please try again later"


def _plain(address: str) -> bool:
    """ASCII without blanks and controls; RFC 6531 addresses are not offered, so they are refused cleanly."""
    return address.isascii() and address.isprintable() and " " not in address and len(address) <= LONGEST


def _declared(envelope: Envelope) -> int:
    """The SIZE of MAIL FROM (RFC 1870), 0 when it was not said."""
    said = next((option[5:] for option in envelope.mail_options if option.startswith("SIZE=")), "0")
    return int(said) if said.isdecimal() else 0


class Door:
    """Listens; `close` lets a mail under way be finished, then says 421 to everybody."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._tls = tls
        self._limits = limits or Limits()
        self._guests = Guests(self._limits)
        self._reception = Reception(settings, store, self._limits)
        self._server: asyncio.Server | None = None

    async def open(self) -> str:
        """Listen where the settings say; returns host:port. Raises OSError."""
        loop = asyncio.get_running_loop()
        listen = self._settings.mail.listen
        self._server = await loop.create_server(
            lambda: SmtpSession(
                self._reception, self._guests, hostname=self._settings.mail.host, tls=self._tls, loop=loop
            ),
            listen.host,
            listen.port,
            backlog=self._limits.connections,
        )
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def close(self) -> None:
        """Stop listening and end every session, within `finish_seconds`."""
        if self._server is None:
            return
        self._server.close()
        for session in list(self._guests.sessions):
            session.dismiss()
        if self._guests.sessions:
            try:
                await asyncio.wait_for(self._guests.nobody.wait(), self._limits.finish_seconds)
            except TimeoutError:
                for session in list(self._guests.sessions):
                    session.leave("421 4.3.2 Closing")
        await self._server.wait_closed()
