"""A chat with the real bot in it: the stand-in, the program's own wiring, a ledger that knows the small town."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from bot.__main__ import work
from bot.shape import Json, dig, mapping, mappings, text
from bot.standin import APP_TOKEN, BOT_TOKEN, ChatStandIn, Person
from bot.standin.room import Dialog, Message, Whisper
from config.settings import Settings, load_settings
from config.sheet import renderer
from store import areas, bulletins, categories, decisions
from store.bulletins import Made, Text, View
from store.db import Store
from store.rules import Origin
from tests.ledger import acts

T = TypeVar("T")
STAFF = [
    Person("U1", "西 一郎", "署員"),
    Person("U2", "安全 花子", "課長"),
    Person("U3", "安全 次郎", "課長補佐"),
    Person("U4", "防災 太郎", "課員"),
    Person("U9", "通りすがり", "よその課"),
]
_YAML = """\
town: {{key: chiba, name: 千葉市, section: 危機管理課, phone: 043-555-0199}}
realm: training
mail: {{domain: anzen.example.lg.jp, host: mail.anzen.example.lg.jp, from_name: ちばし安全・安心メール}}
slack: {slack}
hours: {{open: "{opens:02}:00", close: "{opens:02}:30"}}
"""


def settings_in(folder: Path, api: str | None) -> Settings:
    """A configuration whose Slack is at `api`, or that has none."""
    slack = "null" if api is None else f'{{api: "{api}", team: T01, channel: C01, fallback_seconds: 1}}'
    # Half an hour that is half a day away: the office is closed whenever the tests run.
    opens = (datetime.now(bulletins.JST).hour + 12) % 24
    (folder / "hansho.yaml").write_text(_YAML.format(slack=slack, opens=opens), encoding="utf-8")
    secrets = folder / "secrets"
    secrets.mkdir(exist_ok=True)
    for name, token in (("slack-bot", BOT_TOKEN), ("slack-app", APP_TOKEN)):
        (secrets / name).touch(mode=0o600)
        (secrets / name).write_text(f"{token}\n", encoding="ascii")
    return load_settings(folder)


def texts(value: object) -> Iterator[str]:
    """Every text anywhere in blocks."""
    given = mapping(value)
    if given.get("type") in ("plain_text", "mrkdwn"):
        yield text(given.get("text"))
    for inside in given.values() if given else value if isinstance(value, list) else ():
        yield from texts(inside)


def said(message: Message | Json) -> str:
    """All words of a message's blocks."""
    found = message.blocks if isinstance(message, Message) else message.get("blocks")
    return "\n".join(texts(found)).replace("\u200b", "")


def buttons(message: Message) -> dict[str, str]:
    """Action ids of a message's buttons and what they say."""
    found = [one for block in message.blocks for one in mappings(block.get("elements"))]
    return {
        text(one["action_id"]): text(dig(one, "text", "text")) for one in found if one.get("type") == "button"
    }


