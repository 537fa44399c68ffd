"""/hansho and what may follow it: 下書き, 状況, 取下げ 番号, 中止 番号, ヘルプ."""

import re
import unicodedata
from collections.abc import Awaitable, Callable
from datetime import datetime

from bot import drafting, modals
from bot.gestures import Command
from bot.modals import Choice
from bot.names import clock_time, name_of
from bot.office import Office
from bot.wording import phrase, refusal
from store import bulletins
from store.bulletins import View
from store.errors import Refused
from store.people import Somebody
from store.states import BulletinState

_NUMBER = re.compile(r"\d{4}-\d{4,6}")
_UNDER_WAY = (
    BulletinState.SUBMITTED,
    BulletinState.APPROVED,
    BulletinState.SCHEDULED,
    BulletinState.SENDING,
)
_LINES = 20

Answer = Callable[[Command, Somebody, str], Awaitable[None]]


class Commands:
    """Answers slash commands in private, or opens a form; nothing is decided here."""

    def __init__(self, office: Office) -> None:
        """Words people type → what answers them."""
        self._office = office
        words: dict[Answer, tuple[str, ...]] = {
            self._draft: ("下書き", "下書", "draft"),
            self._status: ("状況", "一覧", "status"),
            self._withdraw: ("取下げ", "取り下げ", "取下", "withdraw"),
            self._stop: ("中止", "配信中止", "stop"),
            self._help: ("", "ヘルプ", "help"),
        }
        self._answers = {word: answer for answer, typed in words.items() for word in typed}

    async def heard(self, command: Command) -> None:
        """Do what was typed."""
        person = await self._office.person(command.who)
        if person is None:
            await self._office.say(command.response, self._office.stranger(command.who))
            return
        verb, _, rest = " ".join(unicodedata.normalize("NFKC", command.text).split()).partition(" ")
        answer = self._answers.get(verb.lower())
        if answer is None:
            words = refusal("unknown-command", text=command.text[:100], usage=phrase("commands", "usage"))
            await self._office.say(command.response, words)
            return
        await answer(command, person, rest)

    async def _help(self, command: Command, _person: Somebody, _rest: str) -> None:
        words = phrase("commands", "help", usage=phrase("commands", "usage"))
        await self._office.say(command.response, words)

    async def _draft(self, command: Command, person: Somebody, _rest: str) -> None:
        def choices(now: datetime) -> tuple[list[Choice], list[Choice]]:
            return drafting.category_choices(person.id, now=now), drafting.area_choices()

        categories, areas = await self._office.store.run(choices, self._office.store.now())
        if not categories:
            await self._office.say(command.response, refusal("no-categories", **self._office.words()))
            return
        form = modals.draft_modal(categories, areas, command.response)
        await self._office.calls.open_form(command.trigger, form)

    async def _status(self, command: Command, _person: Somebody, _rest: str) -> None:
        views = await self._office.store.run(bulletins.listed, _UNDER_WAY, limit=_LINES + 1)
        await self._office.say(command.response, _listing(views))

    async def _withdraw(self, command: Command, _person: Somebody, rest: str) -> None:
        if (number := await self._number(command, rest, "取下げ")) is not None:
            form = modals.withdraw_modal(number, command.response)
            await self._office.calls.open_form(command.trigger, form)

    async def _stop(self, command: Command, _person: Somebody, rest: str) -> None:
        if (number := await self._number(command, rest, "中止")) is not None:
            form = modals.stop_modal(number, command.response)
            await self._office.calls.open_form(command.trigger, form)

    async def _number(self, command: Command, rest: str, verb: str) -> str | None:
        """The number of a bulletin that is there; else the person is told, and None."""
        found = _NUMBER.fullmatch(rest.strip())
        if found is None:
            await self._office.say(command.response, refusal("unknown-number", verb=verb))
            return None
        try:
            return (await self._office.store.run(bulletins.by_number, found.group())).number
        except Refused as refused:
            await self._office.say(command.response, await self._office.why_not(refused, found.group()))
            return None


def _listing(views: list[View]) -> str:
    if not views:
        return phrase("commands", "status.none")
    shown = views[:_LINES]
    lines = [phrase("commands", "status.head", count=str(len(shown))), *(_line(view) for view in shown)]
    if len(views) > _LINES:
        lines.append(phrase("commands", "status.more"))
    return "\n".join(lines)


def _line(view: View) -> str:
    return phrase(
        "commands",
        "status.line",
        number=view.number,
        realm=name_of("realm", view.realm),
        state=name_of("state", view.state),
        subject=view.subject,
        category=view.category,
        author=view.author or name_of("origin", view.origin),
        when=clock_time(view.submitted_at or view.created_at),
    )
