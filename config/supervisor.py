"""Keeps the programs of one configuration folder running as child processes, and leaves no orphan."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from config import roster
from config.program import LIFE_FD, READY_FD, CannotStart, Exit

READY_SECONDS = 60.0  # a child that is not ready by then is killed and started again
STABLE_SECONDS = 60.0  # after so long a life, earlier deaths are forgotten
DRAIN_SECONDS = 15.0  # from SIGTERM to SIGKILL
# EX_CONFIG: trying again is no use. Once it has listened, though, the same end may pass by itself.
HOPELESS = f"終了コード {int(Exit.CANNOT_START)}"
PAUSES = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before the first, second, … restart in a row


@dataclass(frozen=True)
class Child:
    """A program to keep running: its name, its command line, and what is added to its environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


def pause(deaths: int) -> float:
    """Seconds to wait before the restart, after so many deaths in a row (one or more)."""
    return PAUSES[min(deaths, len(PAUSES)) - 1]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Supervisor:
    """Starts the children together, restarts the dead with growing pauses, drains all of them at the end."""

    def __init__(
        self,
        children: Sequence[Child],
        folder: Path,
        *,
        drain_seconds: float = DRAIN_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        say: Callable[[str], None] = _say,
    ) -> None:
        self.children = children
        self.folder = folder
        self.drain_seconds = drain_seconds
        self.now = now
        self.say = say
        self.all_ready = asyncio.Event()  # set once every child listens
        self._listened: set[str] = set()
        self._hopeless: str | None = None  # a child that says it cannot start until somebody mends something

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the children running until `stop`; raises CannotStart when the folder is taken or a child can never start."""
        with roster.hold(self.folder):
            self.roster = roster.Roster(self.folder, [child.name for child in self.children], self.now)
            # The children hold the reading end: it ends when this process does, however it dies.
            life, alive = os.pipe()
            try:
                async with asyncio.TaskGroup() as keeping:
                    for child in self.children:
                        keeping.create_task(self._keep(child, life, stop), name=child.name)
            finally:
                os.close(alive)
                os.close(life)
                self.roster.close()
        self.say("すべて停止しました")
        if self._hopeless is not None:
            raise CannotStart(
                f"{self._hopeless} を始められません。上の行の理由を直してから、もう一度始めてください。"
            )

    async def _keep(self, child: Child, life: int, stop: asyncio.Event) -> None:
        deaths = 0
        while not stop.is_set():
            born = time.monotonic()
            how = await self._live(child, life, stop)
            if stop.is_set():
                break
            if how == HOPELESS and child.name not in self._listened:
                self._hopeless = child.name
                stop.set()
                break
            deaths = 1 if time.monotonic() - born > STABLE_SECONDS else deaths + 1
            self.roster.died(child.name)
            self.say(f"{child.name} が止まりました ({how})。{pause(deaths):g} 秒後に起動し直します")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause(deaths))
        self.roster.stopped(child.name)

    async def _live(self, child: Child, life: int, stop: asyncio.Event) -> str:
        """One life of a child, from its start to its end; returns how it ended."""
        hear, ready = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *child.argv,
                stdin=DEVNULL,
                env={**os.environ, **child.env, READY_FD: str(ready), LIFE_FD: str(life)},
                pass_fds=(ready, life),
                process_group=0,  # Ctrl-C in a terminal is for the supervisor, which tells the children
            )
        except OSError as error:  # no memory, no such program: as if it had died at once
            os.close(hear)
            return str(error)
        finally:
            os.close(ready)
        self.roster.starting(child.name, process.pid)
        dead = asyncio.create_task(process.wait())
        try:
            await self._wait_ready(child, process, hear, stop)
            await _first(dead, stop)
            if stop.is_set():
                await self._drain(child, process)
            code = await dead
        finally:
            _kill_group(process)  # what it started itself, or all of it when we are cut short
        return f"シグナル {-code}" if code < 0 else f"終了コード {code}"

    async def _wait_ready(self, child: Child, process: Process, hear: int, stop: asyncio.Event) -> None:
        line = asyncio.create_task(_line(hear))
        await _first(line, stop, READY_SECONDS)
        said = line.result() if line.done() else ""
        line.cancel()
        if said.startswith("ready "):
            self._listened.add(child.name)
            self.roster.ready(child.name, json.loads(said.removeprefix("ready ")))
            self.say(f"{child.name} を起動しました (pid {process.pid})")
            if self.roster.all_ready():
                self.all_ready.set()
        elif not stop.is_set():
            _kill_group(process)  # it is dead already, or will never be ready

    async def _drain(self, child: Child, process: Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self.drain_seconds)
        except TimeoutError:
            self.say(f"{child.name} が {self.drain_seconds:g} 秒たっても終わらないため、強制終了します")
            _kill_group(process)


async def _first(task: asyncio.Task[object], stop: asyncio.Event, seconds: float | None = None) -> None:
    """Wait for the task or for `stop`, whichever comes first, or until the time is over."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()


async def _line(descriptor: int) -> str:
    """The first line said on a pipe, or "" when the other end closes without a word."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    pipe = os.fdopen(descriptor, "rb")
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    try:
        return (await reader.readline()).decode()
    finally:
        transport.close()


def _kill_group(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
