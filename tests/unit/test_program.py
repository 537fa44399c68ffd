"""How a program starts, says it is ready, and stops: each test runs a real one."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICK = 20  # seconds after which a hanging program is a failure

BEGIN = "import asyncio, sys; from config import program"
WAITS = """
async def serve(stop):
    program.ready({"smtp": "127.0.0.1:2525"})
    try:
        await stop.wait()
    finally:
        print("closed", flush=True)
"""
STUBBORN = """
async def serve(stop):
    program.ready()
    await stop.wait()
    print("asked", flush=True)
    await asyncio.Event().wait()
"""
CRASHES = """
async def serve(stop):
    raise ValueError("no such mailbox taro@docomo.ne.jp")
"""
CANNOT = """
async def serve(stop):
    raise program.CannotStart("設定フォルダーがありません")
"""


class Running:
    """A program with the pipes of a supervisor: one to hear `ready`, one whose end means death."""

    def __init__(self, source: str, extra: dict[str, str]) -> None:
        self.ready, ready = os.pipe()
        life, self.life = os.pipe()
        code = f"{BEGIN}\n{source}\nsys.exit(program.run('trial', serve))"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "HANSHO_READY_FD": str(ready), "HANSHO_LIFE_FD": str(life), **extra},
            pass_fds=(ready, life),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(ready)
        os.close(life)

    def wait_ready(self) -> str:
        return os.read(self.ready, 1000).decode()

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=QUICK)
        return self.process.returncode, out, err


@contextmanager
def program(source: str, **extra: str) -> Iterator[Running]:
    running = Running(source, extra)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()
        for descriptor in (running.ready, running.life):
            try:
                os.close(descriptor)
            except OSError:
                continue  # the test closed it


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order(number: signal.Signals) -> None:
    with program(WAITS) as trial:
        assert trial.wait_ready() == 'ready {"smtp": "127.0.0.1:2525"}\n'
        trial.process.send_signal(number)
        code, out, err = trial.end()
    assert (code, out) == (0, "closed\n")
    assert f"stopping signal={number.name} program=trial" in err


@pytest.mark.req("C4.1")
def test_it_stops_when_its_supervisor_is_gone() -> None:
    with program(WAITS) as trial:
        trial.wait_ready()
        os.close(trial.life)
        code, out, err = trial.end()
    assert (code, out) == (0, "closed\n")
    assert "stopping why=supervisor-gone" in err


def test_a_second_signal_cuts_it_short() -> None:
    with program(STUBBORN) as trial:
        trial.wait_ready()
        trial.process.send_signal(signal.SIGTERM)
        assert trial.process.stdout is not None
        assert trial.process.stdout.readline() == "asked\n"
        trial.process.send_signal(signal.SIGTERM)
        code, _, err = trial.end()
    assert code == 70
    assert "cut short" in err


@pytest.mark.req("C5.5")
def test_a_crash_is_logged_without_anybodys_address() -> None:
    with program(CRASHES) as trial:
        assert trial.wait_ready() == ""
        code, _, err = trial.end()
    assert code == 1
    assert "ValueError: no such mailbox <address>" in err
    assert "docomo" not in err


def test_what_the_operator_must_mend_is_one_sentence() -> None:
    with program(CANNOT) as trial:
        code, _, err = trial.end()
    assert (code, err) == (78, "設定フォルダーがありません\n")


def test_the_service_manager_hears_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(QUICK)
        with program(WAITS, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="200000") as trial:
            heard = hear(manager, ["READY=1", "WATCHDOG=1"])
            trial.process.send_signal(signal.SIGTERM)
            heard += hear(manager, ["STOPPING=1"])
            assert trial.end()[0] == 0
    assert set(heard) == {"READY=1", "WATCHDOG=1", "STOPPING=1"}


def hear(manager: socket.socket, expected: Sequence[str]) -> list[str]:
    heard: list[str] = []
    while not set(expected) <= set(heard):
        heard.append(manager.recv(100).decode())
    return heard


def test_children_of_a_program_get_none_of_its_pipes() -> None:
    source = """
import json, os, subprocess
async def serve(stop):
    program.ready()
    code = "import json, os; print(json.dumps([n for n in os.environ if n.startswith('HANSHO_')]))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    print(out.strip(), flush=True)
"""
    with program(source) as trial:
        code, out, _ = trial.end()
    assert code == 0
    assert json.loads(out) == []
