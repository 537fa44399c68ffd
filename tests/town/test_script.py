"""`hansho demo --script`: seven scenes seen from outside, and the honest end when a program is missing."""

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.town.town import HANSHO, ledger_is_whole, rarely


@pytest.mark.req(
    "D1",
    "D2",
    "D3",
    "D4",
    "D5",
    "D6",
    "D7",
    "C7.1",
    "C8.2",
    "C8.6",
    "C8.10",
    "C9.1",
    "M6.1",
    "M6.2",
    "X1",
    "X2",
)
def test_the_seven_scenes(tmp_path: Path) -> None:
    town = tmp_path / "town"
    began = time.monotonic()
    done = subprocess.run(
        [*HANSHO, "demo", "--script", "--json", "--dir", str(town)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    took = time.monotonic() - began
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"{rows[-3:]}\n{done.stderr[-2000:]}\n{_tail(town)}"
    assert rows[-1] == {"ok": True, "steps_ok": 7}
    assert {row["step"] for row in rows[:-1]} == set(range(1, 8))
    assert all(row["ok"] and set(row) == {"step", "seen", "by", "at_s", "ok"} for row in rows[:-1])
    assert {row["by"] for row in rows[:-1]} <= {"smtp", "http", "chat", "dkim"}
    assert took < 120
    ledger_is_whole(town)


@pytest.mark.req("C4.1")
@pytest.mark.parametrize("name", ["inbound", "sender-1", *rarely("feeds", "bot", "outbound")])
def test_a_program_killed_for_good_ends_the_story_with_its_scene(tmp_path: Path, name: str) -> None:
    town = tmp_path / "town"
    process = subprocess.Popen(
        [*HANSHO, "demo", "--script", "--json", "--dir", str(town), "--residents", "20"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    over = threading.Event()

    def assassin() -> None:
        while not over.wait(0.1):
            for pid in _pids(town, name):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue

    def first_line() -> str:
        assert process.stdout is not None
        return process.stdout.readline()

    first = first_line()  # the story has begun
    killer = threading.Thread(target=assassin, daemon=True)
    killer.start()
    try:
        out, _ = process.communicate(timeout=120)
    finally:
        over.set()
        killer.join()
    rows = [json.loads(line) for line in [first, *out.splitlines()]]
    assert process.returncode == 1, rows[-3:]
    assert rows[-1]["ok"] is False
    assert rows[-2]["ok"] is False  # it names the scene
    assert rows[-2]["step"] == rows[-1]["steps_ok"] + 1
    assert {row["by"] for row in rows[:-1]} <= {"smtp", "http", "chat", "dkim"}


def _pids(town: Path, name: str) -> list[int]:
    try:
        told = json.loads((town / "supervisor.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [child["pid"] for child in told["children"] if child["name"] == name and child["pid"]]


def _tail(town: Path) -> str:
    log = town / "hansho.log"
    return log.read_text(encoding="utf-8", errors="replace")[-3000:] if log.exists() else ""
