"""Deciding by a mailed link when the chat is silent (X2): the exact mail, a PIN, and four buttons."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from multidict import MultiDict

from config import refusals
from inbound import web_case
from inbound.web_case import Case, Count, moment
from inbound.web_room import Room, form_of, token_of
from inbound.web_verdict import Done, Verdicts
from store import approvals, bulletins, decisions, people
from store.decisions import Door
from store.errors import Refused
from store.states import BulletinState
from store.tokens import TokenState

# Longer than this nobody waits for the exact number: the page says 約N人 then (R23).
_COUNT_SECONDS = 0.7
_NO_PIN = "暗証番号が決められていないため、このページでは決められません。運用担当者に決めてもらってください。"
# Only what is framed by our own page; it may style itself, and nothing more (R13).
_MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"


@dataclass(frozen=True)
class Wish:
    """What the form says: approve, return or reject, why, and the PIN."""

    action: str
    note: str
    pin: str

    def problem(self) -> tuple[str, str] | None:
        """(field, sentence) of what is missing, before a PIN is even looked at."""
        if self.action == "enter":
            return "pin", "下のボタンで、承認するか差し戻すかを選んでください。"
        if self.action == "return" and not self.note.strip():
            return "note", "差し戻す理由を書いてください。書いた人に、このまま届きます。"
        return None if self.pin else ("pin", "暗証番号を入力してください。")


class Approval:
    """Pages `/shounin/TOKEN` and, in its frame, `/shounin/TOKEN/mail`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._verdicts = Verdicts(room.pages)
        self._counts: dict[tuple[int, str], asyncio.Future[Count]] = {}
        self._asked_anew: set[tuple[int, str, int]] = set()

    def routes(self) -> list[web.RouteDef]:
        """What the application serves of these."""
        return [
            web.get("/shounin/{token}", self._show),
            web.get("/shounin/{token}/mail", self._mail),
            web.post("/shounin/{token}", self._decide),
        ]

    async def _case(self, request: web.Request) -> Case | None:
        try:
            # Not on the reading connection: there a slow count may stand in front (R23).
            office = self._room.settings.hours
            return await self._room.store.run(web_case.case, token_of(request), office, now=self._room.now)
        except Refused:
            return None

    async def _show(self, request: web.Request) -> web.Response:
        case = await self._case(request)
        if case is None:
            return self._verdicts.unknown()
        return (
            await self._form(request, case) if case.waiting else self._verdicts.settled(case, _here(request))
        )

    async def _mail(self, request: web.Request) -> web.Response:
        case = await self._case(request)
        if case is None or not case.waiting:
            raise web.HTTPNotFound
        headers = {"Content-Security-Policy": _MAIL_POLICY}
        return web.Response(text=case.html, content_type="text/html", charset="utf-8", headers=headers)

    async def _count(self, case: Case) -> Count | None:
        """The exact numbers if they come soon; the question goes on and is asked once for a version."""
        key = (case.view.version, case.view.realm)
        if key not in self._counts:
            if len(self._counts) >= 100:
                self._counts = {k: asked for k, asked in self._counts.items() if not asked.done()}
            self._counts[key] = asyncio.ensure_future(self._room.store.read(web_case.count, *key))
        asked = self._counts[key]
        await asyncio.wait([asked], timeout=_COUNT_SECONDS)
        if not asked.done():
            return None
        self._counts.pop(key, None)  # people join and leave: the next one to look is told anew
        return asked.result()

    async def _form(
        self,
        request: web.Request,
        case: Case,
        *,
        problem: tuple[str, str] | None = None,
        note: str = "",
        status: int = 200,
    ) -> web.Response:
        refused = (
            _NO_PIN if case.refusal == "no-pin" else case.refusal and refusals.sentence(case.refusal, {})
        )
        view = case.view
        return self._room.pages.show(
            "web_approval",
            status,
            here=_here(request),
            case=case,
            view=view,
            realm=web_case.REALMS[view.realm],
            urgency=web_case.URGENCIES[view.urgency],
            count=await self._count(case),
            release=moment(view.release_at),
            not_after=moment(view.not_after),
            submitted=moment(view.submitted_at),
            held=moment(case.opening),
            refused=refused,
            problem=problem,
            note=note,
        )

    async def _decide(self, request: web.Request) -> web.Response:
        wish = _wish(await form_of(request))
        case = await self._case(request)
        if case is None:
            return self._verdicts.unknown()
        if not case.waiting:
            return await self._late(request, case)
        if case.who is None or case.refusal is not None or wish.action == "again":
            return await self._form(request, case, status=403 if case.refusal is not None else 200)
        problem, status = wish.problem(), 422
        if problem is None:
            problem, status = await self._wrong_pin(case.who.id, wish.pin), 403
        if problem is not None:
            return await self._form(request, case, problem=problem, note=wish.note, status=status)
        try:
            done = await self._room.store.run(self._take, token_of(request), case, wish, self._room.now)
        except Refused as refused:
            return await self._refused(request, refused, wish)
        return self._verdicts.told(case, wish.action, done)

    async def _wrong_pin(self, person: int, pin: str) -> tuple[str, str] | None:
        """A transaction of its own: what is refused later must not undo the count of wrong ones."""
        run, attempts = self._room.store.run, self._room.settings.approval.pin_attempts
        try:
            if await run(people.check_pin, person, pin, attempts=attempts):
                return None
        except Refused as refused:
            return "pin", refusals.sentence(refused.code, refused.values)
        left = await run(people.pin_left, person, attempts=attempts)
        return "pin", f"暗証番号が違います。あと{left}回間違えると、使えなくなります。"

    def _take(self, token: str, case: Case, wish: Wish, now: datetime) -> Done:
        """Use the link up and decide: one transaction, so a refused decision leaves the link good."""
        asked = approvals.use(token, now=now)
        if wish.action == "approve":
            hold = web_case.opening(case.view, self._room.settings.hours, now=now)
            decisions.approve(
                asked.bulletin, asked.digest, person=asked.person, door=Door.LINK, now=now, hold_until=hold
            )
        else:
            act = decisions.send_back if wish.action == "return" else decisions.reject
            act(asked.bulletin, asked.digest, person=asked.person, door=Door.LINK, note=wish.note, now=now)
        view = bulletins.view(asked.bulletin)
        return Done(str(view.state), view.due, view.held_why is not None)

    async def _refused(self, request: web.Request, refused: Refused, wish: Wish) -> web.Response:
        """Somebody was faster, or the text or the rights changed between the page and the button."""
        case = await self._case(request)
        if case is None:
            return self._verdicts.unknown()
        if not case.waiting:
            return await self._late(request, case)
        sentence = refusals.sentence(refused.code, refused.values)
        return await self._form(request, case, problem=("pin", sentence), note=wish.note, status=409)

    async def _late(self, request: web.Request, case: Case) -> web.Response:
        """A POST that comes too late; when the text was edited, it makes sure that a new mail comes (X1)."""
        if case.edited and case.view.state is BulletinState.SUBMITTED and case.asked.state is TokenState.GOOD:
            await self._ask_anew(case)
            return self._verdicts.settled(case, _here(request), mailed=True)
        return self._verdicts.settled(case, _here(request))

    async def _ask_anew(self, case: Case) -> None:
        """A letter for this person about the new version, at most one by this door."""
        version = (case.view.id, case.view.digest, case.asked.person)
        if version in self._asked_anew:
            return
        self._asked_anew.add(version)
        lasts = self._room.settings.approval.link_hours
        await self._room.store.run(
            approvals.ask_by_letter, case.view.id, now=self._room.now, hours=lasts, only=case.asked.person
        )


def _here(request: web.Request) -> str:
    return f"/shounin/{token_of(request)}"


def _wish(fields: MultiDict[str]) -> Wish:
    action = fields.get("action", "again" if "again" in fields else "")
    if action not in ("approve", "return", "reject", "again", "enter"):
        raise web.HTTPBadRequest
    return Wish(action, fields.get("note", "").strip(), fields.get("pin", "").strip())
