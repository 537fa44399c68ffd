"""A web door on a real ledger of the sample town, for tests: residents, drafts, links; one ledger made, many copied."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import ClientSession, web

from config.catalogue import load_catalogue
from config.forms import Endpoint
from config.init import SAMPLE
from config.routes import Route
from config.settings import Settings, load_settings
from config.sheet import renderer
from inbound.web import serve_web
from inbound.web_guard import Limits
from store import approvals, areas, bulletins, categories, ledger, people, proposals, queues, subscriptions
from store.bulletins import Made, Text
from store.db import Store
from store.letters import Purpose
from store.models import Letter, Subscriber
from store.rules import Origin
from store.tokens import Keys, Signed

PIN = "4649"
FRIDAY_NIGHT = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)  # 22:00 in Japan; Monday 23rd is a holiday


@cache
def _made() -> bytes:
    """A bootstrapped ledger, to be copied: reading the whole catalogue for every test would be slow."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        _fill(store := Store(path))
        store.close()
        return path.read_bytes()


def _fill(store: Store) -> None:
    catalogue = load_catalogue(SAMPLE)
    store.call(ledger.open_ledger, "chiba", "training", now=FRIDAY_NIGHT)
    store.call(queues.ensure, [route.name for route in catalogue.routes])
    store.call(proposals.bootstrap, catalogue.document(), now=FRIDAY_NIGHT)
    for one in store.call(people.listed):
        if one.key != "suzuki":  # who has no PIN yet
            store.call(people.set_pin, one.id, PIN, by="bootstrap", now=FRIDAY_NIGHT)


@cache
def _routes() -> Callable[[str], Route]:
    return load_catalogue(SAMPLE).route_for


@dataclass
class Clocked:
    """The ledger's clock, held by the test."""

    store: Store
    at: datetime

    def set(self, at: datetime) -> None:
        """Let it be about `at`."""
        self.at = at
        self.store.set_offset(at - datetime.now(UTC))


@dataclass
class Door:
    """A running web door and what a test does with it."""

    url: str
    client: ClientSession
    store: Store
    keys: Keys
    settings: Settings
    clock: Clocked
    runner: web.AppRunner

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """(status, text) of a page."""
        async with self.client.get(self.url + path, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, *fields: tuple[str, str], **headers: str) -> tuple[int, str]:
        """(status, text) after a form was sent."""
        async with self.client.post(
            self.url + path, data=list(fields) or None, headers=headers, allow_redirects=False
        ) as answer:
            return answer.status, await answer.text()

    def letters(self, purpose: Purpose) -> list[Letter]:
        """Letters of a purpose, oldest first."""
        return self.store.call(
            lambda: list(Letter.select().where(Letter.purpose == str(purpose)).order_by(Letter.id))
        )

    def invite(self, address: str = "hanako@docomo.ne.jp") -> str:
        """Ask to join; the token of the mailed link."""
        route = _routes()(address.rpartition("@")[2]).name
        queue = next(one.id for one in self.store.call(queues.listed) if one.key == route)
        self.store.call(subscriptions.request, address, queue=queue, now=self.store.now())
        return str(self.letters(Purpose.JOIN_CONFIRM)[-1].params["token"])

    def join(self, address: str = "hanako@docomo.ne.jp") -> int:
        """A confirmed subscriber's id."""
        assert self.store.call(subscriptions.confirm, self.invite(address), now=self.store.now()) == "now"
        return int(self.store.call(lambda: Subscriber.get(Subscriber.address == address).id))

    def settei(self, subscriber: int) -> str:
        """The path of somebody's settings."""
        return f"/settei/{self.keys.sign(Signed.SETTINGS, subscriber)}"

    def teishi(self, subscriber: int) -> str:
        """The path of somebody's one-click address."""
        return f"/teishi/{self.keys.sign(Signed.STOP, subscriber)}"

    def person(self, key: str) -> int:
        """A person's id."""
        return self.store.call(people.by_key, key).id

    def draft(
        self,
        *,
        category: str = "suspicious",
        where: tuple[str, ...] = ("hanamigawa",),
        realm: str = "live",
        author: str = "yamada",
        body: str = "花見川区幕張本郷で、下校中の児童が声をかけられました。\n\n不審な人を見かけたら110番してください。",
        release_at: datetime | None = None,
    ) -> Made:
        """A submitted draft of a police officer."""
        now, by = self.store.now(), self.person(author)
        text = Text(
            "不審者情報 花見川区",
            body,
            tuple((self.store.call(areas.by_key, key).id, 1) for key in where),
            release_at=release_at,
        )
        made = self.store.call(
            bulletins.create,
            text,
            category=self.store.call(categories.by_key, category).id,
            level=1,
            origin=Origin.MAIL,
            realm=realm,
            render=renderer(self.settings),
            now=now,
            author=by,
        )
        self.store.call(bulletins.submit, made.id, by=by, now=now)
        return made

    def links(self, bulletin: int) -> dict[str, str]:
        """Ask by letter; person's key → path of his link."""
        self.store.call(approvals.ask_by_letter, bulletin, now=self.store.now(), hours=24)
        keys = {one.id: one.key for one in self.store.call(people.listed)}
        number = self.store.call(bulletins.view, bulletin).number
        asked = [one for one in self.letters(Purpose.APPROVAL_REQUEST) if one.params["number"] == number]
        return {keys[int(one.person_id or 0)]: f"/shounin/{one.params['token']}" for one in asked}

    def dump(self) -> str:
        """The whole ledger as text, to be compared."""
        with sqlite3.connect(f"file:{self.store.address}?mode=ro", uri=True) as ledger_file:
            return "\n".join(ledger_file.iterdump())


@asynccontextmanager
async def opened(
    folder: Path, *, limits: Limits | None = None, database: str | None = None
) -> AsyncIterator[Door]:
    """A door on a port of its own, on a fresh copy of the town's ledger."""
    for name in SAMPLE.glob("*.yaml"):
        shutil.copy(name, folder)
    if database is None:
        (folder / "ledger.db").write_bytes(_made())
    settings = load_settings(folder)
    settings = settings.model_copy(
        update={"web": settings.web.model_copy(update={"listen": Endpoint("127.0.0.1", 0)})}
    )
    settings._folder = folder
    store = Store(database or folder / "ledger.db")
    if database is not None:
        _fill(store)
    clock = Clocked(store, FRIDAY_NIGHT)
    clock.set(FRIDAY_NIGHT)
    keys = Keys([("k1", b"k" * 32)])
    runner = await serve_web(settings, store, keys, route_for=_routes(), limits=limits)
    host, port = runner.addresses[0][:2]
    async with ClientSession() as client:
        try:
            yield Door(f"http://{host}:{port}", client, store, keys, settings, clock, runner)
        finally:
            await runner.cleanup()
            store.close()


DAY = timedelta(days=1)
