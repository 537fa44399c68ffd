"""routes.yaml: how mail for each group of domains leaves (C8.3): next hop, connections, pace, TLS."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from config.checked import Frozen
from config.forms import Endpoint, Key, domain, endpoint
from config.yamlfile import At

FILE = "routes.yaml"


def _pattern(text: str) -> str:
    if text != "*":
        domain(text.removeprefix("*."))
    return text


def _via(text: object) -> object:
    return text if text == "mx" else endpoint(text)


class Route(Frozen):
    """One destination group; its name is the delivery's queue. `via` = mx or a relay's host:port."""

    name: Key
    domains: Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], Field(min_length=1)]
    via: Annotated[Literal["mx"] | Endpoint, BeforeValidator(_via)] = "mx"
    connections: Annotated[int, Field(ge=1, le=100)] = 4
    mails_per_connection: Annotated[int, Field(ge=1, le=10000)] = 100
    per_minute: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    tls: Literal["none", "opportunistic", "required"] = "opportunistic"

    def takes(self, name: str) -> bool:
        """Whether mail for this domain (lower case) goes this way; `*.x` is what is below x, not x itself."""
        return any(
            pattern == "*" or pattern == name or (pattern[:2] == "*." and name.endswith(pattern[1:]))
            for pattern in self.domains
        )


class RoutesFile(Frozen):
    """All of routes.yaml; the first route that takes a domain has it, the last takes all."""

    routes: Annotated[tuple[Route, ...], Field(min_length=1)]


def problems(file: RoutesFile) -> Iterator[tuple[At, str]]:
    """Repeated names and patterns, `*` missing or not last."""
    names: set[str] = set()
    patterns: dict[str, str] = {}
    last = len(file.routes) - 1
    for i, route in enumerate(file.routes):
        if route.name in names:
            yield (
                ("routes", i, "name"),
                f"経路 {route.name} が二度書かれています。どちらかの name を変えてください",
            )
        names.add(route.name)
        for n, pattern in enumerate(route.domains):
            first = patterns.setdefault(pattern, route.name)
            if first != route.name:
                message = f"{pattern} は経路 {first} にもあります。どちらかを消してください"
                yield ("routes", i, "domains", n), message
            if pattern == "*" and i != last:
                yield ("routes", i, "domains", n), '"*" は最後の経路にだけ書いてください'
    if "*" not in file.routes[last].domains:
        yield (
            ("routes", last),
            '最後の経路の domains を ["*"] にしてください。どこにも当てはまらない宛先が送れません',
        )


def training_problems(file: RoutesFile, resolver: Endpoint | None) -> Iterator[tuple[At, str]]:
    """Routes by which a training town could reach a real mailbox (MODEL.md, training realm)."""
    for i, route in enumerate(file.routes):
        if route.via == "mx":
            if resolver is None or not resolver.loopback:
                message = (
                    "訓練用（realm: training）で via: mx を使うには、"
                    "hansho.yaml の mail の resolver を 127.0.0.1 にしてください"
                )
                yield ("routes", i, "via"), message
        elif not route.via.loopback:
            yield (
                ("routes", i, "via"),
                f"訓練用（realm: training）では {route.via} へ送れません。127.0.0.1 にしてください",
            )
