"""How fast one client, and all together, may ask: token buckets in memory, forgotten at a restart."""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from aiohttp import web

_KEYS = 20_000


class Buckets:
    """A bucket of `burst` drops for each key, refilled at `rate` a second."""

    def __init__(
        self, burst: float, rate: float, *, most: int = _KEYS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst, self._rate, self._most, self._clock = burst, rate, most, clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take a drop: 0.0, or the seconds after which there will be one."""
        now = self._clock()
        level, at = self._levels.pop(key, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._rate)
        wait = 0.0 if level >= 1 else (1 - level) / self._rate
        self._levels[key] = (level if wait else level - 1, now)
        while len(self._levels) > self._most:  # whoever was not seen for longest begins anew
            self._levels.popitem(last=False)
        return wait


def client_of(request: web.Request) -> str | None:
    """The network a request comes from (IPv4 address, IPv6 /64), or None for this very machine.

    Only a proxy on this machine is believed about whom it speaks for (X-Forwarded-For, its last entry).
    """
    try:
        peer = ip_address(request.remote or "")
        said = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if peer.is_loopback:
            if not said:
                return None
            peer = ip_address(said)
    except ValueError:
        return "?"
    return str(peer) if peer.version == 4 else str(ip_network(f"{peer}/64", strict=False))
