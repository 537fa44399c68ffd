"""Puts a card's message where it belongs: posted once, changed in place, a new one for each new round of approval."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from bot import showing
from bot.blocks import SMALL_ROOM
from bot.memory import Memory
from bot.pace import Pace
from bot.showing import Face
from bot.sight import Sight
from bot.slack.calls import SlackCalls, SlackRefused
from store.cards import Wanted


class Board:
    """The channel as we write on it, no faster than Slack allows."""

    def __init__(self, calls: SlackCalls, channel: str, now: Callable[[], datetime]) -> None:
        """`now` is the ledger's clock."""
        self._calls = calls
        self._channel = channel
        self._now = now
        self._posts, self._changes = Pace(5, 1.0), Pace(20, 1.2)

    async def show(self, wanted: Wanted, seen: Sight, known: Memory) -> tuple[Wanted, Memory]:
        """Post or change the message unless it shows just this; where it stands now."""
        if wanted.ts and seen.waits and known.round != seen.returns:
            await self._retire(wanted, seen, known)
            wanted, known = replace(wanted, ts=None, place=None), replace(known, face="")
        if not wanted.ts:
            known = replace(known, round=seen.returns)
        face = showing.face(seen, known)
        if wanted.ts and face.hash == known.face:
            return wanted, known
        urgent = known.buttons != face.buttons
        try:
            wanted = await self._put(wanted, seen, known, face, urgent)
        except SlackRefused as error:
            if error.code != "msg_blocks_too_long":
                raise
            wanted = await self._put(wanted, seen, known, showing.face(seen, known, SMALL_ROOM), urgent)
        return wanted, replace(known, face=face.hash, buttons=face.buttons)

    async def _put(self, wanted: Wanted, seen: Sight, known: Memory, face: Face, urgent: bool) -> Wanted:
        if wanted.ts and wanted.place:
            try:
                await self._changes.turn(urgent=urgent)
                await self._calls.update(wanted.place, wanted.ts, face.blocks, face.words)
                return wanted
            except SlackRefused as error:
                if error.code != "message_not_found":  # somebody took the message away: it is posted again
                    raise
        await self._posts.turn()
        key = f"card-{wanted.id}" + (f".{known.round}" if known.round else "")
        # Slack's clock is the real one, whatever day the training town has.
        born = seen.view.created_at - (self._now() - datetime.now(UTC))
        posted = await self._calls.post_once(self._channel, face.blocks, face.words, key, since=born)
        if not posted.fresh:  # posted before, its record lost in a crash: it may show an older version
            await self._calls.update(self._channel, posted.ts, face.blocks, face.words)
        return replace(wanted, ts=posted.ts, place=self._channel)

    async def _retire(self, wanted: Wanted, seen: Sight, known: Memory) -> None:
        """The message of the round before keeps no buttons: the bulletin waits on a new one, which is noticed."""
        if not known.buttons or not wanted.place or not wanted.ts:
            return
        face = showing.returned_face(seen, known)
        try:
            await self._calls.update(wanted.place, wanted.ts, face.blocks, face.words)
        except SlackRefused as error:
            if error.code != "message_not_found":
                raise
