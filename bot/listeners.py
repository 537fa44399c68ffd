"""What happens when somebody presses a button, sends a form or types /hansho; all rules are the ledger's."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from bot import deciding, drafting, modals, sight
from bot.card import Action, read_button_value
from bot.commands import Commands
from bot.deciding import Shown
from bot.gestures import Click, Command, Submission
from bot.modals import Field, Form
from bot.office import Office
from bot.refusals import sentence
from bot.wording import phrase, refusal
from store import bulletins
from store.errors import Refused
from store.people import Somebody

Errors = Mapping[str, str]
_FORMS = {Action.RETURN: modals.return_modal, Action.REJECT: modals.reject_modal}


class Listeners:
    """Hears of clicks, forms and commands from the line (bot.gestures.Listener)."""

    def __init__(self, office: Office) -> None:
        """What must survive is in the ledger: another node may hear the next act."""
        self._office = office
        self._commands = Commands(office)
        self._drafts = asyncio.Lock()
        self._answers: set[asyncio.Task[None]] = set()

    async def commanded(self, command: Command) -> None:
        """A slash command."""
        await self._commands.heard(command)

    async def clicked(self, click: Click) -> None:
        """A button of a card."""
        value = read_button_value(click.value)
        if value is None or click.action not in list(Action):
            await self._office.say(click.response, refusal("unknown-button"))
            return
        shown, action = Shown(*value), Action(click.action)
        if action in _FORMS:
            # A form opens within three seconds of the click or not at all: rights are looked at when it is sent.
            await self._office.calls.open_form(click.trigger, _FORMS[action](shown.number, shown.digest))
        elif action is Action.READ:
            await self._read(click, shown)
        else:
            await self._decide(click, shown, action)

    async def _read(self, click: Click, shown: Shown) -> None:
        """The whole mail, where a card is too small for it."""

        def mail() -> tuple[str, str]:
            return sight.exact_mail(bulletins.by_number(shown.number))

        try:
            subject, body = await self._office.store.run(mail)
        except Refused as refused:
            await self._office.say(click.response, await self._office.why_not(refused, shown.number))
            return
        await self._office.calls.open_form(click.trigger, modals.read_modal(subject, body))

    async def _decide(self, click: Click, shown: Shown, action: Action) -> None:
        """承認 or 配信中止. The card itself tells everybody; a refusal is for the one who clicked."""
        store, hours = self._office.store, self._office.settings.hours
        person = await self._office.person(click.who)
        if person is None:
            await self._office.say(click.response, self._office.stranger(click.who))
            return
        try:
            if action is Action.STOP:
                await store.run(deciding.stop, shown.number, person=person.id, now=store.now())
            else:
                await store.run(
                    deciding.approve,
                    shown,
                    person=person.id,
                    opens=hours.open,
                    closes=hours.close,
                    now=store.now(),
                )
        except Refused as refused:
            await self._office.say(click.response, await self._office.why_not(refused, shown.number))

    async def submitted(self, submission: Submission) -> Errors:
        """A form; errors keep it open."""
        acts: dict[str, Callable[[Submission, Somebody], Coroutine[Any, Any, Errors]]] = {
            Form.RETURN: self._given_back,
            Form.REJECT: self._given_back,
            Form.WITHDRAW: self._withdrawn,
            Form.STOP: self._stopped,
            Form.DRAFT: self._drafted,
        }
        act = acts.get(submission.form)
        if act is None:
            return {}
        person = await self._office.person(submission.who)
        if person is None:
            return {next(iter(submission.values), Field.REASON): self._office.stranger(submission.who)}
        return await act(submission, person)

    async def _given_back(self, submission: Submission, person: Somebody) -> Errors:
        """差戻し and 却下, with a reason that the author gets word for word."""
        value = read_button_value(submission.about)
        if value is None:
            return {Field.REASON: refusal("unknown-button")}
        shown, store = Shown(*value), self._office.store
        note = modals.read_reason(submission.values)
        verb = deciding.send_back if submission.form == Form.RETURN else deciding.reject
        try:
            await store.run(verb, shown, person=person.id, note=note, now=store.now())
        except Refused as refused:
            return {Field.REASON: await self._office.why_not(refused, shown.number)}
        return {}

    async def _withdrawn(self, submission: Submission, person: Somebody) -> Errors:
        number, _, response = submission.about.partition(" ")
        store, why = self._office.store, modals.read_reason(submission.values)
        try:
            await store.run(deciding.withdraw, number, person=person.id, why=why, now=store.now())
        except Refused as refused:
            return {Field.REASON: await self._office.why_not(refused, number)}
        self._answer(response, phrase("commands", "withdrawn", number=number))
        return {}

    async def _stopped(self, submission: Submission, person: Somebody) -> Errors:
        """配信中止. The form has no field that could carry an error: what went wrong is told beside it."""
        number, _, response = submission.about.partition(" ")
        store = self._office.store
        try:
            await store.run(deciding.stop, number, person=person.id, now=store.now())
            self._answer(response, phrase("commands", "stopped", number=number))
        except Refused as refused:
            self._answer(response, await self._office.why_not(refused, number))
        return {}

    async def _drafted(self, submission: Submission, person: Somebody) -> Errors:
        words = modals.read_draft(submission.values)
        store = self._office.store
        try:
            # Sent again because our answer was late, it meets its first sending here, finished.
            async with self._drafts:
                made = await store.run(
                    drafting.submit,
                    words,
                    author=person.id,
                    render=self._office.render,
                    once=f"slack-form:{submission.view}",
                    now=store.now(),
                )
        except Refused as refused:
            return {drafting.field(refused): sentence(refused, self._office.words())}
        self._answer(
            submission.about, phrase("commands", "submitted", number=made.number, subject=words.subject)
        )
        return {}

    def _answer(self, response: str, words: str) -> None:
        """Say it after the form has been answered, which must be quick."""
        if not response:
            return
        task = asyncio.create_task(self._office.say(response, words))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)
