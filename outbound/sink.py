"""The mail sink: every mailbox of the training town behind one SMTP door on loopback, some of them troubled."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, Envelope, Session

from outbound.address import BadAddress
from outbound.errors import Deferred
from outbound.handwritten import Written, write
from outbound.mailboxes import Mailboxes
from outbound.nondelivery import report
from outbound.reply import Kind, Reply
from outbound.sink_web import SinkWeb
from outbound.smtp import Connection, Tls

log = logging.getLogger(__name__)

HOST = "mailbox.example.jp"


@dataclass(frozen=True, slots=True)
class Town:
    """What the pages offer: where an empty mail goes, where drafts go, and who the pretend officers are."""

    join_address: str
    draft_address: str | None = None
    officers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """A mailbox that takes the mail and answers with a report: enhanced status and the server's words."""

    status: str
    reason: str


# Words in the local part, so that a trainee can make such a resident by choosing the address.
REFUSING = "kyohi"
GREYLISTING = "okure"
TROUBLES = {
    "shinda": Trouble("5.1.1", "User unknown"),
    "ippai": Trouble("5.2.2", "Mailbox full"),
}


class MailSink:
    """Receives what Hansho sends; sends what pretend people write; never listens but on loopback."""

    def __init__(
        self,
        folder: Path,
        submit_to: tuple[str, int],
        town: Town,
        *,
        sign: Callable[[bytes], bytes] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``submit_to`` is Hansho's intake; ``sign`` puts the pretend police domain's DKIM signature on a mail."""
        self.town = town
        self.mailboxes = Mailboxes(folder)
        self.clock = clock
        self.sign = sign
        self.submit_to = submit_to
        self.smtp_port = 0
        self.web_port = 0
        self._greylisted: Counter[tuple[str, str]] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sessions: WeakSet[SMTP] = WeakSet()
        self._server: asyncio.Server | None = None
        self._web = SinkWeb(self)

    async def start(self, *, smtp_port: int = 0, web_port: int = 0, host: str = "127.0.0.1") -> None:
        """Listen; ``smtp_port`` and ``web_port`` tell afterwards where. Raises OSError, ValueError off loopback."""
        if not host.startswith("127.") and host != "::1":
            raise ValueError("the mail sink serves loopback only")
        loop = asyncio.get_running_loop()

        def session() -> SMTP:
            smtp = SMTP(self, hostname=HOST, ident="training mailboxes", loop=loop)
            self._sessions.add(smtp)
            return smtp

        self._server = await loop.create_server(session, host, smtp_port)
        self.smtp_port = self._server.sockets[0].getsockname()[1]
        self.web_port = await self._web.start(host, web_port)

    async def stop(self) -> None:
        """Close both doors and give up reports not yet sent."""
        if self._server is not None:
            self._server.close()
            for smtp in self._sessions:
                # Kept connections would go on taking mail for a sink that is gone.
                if smtp.transport is not None:
                    smtp.transport.close()
            await self._server.wait_closed()
        await self._web.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def send(self, letter: Written, *, signed: bool = False) -> Reply:
        """Send what a person wrote to Hansho by SMTP, whole way; raises Deferred, BadAddress, BadField, ValueError."""
        raw = write(letter, self.clock())
        if signed:
            if self.sign is None:
                raise ValueError("no signing key here")
            raw = self.sign(raw)
        return await self._submit(letter.sender, letter.to, raw)

    async def _submit(self, mail_from: str, rcpt_to: str, raw: bytes) -> Reply:
        host, port = self.submit_to
        connection = await Connection.open(host, port, hello=HOST, tls=Tls.NONE, timeout=30)
        try:
            return await connection.send(mail_from, rcpt_to, raw)
        finally:
            connection.close()

    # What aiosmtpd calls.

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer PIPELINING as real servers do; aiosmtpd reads pipelined commands well but does not say so."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse, put off or accept by the word in the local part."""
        local = address.rpartition("@")[0].lower()
        if REFUSING in local:
            return "550 5.1.1 User unknown"
        if GREYLISTING in local:
            key = (address, envelope.mail_from or "")
            self._greylisted[key] += 1
            if self._greylisted[key] <= 2:
                return "451 4.7.1 Greylisted, please try again later"
            del self._greylisted[key]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the mail, or answer it with a report."""
        raw = envelope.content
        if not isinstance(raw, bytes):
            return "451 4.3.0 no content"
        mail_from = (envelope.mail_from or "").removeprefix("<>")
        for address in envelope.rcpt_tos:
            trouble = _trouble(address)
            if trouble is None:
                self.mailboxes.add(address, mail_from, raw, self.clock())
            elif mail_from:
                task = asyncio.create_task(self._report(trouble, mail_from, address, raw))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return "250 2.0.0 OK"

    async def _report(self, trouble: Trouble, mail_from: str, address: str, raw: bytes) -> None:
        try:
            mail = report(
                host=HOST,
                mail_from=mail_from,
                recipient=address,
                status=trouble.status,
                reason=trouble.reason,
                raw=raw,
                now=self.clock(),
            )
        except BadAddress:
            return
        for seconds in (0, 1, 2, 4, 8, 15, 30):
            # Hansho may be stopped or starting: a report is worth some patience, as from any server.
            await asyncio.sleep(seconds)
            try:
                reply = await self._submit("", mail_from, mail)
            except Deferred as error:
                reply = error.reply
            if reply.kind is not Kind.DEFERRED:
                log.info("reported status=%s code=%d", trouble.status, reply.code)
                return
        log.warning("report given up status=%s", trouble.status)


def _trouble(address: str) -> Trouble | None:
    local = address.rpartition("@")[0].lower()
    return next((trouble for word, trouble in TROUBLES.items() if word in local), None)
