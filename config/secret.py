"""Secret files: keys and tokens, refused when others could read them, never shown in a message."""

import re
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from config.mistake import BadConfig, Mistake

TOKENS = "tokens"
TOKEN_LINE = re.compile(r"([a-z0-9]{1,8}) ([0-9a-f]{64,128})")
MIN_RSA_BITS = 2048


def read_secret(folder: Path, name: str) -> bytes:
    """The bytes of `folder`/`name`, without the line end. Raises BadConfig."""
    path = folder / name
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise _bad(folder, name, "秘密のファイルがありません。置いてから chmod 600 をしてください") from error
    except OSError as error:
        raise _bad(folder, name, f"秘密のファイルを読めません（{error.strerror}）") from error
    if not stat.S_ISREG(mode) or mode & 0o077:
        raise _bad(folder, name, f"ほかの人が読める状態です。chmod 600 {path} を実行してください")
    if not data.strip():
        raise _bad(folder, name, "空です。鍵またはトークンを書いてください")
    return data.rstrip(b"\r\n")


def read_token_keys(folder: Path) -> list[tuple[str, bytes]]:
    """(key id, key) of the tokens file, the signing one first; one or two are alive. Raises BadConfig."""
    keys: list[tuple[str, bytes]] = []
    for number, line in enumerate(
        read_secret(folder, TOKENS).decode("ascii", "replace").splitlines(), start=1
    ):
        found = TOKEN_LINE.fullmatch(line.strip())
        if found is None:
            raise _bad(folder, TOKENS, "「k1 16進数（64文字以上）」の形で書いてください", number)
        if found[1] in dict(keys):
            raise _bad(folder, TOKENS, f"名前 {found[1]} が二度あります。別の名前にしてください", number)
        keys.append((found[1], bytes.fromhex(found[2])))
    if len(keys) > 2:
        raise _bad(folder, TOKENS, "鍵は二つまでです。古い鍵の行を消してください")
    return keys


def read_signing_key(folder: Path, name: str) -> RSAPrivateKey:
    """The RSA key mails are signed with, at least 2048 bits. Raises BadConfig."""
    data = read_secret(folder, name)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _bad(folder, name, "PEM 形式の秘密鍵（パスワードなし）ではありません") from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_RSA_BITS:
        raise _bad(folder, name, f"{MIN_RSA_BITS} ビット以上の RSA の鍵にしてください")
    return key


def _bad(folder: Path, name: str, message: str, line: int | None = None) -> BadConfig:
    return BadConfig([Mistake(f"{folder.name}/{name}", line, message)])
