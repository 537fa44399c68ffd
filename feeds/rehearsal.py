"""Plays telegrams of the past through a configuration on a simulated clock, in a ledger of its own (X11, LESSONS R8)."""

import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from config.catalogue import load_catalogue
from config.settings import load_settings
from config.sheet import renderer
from feeds.interpret import interpret
from feeds.telegram import Telegram, read
from store import ledger, proposals, queues, rehearsal, telegrams
from store.bulletins import Renderer
from store.db import Store
from store.rehearsal import Outcome, Wish

# A telegram becomes visible 75 to 120 seconds after its Control/DateTime (JMA.md 1).
_SEEN_AFTER: Final = timedelta(seconds=90)
_FEED: Final = "rehearsal"
_AT_ONCE: Final = 100
_TOP: Final = 4096
_DATE_TIME: Final = re.compile(rb"<DateTime>([0-9T:.Z+-]{16,40})</DateTime>")


@dataclass(frozen=True, slots=True)
class Heard:
    """A telegram and when it would have been, or was, stored."""

    at: datetime
    raw: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """A bulletin of the rehearsal and the moment of its telegram."""

    at: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Played:
    """`residents`: how many people there were to mail. `states`: telegrams by what became of them."""

    residents: int
    telegrams: int
    states: dict[str, int]
    told: tuple[Told, ...]


def heard(raw: bytes, at: datetime | None = None) -> Heard | None:
    """A telegram from a file, at the time its Control/DateTime gives; None for one without a time."""
    if at is None:
        issued = _issued(raw)
        if issued is None:
            return None
        at = issued + _SEEN_AFTER
    return Heard(at.astimezone(UTC), raw)


def _issued(raw: bytes) -> datetime | None:
    """Control/DateTime, without parsing a hundred thousand telegrams twice."""
    quick = _DATE_TIME.search(raw, 0, _TOP)
    try:
        found = datetime.fromisoformat(quick[1].decode("ascii")) if quick else None
    except ValueError:
        found = None
    return found if found is not None and found.tzinfo else read(raw).issued_at


def play(
    folder: Path, wishes: Iterable[Wish], past: Sequence[Heard], progress: Callable[[int], None]
) -> Played:
    """Play `past` through the configuration in `folder`; nothing leaves, and the town's own ledger is not opened.

    A process has one ledger open at a time: close the town's before. Raises BadConfig."""
    settings, catalogue = load_settings(folder), load_catalogue(folder)
    ordered = sorted(past, key=lambda one: one.at)
    start = (ordered[0].at if ordered else datetime.now(UTC)) - timedelta(days=1)
    with tempfile.TemporaryDirectory(prefix="hansho-replay-") as place:
        store = Store(Path(place) / "ledger.db")
        try:
            store.call(ledger.open_ledger, settings.town.key, "training", now=start)
            store.call(queues.ensure, [route.name for route in catalogue.routes])
            store.call(proposals.bootstrap, catalogue.document(), now=start)
            store.call(telegrams.polled, _FEED, etag=None, last_modified=None, now=start)
            people = store.call(rehearsal.move_in, wishes, now=start)
            return _through(store, renderer(settings), ordered, people, progress)
        finally:
            store.close()


def _through(
    store: Store, render: Renderer, ordered: Sequence[Heard], people: int, progress: Callable[[int], None]
) -> Played:
    states: dict[str, int] = {}
    told: list[Told] = []
    for first in range(0, len(ordered), _AT_ONCE):
        some = ordered[first : first + _AT_ONCE]
        understood = [read(one.raw) for one in some]
        for state, found in store.call(_batch, first, some, understood, render):
            states[state] = states.get(state, 0) + 1
            told += found
        progress(first + len(some))
    return Played(people, len(ordered), states, tuple(told))


def _batch(
    first: int, some: Sequence[Heard], understood: Sequence[Telegram], render: Renderer
) -> list[tuple[str, list[Told]]]:
    """One transaction for many telegrams: nobody else looks at this ledger, and the disk is asked seldom."""
    done: list[tuple[str, list[Told]]] = []
    for n, (one, telegram) in enumerate(zip(some, understood, strict=True), start=first):
        kept = telegrams.keep(f"rehearsal:{n}", _FEED, one.raw, now=one.at)
        outcome = (
            interpret(telegrams.load(kept), telegram, render=render, now=one.at) if kept is not None else None
        )
        if outcome is None:
            continue
        numbers = outcome.why.split() if outcome.state == "understood" else []
        done.append(
            (
                str(outcome.state),
                [Told(one.at, rehearsal.happened(number, now=one.at)) for number in numbers],
            )
        )
    if some:
        rehearsal.forget(before=some[-1].at - rehearsal.REMEMBERED)
    return done
