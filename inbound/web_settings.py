"""One's own settings behind a signed link: see, change a topic, start again after a suspension, leave."""

from dataclasses import dataclass

from aiohttp import web
from multidict import MultiDict

from inbound import web_choice, web_offer
from inbound.web_choice import Misfit, Problem
from inbound.web_offer import Own
from inbound.web_room import Room, form_of, token_of
from store import choices, subscriptions
from store.errors import Refused
from store.states import SubscriberState
from store.subscriptions import Reason, Resident
from store.tokens import Signed


@dataclass(frozen=True)
class Look:
    """A resident with every topic as it is now."""

    who: Resident
    topics: list[Own]

    def topic(self, key: str) -> Own:
        """Raises HTTPNotFound."""
        found = next((one for one in self.topics if one.topic.key == key), None)
        if found is None:
            raise web.HTTPNotFound
        return found


@dataclass(frozen=True)
class Saved:
    """What came of a posted page."""

    before: Own
    after: Own
    problem: Problem | None


def look(town: tuple[str, str], subscriber: int) -> Look:
    """A question. Raises Refused("subscriber-gone")."""
    who = subscriptions.resident(subscriber)
    return Look(who, web_offer.of(subscriber, town))


def save(town: tuple[str, str], subscriber: int, key: str, fields: MultiDict[str]) -> Saved:
    """One topic's choices anew, all others as they are: one transaction, so two open pages do not undo each other.

    Raises Refused("subscriber-gone"), Misfit, HTTPNotFound.
    """
    seen = look(town, subscriber)
    before = seen.topic(key)
    wishes = web_choice.read(before, fields)
    if isinstance(wishes, Problem):
        return Saved(before, before, wishes)
    here = {kind.key for kind in before.topic.kinds}
    mine = choices.of(subscriber)
    kept = [(one.category, one.area, one.level, one.option) for one in mine if one.category not in here]
    choices.choose(subscriber, [*kept, *wishes])
    after = web_offer.own(before.topic, choices.of(subscriber))
    return Saved(before, after, None)


