"""The stand-in's response addresses: an app may answer an act there five times within half an hour."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from bot.shape import Json
from bot.standin.people import BOT
from bot.standin.room import Room
from bot.standin.webapi import Refusal, content

MOST_USES = 5
LIFETIME_SECONDS = 1800.0


@dataclass
class Slot:
    """One response address: whose act it answers, the message acted on (or None), and what is left of it."""

    user: str
    ts: str | None
    born: float
    uses: int = 0


class Replies:
    """All response addresses given out; `base` is where the server hears them."""

    def __init__(self, room: Room, now: Callable[[], float]) -> None:
        """`now` gives seconds; only differences count."""
        self._room = room
        self._now = now
        self._slots: dict[str, Slot] = {}
        self.base = ""

    def address(self, user: str, ts: str | None) -> str:
        """A new response address for an act of `user` on message `ts`."""
        word = secrets.token_hex(12)
        self._slots[word] = Slot(user, ts, self._now())
        return f"{self.base}/response/{word}"

    def answer(self, word: str, said: Json) -> None:
        """What the app posted to a response address; Refusal when it is unknown, used up or too old."""
        slot = self._slots.get(word)
        if slot is None or slot.uses >= MOST_USES:
            raise Refusal("used_url")
        if self._now() - slot.born > LIFETIME_SECONDS:
            raise Refusal("expired_url")
        slot.uses += 1
        self.say(slot.user, slot.ts, said)

    def say(self, user: str, ts: str | None, said: Json) -> None:
        """Carries out an answer: replaces or removes the message, or says something privately or aloud."""
        message = self._room.messages.get(ts or "")
        if message is not None and said.get("delete_original") is True:
            self._room.remove(message)
            return
        words, blocks = content(said)
        if message is not None and said.get("replace_original") is True:
            self._room.edit(message, words, blocks)
        elif said.get("response_type") == "in_channel":
            self._room.post(BOT.user, words, blocks)
        else:
            self._room.whisper(user, BOT.user, words, blocks)
