"""Letters: every mail that is not a bulletin, of a closed list of purposes, from letter-shaped files."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).parent / "letters"


class Purpose(StrEnum):
    """Why Hansho writes to one person; nothing else can be sent as a letter (R16)."""

    JOIN_CONFIRM = "join_confirm"
    JOIN_AGAIN = "join_again"
    WELCOME = "welcome"
    SETTINGS_LINK = "settings_link"
    GOODBYE = "goodbye"
    TOKEN_ANSWER = "token_answer"  # noqa: S105  a purpose, not a password
    NOT_UNDERSTOOD = "not_understood"
    DRAFT_RECEIVED = "draft_received"
    DRAFT_REFUSED = "draft_refused"
    APPROVAL_REQUEST = "approval_request"
    DECISION_NOTICE = "decision_notice"
    BOUNCE_REPORT = "bounce_report"
    OPERATORS_HELP = "operators_help"
    OPERATOR_ALERT = "operator_alert"


COMMON = frozenset({"service", "town", "contact", "join_address", "settings_address", "operators_address"})
"""Words every letter may use; `Settings.letter_words()` gives them."""

PARAMETERS: Mapping[Purpose, frozenset[str]] = {
    Purpose.JOIN_CONFIRM: frozenset({"link", "hours"}),
    Purpose.JOIN_AGAIN: frozenset({"manage_link"}),
    Purpose.WELCOME: frozenset({"choices", "manage_link"}),
    Purpose.SETTINGS_LINK: frozenset({"link"}),
    Purpose.GOODBYE: frozenset(),
    Purpose.TOKEN_ANSWER: frozenset({"what", "how"}),
    Purpose.NOT_UNDERSTOOD: frozenset(),
    Purpose.DRAFT_RECEIVED: frozenset({"number", "subject", "category", "areas", "text", "waiting"}),
    Purpose.DRAFT_REFUSED: frozenset({"subject", "why", "how"}),
    Purpose.APPROVAL_REQUEST: frozenset(
        {"number", "realm", "link", "category", "areas", "count", "subject", "text", "hours"}
    ),
    Purpose.DECISION_NOTICE: frozenset({"number", "subject", "decision", "by", "note"}),
    Purpose.BOUNCE_REPORT: frozenset({"date", "table", "advice", "record"}),
    Purpose.OPERATORS_HELP: frozenset({"text"}),
    Purpose.OPERATOR_ALERT: frozenset({"title", "what", "how", "at"}),
}
"""What the caller must give for each purpose."""

RESIDENT = frozenset(
    {
        Purpose.JOIN_CONFIRM,
        Purpose.JOIN_AGAIN,
        Purpose.WELCOME,
        Purpose.SETTINGS_LINK,
        Purpose.GOODBYE,
        Purpose.TOKEN_ANSWER,
        Purpose.NOT_UNDERSTOOD,
    }
)
"""The purposes residents see; the others go to staff."""


class BadLetter(ValueError):
    """A letter file that cannot be used; the text is a Japanese sentence, `line` counts from 1 (None unknown)."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter ready to send: one-line subject, text with LF and a line end at its end."""

    subject: str
    text: str


def letter(purpose: Purpose, params: Mapping[str, str], folder_override: Path | None = None) -> Letter:
    """The letter for `purpose`; `folder_override`/<purpose>.txt wins over our own wording.

    `params` are PARAMETERS[purpose] and the words of `Settings.letter_words()`.
    Raises BadLetter for a file that is not a letter, KeyError for a parameter that is missing.
    """
    subject, body = template(purpose, folder_override)
    one_line = {name: " ".join(str(value).split()) for name, value in params.items()}
    return Letter(subject.substitute(one_line), _tidy(body.substitute(params)))


def template(
    purpose: Purpose, folder_override: Path | None = None
) -> tuple[string.Template, string.Template]:
    """Subject and body as templates, checked: known parameters only. Raises BadLetter."""
    own = (folder_override / f"{purpose}.txt") if folder_override else None
    path = own if own is not None and own.is_file() else HERE / f"{purpose}.txt"
    return _read(path, path.stat().st_mtime_ns, purpose)


@lru_cache(maxsize=64)
def _read(path: Path, changed: int, purpose: Purpose) -> tuple[string.Template, string.Template]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadLetter("UTF-8 で保存し直してください") from error
    head, blank, body = text.partition("\n\n")
    if not head.startswith("Subject: ") or "\n" in head or not blank or not body.strip():
        raise BadLetter("1行目を「Subject: 件名」、2行目を空行にし、3行目から本文を書いてください", 1)
    for number, line in enumerate(text.split("\n"), start=1):
        _refuse_unknown(string.Template(line), PARAMETERS[purpose] | COMMON, number)
    return string.Template(head.removeprefix("Subject: ").strip()), string.Template(body)


def _refuse_unknown(line: string.Template, allowed: frozenset[str], number: int) -> None:
    if not line.is_valid():
        message = "「$」の後が正しくありません。「$」そのものを書くときは「$$」としてください"
        raise BadLetter(message, number)
    unknown = sorted(set(line.get_identifiers()) - allowed)
    if unknown:
        known = "・".join(sorted(allowed))
        raise BadLetter(f"知らない差し込み項目 ${unknown[0]} です。使えるのは {known} です", number)


def _tidy(text: str) -> str:
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return "\n".join(lines).strip("\n") + "\n"
