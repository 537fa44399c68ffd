"""A real PostgreSQL for the tests: one server a test process, one fresh database a test."""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import IO

import psycopg
import pytest

SPEED = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    "max_connections=60",
)
READY = "ready to accept connections"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of the maintenance database of a PostgreSQL that runs as long as this test process."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
    # Not pytest's own folder: that one is closed to the user the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="hansho-postgres-"))
    user = _user()
    if user is not None:
        shutil.chown(folder, user)
    try:
        _initdb(programs, folder, user)
        server, port = _start(programs, folder, user)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # "fast": does not wait for forgotten connections
            server.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_numbers = count(1)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of a database made for this test alone, dropped after it."""
    name = f"test_{next(_numbers)}"
    _execute(postgres_server, f"CREATE DATABASE {name}")
    yield postgres_server.removesuffix("/postgres") + f"/{name}"
    _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def _programs() -> Path | None:
    """The folder of initdb and postgres: Debian keeps them out of PATH, by version."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _user() -> str | None:
    """PostgreSQL refuses to run as root: then it runs as the user its package made."""
    return "postgres" if os.geteuid() == 0 else None


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _initdb(programs: Path, folder: Path, user: str | None) -> None:
    made = subprocess.run(
        [
            programs / "initdb",
            "-D",
            folder / "data",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ],
        user=user,
        group=_group(user),
        extra_groups=[] if user else None,
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise RuntimeError(f"initdb failed: {made.stderr}")


def _start(programs: Path, folder: Path, user: str | None) -> tuple[subprocess.Popen[str], int]:
    said = ""
    for _ in range(5):  # the free port found may be taken by somebody else a moment later
        port = _free_port()
        server = _launch(programs, folder, user, port)
        assert server.stderr is not None
        for line in server.stderr:
            said += line
            if READY in line:
                threading.Thread(target=_drain, args=(server.stderr,), daemon=True).start()
                return server, port
        server.wait()
    raise RuntimeError(f"PostgreSQL does not start: {said}")


def _drain(said: IO[str]) -> None:
    """Read on what nobody reads: a full pipe would stop the server."""
    with said:
        said.read()


def _launch(programs: Path, folder: Path, user: str | None, port: int) -> subprocess.Popen[str]:
    options = [*SPEED, "listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}"]
    return subprocess.Popen(
        [
            programs / "postgres",
            "-D",
            folder / "data",
            *(word for option in options for word in ("-c", option)),
        ],
        user=user,
        group=_group(user),
        extra_groups=[] if user else None,
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the tests; the fixture stops the server
        preexec_fn=_die_with_parent,
    )


def _die_with_parent() -> None:
    """Linux: when the tests are killed, the server gets SIGQUIT (prctl PR_SET_PDEATHSIG) and is no orphan."""
    ctypes.CDLL(None).prctl(1, int(signal.SIGQUIT))


def _group(user: str | None) -> int | None:
    return pwd.getpwnam(user).pw_gid if user else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
