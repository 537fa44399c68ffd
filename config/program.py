"""How every program starts, says that it is ready, and stops."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from enum import IntEnum

from config import logs

log = logging.getLogger(__name__)

READY_FD = "HANSHO_READY_FD"  # a pipe on which `ready` is said once
LIFE_FD = "HANSHO_LIFE_FD"  # a pipe whose end means that the supervisor is gone
LAST_SECONDS = 10.0  # what a program gets to finish in, once its supervisor is dead

Serve = Callable[[asyncio.Event], Awaitable[None]]


class Exit(IntEnum):
    """Exit codes of every program; CANNOT_START is EX_CONFIG of sysexits.h, ABANDONED its EX_SOFTWARE."""

    STOPPED = 0
    CRASHED = 1
    ABANDONED = 70
    CANNOT_START = 78


class CannotStart(Exception):
    """The operator must mend something first; the text is a Japanese sentence that says what."""


def run(name: str, serve: Serve) -> int:
    """Run one program until SIGTERM, SIGINT or its supervisor's death; returns the exit code.

    `serve(stop)` opens its servers, calls `ready()`, waits for `stop`, and closes in its `finally`. A second
    signal cancels it. Raises nothing: a crash is logged with its traceback.
    """
    logs.start(name)
    try:
        asyncio.run(_attend(serve))
    except CannotStart as error:
        print(logs.redact(str(error)), file=sys.stderr)
        return Exit.CANNOT_START
    except asyncio.CancelledError:
        log.warning("cut short by a second signal")
        return Exit.ABANDONED
    except Exception:
        log.exception("crashed")
        return Exit.CRASHED
    log.info("stopped")
    return Exit.STOPPED


def ready(listening: Mapping[str, str] | None = None) -> None:
    """Tell the supervisor and systemd that this program listens; `listening`: door (smtp) → host:port."""
    log.info("ready %s", " ".join(f"{door}={where}" for door, where in (listening or {}).items()))
    notify("READY=1")
    descriptor = _inherited(READY_FD)
    if descriptor is None:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as pipe, contextlib.suppress(BrokenPipeError):
        pipe.write(f"ready {json.dumps(dict(listening or {}))}\n")
        pipe.flush()


def notify(state: str) -> None:
    """Send one line to the service manager (sd_notify(3)); without NOTIFY_SOCKET nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as service_manager:
        try:
            service_manager.sendto(state.encode(), address)
        except OSError as error:
            log.warning("unheard state=%s why=%s", state, error)


async def _attend(serve: Serve) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    serving = asyncio.ensure_future(serve(stop))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, number, stop, serving)
    _watch_supervisor(loop, stop)
    barking = asyncio.create_task(_bark())
    try:
        await serving
    finally:
        barking.cancel()


def _on_signal(number: signal.Signals, stop: asyncio.Event, serving: asyncio.Future[None]) -> None:
    if stop.is_set():
        serving.cancel()
        return
    log.info("stopping signal=%s", number.name)
    notify("STOPPING=1")
    stop.set()


def _watch_supervisor(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Stop when the supervisor's end of the life pipe closes, even if the event loop hangs (no orphans)."""
    descriptor = _inherited(LIFE_FD)
    if descriptor is None:
        return

    def watch() -> None:
        while os.read(descriptor, 64):
            pass
        with contextlib.suppress(RuntimeError):  # the loop is closed: the program is at its end anyway
            loop.call_soon_threadsafe(stop.set)
        log.warning("stopping why=supervisor-gone")
        threading.Event().wait(LAST_SECONDS)
        os._exit(Exit.ABANDONED)

    threading.Thread(target=watch, name="life", daemon=True).start()


def _inherited(name: str) -> int | None:
    """The file descriptor of that name, taken out of the environment so that no child of ours gets it too."""
    text = os.environ.pop(name, "")
    if not text.isdigit():
        return None
    os.set_inheritable(int(text), False)
    return int(text)


async def _bark() -> None:
    """Keep systemd's watchdog content while the event loop turns (WatchdogSec of the unit)."""
    interval = os.environ.get("WATCHDOG_USEC", "")
    if not interval.isdigit():
        return
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(int(interval) / 2_000_000)
