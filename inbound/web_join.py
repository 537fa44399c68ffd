"""Joining: what this is, a form that asks for a mail, the mailed link with its button, and help in plain words."""

import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from aiohttp import web

from inbound.mailbox import canonical
from inbound.web_offer import Home, homes
from inbound.web_pages import code_of
from inbound.web_room import Room, form_of, token_of
from store import areas, subscriptions, tokens
from store.errors import Refused
from store.states import SubscriberState
from store.subscriptions import Confirmed
from store.tokens import Once, Signed, TokenState

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Invited:
    """What a join link is worth: `home` what may be chosen on its page, `living` who it is for, if still here."""

    state: TokenState
    subscriber: int
    living: subscriptions.Resident | None
    home: tuple[Home, ...]


def invited(town: tuple[str, str], token: str, *, now: datetime) -> Invited:
    """A question, not a verb: changes nothing (R20)."""
    seen = tokens.look(Once.JOIN, token, now=now)
    try:
        living = subscriptions.resident(seen.subject)
    except Refused:
        living = None
    return Invited(seen.state, seen.subject, living, homes(town))


class Join:
    """Pages `/`, `/touroku`, `/touroku/TOKEN`, `/chirashi`, `/help`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        join = room.settings.mail.address("join")
        # Some phones refuse to send a mail without subject and body (MAIL.md 4); what they say does not matter.
        self._mailto = f"mailto:{join}?subject={quote('登録')}&body={quote('登録')}"
        self._town = (room.settings.town.key, room.settings.town.name)

    def routes(self) -> list[web.RouteDef]:
        """What the application serves of these."""
        return [
            web.get("/", self._front),
            web.get("/touroku", self._front),
            web.post("/touroku", self._ask),
            web.get("/touroku/{token}", self._invitation),
            web.post("/touroku/{token}", self._confirm),
            web.get("/chirashi", self._poster),
            web.get("/help", self._help),
        ]

    async def _front(self, _: web.Request) -> web.Response:
        return self._form()

    def _form(self, status: int = 200, typed: str = "", problem: str | None = None) -> web.Response:
        return self._room.pages.show(
            "web_front", status, mailto=self._mailto, code=code_of(self._mailto), typed=typed, problem=problem
        )

    async def _poster(self, _: web.Request) -> web.Response:
        base = self._room.settings.web.base
        return self._room.pages.show(
            "web_poster", mail_code=code_of(self._mailto), web_code=code_of(f"{base}/"), base=base
        )

    async def _help(self, _: web.Request) -> web.Response:
        return self._room.pages.show("web_help")

    async def _ask(self, request: web.Request) -> web.Response:
        """M6.3: the answer is the same whether or not we know the address."""
        typed = (await form_of(request)).get("address", "")
        # A full-width ＠ is what a Japanese keyboard gives; an address itself is plain ASCII.
        address = canonical("".join(unicodedata.normalize("NFKC", typed).split()))
        if address is None:
            return self._form(422, typed, _problem(typed))
        domain = address.rpartition("@")[2]
        if wait := self._room.joins.take(domain):
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(int(wait) + 1)})

        def act(now: datetime) -> None:
            subscriptions.request(address, queue=self._room.queue_of(address), now=now)

        await self._room.store.run(act, self._room.now)
        return self._room.pages.show("web_asked", address=address)

    async def _look(self, token: str) -> Invited:
        return await self._room.store.read(invited, self._town, token, now=self._room.now)

    async def _invitation(self, request: web.Request) -> web.Response:
        token = token_of(request)
        seen = await self._look(token)
        if seen.state is TokenState.GOOD and seen.living is not None:
            return self._room.pages.show("web_confirm", token=token, homes=seen.home, problem=None)
        return self._worthless(token, seen)

    def _worthless(self, token: str, seen: Invited) -> web.Response:
        """Kind and exact: what is the matter with this link, and what to do now."""
        pages, words = self._room.pages, self._room.settings.letter_words()
        if seen.state is TokenState.UNKNOWN:
            return pages.tell(
                "このリンクは正しくありません",
                "メールのリンクが、途中で切れていないか確かめてください。",
                f"うまくいかないときは、もう一度 {words['join_address']} に空メールを送ってください。",
                status=404,
            )
        if seen.living is None:
            return pages.tell(
                "登録は解除されています",
                f"もう一度登録するときは、{words['join_address']} に空メールを送ってください。",
                status=410,
            )
        if seen.living.state is SubscriberState.PENDING:
            return pages.tell(
                "このご案内は期限が切れています",
                "登録は、まだ完了していません。",
                "下のボタンを押すと、新しいご案内のメールをお送りします。",
                status=410,
                action=f"/touroku/{token}",
                name="again",
                button="仮登録のご案内をもう一度送る",
            )
        return pages.tell(
            "登録は完了しています",
            "このご案内は、すでに使われています。手続きはいりません。",
            f"登録内容を変えるときは、{words['settings_address']} に空メールを送ってください。",
            status=410,
        )

    async def _confirm(self, request: web.Request) -> web.Response:
        token, fields = token_of(request), await form_of(request)
        seen = await self._look(token)
        if "again" in fields:
            return await self._again(token, seen)
        wanted = fields.get("home", "")
        if wanted and wanted not in {one.key for one in seen.home}:
            raise web.HTTPBadRequest

        def act(now: datetime) -> Confirmed:
            home = areas.by_key(wanted).id if wanted else None
            return subscriptions.confirm(token, now=now, home=home)

        confirmed = await self._room.store.run(act, self._room.now)
        if confirmed is not Confirmed.NOW:
            return self._worthless(token, await self._look(token))
        manage = f"/settei/{self._room.keys.sign(Signed.SETTINGS, seen.subscriber)}"
        return self._room.pages.show("web_welcome", manage=manage)

    async def _again(self, token: str, seen: Invited) -> web.Response:
        living = seen.living
        if seen.state is TokenState.UNKNOWN or living is None or living.state is not SubscriberState.PENDING:
            return self._worthless(token, seen)

        def act(now: datetime) -> None:
            subscriptions.request(living.address, queue=self._room.queue_of(living.address), now=now)

        await self._room.store.run(act, self._room.now)
        return self._room.pages.show("web_asked", address=None)


def _problem(typed: str) -> str:
    if not typed.strip():
        return "メールアドレスを入力してください。"
    if "@" not in unicodedata.normalize("NFKC", typed):
        return "「@」が入っていません。メールアドレスを最後まで入力してください。"
    return "メールアドレスの形が正しくありません。つづりを確かめて、もう一度入力してください。"
