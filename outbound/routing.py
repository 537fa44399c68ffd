"""Which route a domain takes: the routes document of the settings, read once, asked for every mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from outbound.smtp import Tls

MX = "mx"


class BadRoutes(ValueError):
    """The routes document is not one; the message names the route's key and what is wrong."""


@dataclass(frozen=True, slots=True)
class Route:
    """``hop`` is None for the domain's own MX, else (host, port) of a relay; limits hold over all
    processes.
    """

    key: str
    domains: tuple[str, ...]
    hop: tuple[str, int] | None
    connections: int
    mails_per_connection: int | None
    per_minute: int | None
    tls: Tls


class Routes:
    """Ordered routes; the first whose pattern fits wins. ``*.x`` fits every name below x but not x itself."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.all = tuple(routes)
        self._rank: dict[str, int] = {}
        for rank, route in enumerate(self.all):
            for pattern in route.domains:
                self._rank.setdefault(pattern.lower(), rank)
        if "*" not in self._rank:
            raise BadRoutes("no route for the domain *: some mail would have no way out")

    def route_for(self, domain: str) -> Route:
        """The route of ``domain`` (any case, A-label); never fails, because ``*`` is there."""
        labels = domain.lower().rstrip(".").split(".")
        patterns = [".".join(labels), "*", *("*." + ".".join(labels[n:]) for n in range(1, len(labels)))]
        return self.all[min(self._rank[each] for each in patterns if each in self._rank)]


def parse(documents: Sequence[Mapping[str, object]]) -> Routes:
    """Routes from the settings' list of documents (keys as in Route, hop as text); raises BadRoutes."""
    return Routes([_route(document) for document in documents])


def _route(document: Mapping[str, object]) -> Route:
    key = str(document.get("key") or "")
    domains = document.get("domains")
    if not key or not isinstance(domains, list) or not domains:
        raise BadRoutes(f"{key or 'a route'}: key and domains are needed")
    try:
        tls = Tls(str(document.get("tls") or Tls.OPPORTUNISTIC))
    except ValueError as error:
        raise BadRoutes(f"{key}: tls is opportunistic, required or none") from error
    return Route(
        key,
        tuple(str(domain).lower() for domain in domains),
        _hop(key, str(document.get("hop") or MX)),
        _count(key, document, "connections") or 5,
        _count(key, document, "mails_per_connection"),
        _count(key, document, "per_minute"),
        tls,
    )


def _hop(key: str, hop: str) -> tuple[str, int] | None:
    if hop == MX:
        return None
    host, _, port = hop.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise BadRoutes(f"{key}: hop is mx or host:port")
    return host.strip("[]"), int(port)


def _count(key: str, document: Mapping[str, object], name: str) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadRoutes(f"{key}: {name} is a whole number from 1, or null")
    return value
