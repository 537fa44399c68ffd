"""Which workers of this very machine are certainly dead: no process has their number any more."""

import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from store.workers import Colleague


def place() -> str:
    """This machine, and this container of it: a process number means nothing outside its namespace."""
    with suppress(OSError):
        return f"{socket.gethostname()}/{Path('/proc/self/ns/pid').stat().st_ino}"
    return socket.gethostname()


def dead(colleagues: Iterable[Colleague]) -> dict[int, datetime]:
    """worker → its last heartbeat, for those of this place whose process is gone. The dead cannot send (X12)."""
    here = place()
    return {one.id: one.heartbeat_at for one in colleagues if one.host == here and not _lives(one.pid)}


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
