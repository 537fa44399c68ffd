"""What people do in Slack, as plain values: no other module needs to know Slack's payloads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Who:
    """A member of a workspace; `key` (T01/U01) names him in people.yaml (ids repeat between workspaces)."""

    team: str
    user: str

    @property
    def key(self) -> str:
        """The identity as people.yaml writes it."""
        return f"{self.team}/{self.user}"


@dataclass(frozen=True)
class Click:
    """A pressed button: its action id and value, the message it stood on, and how to answer.

    `trigger` opens one modal within three seconds; `response` is the address for an answer to the act.
    """

    who: Who
    action: str
    value: str
    channel: str
    ts: str
    trigger: str
    response: str


@dataclass(frozen=True)
class Command:
    """A typed slash command: `name` with its slash, `text` after it."""

    who: Who
    name: str
    text: str
    channel: str
    trigger: str
    response: str


FormValue = str | tuple[str, ...] | None
"""A field of a form: text, a chosen value, a date (2026-11-22), a time (08:30), several values, nothing."""


@dataclass(frozen=True)
class Submission:
    """A sent modal: which one (`form`: callback id), what it was opened with (`about`), its values.

    `view` is the id of this very form, the same when it is sent again.
    """

    who: Who
    form: str
    about: str
    values: Mapping[str, FormValue]
    view: str = ""


class Listener(Protocol):
    """Who is told of what people do. Slack has been answered already, except for a submission."""

    async def clicked(self, click: Click) -> None:
        """A button was pressed."""

    async def commanded(self, command: Command) -> None:
        """A slash command was typed."""

    async def submitted(self, submission: Submission) -> Mapping[str, str]:
        """A modal was sent: errors by block id keep it open, none closes it. Answer within two seconds."""
