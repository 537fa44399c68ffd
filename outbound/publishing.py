"""Rebuilds the archive site when something was released, expired or withdrawn, on a thread of its own."""

import asyncio
import logging
from datetime import datetime

from config.settings import Settings
from outbound import site
from outbound.site import Item
from store import bulletins, posts
from store.bulletins import View
from store.db import Store

log = logging.getLogger(__name__)

CHANNEL = "archive"
# A flood of telegrams is one rebuild, not fifty.
GATHER_SECONDS = 0.3
# Something expires without anybody's doing anything.
IDLE_SECONDS = 60


class Publisher:
    """Writes the site; the posts of the ledger say whether there is anything new to show."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._items: dict[tuple[int, str], Item] = {}
        self._shown: list[tuple[int, str]] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; an empty site stands from the first second."""
        ear = self._store.ear()
        stopping = asyncio.create_task(stop.wait())
        while not stop.is_set():
            await self._publish()
            rung = asyncio.create_task(ear.wait(IDLE_SECONDS))
            await asyncio.wait([rung, stopping], return_when=asyncio.FIRST_COMPLETED)
            rung.cancel()
            if not stop.is_set():
                await asyncio.sleep(GATHER_SECONDS)

    async def _publish(self) -> None:
        now = self._store.now()
        # Asked after every batch of mails: two short questions, and texts are read only once.
        shown, due = await self._store.read(_wanted, now)
        if shown == self._shown and not due:
            return
        missing = [row for row in shown if row not in self._items]
        views = await self._store.read(_views, [bulletin for bulletin, _ in missing])
        known = self._items | {
            row: site.item(self._settings, view) for row, view in zip(missing, views, strict=True)
        }
        self._items = {row: known[row] for row in shown}
        try:
            await asyncio.to_thread(site.build, self._settings, list(self._items.values()), now=now)
        except OSError as error:
            log.exception("archive not written")
            for post in due:
                await self._store.run(posts.failed, post.id, str(error), now=now)
            return
        self._shown = shown
        for post in due:
            await self._store.run(posts.done, post.id, ref=CHANNEL, now=now)


def _wanted(now: datetime) -> tuple[list[tuple[int, str]], list[posts.Due]]:
    return posts.archived(now=now), posts.due(CHANNEL, now=now)


def _views(missing: list[int]) -> list[View]:
    return [bulletins.view(bulletin) for bulletin in missing]
