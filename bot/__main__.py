"""`python -m bot --config DIR`: the approval cards in Slack, and what chiefs and officers do there."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from bot.desk import Desk
from bot.listeners import Listeners
from bot.office import Office
from bot.slack import Health, SlackCalls, SlackLine
from config import program, refusals
from config.mistake import BadConfig
from config.program import CannotStart
from config.settings import Settings, Slack, load_settings
from config.sheet import renderer
from store.db import Store
from store.errors import WrongLedger

log = logging.getLogger(__name__)


async def work(settings: Settings, store: Store, stop: asyncio.Event, *, ping_seconds: float = 5.0) -> None:
    """Cards and listeners until `stop`; without Slack nothing but being there (letters ask for approvals, X2)."""
    if settings.slack is None:
        log.info("Slack is not configured: approvals are asked for by letter")
        program.ready()
        await stop.wait()
        return
    await _with_slack(settings, settings.slack, store, stop, ping_seconds)


async def _with_slack(
    settings: Settings, slack: Slack, store: Store, stop: asyncio.Event, ping_seconds: float
) -> None:
    bot_token, app_token = _token(settings, "slack-bot"), _token(settings, "slack-app")
    async with SlackCalls(slack.api, bot_token) as calls:
        office = Office(settings, store, calls, renderer(settings))
        line = SlackLine(calls, app_token, slack.team, Listeners(office), ping_seconds=ping_seconds)
        # A card nobody can click is no card: while the line is down nothing is posted, and letters go out instead.
        patience = slack.fallback_seconds
        desk = Desk(store, calls, slack.channel, lambda: line.health is Health.CONNECTED, patience=patience)
        await line.start()
        program.ready()
        try:
            await desk.run(stop)
        finally:
            await line.stop()


def _token(settings: Settings, name: str) -> str:
    return settings.secret(name).decode("ascii", "replace").strip()


async def serve(folder: Path, stop: asyncio.Event) -> None:
    """Wire and run until `stop`."""
    try:
        settings = load_settings(folder)
        store = Store(settings.database_place)
    except BadConfig as error:
        raise CannotStart(str(error)) from error
    time = None
    try:
        store.enter(settings.town.key, settings.realm)
        time = asyncio.create_task(store.keep_time())
        await work(settings, store, stop)
    except (BadConfig, WrongLedger) as error:
        raise CannotStart(refusals.told(error)) from error
    finally:
        if time is not None:
            time.cancel()
        store.close()


def main() -> int:
    """Entry of the program."""
    parser = argparse.ArgumentParser(prog="bot", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    given = parser.parse_args()
    return program.run("bot", lambda stop: serve(given.config, stop))


if __name__ == "__main__":
    sys.exit(main())
