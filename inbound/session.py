"""One SMTP conversation: aiosmtpd's, made strict about numbers, time, ends and what its answers say."""

import asyncio
import logging
import ssl
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from aiosmtpd.smtp import SMTP, syntax

from inbound.limits import Limits

log = logging.getLogger(__name__)
# The library logs addresses and what clients say; residents' addresses appear in no log (C5.5).
logging.getLogger("mail.log").setLevel(logging.CRITICAL)

# The library's own refusals, said with the enhanced codes of RFC 3463.
_SAID = {
    "500 Line too long (see RFC5321 4.5.3.1.6)": "550 5.6.0 A line of this mail is too long",
    "552 Error: Too much mail data": "552 5.3.4 This mail is too big",
    "552 Error: message size exceeds fixed maximum message size": "552 5.3.4 This mail is too big",
    "500 Error: strict ASCII mode": "553 5.6.7 Only ASCII addresses are understood here",
    "501 Error: SMTPUTF8 disabled": "555 5.6.7 SMTPUTF8 is not offered here",
    "500 Command line too long": "500 5.5.6 Command line too long",
}
CLOSING = "421 4.3.2 Closing for maintenance, please try again"
BUSY = "421 4.7.0 Too many connections, please try again later"
SLOW = "421 4.4.2 Too slow, closing"
BAD = "421 4.7.0 Too many mistakes, closing"

COMMAND_BYTES = 1024
CALLS = 50  # of a command nobody needs often: EHLO, NOOP, VRFY …
FLUSH_SECONDS = 2.0  # a client that does not read gets no more than this to take our last words


@dataclass
class Guests:
    """Who is connected now, in all and from each peer; `nobody` is set while there is none."""

    limits: Limits
    sessions: "set[SmtpSession]" = field(default_factory=set)
    peers: Counter[str] = field(default_factory=Counter)
    nobody: asyncio.Event = field(default_factory=asyncio.Event)

    def admit(self, session: "SmtpSession") -> bool:
        """Whether this peer may stay."""
        if len(self.sessions) >= self.limits.connections:
            return False
        if self.peers[session.peer] >= self.limits.connections_per_peer:
            return False
        self.sessions.add(session)
        self.peers[session.peer] += 1
        self.nobody.clear()
        return True

    def left(self, session: "SmtpSession") -> None:
        """Forget a peer who has gone; a second time does nothing."""
        if session not in self.sessions:
            return
        self.sessions.discard(session)
        self.peers[session.peer] -= 1
        if not self.peers[session.peer]:
            del self.peers[session.peer]
        if not self.sessions:
            self.nobody.set()


def network(peer: str) -> str:
    """Whom we count as one: an IPv4 address, or an IPv6 /64, of which everybody has a whole one."""
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    return peer if address.version == 4 else str(ip_network(f"{peer}/64", strict=False).network_address)


class SmtpSession(SMTP):
    """The protocol object of one connection. AUTH does not exist here, with TLS or without."""

    def __init__(
        self,
        handler: object,
        guests: Guests,
        *,
        hostname: str,
        tls: ssl.SSLContext | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        limits = guests.limits
        self.guests = guests
        self.peer = "?"
        self.mistakes = 0
        self.receiving = False
        self.dismissed = False
        self._ended = False
        self.line_length_limit = limits.line
        # The library keeps this dict on the class, where every EHLO of everybody makes it bigger.
        self.command_size_limits = defaultdict(lambda: COMMAND_BYTES)
        calls = {"RCPT": limits.transactions * limits.recipients, "*": CALLS}
        calls |= dict.fromkeys(("MAIL", "DATA", "RSET"), limits.transactions)
        super().__init__(
            handler,
            data_size_limit=limits.big,
            hostname=hostname,
            ident="ESMTP",
            tls_context=tls,
            timeout=limits.idle_seconds,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            command_call_limit=calls,
            loop=loop,
        )
        for command in ("AUTH", "HELP", "EXPN"):
            self._smtp_methods.pop(command)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Turn away who is too many; the library calls this a second time after STARTTLS."""
        if self._original_transport is not None:
            super().connection_made(transport)
            return
        self.peer = network(str((transport.get_extra_info("peername") or ("?",))[0]))
        if not self.guests.admit(self):
            log.warning("turned-away peer=%s", self.peer)
            self._ended = True
            assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP server's transport
            transport.write(BUSY.encode() + b"\r\n")
            transport.close()
            return
        super().connection_made(transport)
        assert self._handler_coroutine is not None  # noqa: S101 - made a line above, by the library
        self._handler_coroutine.add_done_callback(self._over)

    def _over(self, conversation: "asyncio.Task[None]") -> None:
        self.guests.left(self)
        if not conversation.cancelled() and (error := conversation.exception()) is not None:
            log.info("broken-off peer=%s why=%s", self.peer, type(error).__name__)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._ended:
            self._ended = True
            super().connection_lost(error)

    def eof_received(self) -> bool | None:
        return None if self._ended else super().eof_received()

    def _timeout_cb(self) -> None:
        """The time for one command, a whole DATA too, is over: slow clients are told and dropped."""
        log.info("too-slow peer=%s", self.peer)
        self.leave(SLOW)

    def leave(self, words: str) -> None:
        """Say this and hang up, also on a client that does not read."""
        transport = self.transport
        if not isinstance(transport, asyncio.Transport):
            return
        if not transport.is_closing():  # a TLS transport may not be written to after its close
            transport.write(words.encode() + b"\r\n")
            transport.close()
        self.loop.call_later(FLUSH_SECONDS, transport.abort)

    def dismiss(self) -> None:
        """We are stopping: a mail under way may be finished, everybody else is told to come again."""
        self.dismissed = True
        if not self.receiving:
            self.leave(CLOSING)

    def _reset_timeout(self, duration: float | None = None) -> None:
        limits = self.guests.limits
        crowded = len(self.guests.sessions) * 2 > limits.connections
        super()._reset_timeout(min(limits.stress_seconds, limits.idle_seconds) if crowded else duration)

    def awake(self) -> None:
        """Begin the time for this command anew: now it is we who are slow."""
        self._reset_timeout()

    async def push(self, status: str | bytes) -> None:
        words = status if isinstance(status, str) else status.decode("ascii", "replace")
        words = _SAID.get(words, words)
        await super().push(words.encode("ascii", "replace"))
        self.mistakes += words.startswith("5")
        if self.mistakes == self.guests.limits.mistakes:
            log.warning("too-many-mistakes peer=%s", self.peer)
            self.leave(BAD)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:
        self.receiving = True
        try:
            await super().smtp_DATA(arg)
        finally:
            self.receiving = False
        if self.dismissed:
            self.leave(CLOSING)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        # A named edge: the standard library's address parser raises IndexError, RecursionError and more.
        try:
            return super()._getaddr(arg)
        except Exception:
            return None, None
