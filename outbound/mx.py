"""Where a domain takes its mail: MX records with their addresses, cached as long as the DNS allows."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from outbound.errors import Deferred, Rejected
from outbound.reply import Reply, Stage

# However long a record says it lives, a town's change of provider is seen within a day.
_LONGEST = 86_400.0
_FAILURE = 60.0
_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Hop:
    """One address to try: the server's ``name`` (for its certificate) and its ``address``."""

    name: str
    address: str


class MailExchangers:
    """Looks MX up asynchronously; one per event loop. Answers and refusals are cached by TTL."""

    def __init__(
        self,
        resolver: tuple[str, int] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        seconds: float = 10.0,
    ) -> None:
        """``resolver`` (address, port), None = the system's; ``seconds`` for one question with its
        repetitions.
        """
        self._resolver = dns.asyncresolver.Resolver(configure=resolver is None)
        if resolver is not None:
            self._resolver.nameservers = [resolver[0]]
            self._resolver.port = resolver[1]
        self._resolver.lifetime = seconds
        self._clock = clock
        self._known: dict[str, tuple[float, tuple[Hop, ...] | Deferred | Rejected]] = {}

    async def lookup(self, domain: str) -> tuple[Hop, ...]:
        """Hops of ``domain`` (A-label), best preference first, equals shuffled (RFC 5321 section 5.1).

        Raises Rejected for a null MX (RFC 7505), a name that does not exist or has neither MX nor address;
        Deferred for every other failure of the DNS.
        """
        domain = domain.lower().rstrip(".")
        until, known = self._known.get(domain, (0.0, ()))
        if until <= self._clock():
            if len(self._known) > _MOST:
                self._known.clear()
            known, seconds = await self._fresh(domain)
            self._known[domain] = (self._clock() + min(seconds, _LONGEST), known)
        if isinstance(known, tuple):
            return known
        # A fresh one: an exception raised again and again drags an ever longer traceback behind it.
        raise type(known)(known.reply)

    async def _fresh(self, domain: str) -> tuple[tuple[Hop, ...] | Deferred | Rejected, float]:
        if domain.startswith("["):
            # An address literal is its own hop (RFC 5321 section 5.1).
            literal = domain.strip("[]").removeprefix("ipv6:")
            return (Hop(literal, literal),), _LONGEST
        try:
            names, seconds = await self._names(domain)
            hops: list[Hop] = []
            for name in names:
                addresses, life = await self._addresses(name)
                hops += [Hop(name, address) for address in addresses]
                seconds = min(seconds, life)
        except dns.resolver.NXDOMAIN:
            return Rejected(Reply(550, "5.1.2", "no such domain", Stage.ROUTE)), _FAILURE
        except dns.exception.DNSException as error:
            return Deferred(Reply(0, "4.4.3", f"DNS: {type(error).__name__}", Stage.ROUTE)), _FAILURE / 6
        return (tuple(hops), seconds) if hops else (_nowhere(domain, names), _FAILURE)

    async def _names(self, domain: str) -> tuple[list[str], float]:
        """Server names in the order to try; [] for a null MX; the domain itself where there is no MX."""
        try:
            answer = await self._resolver.resolve(domain + ".", dns.rdatatype.MX)
        except dns.resolver.NoAnswer:
            return [domain], _LONGEST
        records = [(each.preference, random.random(), each.exchange.to_text(True)) for each in answer]  # noqa: S311
        names = [name for _, _, name in sorted(records) if name not in ("", ".", "@")]
        return names, float(answer.rrset.ttl if answer.rrset else _FAILURE)

    async def _addresses(self, name: str) -> tuple[list[str], float]:
        found: list[str] = []
        seconds = _LONGEST
        for kind in (dns.rdatatype.AAAA, dns.rdatatype.A):
            try:
                answer = await self._resolver.resolve(name + ".", kind)
            except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
                # One of several exchangers may be gone; the others carry the mail.
                continue
            found += [each.address for each in answer]
            seconds = min(seconds, float(answer.rrset.ttl if answer.rrset else _FAILURE))
        return found, seconds


def _nowhere(domain: str, names: list[str]) -> Deferred | Rejected:
    """What no address at all means: a null MX, no server, or servers whose names lead nowhere."""
    if not names:
        return Rejected(Reply(556, "5.1.10", "the domain takes no mail (null MX)", Stage.ROUTE))
    if names == [domain]:
        return Rejected(Reply(550, "5.1.2", "the domain has no mail server", Stage.ROUTE))
    # The domain wants mail and its DNS is wrong: a mistake that is mended as a rule.
    return Deferred(Reply(0, "4.4.4", "no address for the mail servers", Stage.ROUTE))
