"""`python -m inbound` itself: it starts on a sample town, keeps mails over SIGTERM and kill -9, and ends in order."""

import json
import os
import signal
import smtplib
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.init import init

ROOT = Path(__file__).parents[2]
MAIL = b"From: me@example.jp\r\nSubject: x\r\n\r\ntext\r\n"
JOIN = "touroku@anzen.example.lg.jp"


def town(folder: Path) -> Path:
    """The sample town on any free ports."""
    init(folder)
    settings = folder / "hansho.yaml"
    text = settings.read_text("utf-8")
    for port in ("2525", "8080"):
        text = text.replace(f"listen: 127.0.0.1:{port}", "listen: 127.0.0.1:0")
    settings.write_text(text, "utf-8")
    return folder


@contextmanager
def inbound(folder: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The program, and where it listens."""
    hear, ready = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "inbound", "--config", str(folder)],
        cwd=ROOT,
        env={**os.environ, "HANSHO_READY_FD": str(ready)},
        pass_fds=(ready,),
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(ready)
    try:
        with os.fdopen(hear) as pipe:
            said = pipe.readline()
        yield process, json.loads(said.removeprefix("ready ") or "{}")
    finally:
        process.kill()
        process.communicate()


def states(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "ledger.db") as ledger:
        found = [state for (state,) in ledger.execute("SELECT state FROM arrival ORDER BY id")]
    ledger.close()
    return found


def hand_in(where: dict[str, str]) -> None:
    with smtplib.SMTP(where["smtp"], timeout=10) as client:
        client.sendmail("me@example.jp", [JOIN], MAIL)


@pytest.mark.req("X12", "C4.1")
def test_what_got_250_is_understood_also_after_kill_9(tmp_path: Path) -> None:
    folder = town(tmp_path)
    with inbound(folder) as (process, where):
        with urllib.request.urlopen(f"http://{where['web']}/touroku", timeout=10) as page:
            assert page.status == 200
        hand_in(where)
        process.kill()
        process.wait()
    assert len(states(folder)) == 1
    with inbound(folder) as (process, where):
        deadline = time.monotonic() + 20
        while states(folder) != ["understood"]:
            assert time.monotonic() < deadline
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert "stopped" in said
    assert "me@" not in said


def test_a_bad_start_is_one_sentence(tmp_path: Path) -> None:
    folder = town(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = folder / "hansho.yaml"
        port = taken.getsockname()[1]
        text = settings.read_text("utf-8").replace("listen: 127.0.0.1:0", f"listen: 127.0.0.1:{port}", 1)
        settings.write_text(text, "utf-8")
        with inbound(folder) as (process, _):
            _, said = process.communicate(timeout=20)
    assert process.returncode == 78
    assert "待ち受けの場所を開けません" in said
    assert "Traceback" not in said
