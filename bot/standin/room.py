"""What has been said in the stand-in's channel: messages, private notes and open dialogs, kept in a file."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bot.shape import Json, mapping, mappings, number, text, text_or_none

KEPT_MESSAGES = 1000
KEPT_EDITS = 20


@dataclass
class Message:
    """A message in the channel; `edits` holds its earlier shapes, oldest first (ts, text, blocks)."""

    ts: str
    user: str
    text: str
    blocks: list[Json]
    metadata: Json | None = None
    edited: str | None = None
    edits: list[Json] = field(default_factory=list)

    def as_json(self) -> Json:
        """The message with all its fields as JSON values."""
        return asdict(self)


@dataclass
class Whisper:
    """A note only one person sees (an ephemeral message)."""

    ts: str
    to: str
    user: str
    text: str
    blocks: list[Json]

    def as_json(self) -> Json:
        """The note with all its fields as JSON values."""
        return asdict(self)


@dataclass
class Dialog:
    """A modal open before one person; `errors` by block id after a refused submission."""

    id: str
    user: str
    view: Json
    hash: str
    errors: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> Json:
        """The modal with all its fields as JSON values."""
        return asdict(self)


class Room:
    """The channel's memory. Every change is written to `folder/chat.json` before it is told to anyone."""

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        """`now` gives seconds since the epoch; a `chat.json` left in the folder is read back."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "chat.json"
        self._now = now
        self._bell = asyncio.Event()
        self._closing = False
        self._last = 0
        self.version = 0
        self.messages: dict[str, Message] = {}
        self.whispers: list[Whisper] = []
        self.dialogs: dict[str, Dialog] = {}
        if self._file.exists():
            self._load(mapping(json.loads(self._file.read_text(encoding="utf-8"))))

    def stamp(self) -> str:
        """A new message time stamp, as Slack writes it; never the same one twice."""
        self._last = max(int(self._now() * 1_000_000), self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def post(self, user: str, words: str, blocks: list[Json], metadata: Json | None = None) -> Message:
        """Puts a new message at the end of the channel."""
        message = Message(self.stamp(), user, words, blocks, metadata)
        self.messages[message.ts] = message
        for ts in list(self.messages)[:-KEPT_MESSAGES]:
            del self.messages[ts]
        self.changed()
        return message

    def edit(self, message: Message, words: str, blocks: list[Json], metadata: Json | None = None) -> None:
        """Replaces a message's content and remembers what stood there; metadata stays unless given."""
        message.edits.append(
            {"ts": message.edited or message.ts, "text": message.text, "blocks": message.blocks}
        )
        del message.edits[:-KEPT_EDITS]
        message.text, message.blocks, message.edited = words, blocks, self.stamp()
        message.metadata = metadata if metadata is not None else message.metadata
        self.changed()

    def remove(self, message: Message) -> None:
        """Takes a message out of the channel."""
        self.messages.pop(message.ts, None)
        self.changed()

    def whisper(self, to: str, user: str, words: str, blocks: list[Json]) -> Whisper:
        """Leaves a note only `to` can see."""
        note = Whisper(self.stamp(), to, user, words, blocks)
        self.whispers = [*self.whispers[-KEPT_MESSAGES:], note]
        self.changed()
        return note

    def show(self, dialog: Dialog) -> None:
        """Opens a modal, or puts a changed one in the place of the old."""
        self.dialogs[dialog.id] = dialog
        self.changed()

    def close(self, dialog: str) -> None:
        """Takes a modal away."""
        self.dialogs.pop(dialog, None)
        self.changed()

    def changed(self) -> None:
        """Writes the file and wakes everyone who waits for news."""
        self.version += 1
        self._save()
        self._ring()

    async def news(self, after: int, seconds: float) -> int:
        """Waits until the room differs from version `after`, or the time is up; the version now."""
        if self.version == after and not self._closing:
            try:
                async with asyncio.timeout(seconds):
                    await self._bell.wait()
            except TimeoutError:
                pass
        return self.version

    def open(self) -> None:
        """Lets pages wait for news again (the server starts)."""
        self._closing = False

    def shut(self) -> None:
        """Lets every waiting page go, and no other wait (the server stops)."""
        self._closing = True
        self._ring()

    def _ring(self) -> None:
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()

    def _save(self) -> None:
        # Dialogs are left out: they die with the app that opened them, as Slack's do when a client restarts.
        whole = {
            "messages": [one.as_json() for one in self.messages.values()],
            "whispers": [one.as_json() for one in self.whispers],
            "last": self._last,
            "version": self.version,
        }
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
        fresh.replace(self._file)

    def _load(self, whole: Json) -> None:
        self._last = number(whole.get("last"), 0)
        self.version = number(whole.get("version"), 0) + 1
        for one in mappings(whole.get("messages")):
            ts = text(one.get("ts"))
            metadata = mapping(one["metadata"]) if one.get("metadata") is not None else None
            self.messages[ts] = Message(
                ts,
                text(one.get("user")),
                text(one.get("text")),
                mappings(one.get("blocks")),
                metadata,
                text_or_none(one.get("edited")),
                mappings(one.get("edits")),
            )
        for one in mappings(whole.get("whispers")):
            who, by, words = text(one.get("to")), text(one.get("user")), text(one.get("text"))
            self.whispers.append(Whisper(text(one.get("ts")), who, by, words, mappings(one.get("blocks"))))
