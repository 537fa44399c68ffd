"""A loopback Postfix with an OpenDKIM milter, in a folder of its own: started, asked for its port, ended."""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HOST = "127.0.0.1"
START_SECONDS = 20.0
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
END_SECONDS = 10.0

# Fast by Postfix's own means: as many deliveries and sessions at once as it has processes, no pauses, no name look-ups.
_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = {commands}
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
myhostname = peer.example.jp
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:{sink}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_milters = inet:127.0.0.1:{milter}
milter_default_action = tempfail
alias_maps =
alias_database =
local_recipient_maps =
smtp_tls_security_level = none
smtpd_tls_security_level = none
default_process_limit = 100
default_destination_concurrency_limit = 20
initial_destination_concurrency = 20
in_flow_delay = 0
maillog_file = {folder}/log/postfix.log
maillog_file_prefixes = {folder}
import_environment = MAIL_CONFIG={folder}/etc
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
_OPENDKIM = """\
Mode s
Domain {domain}
Selector {selector}
KeyFile {folder}/dkim/key
Socket inet:{milter}@127.0.0.1
Canonicalization relaxed/relaxed
InternalHosts 127.0.0.1
RequireSafeKeys no
Syslog no
TemporaryDirectory {folder}/dkim
"""


class CannotRun(Exception):
    """Why there is nothing to compare with, in Japanese."""


@contextlib.contextmanager
def postfix(key: Path, domain: str, selector: str, sink: int) -> Iterator[int]:
    """The port of a Postfix that signs with `key` and relays to `sink`; raises CannotRun. Nothing of it stays."""
    _look()
    # Apart from ours, which nobody else may enter: Postfix's processes are another user's.
    folder = Path(tempfile.mkdtemp(prefix="hansho-bench-peer-"))
    _adopt(True)
    try:
        folder.chmod(0o755)
        port, milter = _free(), _free()
        _write(folder, key, domain, selector, sink=sink, port=port, milter=milter)
        with _running(["opendkim", "-f", "-x", str(folder / "dkim" / "conf")], folder):
            _until_open(milter, "OpenDKIM", folder)
            with _running(["postfix", "-c", str(folder / "etc"), "start-fg"], folder):
                try:
                    _until_open(port, "Postfix", folder)
                    yield port
                finally:
                    _end_master(folder)
    finally:
        _adopt(False)
        shutil.rmtree(folder, ignore_errors=True)


def _adopt(yes: bool) -> None:
    """Postfix's processes outlive their master for a moment; they become ours, so that we can see them end."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0)


def _reap(group: int) -> None:
    """Wait for everybody of a process group who is our child by now; whoever stays is killed."""
    patience = time.monotonic() + END_SECONDS
    with contextlib.suppress(ChildProcessError, ProcessLookupError):
        while True:
            if os.waitid(os.P_PGID, group, os.WEXITED | os.WNOHANG) is None:
                if time.monotonic() > patience:
                    os.killpg(group, signal.SIGKILL)
                time.sleep(0.01)


def _look() -> None:
    missing = [name for name in ("postfix", "opendkim") if shutil.which(name) is None]
    if missing:
        raise CannotRun(f"{'と'.join(missing)} が入っていません")
    if os.geteuid() != 0:
        raise CannotRun("Postfix を始めるには管理者（root）の権限が要ります")
    try:
        pwd.getpwnam("postfix")
    except KeyError:
        raise CannotRun("利用者 postfix がいません") from None


def _free() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _write(folder: Path, key: Path, domain: str, selector: str, *, sink: int, port: int, milter: int) -> None:
    for name in ("etc", "spool", "data", "log", "dkim"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    (folder / "dkim" / "key").touch(mode=0o600)
    (folder / "dkim" / "key").write_bytes(key.read_bytes())
    places = {"commands": _default("command_directory"), "daemons": _default("daemon_directory")}
    (folder / "etc" / "main.cf").write_text(_MAIN.format(folder=folder, sink=sink, milter=milter, **places))
    (folder / "etc" / "master.cf").write_text(_MASTER.format(port=port))
    (folder / "dkim" / "conf").write_text(
        _OPENDKIM.format(folder=folder, domain=domain, selector=selector, milter=milter)
    )


def _default(name: str) -> str:
    """Where this system's Postfix keeps its programs."""
    told = subprocess.run(["postconf", "-dh", name], capture_output=True, text=True, check=False, timeout=10)
    if told.returncode:
        raise CannotRun("postconf が答えません")
    return told.stdout.strip()


@contextlib.contextmanager
def _running(command: list[str], folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    with (folder / "log" / "out").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        _reap(process.pid)
        process.wait()


def _end_master(folder: Path) -> None:
    """Postfix's master tells its own children; wherever it put itself, its number stands in its spool."""
    with contextlib.suppress(OSError, ValueError):
        master = int((folder / "spool" / "pid" / "master.pid").read_text())
        os.kill(master, signal.SIGTERM)
        patience = time.monotonic() + END_SECONDS
        while time.monotonic() < patience and Path(f"/proc/{master}").exists():
            time.sleep(0.05)
        _reap(master)  # it leads a group of its own


def _until_open(port: int, name: str, folder: Path) -> None:
    patience = time.monotonic() + START_SECONDS
    while time.monotonic() < patience:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    said = (folder / "log" / "out").read_text(errors="replace").splitlines()[-1:]
    raise CannotRun(f"{name} を始められませんでした（{' '.join(said)[:300]}）")
