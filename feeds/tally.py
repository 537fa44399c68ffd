"""Counts what a rehearsal would have mailed: per day and rule, per resident, at night, in the worst hour (R8)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final

from feeds.rehearsal import Played, Told
from feeds.words import JST

# Kanagawa's 626 pushes in one night (LESSONS R8).
_NIGHT: Final = frozenset({22, 23, 0, 1, 2, 3, 4, 5})


@dataclass(frozen=True, slots=True)
class Row:
    """One day and rule (`rule` "" = none covers it). `waiting`: bulletins left to a person. `night`: mails from 22 to 6
    o'clock; `worst_hour`: the most mails in one clock hour; `median` and `most`: mails for one resident."""

    day: str
    rule: str
    bulletins: int
    waiting: int
    mails: int
    night: int
    worst_hour: int
    median: float
    most: int


@dataclass(frozen=True, slots=True)
class Tally:
    """`rows` by day and rule; `days` the same for all rules together; `nights`: mails by hour of the night."""

    residents: int
    telegrams: int
    states: dict[str, int]
    rows: tuple[Row, ...]
    days: tuple[Row, ...]
    nights: dict[str, int]


def tally(played: Played) -> Tally:
    """Count a rehearsal."""
    by_rule: dict[tuple[str, str], list[Told]] = {}
    by_day: dict[tuple[str, str], list[Told]] = {}
    for one in played.told:
        day = f"{one.at.astimezone(JST):%Y-%m-%d}"
        by_rule.setdefault((day, one.outcome.rule or ""), []).append(one)
        by_day.setdefault((day, "*"), []).append(one)
    nights: Counter[str] = Counter()
    for one in played.told:
        if _hour(one.at) in _NIGHT:
            nights[f"{one.at.astimezone(JST):%Y-%m-%d %H}"] += len(one.outcome.residents)
    return Tally(
        played.residents,
        played.telegrams,
        played.states,
        _rows(by_rule, played.residents),
        _rows(by_day, played.residents),
        dict(sorted(nights.items())),
    )


def _hour(at: datetime) -> int:
    return at.astimezone(JST).hour


def _rows(groups: dict[tuple[str, str], list[Told]], residents: int) -> tuple[Row, ...]:
    return tuple(_row(day, rule, told, residents) for (day, rule), told in sorted(groups.items()))


def _row(day: str, rule: str, told: Sequence[Told], residents: int) -> Row:
    each = Counter(resident for one in told for resident in one.outcome.residents)
    hours: Counter[int] = Counter()
    for one in told:
        hours[_hour(one.at)] += len(one.outcome.residents)
    # Those who got nothing count too, or one flooded resident would look like everybody.
    counts = [*each.values(), *[0] * max(0, residents - len(each))]
    return Row(
        day=day,
        rule=rule,
        bulletins=len(told),
        waiting=sum(not one.outcome.released for one in told),
        mails=sum(hours.values()),
        night=sum(n for hour, n in hours.items() if hour in _NIGHT),
        worst_hour=max(hours.values(), default=0),
        median=float(median(counts)) if counts else 0.0,
        most=max(counts, default=0),
    )


def difference(now: Iterable[Row], other: Iterable[Row]) -> list[tuple[str, str, int, int]]:
    """(day, rule, mails, mails with the other configuration) where the two differ."""
    mine = {(row.day, row.rule): row.mails for row in now}
    theirs = {(row.day, row.rule): row.mails for row in other}
    keys = sorted(mine.keys() | theirs.keys())
    both = [(day, rule, mine.get((day, rule), 0), theirs.get((day, rule), 0)) for day, rule in keys]
    return [one for one in both if one[2] != one[3]]
