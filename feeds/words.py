"""The fixed Japanese words of what the feeds write, read once from the files in feeds/texts."""

from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from string import Template
from typing import Final

_FOLDER: Final = Path(__file__).parent / "texts"
_FILES: Final = ("words.txt", "advice.txt")
JST: Final = timezone(timedelta(hours=9), "JST")


@cache
def _words() -> dict[str, Template]:
    lines = [line for name in _FILES for line in (_FOLDER / name).read_text(encoding="utf-8").splitlines()]
    pairs = (line.split(": ", 1) for line in lines if line and not line.startswith("#"))
    return {name: Template(words) for name, words in pairs}


@cache
def _letter(name: str) -> Template:
    return Template((_FOLDER / f"{name}.txt").read_text(encoding="utf-8"))


def word(name: str, **values: str) -> str:
    """One of texts/words.txt or advice.txt, filled in; KeyError for a name or value that is not there."""
    return _words()[name].substitute(values)


def has_word(name: str) -> bool:
    return name in _words()


def letter(name: str, **values: str) -> str:
    """One of texts/*.txt, filled in; lines and paragraphs left empty are closed up."""
    lines = [line.rstrip() for line in _letter(name).substitute(values).splitlines()]
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip() + "\n"


def clock(moment: datetime | None) -> str:
    """2026年8月14日22時05分 in Japanese time; empty when there is no time."""
    if moment is None:
        return ""
    local = moment.astimezone(JST)
    return word(
        "reported",
        year=str(local.year),
        month=str(local.month),
        day=str(local.day),
        hour=str(local.hour),
        minute=f"{local.minute:02}",
    )
