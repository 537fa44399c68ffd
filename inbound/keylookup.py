"""Looks up DKIM keys in DNS, through the system's resolver or one that the settings name."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.resolver

from inbound.keyrecord import KeyUnavailable

_LIMIT = 1000  # entries; far more than the domains that write to one town
_LONGEST = 3600.0
_ABSENT = 60.0  # an absent key may be about to be published


@dataclass(frozen=True)
class _Answer:
    record: str | None
    until: float


class KeyLookup:
    """A blocking look-up of TXT records with a small cache by TTL: call it from a thread.

    `resolver` is "address:port" (as `mail.resolver` in the settings) or None for the system's; `clock` gives
    seconds that only grow.
    """

    def __init__(
        self, resolver: str | None, *, timeout: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._resolver = dns.resolver.Resolver(configure=resolver is None)
        if resolver is not None:
            host, _, port = resolver.rpartition(":")
            self._resolver.nameservers = [host.strip("[]")]
            self._resolver.port = int(port)
        self._resolver.lifetime = timeout
        self._clock = clock
        self._cache: dict[str, _Answer] = {}

    def __call__(self, name: str) -> str | None:
        """The one TXT record of `name`, its strings joined (RFC 6376 3.6.2.2), or None if there is none.

        Raises KeyUnavailable when DNS gives no answer now. Several key records at one name count as none.
        """
        key = name.lower().rstrip(".")
        known = self._cache.get(key)
        if known is not None and known.until > self._clock():
            return known.record
        answer = self._ask(key)
        if len(self._cache) >= _LIMIT:
            self._cache.clear()
        self._cache[key] = answer
        return answer.record

    def _ask(self, name: str) -> _Answer:
        try:
            found = self._resolver.resolve(dns.name.from_text(name), "TXT", search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return _Answer(None, self._clock() + _ABSENT)
        except (dns.resolver.YXDOMAIN, dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel):
            return _Answer(None, self._clock() + _ABSENT)
        except (dns.exception.DNSException, OSError) as error:
            raise KeyUnavailable(name) from error
        records = [b"".join(each.strings).decode("utf-8", "replace") for each in found]
        keys = [record for record in records if "p=" in record]
        ttl = min(float(found.rrset.ttl) if found.rrset is not None else 0.0, _LONGEST)
        return _Answer(keys[0] if len(keys) == 1 else None, self._clock() + ttl)
