"""Rebuilds the archive site when something was released, expired or withdrawn, on a thread of its own."""

import asyncio
import logging
from datetime import datetime

from config.settings import Settings
from outbound import site
from store import bulletins, posts
from store.bulletins import View
from store.db import Store

log = logging.getLogger(__name__)

CHANNEL = "archive"
# A flood of telegrams is one rebuild, not fifty.
GATHER_SECONDS = 0.3


class Publisher:
    """Writes the site; the posts of the ledger say whether there is anything new to show."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._shown: tuple[tuple[str, str, str], ...] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; an empty site stands from the first second."""
        ear = self._store.ear()
        while not stop.is_set():
            await self._publish()
            await ear.wait(60)
            await asyncio.sleep(GATHER_SECONDS)

    async def _publish(self) -> None:
        now = self._store.now()
        due = await self._store.run(posts.due, CHANNEL, now=now)
        views = await self._store.read(_archived, now)
        shown = tuple((view.number, view.digest, str(view.state)) for view in views)
        if shown == self._shown and not due:
            return
        try:
            await asyncio.to_thread(site.build, self._settings, views, now=now)
        except OSError as error:
            log.exception("archive not written")
            for post in due:
                await self._store.run(posts.failed, post.id, str(error), now=now)
            return
        self._shown = shown
        for post in due:
            await self._store.run(posts.done, post.id, ref=CHANNEL, now=now)


def _archived(now: datetime) -> list[View]:
    return [bulletins.view(bulletin) for bulletin in posts.archived(now=now)]
