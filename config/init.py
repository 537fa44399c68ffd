"""Writes a commented starting configuration: the sample town, fresh keys; never over what is there."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

SAMPLE = Path(__file__).parent / "sample"
SECRETS = "secrets"


def init(folder: Path) -> list[str]:
    """Write the sample town into `folder`; returns a Japanese sentence for every file, written or left alone."""
    (folder / SECRETS).mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "letters").mkdir(exist_ok=True)
    told = [_write(folder, path.name, path.read_bytes(), 0o644) for path in sorted(SAMPLE.glob("*.yaml"))]
    makers: dict[str, Callable[[], bytes]] = {
        "tokens": lambda: f"k1 {secrets.token_hex(32)}\n".encode(),
        "dkim.pem": make_signing_key,
        # The chat stand-in takes any token; a live town writes its own (hansho.yaml tells where).
        "slack-bot": lambda: b"xoxb-training-town\n",
        "slack-app": lambda: b"xapp-training-town\n",
    }
    for name, make in makers.items():
        place = f"{SECRETS}/{name}"
        told.append(_left(place) if (folder / place).exists() else _write(folder, place, make(), 0o600))
    return told


def make_signing_key() -> bytes:
    """A fresh RSA-2048 key as PKCS#8 PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(folder: Path, name: str, data: bytes, mode: int) -> str:
    try:
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return _left(name)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    return f"{name} を書きました"


def _left(name: str) -> str:
    return f"{name} はすでにあるので、そのままにしました"
