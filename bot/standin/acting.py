"""What people do in the stand-in: press a button, type a command, send a dialog; each becomes an envelope."""

from dataclasses import dataclass

from bot.shape import Json, dig, mapping, mappings, text
from bot.standin.inputs import filled, missing
from bot.standin.link import Answer, Link
from bot.standin.people import BOT, HOUSE, Person, Town
from bot.standin.replies import Replies
from bot.standin.room import Dialog, Message, Room, Whisper
from bot.standin.webapi import Refusal, WebApi, checked_view

FAILED = "操作を完了できませんでした（3秒以内に返事がありません）。少し待って、もう一度お試しください。"


class NotThere(Exception):
    """There is no such person, message, button or dialog; the text says which, in Japanese."""


@dataclass(frozen=True)
class Done:
    """What came of an act: whether the app acknowledged, errors by block id (dialogs), and its raw answer."""

    acked: bool
    errors: dict[str, str]
    answer: Json


class Actor:
    """Turns people's acts into the payloads Slack would send, and the app's answers into what people see."""

    def __init__(self, town: Town, room: Room, api: WebApi, link: Link, replies: Replies) -> None:
        """All of them belong to one stand-in."""
        self._town = town
        self._room = room
        self._api = api
        self._link = link
        self._replies = replies

    async def click(self, user: str, ts: str, button: str) -> Done:
        """Presses a button, named by action id or by its text, on a message or a note.

        A button that an edit has taken away meanwhile can still be pressed, as from a screen that
        has not been redrawn yet.
        """
        person = self._person(user)
        message, pressed, block = self._button(ts, user, button)
        private = isinstance(self._note(ts), Whisper)
        container = {
            "type": "message",
            "message_ts": ts,
            "channel_id": self._town.channel,
            "is_ephemeral": private,
        }
        action: Json = {
            key: pressed[key] for key in ("action_id", "text", "value", "style", "type") if key in pressed
        }
        action |= {"block_id": text(block.get("block_id"), "b"), "action_ts": self._room.stamp()}
        payload = self._head("block_actions", person) | {
            "container": container,
            "channel": {"id": self._town.channel, "name": self._town.channel_name},
            "message": message,
            "state": {"values": {}},
            "response_url": self._replies.address(user, ts),
            "actions": [action],
        }
        return self._told(user, await self._link.deliver("interactive", payload, False))

    async def say(self, user: str, words: str) -> Done:
        """Types a line: a slash command goes to the app, anything else into the channel."""
        person = self._person(user)
        if not words.startswith("/"):
            self._room.post(user, words, [])
            return Done(True, {}, {})
        command, _, rest = words.partition(" ")
        payload: Json = {
            "command": command,
            "text": rest.strip(),
            "team_id": self._town.team,
            "team_domain": self._town.team_name,
            "channel_id": self._town.channel,
            "channel_name": self._town.channel_name,
            "user_id": user,
            "user_name": person.user.lower(),
            "api_app_id": "A0HANSHO",
            "is_enterprise_install": "false",
            "response_url": self._replies.address(user, None),
            "trigger_id": self._api.trigger(user),
        }
        done = self._told(user, await self._link.deliver("slash_commands", payload, True))
        if done.answer.get("text") or done.answer.get("blocks"):
            self._replies.say(user, None, done.answer)
        return done

    async def submit(self, user: str, view: str, values: Json) -> Done:
        """Sends a dialog, `values` by block id (or block id, action id); those omitted keep their start."""
        dialog = self._dialog(user, view)
        blocks = mappings(dialog.view.get("blocks"))
        state = filled(blocks, values)
        if unfilled := missing(blocks, state):
            return self._refused(dialog, unfilled)
        payload = self._head("view_submission", self._person(user)) | {
            "view": self._api.view_record(dialog) | {"state": {"values": state}},
            "response_urls": [],
        }
        done = self._told(user, await self._link.deliver("interactive", payload, True))
        return self._answered(dialog, done) if done.acked else done

    async def dismiss(self, user: str, view: str) -> Done:
        """Closes a dialog without sending it; the app hears of it if it asked to."""
        dialog = self._dialog(user, view)
        self._room.close(view)
        if dialog.view.get("notify_on_close") is not True:
            return Done(True, {}, {})
        payload = self._head("view_closed", self._person(user)) | {"view": self._api.view_record(dialog)}
        return self._told(user, await self._link.deliver("interactive", payload, False))

    def _answered(self, dialog: Dialog, done: Done) -> Done:
        match done.answer.get("response_action"):
            case "errors":
                errors = mapping(done.answer.get("errors"))
                return self._refused(dialog, {key: text(value) for key, value in errors.items()})
            case "update" | "push":
                try:
                    view = checked_view(done.answer.get("view"))
                except Refusal:
                    return self._told(dialog.user, Answer({}, "invalid_view"))
                self._room.show(Dialog(dialog.id, dialog.user, view, self._room.stamp()))
            case _:
                self._room.close(dialog.id)
        return done

    def _refused(self, dialog: Dialog, errors: dict[str, str]) -> Done:
        dialog.errors = errors
        self._room.changed()
        return Done(True, errors, {})

    def _told(self, user: str, answer: Answer) -> Done:
        if not answer.acked:
            self._room.whisper(user, HOUSE.user, FAILED, [])
        return Done(answer.acked, {}, answer.payload)

    def _head(self, kind: str, person: Person) -> Json:
        team = {"id": self._town.team, "domain": self._town.team_name}
        who = {
            "id": person.user,
            "username": person.user.lower(),
            "name": person.name,
            "team_id": self._town.team,
        }
        return {
            "type": kind,
            "team": team,
            "user": who,
            "enterprise": None,
            "is_enterprise_install": False,
            "api_app_id": "A0HANSHO",
            "token": "",
            "trigger_id": self._api.trigger(person.user),
        }

    def _button(self, ts: str, user: str, wanted: str) -> tuple[Json, Json, Json]:
        note = self._note(ts)
        if note is None or (isinstance(note, Whisper) and note.to != user):
            raise NotThere(f"メッセージ {ts} はありません。")
        shapes: list[Json] = [{"ts": ts, "user": BOT.user, "text": note.text, "blocks": note.blocks}]
        if not isinstance(note, Whisper):
            shapes = [self._api.message_record(note, True), *reversed(note.edits)]
        for shape in shapes:
            for block in mappings(shape.get("blocks")):
                for element in [*mappings(block.get("elements")), mapping(block.get("accessory"))]:
                    if wanted in (element.get("action_id"), dig(element, "text", "text")):
                        return shape | {"ts": ts}, element, block
        raise NotThere(f"メッセージ {ts} に「{wanted}」というボタンはありません。")

    def _note(self, ts: str) -> Message | Whisper | None:
        return self._room.messages.get(ts) or next((one for one in self._room.whispers if one.ts == ts), None)

    def _dialog(self, user: str, view: str) -> Dialog:
        dialog = self._room.dialogs.get(view)
        if dialog is None or dialog.user != user:
            raise NotThere(f"画面 {view} は開いていません。")
        return dialog

    def _person(self, user: str) -> Person:
        if (person := self._town.person(user)) is None:
            raise NotThere(f"{user} という人はいません。")
        return person
