"""The training town's own telegrams, written for it: filled in with the time they are played at."""

from datetime import datetime, timedelta
from pathlib import Path
from string import Template
from typing import Final

from feeds.words import JST

_FOLDER: Final = Path(__file__).parent
_FULL_WIDTH: Final = str.maketrans("0123456789", "０１２３４５６７８９")
# A quake is felt, measured and written up within minutes; a warning speaks of the hours ahead.
_QUAKE_BEFORE: Final = timedelta(minutes=4)
_WARNING_FOR: Final = timedelta(hours=6)


def names() -> tuple[str, ...]:
    """The telegrams there are: rain-issue, quake-drill, …"""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.xml")))


def training(name: str, now: datetime) -> bytes:
    """The XML of one training telegram as if issued at `now` (aware). KeyError: not in names()."""
    if name not in names():
        raise KeyError(name)
    report = now.astimezone(JST).replace(second=0, microsecond=0)
    origin = report - _QUAKE_BEFORE
    until = report + _WARNING_FOR
    template = Template((_FOLDER / f"{name}.xml").read_text(encoding="utf-8"))
    filled = template.substitute(
        control=f"{now.astimezone(JST) - timedelta(hours=9):%Y-%m-%dT%H:%M:%SZ}",
        report=report.isoformat(),
        origin=origin.isoformat(),
        event=f"{origin:%Y%m%d%H%M%S}",
        when=f"{origin.day}日{origin.hour:02}時{origin.minute:02}分".translate(_FULL_WIDTH),
        period=f"{report.day}日{report.hour}時から{until.day}日{until.hour}時まで".translate(_FULL_WIDTH),
    )
    return filled.encode()
