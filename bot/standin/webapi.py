"""The methods of Slack's Web API which the app uses, as the stand-in answers them."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.shape import Json, mapping, mappings, number, text
from bot.standin.kit import message_problems, too_long, view_problems
from bot.standin.people import BOT, Person, Town
from bot.standin.room import Dialog, Message, Room

TRIGGER_SECONDS = 3.0
"""A trigger opens a modal within three seconds of the click, once."""


class Refusal(Exception):
    """The call is answered `ok: false`; `code` is Slack's word for why, `messages` its details."""

    def __init__(self, code: str, *messages: str) -> None:
        """`code` as Slack spells it."""
        super().__init__(code)
        self.code = code
        self.messages = messages


@dataclass(frozen=True)
class Trigger:
    """The right to open one modal before one person, born at `at` (seconds)."""

    user: str
    at: float


class WebApi:
    """Web API methods by name, each `(arguments) -> answer`, raising Refusal."""

    def __init__(self, town: Town, room: Room, now: Callable[[], float]) -> None:
        """`now` gives seconds; only differences count."""
        self._town = town
        self._room = room
        self._now = now
        self._triggers: dict[str, Trigger] = {}
        self.methods: Mapping[str, Callable[[Json], Json]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "chat.postEphemeral": self._post_ephemeral,
            "views.open": self._views_open,
            "views.update": self._views_update,
            "views.publish": self._views_publish,
            "users.info": self._users_info,
            "users.lookupByEmail": self._users_lookup,
            "conversations.list": self._list,
            "conversations.info": self._info,
            "conversations.history": self._history,
        }

    def trigger(self, user: str) -> str:
        """A trigger id for an envelope that goes out now."""
        trigger = f"{self._room.version}.{secrets.token_hex(12)}"
        self._triggers[trigger] = Trigger(user, self._now())
        return trigger

    def _auth_test(self, asked: Json) -> Json:
        town = self._town
        who = {"user": "hansho", "user_id": BOT.user, "bot_id": "B0HANSHO"}
        return {"team": town.team_name, "team_id": town.team, "is_enterprise_install": False, **who}

    def _post(self, asked: Json) -> Json:
        self._in_channel(asked)
        words, blocks = content(asked)
        metadata = mapping(asked.get("metadata")) or None
        message = self._room.post(BOT.user, words, blocks, metadata)
        return {
            "channel": self._town.channel,
            "ts": message.ts,
            "message": self.message_record(message, True),
        }

    def _update(self, asked: Json) -> Json:
        message = self._own_message(asked)
        words, blocks = content(asked)
        self._room.edit(message, words, blocks, mapping(asked.get("metadata")) or None)
        return {"channel": self._town.channel, "ts": message.ts, "text": words}

    def _delete(self, asked: Json) -> Json:
        message = self._own_message(asked)
        self._room.remove(message)
        return {"channel": self._town.channel, "ts": message.ts}

    def _post_ephemeral(self, asked: Json) -> Json:
        self._in_channel(asked)
        if (person := self._town.person(text(asked.get("user")))) is None:
            raise Refusal("user_not_in_channel")
        words, blocks = content(asked)
        return {"message_ts": self._room.whisper(person.user, BOT.user, words, blocks).ts}

    def _views_open(self, asked: Json) -> Json:
        trigger = self._triggers.pop(text(asked.get("trigger_id")), None)
        if trigger is None:
            raise Refusal("exchanged_trigger_id" if asked.get("trigger_id") else "invalid_trigger_id")
        if self._now() - trigger.at > TRIGGER_SECONDS:
            raise Refusal("expired_trigger_id")
        view = checked_view(asked.get("view"))
        dialog = Dialog(f"V{secrets.token_hex(5).upper()}", trigger.user, view, self._room.stamp())
        self._room.show(dialog)
        return {"view": self.view_record(dialog)}

    def _views_update(self, asked: Json) -> Json:
        dialog = self._room.dialogs.get(text(asked.get("view_id")))
        if dialog is None:
            raise Refusal("not_found")
        if asked.get("hash") not in (None, dialog.hash):
            raise Refusal("hash_conflict")
        fresh = Dialog(dialog.id, dialog.user, checked_view(asked.get("view")), self._room.stamp())
        self._room.show(fresh)
        return {"view": self.view_record(fresh)}

    def _views_publish(self, asked: Json) -> Json:
        person = self._person(text(asked.get("user_id")))
        view = checked_view(asked.get("view"))
        return {"view": {"id": f"VHOME{person.user}", "team_id": self._town.team, **view}}

    def _users_info(self, asked: Json) -> Json:
        return {"user": self._town.user_record(self._person(text(asked.get("user"))))}

    def _users_lookup(self, asked: Json) -> Json:
        address = text(asked.get("email")).casefold()
        found = [one for one in self._town.people if one.mail is not None and one.mail.casefold() == address]
        if not found:
            raise Refusal("users_not_found")
        return {"user": self._town.user_record(found[0])}

    def _list(self, asked: Json) -> Json:
        return {"channels": [self.channel_record()], "response_metadata": {"next_cursor": ""}}

    def _info(self, asked: Json) -> Json:
        self._in_channel(asked)
        return {"channel": self.channel_record()}

    def _history(self, asked: Json) -> Json:
        self._in_channel(asked)
        oldest, latest = text(asked.get("oldest"), "0"), text(asked.get("latest")) or "9" * 12
        cursor, limit = text(asked.get("cursor")), number(asked.get("limit"), 100)
        stamps = sorted(
            (ts for ts in self._room.messages if _time(oldest) < _time(ts) < _time(latest)), key=_time
        )
        if cursor:
            stamps = [ts for ts in stamps if _time(ts) < _time(cursor)]
        page = stamps[-limit:][::-1]
        metadata = str(asked.get("include_all_metadata")).lower() in ("1", "true")
        more = len(stamps) > len(page)
        return {
            "messages": [self.message_record(self._room.messages[ts], metadata) for ts in page],
            "has_more": more,
            "response_metadata": {"next_cursor": page[-1] if more else ""},
        }

    def message_record(self, message: Message, metadata: bool) -> Json:
        """A message as Slack describes it in answers and payloads."""
        record: Json = {"type": "message", "ts": message.ts, "user": message.user, "text": message.text}
        record |= {"blocks": message.blocks, "team": self._town.team}
        if message.user == BOT.user:
            record |= {"bot_id": "B0HANSHO", "app_id": "A0HANSHO"}
        if message.edited is not None:
            record["edited"] = {"user": message.user, "ts": message.edited}
        if metadata and message.metadata is not None:
            record["metadata"] = message.metadata
        return record

    def view_record(self, dialog: Dialog) -> Json:
        """A modal as Slack describes it in answers and payloads."""
        head: Json = {"id": dialog.id, "team_id": self._town.team, "app_id": "A0HANSHO", "hash": dialog.hash}
        empty: Json = {"private_metadata": "", "callback_id": "", "external_id": "", "state": {"values": {}}}
        return {**head, **empty, **dialog.view, "root_view_id": dialog.id, "previous_view_id": None}

    def channel_record(self) -> Json:
        """The one channel as Slack describes it."""
        name = self._town.channel_name
        return {"id": self._town.channel, "name": name, "is_channel": True, "is_member": True}

    def _in_channel(self, asked: Json) -> None:
        if asked.get("channel") not in (self._town.channel, f"#{self._town.channel_name}"):
            raise Refusal("channel_not_found")

    def _own_message(self, asked: Json) -> Message:
        self._in_channel(asked)
        message = self._room.messages.get(text(asked.get("ts")))
        if message is None:
            raise Refusal("message_not_found")
        if message.user != BOT.user:
            raise Refusal("cant_update_message")
        return message

    def _person(self, user: str) -> Person:
        person = BOT if user == BOT.user else self._town.person(user)
        if person is None:
            raise Refusal("user_not_found")
        return person


def content(asked: Json) -> tuple[str, list[Json]]:
    """Text and blocks of a call, after Slack's checks; Refusal when it would not take them."""
    words, blocks = text(asked.get("text")), mappings(asked.get("blocks"))
    if not words and not blocks:
        raise Refusal("no_text")
    if len(words) > 40_000:
        raise Refusal("msg_too_long")
    if problems := message_problems(blocks):
        raise Refusal("invalid_blocks", *problems)
    if too_long(blocks):
        raise Refusal("msg_blocks_too_long")
    return words, blocks


def checked_view(given: object) -> Json:
    """A view after Slack's checks; Refusal when it would not take it."""
    view = mapping(given)
    if problems := view_problems(view):
        raise Refusal("invalid_arguments", *problems)
    return view


def _time(ts: str) -> float:
    try:
        return float(ts)
    except ValueError:
        return 0.0
