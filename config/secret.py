"""Secret files: keys and tokens, refused when others could read them."""

import stat
from pathlib import Path

from config.mistake import BadConfig, Mistake


def read_secret(folder: Path, name: str) -> bytes:
    """The bytes of `folder`/`name`, without the line end. Raises BadConfig, never showing what is in it."""
    path = folder / name
    shown = f"{folder.name}/{name}"
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        raise BadConfig([Mistake(shown, None, f"秘密のファイルを読めません（{error.strerror}）")]) from error
    if not stat.S_ISREG(mode) or mode & 0o077:
        message = f"ほかの人が読める状態です。chmod 600 {path} を実行してください"
        raise BadConfig([Mistake(shown, None, message)])
    if not data.strip():
        raise BadConfig([Mistake(shown, None, "空です。鍵またはトークンを書いてください")])
    return data.rstrip(b"\r\n")
