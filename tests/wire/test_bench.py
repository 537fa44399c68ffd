"""`hansho bench deliver` as an operator runs it, small: the figures' names, nobody lost, nothing left behind."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# CONTRACTS.md, in its order.
KEYS = [
    "recipients",
    "workers",
    "accepted",
    "duplicates",
    "lost",
    "mails_per_s",
    "t50_s",
    "t95_s",
    "t100_s",
    "cpu_us_per_mail",
    "peak_rss_mib",
    "rsa_per_s",
    "ratio",
    "peer",
    "urgent",
]


async def start(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    """`hansho bench deliver`, whose every temporary file lies in `folder`."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hansho", "bench", "deliver", *arguments),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def left(folder: Path) -> list[str]:
    """Files in the folder, and command lines that speak of it or of our sink."""
    found = [path.name for path in folder.iterdir()]
    for place in Path("/proc").glob("[0-9]*"):
        try:
            environment, command = (place / "environ").read_bytes(), (place / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in environment + command:
            found.append(command.replace(b"\0", b" ").decode())
    return found


async def measured(folder: Path, *arguments: str) -> dict[str, Any]:
    process = await start(folder, *arguments, "--json")
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert left(folder) == []
    return dict(json.loads(out.decode().splitlines()[-1]))


async def test_a_small_run_says_what_was_agreed(tmp_path: Path) -> None:
    told = await measured(tmp_path, "--recipients", "300", "--workers", "1")
    assert list(told) == KEYS
    assert list(told["peer"]) == ["name", "mails_per_s", "skipped_why"]
    assert list(told["urgent"]) == ["first_ms", "last_ms"]
    assert (told["recipients"], told["workers"], told["accepted"]) == (300, 1, 300)
    assert (told["duplicates"], told["lost"]) == (0, 0)
    assert 0 < told["t50_s"] <= told["t95_s"] <= told["t100_s"]
    assert told["mails_per_s"] == pytest.approx(300 / told["t100_s"], rel=0.01)
    assert told["ratio"] == pytest.approx(told["mails_per_s"] / told["rsa_per_s"], rel=0.1)
    assert 0 < told["urgent"]["first_ms"] <= told["urgent"]["last_ms"]
    assert told["cpu_us_per_mail"] > 0 and told["peak_rss_mib"] > 0


async def test_a_run_on_postgresql_makes_and_drops_its_own_database(
    tmp_path: Path, postgres_url: str
) -> None:
    told = await measured(tmp_path, "--recipients", "100", "--workers", "1", "--database", postgres_url)
    assert (told["accepted"], told["lost"]) == (100, 0)
    assert databases(postgres_url) == []


def databases(url: str) -> list[str]:
    """What measurements have left on the server."""
    import psycopg

    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'hansho%'").fetchall()
    return [str(row[0]) for row in rows]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_who_is_interrupted_leaves_nothing(tmp_path: Path, how: signal.Signals) -> None:
    process = await start(tmp_path, "--recipients", "5000", "--workers", "1")
    assert process.stderr is not None
    while "秒" not in (line := (await process.stderr.readline()).decode()):  # the run itself has begun
        assert line
    process.send_signal(how)
    await process.communicate()
    assert process.returncode == 1
    assert left(tmp_path) == []


async def test_a_server_that_is_none_is_told_in_a_sentence(tmp_path: Path) -> None:
    process = await start(tmp_path, "--recipients", "100", "--database", "mysql://localhost/x")
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert "postgresql://" in errors.decode()
    assert left(tmp_path) == []
