"""The processes of a measurement: started, waited for, their CPU and memory read, and ended without a trace."""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from config.program import LIFE_FD, READY_FD

# -P: a store.py in the folder where an operator happens to stand must not be taken for ours.
PYTHON = [sys.executable, "-P", "-m"]
READY_SECONDS = 60.0
DRAIN_SECONDS = 15.0
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchFailed(Exception):
    """The measurement cannot go on; the text is a Japanese sentence for the operator."""


def environment() -> dict[str, str]:
    """Ours, with this checkout or installation to import from."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}


@dataclass(frozen=True)
class Member:
    """A program that runs."""

    name: str
    process: "subprocess.Popen[bytes]"


class Crew:
    """Programs of Hansho as the supervisor would start them; `log` takes what they say.

    They end with this process, however it dies: each holds the reading end of a pipe whose writing end is ours.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._members: list[Member] = []
        self._life, self._alive = os.pipe()

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """`python -m …`; returns when it says that it is ready. Raises BenchFailed."""
        hear, ready = os.pipe()
        try:
            with self._log.open("ab") as log:
                process = subprocess.Popen(
                    [*PYTHON, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**environment(), READY_FD: str(ready), LIFE_FD: str(self._life)},
                    pass_fds=(ready, self._life),
                    process_group=0,  # Ctrl-C is for us, who tell them
                )
        finally:
            os.close(ready)
        self._members.append(Member(name, process))
        with os.fdopen(hear, "rb") as pipe:
            if not _line(pipe, READY_SECONDS).startswith(b"ready "):
                raise BenchFailed(f"{name} を始められませんでした。\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of what the programs said."""
        with contextlib.suppress(OSError):
            return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        return ""

    def dead(self) -> str | None:
        """The name of a program that has ended by itself."""
        return next((one.name for one in self._members if one.process.poll() is not None), None)

    def cpu_seconds(self) -> float:
        """User and system time of all so far, and of this process, which clicks and watches."""
        return sum(map(_cpu, [os.getpid(), *(one.process.pid for one in self._members)]))

    def peak_mib(self, name: str) -> float:
        """The most memory (resident) that any program of this name has had."""
        return max((_peak(one.process.pid) for one in self._members if one.name == name), default=0.0)

    def end(self) -> None:
        """Tell all to finish, and kill who does not."""
        for one in self._members:
            one.process.terminate()
        patience = time.monotonic() + DRAIN_SECONDS
        for one in self._members:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.process.wait(max(0.1, patience - time.monotonic()))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.process.pid, 9)
            one.process.wait()
        self._members = []

    def close(self) -> None:
        """`end`, and let go of the pipe."""
        self.end()
        os.close(self._alive)
        os.close(self._life)


def _cpu(pid: int) -> float:
    """proc(5): after the name in parentheses, utime and stime are the 12th and 13th field."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    return 0.0


def _peak(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _line(pipe: IO[bytes], seconds: float) -> bytes:
    """What is said first, or b"" when nothing is said in time."""
    if not select.select([pipe], [], [], seconds)[0]:
        return b""
    return pipe.readline()


class Asked:
    """A process that answers a line of JSON for each line it is sent (outbound.bench.sink)."""

    def __init__(self, module: str, first: Mapping[str, object], log: Path) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [*PYTHON, module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(),
                process_group=0,
            )
        self._asking = cast(IO[bytes], self._process.stdin)
        self._answering = cast(IO[bytes], self._process.stdout)
        try:
            self.first = self.ask(json.dumps(first))
        except BaseException:
            self.close()
            raise

    def ask(self, line: str) -> object:
        """Send a line, wait for the answer. Raises BenchFailed."""
        try:
            self._asking.write(line.encode() + b"\n")
            self._asking.flush()
            return json.loads(_line(self._answering, READY_SECONDS))
        except (OSError, ValueError) as error:
            raise BenchFailed("計測用の受信サーバーが答えません。") from error

    def close(self) -> None:
        """End it."""
        for pipe in (self._asking, self._answering):
            with contextlib.suppress(OSError):
                pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait()