@dataclass
class House:
    """The stand-in, the ledger, and the bot, which can be stopped and started."""

    folder: Path
    store: Store
    chat: ChatStandIn
    settings: Settings
    port: int
    _stop: asyncio.Event | None = None
    _task: asyncio.Task[None] | None = None
    _notes: int = field(default=0)

    async def start(self) -> None:
        """Start the bot and wait until it is on the line."""
        await self.start_without_chat()
        async with asyncio.timeout(10):
            await self.chat.link.connected()

    async def start_without_chat(self) -> None:
        """Start the bot, whether Slack is there or not."""
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(work(self.settings, self.store, self._stop, ping_seconds=0.1))

    async def stop(self) -> None:
        """Stop it as SIGTERM would."""
        if self._stop is not None and self._task is not None:
            self._stop.set()
            await asyncio.wait_for(self._task, 10)
        self._task = None

    async def kill(self) -> None:
        """Stop it in the middle of whatever it is doing."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._task = None

    async def see(self, look: Callable[[], T | None]) -> T:
        """What is seen in the chat, as soon as it is there."""
        async with asyncio.timeout(10):
            while True:
                version = self.chat.room.version
                if seen := look():
                    return seen
                await self.chat.room.news(version, 1)

    async def card(self, number: str, *words: str, without: tuple[str, ...] = ()) -> Message:
        """The newest message about a bulletin that says all this, and none of that."""

        def look() -> Message | None:
            for message in reversed(self.cards(number)):
                if all(word in said(message) for word in words):
                    return message if not any(word in said(message) for word in without) else None
            return None

        try:
            return await self.see(look)
        except TimeoutError:
            raise AssertionError([said(one) for one in self.cards(number)]) from None

    def cards(self, number: str) -> list[Message]:
        """Messages about a bulletin, oldest first."""
        return [one for one in self.chat.room.messages.values() if number in said(one)]

    async def note(self) -> Whisper:
        """The next private note."""
        note = await self.see(
            lambda: (
                self.chat.room.whispers[self._notes] if len(self.chat.room.whispers) > self._notes else None
            )
        )
        self._notes += 1
        return note

    async def form(self, user: str) -> Dialog:
        """The form that is open before somebody."""
        return await self.see(
            lambda: next((one for one in self.chat.room.dialogs.values() if one.user == user), None)
        )

    def draft(
        self,
        *,
        author: str = "officer",
        category: str = "suspicious",
        where: tuple[str, ...] = ("hanamigawa",),
        subject: str = "不審者情報 花見川区",
        body: str = "声かけ事案がありました。\n戸締まりを。",
        realm: str = "live",
        release_at: datetime | None = None,
    ) -> Made:
        """An officer's draft by mail, submitted."""
        now, by = self.store.now(), acts.person(self.store, author)

        def verb() -> Made:
            made = bulletins.create(
                self.text(subject, body, where, release_at),
                category=categories.by_key(category).id,
                level=1,
                origin=Origin.MAIL,
                realm=realm,
                render=renderer(self.settings),
                now=now,
                author=by,
            )
            bulletins.submit(made.id, by=by, now=now)
            return made

        return self.store.call(verb)

    def warning(self) -> Made:
        """A warning by a feed, released by its rule."""
        now = self.store.now()

        def verb() -> Made:
            made = bulletins.create(
                self.text("大雨警報 千葉市", "大雨警報が発表されました。", ("city",)),
                category=categories.by_key("weather-rain").id,
                level=3,
                origin=Origin.FEED,
                realm="live",
                render=renderer(self.settings),
                now=now,
            )
            bulletins.submit(made.id, by=None, now=now)
            assert decisions.release_by_rule(made.id, now=now)
            return made

        return self.store.call(verb)

    def text(
        self, subject: str, body: str, where: tuple[str, ...], release_at: datetime | None = None
    ) -> Text:
        """A text for a version; call it in a verb."""
        return Text(subject, body, tuple((areas.by_key(key).id, 1) for key in where), release_at=release_at)

    def revise(self, made: Made, subject: str, body: str, *, by: str = "officer") -> Made:
        """Another version of it."""
        person = acts.person(self.store, by)
        now, render = self.store.now(), renderer(self.settings)

        def verb() -> Made:
            text = self.text(subject, body, ("hanamigawa",))
            return bulletins.revise(made.id, text, by=person, reason="修正", render=render, now=now)

        return self.store.call(verb)

    def view(self, made: Made) -> View:
        """The bulletin as it stands."""
        return self.store.call(bulletins.view, made.id)

    async def until(self, made: Made, state: str) -> View:
        """Wait until the ledger says so."""
        ear = self.store.ear()
        async with asyncio.timeout(10):
            while (view := await self.store.run(bulletins.view, made.id)).state != state:
                await ear.wait(1)
        return view


@asynccontextmanager
async def opened(folder: Path, store: Store, *, start: bool = True) -> AsyncIterator[House]:
    """A house with everything running; it is left without a task or a socket."""
    chat = ChatStandIn(STAFF, "C01", "T01", folder)
    await chat.start()
    house = House(folder, store, chat, settings_in(folder, chat.api_url), int(chat.url.rpartition(":")[2]))
    try:
        if start:
            await house.start()
        yield house
    finally:
        await house.stop()
        await chat.stop()
