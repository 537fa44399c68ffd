"""The training town's folder: the sample configuration on free loopback ports, remembered for the next start."""

import fcntl
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from config import roster
from config.init import SECRETS, init, make_signing_key
from config.program import CannotStart

HOST = "127.0.0.1"
PIN = "1234"
PRETEND_KEY = "pretend.pem"  # signs for the pretend police and city hall
PRETEND_SELECTOR = "m1"
PRETEND_DOMAINS = ("police.example.lg.jp", "city.example.lg.jp")
MARK = "town.json"
LOG = "hansho.log"


@dataclass(frozen=True)
class Ports:
    """Where the town listens; every one on loopback."""

    smtp: int
    web: int
    sink: int
    mailbox: int
    chat: int
    feed: int
    dns: int
    archive: int
    town: int


# What the sample configuration says for each of these, to be replaced by the town's own.
_SAMPLE = {"smtp": 2525, "web": 8080, "archive": 8081, "chat": 8082, "feed": 8083, "sink": 2526, "dns": 5353}


class NotATown(Exception):
    """The folder holds something that is not a training town; the text says what to do, in Japanese."""


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """While it lasts nobody else plays, moves or renews the town in `folder`, which is made if it is not there.

    The lock is on the folder itself, for everything in it may be renewed. Raises NotATown, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _take(folder, descriptor)
        yield
    finally:
        os.close(descriptor)


def _take(folder: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if (folder / roster.LOCK).exists():  # hansho serve may run on it, too
            with roster.hold(folder):
                pass
    except (BlockingIOError, CannotStart) as error:
        raise NotATown(
            f"{folder} の町は、すでに動いています。それを終えるか、--dir で別のフォルダーを指定してください。"
        ) from error


def settle(folder: Path, *, fresh: bool) -> Ports:
    """Have a town in `folder` and say where it listens: the one that is there, or a new one (`fresh`, or first time).

    The caller holds the town. Raises NotATown rather than touch a folder that is somebody's own.
    """
    if folder.exists() and any(folder.iterdir()):
        _refuse_strange(folder)
        ports = None if fresh else _remembered(folder)
        if ports is not None and all(_free(port) for port in asdict(ports).values()):
            return ports
        if ports is not None:
            moved = _free_ports()
            _rewrite(folder, asdict(ports), moved)
            return moved
        _clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("{}", encoding="utf-8")  # ours from the first moment
    init(folder)
    for name in ("tokens", "dkim.pem", "slack-bot", "slack-app"):
        (folder / SECRETS / name).chmod(0o600)
    key = folder / SECRETS / PRETEND_KEY
    key.touch(mode=0o600)
    key.write_bytes(make_signing_key())
    ports = _free_ports()
    _quicken(folder)
    _rewrite(folder, _SAMPLE, ports)
    return ports


def _remembered(folder: Path) -> Ports | None:
    """Where the town listened; None when it was stopped before it was complete, and has to be made again."""
    try:
        return Ports(**json.loads((folder / MARK).read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return None


def _clear(folder: Path) -> None:
    """Empty the folder, the mark last: what is interrupted in the middle is still known as ours."""
    for path in sorted(folder.iterdir(), key=lambda one: one.name == MARK):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _refuse_strange(folder: Path) -> None:
    if not (folder / MARK).is_file():
        raise NotATown(
            f"{folder} は訓練の町のフォルダーではありません。--dir で別のフォルダーを指定してください。"
        )


def _rewrite(folder: Path, old: dict[str, int], ports: Ports) -> None:
    for name in ("hansho.yaml", "routes.yaml"):
        path = folder / name
        text = path.read_text(encoding="utf-8")
        for door, port in old.items():
            text = text.replace(f"{HOST}:{port}", f"{HOST}:@{door}@")
        for door, port in asdict(ports).items():
            text = text.replace(f"{HOST}:@{door}@", f"{HOST}:{port}")
        path.write_text(text, encoding="utf-8")
    (folder / MARK).write_text(json.dumps(asdict(ports)), encoding="utf-8")


def _quicken(folder: Path) -> None:
    """In training nobody waits a minute for a telegram or for the letter that replaces a card."""
    path = folder / "hansho.yaml"
    text = path.read_text(encoding="utf-8")
    text = text.replace("poll_seconds: 60", "poll_seconds: 1").replace(
        "fallback_seconds: 60", "fallback_seconds: 4"
    )
    path.write_text(text, encoding="utf-8")


def _free_ports() -> Ports:
    sockets = [socket.socket() for _ in Ports.__dataclass_fields__]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return Ports(*(one.getsockname()[1] for one in sockets))
    finally:
        for one in sockets:
            one.close()


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def write_ready(path: Path, addresses: dict[str, str]) -> None:
    """Tell outside testers where everything listens (CONTRACTS.md): written whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(addresses, ensure_ascii=False, indent=1), encoding="utf-8")
    part.replace(path)


# What a pretend resident chooses besides the defaults, so that every audience differs.
WISHES = (
    ("suspicious", "hanamigawa", 1),
    ("suspicious", "mihama", 1),
    ("suspicious", "chuo", 1),
    ("suspicious", "hanamigawa-makuharihongo", 1),
    ("weather-rain", "chiba", 2),
    ("quake", "hanamigawa", 3),
    ("crime-daily", "inage", 1),
)
# The mail sink plays these: a dead mailbox, a full one, one that refuses, one that says "later" first.
_TROUBLED = ("shinda@docomo.ne.jp", "ippai@ezweb.ne.jp", "kyohi@softbank.ne.jp", "okure@gmail.com")
_PROVIDERS = ("docomo.ne.jp", "ezweb.ne.jp", "softbank.ne.jp", "gmail.com", "example.jp")

TELEGRAMS = {
    "rain-issue": "大雨警報（発表）",
    "rain-continue": "大雨警報（継続）",
    "rain-raise": "大雨（引き上げ）",
    "rain-lower": "大雨（引き下げ）",
    "rain-lift": "大雨（解除）",
    "rain-cancel": "大雨（取消）",
    "rain-drill": "大雨警報（訓練）",
    "quake": "震度情報",
    "quake-drill": "震度情報（訓練）",
}


def residents(count: int) -> list[str]:
    """Addresses of pretend residents, the same ones at every start, spread over the providers."""
    ordinary = [f"jumin{n:05d}@{_PROVIDERS[n % len(_PROVIDERS)]}" for n in range(1, count + 1)]
    return ordinary[: max(count - len(_TROUBLED), 0)] + list(_TROUBLED[:count])


def pretend_key(secrets: Path) -> Path:
    """The key pretend officers' mails are signed with."""
    return secrets / PRETEND_KEY


def doors(ports: Ports) -> dict[str, str]:
    """Where everything listens, for people, for the ready file and for the story (CONTRACTS.md, demo)."""
    pages = {"web": ports.web, "chat": ports.chat, "mailbox": ports.mailbox, "archive": ports.archive}
    return {
        "smtp": f"{HOST}:{ports.smtp}",
        "sink": f"{HOST}:{ports.sink}",
        "dns": f"{HOST}:{ports.dns}",
        **{name: f"http://{HOST}:{port}/" for name, port in pages.items()},
        "feed": f"http://{HOST}:{ports.feed}/",
        "town": f"http://{HOST}:{ports.town}/",
    }


def forget_ready(path: Path) -> None:
    """Nothing listens there any more."""
    path.unlink(missing_ok=True)
