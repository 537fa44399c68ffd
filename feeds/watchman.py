"""Looks once a minute for what does not happen: feeds that are silent, telegrams unread, alarms that do not leave (R15)."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from config.settings import Source
from feeds.poll import DEAD_AFTER
from store import alerts, silence, telegrams
from store.alerts import Cause
from store.db import Store

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 60
AFTER: Final = timedelta(seconds=120)


class Watchman:
    """One for each feeds program; what it writes is at most one letter an hour for each cause."""

    def __init__(self, store: Store, sources: Sequence[Source], *, seconds: float = 60) -> None:
        self._store = store
        self._sources = tuple(source.name for source in sources)
        self._since = store.now()
        # A town that polls seldom is not alarmed between two polls.
        self._dead_after = max(DEAD_AFTER, timedelta(seconds=3 * seconds))

    async def look(self, _due: datetime) -> None:
        """One turn of the clock."""
        found = await self._store.run(
            look, self._sources, self._since, self._dead_after, now=self._store.now()
        )
        for cause, about in found:
            log.error("alert cause=%s about=%s", cause, about)


def look(
    sources: Sequence[str], since: datetime, dead_after: timedelta, *, now: datetime
) -> list[tuple[Cause, str]]:
    """The verb: find what is wrong and write to the operators; returns what was found, told before or not."""
    found: list[tuple[Cause, str]] = []
    for name in sources:
        state = telegrams.feed(name)
        silent = now - (state.ok_at or since)
        if silent > dead_after:
            minutes = str(int(silent.total_seconds() // 60))
            details = {"feed": name, "minutes": minutes, "why": state.failure or "-"}
            alerts.alert(Cause.FEED_DEAD, name, details, now=now)
            found.append((Cause.FEED_DEAD, name))
    seconds = str(int(AFTER.total_seconds()))
    unread = silence.unread(now=now, after=AFTER)
    if unread:
        alerts.alert(Cause.NOT_READ, "", {"count": str(unread), "seconds": seconds}, now=now)
        found.append((Cause.NOT_READ, str(unread)))
    for number in silence.unmoved(now=now, after=AFTER):
        alerts.alert(Cause.NOT_MAILED, number, {"numbers": number, "seconds": seconds}, now=now)
        found.append((Cause.NOT_MAILED, number))
    return found