class OwnSettings:
    """Pages `/settei/TOKEN`, `…/kaijo` (leave), `…/saikai` (start again), `…/shubetsu/TOPIC`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._town = (room.settings.town.key, room.settings.town.name)

    def routes(self) -> list[web.RouteDef]:
        """What the application serves of these."""
        return [
            web.get("/settei/{token}", self._overview),
            web.get("/settei/{token}/shubetsu/{topic}", self._topic),
            web.post("/settei/{token}/shubetsu/{topic}", self._save),
            web.post("/settei/{token}/saikai", self._resume),
            web.get("/settei/{token}/kaijo", self._ask_leave),
            web.post("/settei/{token}/kaijo", self._leave),
        ]

    async def _look(self, request: web.Request) -> Look:
        """Raises the page that says what is the matter with the link."""
        seen = await self._room.store.read(look, self._town, self._subscriber(request))
        if seen.who.state is SubscriberState.PENDING:
            raise Refused("not-finished")
        return seen

    def _subscriber(self, request: web.Request) -> int:
        named = self._room.keys.read([Signed.SETTINGS], token_of(request))
        if named is None:
            raise Refused("token-unknown")
        return named[1]

    async def _overview(self, request: web.Request) -> web.Response:
        try:
            seen = await self._look(request)
        except Refused as refused:
            return self._worthless(refused)
        return self._shown(request, seen, None)

    def _shown(self, request: web.Request, seen: Look, done: str | None) -> web.Response:
        groups: dict[str, list[tuple[Own, list[str]]]] = {}
        for one in seen.topics:
            groups.setdefault(one.topic.group, []).append((one, web_choice.summary(one)))
        return self._room.pages.show(
            "web_settings",
            own=f"/settei/{token_of(request)}",
            address=veiled(seen.who.address),
            suspended=seen.who.state is SubscriberState.SUSPENDED,
            groups=groups,
            done=done,
        )

    async def _topic(self, request: web.Request) -> web.Response:
        try:
            seen = await self._look(request)
        except Refused as refused:
            return self._worthless(refused)
        return self._form(request, seen.topic(request.match_info["topic"]))

    def _form(
        self, request: web.Request, mine: Own, problem: Problem | None = None, status: int = 200
    ) -> web.Response:
        back = f"/settei/{token_of(request)}"
        return self._room.pages.show(
            "web_topic", status, mine=mine, topic=mine.topic, back=back, problem=problem
        )

    async def _save(self, request: web.Request) -> web.Response:
        fields, key = await form_of(request), request.match_info["topic"]
        try:
            await self._look(request)
            subscriber = self._subscriber(request)
            saved = await self._room.store.run(save, self._town, subscriber, key, fields)
        except Refused as refused:
            return self._worthless(refused)
        except Misfit as error:
            raise web.HTTPBadRequest from error
        if saved.problem is not None:
            return self._form(request, retyped(saved.before, fields), saved.problem, 422)
        return self._room.pages.show(
            "web_saved",
            topic=saved.after.topic,
            changes=web_choice.changes(saved.before, saved.after),
            now=web_choice.summary(saved.after),
            back=f"/settei/{token_of(request)}",
        )

    async def _resume(self, request: web.Request) -> web.Response:
        try:
            await self._look(request)
            await self._room.store.run(subscriptions.resume, self._subscriber(request), now=self._room.now)
            seen = await self._look(request)
        except Refused as refused:
            return self._worthless(refused)
        return self._shown(request, seen, "配信を再開しました。")

    async def _ask_leave(self, request: web.Request) -> web.Response:
        try:
            await self._look(request)
        except Refused as refused:
            return self._worthless(refused)
        own = f"/settei/{token_of(request)}"
        return self._room.pages.show("web_leave", action=f"{own}/kaijo", back=own)

    async def _leave(self, request: web.Request) -> web.Response:
        try:
            subscriber = self._subscriber(request)
        except Refused as refused:
            return self._worthless(refused)
        left = await self._room.store.run(
            subscriptions.remove, subscriber, Reason.BY_LINK, now=self._room.now
        )
        return self._room.pages.show("web_left") if left else self._worthless(Refused("subscriber-gone"))

    def _worthless(self, refused: Refused) -> web.Response:
        words = self._room.settings.letter_words()
        told: dict[str, tuple[int, str, list[str]]] = {
            "subscriber-gone": (
                410,
                "登録は解除されています",
                [
                    "これより後は、お知らせをお届けしません。",
                    f"もう一度登録するときは、{words['join_address']} に空メールを送ってください。",
                ],
            ),
            "not-finished": (
                410,
                "登録は、まだ完了していません",
                ["「仮登録のご案内」のメールのリンクから、登録を完了してください。"],
            ),
            "token-unknown": (
                404,
                "このリンクは正しくありません",
                [
                    "メールのリンクが、途中で切れていないか確かめてください。",
                    "うまくいかないときは、登録したメールアドレスから "
                    f"{words['settings_address']} に空メールを送ってください。",
                ],
            ),
        }
        status, title, lines = told[refused.code]
        return self._room.pages.tell(title, *lines, status=status)


def retyped(mine: Own, fields: MultiDict[str]) -> Own:
    """The page as it was just filled in, so that a mistake costs nobody the rest of his work."""
    levels = {key: fields.get(f"level.{key}", level) for key, level in mine.levels.items()}
    options = {key: fields.get(f"times.{key}", option) for key, option in mine.options.items()}
    return Own(mine.topic, levels, options, {}, mine.uneven)


def veiled(address: str) -> str:
    """Enough of an address to tell one's own two apart, too little for who looks over a shoulder."""
    local, _, domain = address.rpartition("@")
    return f"{local[:2]}***@{domain}"
