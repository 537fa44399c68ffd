"""What every command shares on the terminal: its options, its ways to answer, and how it gives up."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NoReturn

import click

from config.mistake import BadConfig
from config.settings import Settings, load_settings

JST = timezone(timedelta(hours=9), "JST")

CONFIG = click.option(
    "--config",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    show_default="今いるフォルダー",
    help="設定のフォルダー",
)
JSON = click.option("--json", "as_json", is_flag=True, help="結果を JSON で出します")
FILES = click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True))


def say(rows: Any, as_json: bool, line: Callable[[Any], str]) -> None:
    """Answer with rows: one JSON document, or one line each for people, who are also told when there are none."""
    if as_json:
        rows = (
            [row._asdict() if hasattr(row, "_asdict") else row for row in rows]
            if isinstance(rows, list)
            else rows
        )
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1, default=_plain))
        return
    for row in rows:
        click.echo(line(row))
    if not rows:
        click.echo("ありません。")


def clock(moment: datetime) -> str:
    """A moment as an operator reads it: day and time in Japan."""
    return f"{moment.astimezone(JST):%m-%d %H:%M:%S}"


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def give_up(sentence: object, code: int = 1) -> NoReturn:
    """End with one plain sentence on stderr."""
    click.echo(str(sentence), err=True)
    sys.exit(code)


def settings_of(folder: Path) -> Settings:
    """The settings of a folder; every mistake is said before giving up."""
    try:
        return load_settings(folder)
    except BadConfig as error:
        give_up(error, 2)


def read_all(
    files: Sequence[str], as_json: bool, reader: Callable[[bytes, str], dict[str, object]]
) -> NoReturn:
    """One JSON object a line, in argument order (CONTRACTS.md, readers); indented for people without --json.

    A file that cannot be opened is a line with `error`; the rest are still read, and the exit code is 1.
    """
    failed = False
    for name in files:
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
            told = reader(data, name)
        except OSError as error:
            failed = True
            told = {"file": name, "error": f"開けません（{error.strerror}）"}
            click.echo(
                f"{name}: 開けません（{error.strerror}）。名前と読み取りの許可を確かめてください。", err=True
            )
        text = json.dumps(told, ensure_ascii=False, indent=None if as_json else 1)
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()
    sys.exit(1 if failed else 0)
