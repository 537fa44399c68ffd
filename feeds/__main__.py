"""`python -m feeds --config DIR`: polls the feeds, and makes bulletins of what comes."""

import argparse
import asyncio
import os
import socket
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from config import program, refusals
from config.clock import Clock
from config.mistake import BadConfig
from config.program import CannotStart
from config.settings import Settings, load_settings
from feeds.desk import Desk
from feeds.poll import Poller
from feeds.pull import Puller
from feeds.watchman import EVERY_SECONDS, Watchman
from store import jobs, watch
from store.db import Store
from store.errors import WrongLedger

# KyoshinEewViewer and others come at the full minute: JMA's servers are asked a little after it (JMA.md 1).
_OFFSET: Final = 20 / 60
_JITTER: Final = 10 / 60
FORGET_AT: Final = "04:40"
EVENTS_LAST: Final = timedelta(days=30)


def clock(settings: Settings, store: Store, puller: Puller) -> Clock:
    """One job for each source, claimed in the ledger: two nodes do not poll twice (D5)."""
    holder = f"{socket.gethostname()}:{os.getpid()}"

    async def claim(job: str, due: datetime) -> bool:
        return await store.run(jobs.claim, job, due, holder, now=store.now())

    async def done(job: str, due: datetime) -> None:
        await store.run(jobs.done, job, due, now=store.now())

    async def forget(due: datetime) -> None:
        await store.run(watch.forget, before=due - EVENTS_LAST)

    async def left() -> list[tuple[str, datetime]]:
        return await store.run(jobs.left, now=store.now())

    seconds = settings.feeds.poll_seconds
    made = Clock(store.now, claim, done, left=left)
    for source in settings.feeds.sources:
        poller = Poller(store, puller, source, seconds=seconds)
        made.every(
            f"poll-{source.name}", seconds, poller.run, jitter=seconds * _JITTER, offset=seconds * _OFFSET
        )
    watchman = Watchman(store, settings.feeds.sources, seconds=seconds)
    made.every("watch", EVERY_SECONDS, watchman.look)
    made.daily("forget-events", FORGET_AT, forget)
    return made


async def serve(folder: Path, stop: asyncio.Event) -> None:
    """Wire and run until `stop`."""
    try:
        settings = load_settings(folder)
        store = Store(settings.database_place)
    except BadConfig as error:
        raise CannotStart(str(error)) from error
    try:
        store.enter(settings.town.key, settings.realm)
        await _run(settings, store, stop)
    except WrongLedger as error:
        raise CannotStart(refusals.told(error)) from error
    finally:
        store.close()


async def _run(settings: Settings, store: Store, stop: asyncio.Event) -> None:
    async with Puller() as puller:
        time = asyncio.create_task(store.keep_time())
        work = [
            asyncio.create_task(one)
            for one in (Desk(settings, store).run(stop), clock(settings, store, puller).run(stop))
        ]
        program.ready()
        try:
            # All until the first fails; then the other is told to stop, and the failure is ours.
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_EXCEPTION)
            stop.set()
            await asyncio.gather(*work, return_exceptions=True)
            for task in done:
                task.result()
        finally:
            time.cancel()
            await asyncio.gather(time, return_exceptions=True)


def main() -> int:
    """Entry of the program."""
    parser = argparse.ArgumentParser(prog="feeds", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    given = parser.parse_args()
    return program.run("feeds", lambda stop: serve(given.config, stop))


if __name__ == "__main__":
    sys.exit(main())
