"""`python -m inbound --config DIR`: the mail door, the desk behind it, and the pages."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from config import program, refusals
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
from inbound.web import serve_web
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


@asynccontextmanager
async def doors(here: Office) -> AsyncIterator[dict[str, str]]:
    """Mail and pages, open; yields where they listen. Raises CannotStart."""
    settings = here.settings
    door = Door(settings, here.store, tls=tls.context(settings.secrets_folder))
    async with AsyncExitStack() as opened:
        try:
            where = {"smtp": await door.open()}
            opened.push_async_callback(door.close)
            pages = await serve_web(settings, here.store, here.tokens, route_for=here.route_for)
            opened.push_async_callback(pages.cleanup)
        except OSError as error:
            raise CannotStart(f"待ち受けの場所を開けません（{error.strerror or error}）") from error
        host, port = pages.addresses[0][:2]
        yield where | {"web": f"{host}:{port}"}


async def listen(here: Office, stop: asyncio.Event) -> None:
    """Serve until `stop`; a mail under way is finished, and so is what is being read."""
    async with doors(here) as where:
        tasks = [asyncio.create_task(one) for one in (Desk(here).run(stop), here.store.keep_time())]
        stopping = asyncio.create_task(stop.wait())
        try:
            program.ready(where)
            done, _ = await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            stop.set()
            tasks[1].cancel()
            await asyncio.gather(stopping, *tasks, return_exceptions=True)


async def serve(folder: Path, stop: asyncio.Event) -> None:
    """Open the town and its ledger. Raises CannotStart."""
    try:
        settings = load_settings(folder)
        store = Store(settings.database_place)
        try:
            store.enter(settings.town.key, settings.realm)
            await listen(office(settings, store), stop)
        finally:
            store.close()
    except (BadConfig, WrongLedger) as error:
        raise CannotStart(refusals.told(error)) from error


def main() -> int:
    """Entry of the program."""
    parser = argparse.ArgumentParser(prog="inbound", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    given = parser.parse_args()
    return program.run("inbound", lambda stop: serve(given.config, stop))


if __name__ == "__main__":
    sys.exit(main())
