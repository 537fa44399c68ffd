"""The tables of bounce formats in ``inbound/bounces/*.tsv``, loaded once and compiled."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from config.reasons import Reason
from config.reply_tables import rows
from inbound.parts import Taken

TABLES = Path(__file__).parent / "bounces"

# An address as bounces write it: carriers' dots anywhere, quoted local parts, host names without a dot.
LOCAL = r"(?:\"[^\"\s@]{1,64}\"|[^\s<>()\[\]:;,\"@|\\]{1,128})"
ADDRESS = LOCAL + r"@(?:\[[0-9A-Fa-f.:]{3,45}\]|[^\W_](?:[\w.-]{0,251}[^\W_])?)"


@dataclass(frozen=True)
class Mark:
    """A pattern of one format; ``reason`` counts only when the words under it say nothing themselves."""

    format: str
    reason: Reason | None
    pattern: re.Pattern[str]


@cache
def introductions() -> tuple[Mark, ...]:
    """Lines after which a format lists the recipients that failed."""
    return _marks("introductions.tsv")


@cache
def sentences() -> tuple[Mark, ...]:
    """Sentences that hold the recipient's address themselves (group ``rcpt``)."""
    return _marks("sentences.tsv")


@cache
def ends() -> re.Pattern[str]:
    """The line at which the returned mail begins and a bounce's own words end."""
    return re.compile("|".join(f"(?:{row[1]})" for row in rows(TABLES / "ends.tsv")), re.I | re.M)


@cache
def stages() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """(stage, pattern): how formats say which command the server was answering."""
    return tuple((row[0], re.compile(row[1], re.I)) for row in rows(TABLES / "stages.tsv"))


@cache
def signs() -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """(meaning, header field, pattern): what a header shows of the mail: bounce, automatic, complaint, report."""
    return tuple((row[0], row[1].lower(), re.compile(row[2], re.I)) for row in rows(TABLES / "signs.tsv"))


def means(mail: Taken, meaning: str) -> bool:
    """Whether the mail shows a sign of this meaning (signs.tsv), in its header or in its first words."""
    return any(
        m == meaning and pattern.search(mail.text[:1000] if field == "body" else mail.top.header(field))
        for m, field, pattern in signs()
    )


def _marks(name: str) -> tuple[Mark, ...]:
    return tuple(
        Mark(
            row[0],
            Reason(row[1]) if row[1] != "-" else None,
            re.compile(row[2].replace("{addr}", f"(?P<rcpt>{ADDRESS})"), re.I | re.M),
        )
        for row in rows(TABLES / name)
    )
