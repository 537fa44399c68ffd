"""The training town's folder: the sample configuration on free loopback ports, remembered for the next start."""

import json
import os
import shutil
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from config.init import SECRETS, init, make_signing_key

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


def settle(folder: Path, *, fresh: bool) -> Ports:
    """Have a town in `folder` and say where it listens: the one that is there, or a new one (`fresh`, or first time).

    Raises NotATown rather than touch a folder that is somebody's own.
    """
    if fresh and folder.exists():
        _refuse_strange(folder)
        shutil.rmtree(folder)
    if folder.exists() and any(folder.iterdir()):
        _refuse_strange(folder)
        ports = Ports(**json.loads((folder / MARK).read_text(encoding="utf-8")))
        if all(_free(port) for port in asdict(ports).values()):
            return ports
        moved = _free_ports()
        _rewrite(folder, asdict(ports), moved)
        return moved
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
