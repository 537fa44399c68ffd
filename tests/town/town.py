"""The real programs as processes, started and looked at as an outside tester would (CONTRACTS.md, demo)."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HANSHO = [sys.executable, str(ROOT / "hansho.py")]


@dataclass
class Running:
    """A training town that listens."""

    folder: Path
    process: "subprocess.Popen[str]"
    places: dict[str, str]

    def children(self) -> dict[str, int]:
        """name → pid of the programs, as the supervisor tells `hansho status`."""
        told = json.loads((self.folder / "supervisor.json").read_text(encoding="utf-8"))
        return {child["name"]: child["pid"] for child in told["children"] if child["state"] == "ready"}

    def kill(self, name: str) -> int:
        """kill -9 of one program; returns the pid it had."""
        pid = self.children()[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self, within: float = 25.0) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)


def rarely(*names: str) -> list[Any]:
    """Parameters only for `make long`: a town takes half a minute, and the worst victims are killed in every run."""
    return [pytest.param(name, marks=pytest.mark.long) for name in names]


@contextmanager
def running(folder: Path, *more: str, residents: int = 40) -> Iterator[Running]:
    """A town in `folder`, until the block ends; a leftover process is killed with its children."""
    ready = folder.parent / f"{folder.name}-ready.json"
    command = [
        *HANSHO,
        "demo",
        "--dir",
        str(folder),
        "--ready-file",
        str(ready),
        "--residents",
        str(residents),
        *more,
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder.parent,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 60
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > end:
                told = process.stdout.read() if process.poll() is not None and process.stdout else ""
                raise AssertionError(f"the town does not start: {told}")
            time.sleep(0.05)
        yield Running(folder, process, json.loads(ready.read_text(encoding="utf-8")))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(25)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.stdout is not None:
            process.stdout.close()


def hansho(*words: str, code: int = 0) -> str:
    """Run one command to its end; returns what it said."""
    done = subprocess.run(
        [*HANSHO, *words], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT
    )
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def ledger_is_whole(folder: Path) -> None:
    """`hansho check --ledger` finds nothing wrong."""
    found: Any = json.loads(hansho("check", "--ledger", "--json", "--config", str(folder)))
    assert found == []
