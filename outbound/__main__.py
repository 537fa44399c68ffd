"""`python -m outbound --config DIR [--part desk|sender]`: the release desk and the archive, or one sending worker."""

import argparse
import asyncio
import gc
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from config import program, refusals
from config.catalogue import load_catalogue
from config.mistake import BadConfig
from config.program import CannotStart
from config.secret import read_token_keys
from config.settings import Settings, load_settings
from store import queues
from store.db import Store
from store.errors import WrongLedger


async def desk(settings: Settings, store: Store, stop: asyncio.Event) -> None:
    """Release, archive, reports and housekeeping: what a town needs once."""
    from outbound.chores import chores
    from outbound.desk import Desk
    from outbound.publishing import Publisher

    program.ready()
    clock = chores(settings, store)
    await _together(
        stop, Desk(settings, store).run(stop), Publisher(settings, store).run(stop), clock.run(stop)
    )


async def sender(settings: Settings, store: Store, stop: asyncio.Event) -> None:
    """One worker; start as many as there are cores."""
    from outbound.carrier import Carrier, share
    from outbound.mailroom import Mailroom
    from outbound.sender import Sender
    from outbound.signing import Signer
    from store.tokens import Keys

    secrets = settings.secrets_folder
    dkim = settings.mail.dkim
    signer = Signer.from_pem(secrets / dkim.key, settings.mail.domain, dkim.selector)
    keys = Keys(read_token_keys(secrets))
    catalogue = load_catalogue(settings.folder)
    ids = await store.run(queues.ensure, [route.name for route in catalogue.routes])
    batch = settings.outbound.batch
    worker = Sender(
        store,
        Mailroom(settings, store, keys, signer),
        Carrier(settings, catalogue.route_for),
        batch=batch,
        shares={ids[route.name]: share(route, batch) for route in catalogue.routes},
    )
    # What was made until now lives as long as we do: the collector need not look at it for every few hundred mails.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    program.ready()
    await _together(stop, worker.run(stop))


async def _together(stop: asyncio.Event, *coroutines: Coroutine[Any, Any, None]) -> None:
    """All until the first fails; then the others are told to stop, and the failure is ours."""
    tasks = [asyncio.create_task(one) for one in coroutines]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    stop.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def serve(folder: Path, part: str, stop: asyncio.Event) -> None:
    """Wire and run one part until `stop`."""
    try:
        settings = load_settings(folder)
        store = Store(settings.database_place)
    except BadConfig as error:
        raise CannotStart(str(error)) from error
    time = None
    try:
        store.enter(settings.town.key, settings.realm)
        time = asyncio.create_task(store.keep_time())
        await {"desk": desk, "sender": sender}[part](settings, store, stop)
    except (BadConfig, WrongLedger) as error:
        raise CannotStart(refusals.told(error)) from error
    finally:
        if time is not None:
            time.cancel()
        store.close()


def main() -> int:
    """Entry of the program."""
    parser = argparse.ArgumentParser(prog="outbound", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--part", choices=["desk", "sender"], default="desk")
    given = parser.parse_args()
    return program.run(f"outbound-{given.part}", lambda stop: serve(given.config, given.part, stop))


if __name__ == "__main__":
    sys.exit(main())
