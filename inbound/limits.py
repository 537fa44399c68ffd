"""What the door takes: sizes, counts and seconds after which a peer is turned away (MODEL.md, arrivals)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bytes, counts and seconds; the defaults are those of a town, tests use smaller ones."""

    small: int = 256 * 1024  # a resident's mail
    big: int = 2 * 1024 * 1024  # staff mail and returned mail
    header: int = 64 * 1024
    line: int = 32 * 1024  # longer than RFC 5321 allows: HTML mailers and some bounces do not fold
    recipients: int = 100
    connections: int = 200
    connections_per_peer: int = 40
    mistakes: int = 30  # refused commands and recipients in one session
    transactions: int = 1000
    # From one good command to the next; a whole DATA is one command (RFC 5321 section 4.5.3.2.7 asks for 300) …
    idle_seconds: float = 300.0
    stress_seconds: float = 20.0  # … but not while more than half of the connections are taken
    finish_seconds: float = 8.0  # what a mail under way gets when the program must stop
