"""Log lines for the operator: one line an event on stderr, and never anybody's address in it."""

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from types import MappingProxyType
from typing import TextIO
from zoneinfo import ZoneInfo

TOKYO = ZoneInfo("Asia/Tokyo")
HIDDEN = "<address>"

# Wider than any grammar of addresses: quoted local parts, `a..b@`, Japanese domains, the full-width ＠ of a
# telephone's keyboard, the %40 of a link. A Message-ID hidden by mistake costs less than an address shown.
_ADDRESS = re.compile(
    r"""(?:"[^"\n]{0,128}"|[^\s"<>()\[\]{},;:@＠]{1,128})(?:@|＠|%40)\[?[^\s"'<>()\[\]{},;]{1,255}\]?"""
)
_KEY = re.compile(r"^[a-z_]{1,24}=(?=.)")  # in `to=taro@example.jp` the name of the field stays

_context: ContextVar[Mapping[str, object]] = ContextVar("log_context", default=MappingProxyType({}))


def redact(text: str) -> str:
    """Text with everything that looks like a mail address replaced by `<address>` (STYLE 3.9, C5.5)."""
    if "@" not in text and "＠" not in text and "%40" not in text:
        return text
    return _ADDRESS.sub(_hide, text)


def _hide(found: re.Match[str]) -> str:
    key = _KEY.match(found.group())
    return f"{key.group()}{HIDDEN}" if key else HIDDEN


@contextmanager
def context(**fields: object) -> Iterator[None]:
    """Add `key=value` to every line logged inside, by this task and by those it starts."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


class Line(logging.Formatter):
    """`2026-11-21T09:00:00.123+09:00 INFO inbound.smtp accepted arrival=12 program=inbound`.

    Addresses are hidden in the finished text, so that tracebacks and foreign loggers are covered too.
    """

    def __init__(self, program: str) -> None:
        super().__init__()
        self.program = program

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, TOKYO).isoformat(timespec="milliseconds")
        message = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        fields = "".join(f" {key}={value}" for key, value in _context.get().items())
        line = f"{when} {record.levelname} {record.name} {message} program={self.program}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line)


def _short(record: logging.LogRecord) -> bool:
    """A request that is no HTTP is its sender's fault: one line, not a traceback of the library that read it."""
    error = record.exc_info[1] if record.exc_info else None
    if error is not None and type(error).__module__ == "aiohttp.http_exceptions":
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.msg, record.args, record.exc_info = "malformed request why=%s", (type(error).__name__,), None
    return True


def start(program: str, *, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send every logger of this process to `stream` (stderr), each line naming the program."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Line(program))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.getLogger("aiohttp.server").addFilter(_short)
