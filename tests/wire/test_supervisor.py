"""The supervisor with real children: killed ones come back, and nothing is left behind."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config import roster
from config.program import CannotStart
from config.supervisor import PAUSES, Child, Supervisor, pause

ROOT = Path(__file__).parents[2]
QUICK = 20  # seconds after which something that hangs is a failure

CHILD = """
import asyncio, sys
from config import program
async def serve(stop):
    program.ready({"smtp": "127.0.0.1:2525"})
    await stop.wait()
    if "stubborn" in sys.argv:
        await asyncio.Event().wait()
sys.exit(program.run("child", serve))
"""
SERVE = f"""
import asyncio, sys
from pathlib import Path
from config import program
from config.supervisor import Child, Supervisor
folder = Path(sys.argv[1])
async def serve(stop):
    children = [Child(name, [sys.executable, "-c", {CHILD!r}]) for name in ("inbound", "outbound")]
    supervisor = Supervisor(children, folder)
    running = asyncio.create_task(supervisor.run(stop))
    said = asyncio.create_task(supervisor.all_ready.wait())
    await asyncio.wait([running, said], return_when=asyncio.FIRST_COMPLETED)
    if said.done():
        program.ready()
    said.cancel()
    await running
sys.exit(program.run("supervisor", serve))
"""


def child(name: str, *words: str) -> Child:
    return Child(name, [sys.executable, "-c", CHILD, *words], {"PYTHONPATH": str(ROOT)})


class Trial:
    """A supervisor inside the test; every sentence it says wakes who waits for a change."""

    def __init__(self, folder: Path, *children: Child, drain_seconds: float = 15) -> None:
        self.said: list[str] = []
        self.spoke = asyncio.Event()
        self.stop = asyncio.Event()
        self.supervisor = Supervisor(children, folder, drain_seconds=drain_seconds, say=self.hear)

    def hear(self, line: str) -> None:
        self.said.append(line)
        self.spoke.set()

    def entry(self, name: str) -> roster.Entry:
        return self.supervisor.roster.entries[name]

    async def until(self, seen: Callable[[], bool]) -> None:
        async with asyncio.timeout(QUICK):
            while not seen():
                await self.spoke.wait()
                self.spoke.clear()


@asynccontextmanager
async def running(trial: Trial) -> AsyncIterator[Trial]:
    task = asyncio.create_task(trial.supervisor.run(trial.stop))
    try:
        async with asyncio.timeout(QUICK):
            await trial.supervisor.all_ready.wait()
        yield trial
    finally:
        trial.stop.set()
        async with asyncio.timeout(QUICK):
            await task


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.req("C4.1", "X12")
async def test_a_killed_child_comes_back(tmp_path: Path) -> None:
    async with running(Trial(tmp_path, child("inbound"), child("bot"))) as trial:
        before, neighbour = trial.entry("inbound").pid, trial.entry("bot").pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        await trial.until(lambda: sum("inbound を起動しました" in line for line in trial.said) == 2)
        after = trial.entry("inbound")
        assert (after.state, after.restarts) == (roster.State.READY, 1)
        assert after.pid != before
        assert trial.entry("bot").pid == neighbour
        assert any("inbound が止まりました (シグナル 9)" in line for line in trial.said)


@pytest.mark.req("C4.1")
async def test_the_status_file_tells_what_runs(tmp_path: Path) -> None:
    assert roster.read(tmp_path) is None
    async with running(Trial(tmp_path, child("inbound"))) as trial:
        found = roster.read(tmp_path)
        assert found is not None
        assert (found["pid"], found["state"]) == (os.getpid(), "ready")
        (entry,) = json.loads((tmp_path / roster.STATUS).read_text())["children"]
        assert entry["pid"] == trial.entry("inbound").pid
        assert (entry["state"], entry["listening"]) == ("ready", {"smtp": "127.0.0.1:2525"})
    assert roster.read(tmp_path) is None


async def test_stopping_drains_and_leaves_nobody(tmp_path: Path) -> None:
    async with running(Trial(tmp_path, child("inbound"), child("outbound"))) as trial:
        pids = [entry.pid for entry in trial.supervisor.roster.entries.values()]
    assert not any(pid and alive(pid) for pid in pids)
    assert trial.said[-1] == "すべて停止しました"
    assert not any("強制終了" in line for line in trial.said)


async def test_who_does_not_stop_is_killed(tmp_path: Path) -> None:
    async with running(Trial(tmp_path, child("bot", "stubborn"), drain_seconds=0.1)) as trial:
        pid = trial.entry("bot").pid
    assert pid and not alive(pid)
    assert any("bot が 0.1 秒たっても終わらないため、強制終了します" in line for line in trial.said)


async def test_a_second_supervisor_is_refused(tmp_path: Path) -> None:
    async with running(Trial(tmp_path, child("inbound"))):
        with pytest.raises(CannotStart, match="すでに半鐘が動いています"):
            await Supervisor([], tmp_path).run(asyncio.Event())


async def test_a_program_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    trial = Trial(tmp_path, Child("inbound", [str(tmp_path / "absent")]))
    task = asyncio.create_task(trial.supervisor.run(trial.stop))
    await trial.until(lambda: len(trial.said) >= 2)
    trial.stop.set()
    await task
    assert "0.2 秒後に起動し直します" in trial.said[0]
    assert "1 秒後に起動し直します" in trial.said[1]


def test_pauses_grow_to_a_limit() -> None:
    assert [pause(deaths) for deaths in range(1, 9)] == [*PAUSES, PAUSES[-1], PAUSES[-1]]


@pytest.mark.req("C4.1")
def test_killing_the_supervisor_leaves_no_orphans(tmp_path: Path) -> None:
    ready_in, ready = os.pipe()
    argv = [sys.executable, "-c", SERVE, str(tmp_path)]
    environment = {**os.environ, "HANSHO_READY_FD": str(ready), "PYTHONPATH": str(ROOT)}
    errors = (tmp_path / "stderr").open("w")
    with errors, subprocess.Popen(argv, env=environment, pass_fds=(ready,), stderr=errors) as supervisor:
        os.close(ready)
        with os.fdopen(ready_in) as heard:
            assert heard.readline() == "ready {}\n"
        found = json.loads((tmp_path / roster.STATUS).read_text())
        ends = [os.pidfd_open(entry["pid"]) for entry in found["children"]]
        second = subprocess.run(
            argv, env=environment | {"HANSHO_READY_FD": ""}, capture_output=True, text=True
        )
        assert second.returncode == 78
        assert "すでに半鐘が動いています" in second.stderr
        supervisor.kill()
    for end in ends:
        assert signal_of_end(end), "an orphan lives on"
    assert roster.read(tmp_path) is None


def signal_of_end(pidfd: int) -> bool:
    """Wait for the process of a pidfd (not our child) to end; False when it lives on."""
    readable, _, _ = select.select([pidfd], [], [], QUICK)
    os.close(pidfd)
    return bool(readable)


async def test_a_child_that_can_never_start_ends_the_whole(tmp_path: Path) -> None:
    """A port that is taken: starting it again for ever helps nobody, the operator must hear which one it is."""
    hopeless = Child("inbound", [sys.executable, "-c", "import sys; sys.exit(78)"])
    supervisor = Supervisor([child("outbound"), hopeless], tmp_path, say=lambda line: None)
    with pytest.raises(CannotStart, match="inbound を始められません"):
        await asyncio.wait_for(supervisor.run(asyncio.Event()), QUICK)
