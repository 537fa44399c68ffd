"""One-click leaving (RFC 8058): a POST removes at once, without a cookie or a redirect; a GET only shows a button."""

from aiohttp import web

from inbound.web_room import Room, form_of, token_of
from store import subscriptions
from store.errors import Refused
from store.subscriptions import Reason
from store.tokens import Signed


class Stop:
    """Page `/teishi/TOKEN`, the address in List-Unsubscribe."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def routes(self) -> list[web.RouteDef]:
        """What the application serves of these."""
        return [web.get("/teishi/{token}", self._ask), web.post("/teishi/{token}", self._leave)]

    def _subscriber(self, request: web.Request) -> int | None:
        named = self._room.keys.read([Signed.STOP], token_of(request))
        return named[1] if named is not None else None

    async def _ask(self, request: web.Request) -> web.Response:
        subscriber = self._subscriber(request)
        if subscriber is None:
            return self._unknown()
        try:
            await self._room.store.read(subscriptions.resident, subscriber)
        except Refused:
            return self._gone()
        return self._room.pages.show("web_leave", action=f"/teishi/{token_of(request)}", back=None)

    async def _leave(self, request: web.Request) -> web.Response:
        subscriber = self._subscriber(request)
        one_click = (await form_of(request)).get("List-Unsubscribe") == "One-Click"
        if subscriber is None:
            return (
                web.Response(text="この番号は、こちらの記録にありません。\n", status=404)
                if one_click
                else self._unknown()
            )
        reason = Reason.ONE_CLICK if one_click else Reason.BY_LINK
        left = await self._room.store.run(subscriptions.remove, subscriber, reason, now=self._room.now)
        if one_click:  # a second time is as good as the first: the provider may repeat it
            return web.Response(text="登録を解除しました。\n")
        return self._room.pages.show("web_left") if left else self._gone()

    def _unknown(self) -> web.Response:
        words = self._room.settings.letter_words()
        return self._room.pages.tell(
            "このリンクは正しくありません",
            "登録は解除していません。メールのリンクが、途中で切れていないか確かめてください。",
            f"うまくいかないときは、登録したメールアドレスから {words['settings_address']} に空メールを送ってください。",
            status=404,
        )

    def _gone(self) -> web.Response:
        words = self._room.settings.letter_words()
        return self._room.pages.tell(
            "登録は解除されています",
            "手続きはいりません。これより後は、お知らせをお届けしません。",
            f"もう一度登録するときは、{words['join_address']} に空メールを送ってください。",
            status=410,
        )
