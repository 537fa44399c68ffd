"""Who runs on a configuration folder: the lock that lets one supervisor in, and the status file it keeps."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from config.program import CannotStart

LOCK = "supervisor.lock"
STATUS = "supervisor.json"


class State(StrEnum):
    """Where a child is: starting → ready → waiting (dead, to be started again) …, at last stopped."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Entry:
    """One child; `since`: ISO 8601, `listening`: door → host:port, as the child said when it was ready."""

    name: str
    state: State = State.STARTING
    pid: int | None = None
    restarts: int = 0
    since: str = ""
    listening: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """The lock of a configuration folder; raises CannotStart when another supervisor has it."""
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotStart(f"この設定フォルダーでは、すでに半鐘が動いています: {folder}") from error
        yield


def read(folder: Path) -> dict[str, object] | None:
    """The status file of the supervisor that runs on this folder, or None when none does.

    Keys: pid, state (starting | ready), started_at, children: [name, state, pid, restarts, since, listening].
    A file left behind by a killed supervisor is told from a living one by the lock, never by the pid.
    """
    try:
        with hold(folder):
            return None
    except CannotStart:
        found: dict[str, object] = json.loads((folder / STATUS).read_text(encoding="utf-8"))
        return found
    except FileNotFoundError:
        return None


class Roster:
    """The children of one running supervisor, written to its status file at every change."""

    def __init__(self, folder: Path, names: Sequence[str], now: Callable[[], datetime]) -> None:
        self.path = folder / STATUS
        self.now = now
        self.started_at = now().isoformat()
        self.entries = {name: Entry(name, since=self.started_at) for name in names}
        self._write()

    def starting(self, name: str, pid: int) -> None:
        self._change(replace(self.entries[name], state=State.STARTING, pid=pid, listening={}))

    def ready(self, name: str, listening: Mapping[str, str]) -> None:
        self._change(replace(self.entries[name], state=State.READY, listening=listening))

    def died(self, name: str) -> None:
        before = self.entries[name]
        self._change(
            replace(before, state=State.WAITING, pid=None, restarts=before.restarts + 1, listening={})
        )

    def stopped(self, name: str) -> None:
        self._change(replace(self.entries[name], state=State.STOPPED, pid=None, listening={}))

    def all_ready(self) -> bool:
        return all(entry.state is State.READY for entry in self.entries.values())

    def close(self) -> None:
        self.path.unlink(missing_ok=True)

    def _change(self, entry: Entry) -> None:
        self.entries[entry.name] = replace(entry, since=self.now().isoformat())
        self._write()

    def _write(self) -> None:
        document = {
            "pid": os.getpid(),
            "state": State.READY if self.all_ready() else State.STARTING,
            "started_at": self.started_at,
            "children": [asdict(entry) for entry in self.entries.values()],
        }
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
        fresh.replace(self.path)  # a reader sees the old file or the new one, never half of one
