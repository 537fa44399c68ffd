"""`python -m inbound --config DIR`: the mail door, the desk behind it, and the pages."""

import argparse
import asyncio
import sys
from pathlib import Path

from config import program
from config.catalogue import load_catalogue
from config.mistake import BadConfig
from config.program import CannotStart
from config.secret import read_token_keys
from config.settings import Settings, load_settings
from config.sheet import renderer
from inbound import tls
from inbound.desk import Desk
from inbound.keylookup import KeyLookup
from inbound.office import Office
from inbound.pace import Pace
from inbound.smtp import Door
from store import queues
from store.db import Store
from store.errors import WrongLedger
from store.tokens import Keys


def office(settings: Settings, store: Store) -> Office:
    """What the readers need, made of the configuration. Raises BadConfig."""
    catalogue = load_catalogue(settings.folder)
    resolver = settings.mail.resolver
    return Office(
        settings=settings,
        store=store,
        tokens=Keys(read_token_keys(settings.secrets_folder)),
        dkim=KeyLookup(str(resolver) if resolver is not None else None),
        render=renderer(settings),
        route_for=catalogue.route_for,
        queues=store.call(queues.ensure, [route.name for route in catalogue.routes]),
        pace=Pace(),
        trust=tls.trust(settings.secrets_folder),
    )


async def listen(settings: Settings, store: Store, stop: asyncio.Event) -> None:
    """Serve until `stop`: first no new mail, then what was accepted is read, then the end."""
    here = office(settings, store)
    door = Door(settings, store, tls=tls.context(settings.secrets_folder))
    try:
        where = await door.open()
    except OSError as error:
        raise CannotStart(f"{settings.mail.listen} で受信できません（{error.strerror}）") from error
    time = asyncio.create_task(store.keep_time())
    desk = asyncio.create_task(Desk(here).run(stop))
    stopping = asyncio.create_task(stop.wait())
    try:
        program.ready({"smtp": where})
        done, _ = await asyncio.wait({desk, stopping, time}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        stop.set()
        time.cancel()
        await door.close()
        await desk
        await asyncio.gather(time, stopping, return_exceptions=True)


async def serve(folder: Path, stop: asyncio.Event) -> None:
    """Open the town and its ledger. Raises CannotStart."""
    try:
        settings = load_settings(folder)
        store = Store(settings.database_place)
        try:
            store.enter(settings.town.key, settings.realm)
            await listen(settings, store, stop)
        finally:
            store.close()
    except (BadConfig, WrongLedger) as error:
        raise CannotStart(str(error)) from error


def main() -> int:
    """Entry of the program."""
    parser = argparse.ArgumentParser(prog="inbound", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    given = parser.parse_args()
    return program.run("inbound", lambda stop: serve(given.config, stop))


if __name__ == "__main__":
    sys.exit(main())
