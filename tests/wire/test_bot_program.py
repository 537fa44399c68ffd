"""`python -m bot` as the supervisor starts it: ready at once, whatever Slack does, and gone when told."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.program import Exit
from store.db import Store
from tests.wire.chiefs import settings_in

ROOT = Path(__file__).parents[2]
QUICK = 20  # seconds after which a hanging program is a failure


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The program, and the end of the pipe on which it says that it is ready."""
    hear, say = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "--config", str(folder)],
        cwd=ROOT,
        env={**os.environ, "HANSHO_READY_FD": str(say)},
        pass_fds=(say,),
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(say)
    try:
        yield process, hear
    finally:
        process.kill()
        process.wait()
        os.close(hear)
        assert process.stderr is not None
        process.stderr.close()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and what was said on stderr."""
    assert process.stderr is not None
    said = process.stderr.read()
    return process.wait(QUICK), said


@pytest.fixture
def nobody() -> Iterator[str]:
    """The address of an API where nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: every connection is refused
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/api/"


@pytest.mark.req("X2")
@pytest.mark.parametrize("with_slack", [False, True])
def test_it_is_ready_without_slack_and_stops_when_told(tmp_path: Path, nobody: str, with_slack: bool) -> None:
    settings_in(tmp_path, nobody if with_slack else None)
    with running(tmp_path) as (process, hear):
        assert os.read(hear, 64).startswith(b"ready ")
        process.send_signal(signal.SIGTERM)
        code, said = ended(process)
    assert code == Exit.STOPPED, said
    assert "Traceback" not in said
    assert said.count("\n") < 8, said


def test_a_missing_token_is_said_in_one_sentence(tmp_path: Path, nobody: str) -> None:
    settings_in(tmp_path, nobody)
    (tmp_path / "secrets" / "slack-app").unlink()
    with running(tmp_path) as (process, _):
        code, said = ended(process)
    assert code == Exit.CANNOT_START
    assert "slack-app" in said
    assert "秘密のファイルがありません" in said
    assert "Traceback" not in said


def test_another_towns_ledger_is_refused(tmp_path: Path) -> None:
    settings_in(tmp_path, None)
    other = Store(tmp_path / "ledger.db")
    other.enter("yokohama", "training")
    other.close()
    with running(tmp_path) as (process, _):
        code, said = ended(process)
    assert code == Exit.CANNOT_START, said
