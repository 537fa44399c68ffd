"""The sending half of a town for tests: real desk and workers on a real ledger, real mail servers on loopback."""

import asyncio
import base64
import email.policy
import os
import re
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cache
from pathlib import Path
from typing import cast

import dkim
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography.hazmat.primitives.asymmetric import rsa

from config.forms import Endpoint
from config.init import init
from config.routes import Route
from config.settings import Settings
from config.sheet import renderer
from outbound.carrier import Carrier, share
from outbound.desk import Desk
from outbound.mailroom import Mailroom
from outbound.sender import Sender
from outbound.signing import Signer
from store import bulletins, categories, ledger, proposals, queues, release, subscriptions
from store.bulletins import Made, Part, Text
from store.choices import choose
from store.db import Store
from store.models import Bounce, Delivery, Letter
from store.release import Progress
from store.rules import Origin
from store.selfcheck import check
from store.tokens import Keys
from tests.ledger import acts, small_town
from tests.wire.peers import Stubborn

ROOT = Path(__file__).parents[2]
DOMAIN = "anzen.example.lg.jp"
KEYS = Keys([("k1", bytes(range(32)))])


@cache
def signer() -> Signer:
    """Our own key; making one takes a while."""
    return Signer(rsa.generate_private_key(65537, 2048), DOMAIN, "h1")


def settings(folder: Path, workers: int = 1) -> Settings:
    """A training town whose letters and archive lie in `folder`."""
    made = Settings.model_validate(
        {
            "town": {"key": "chiba", "name": "千葉市", "section": "地域安全課", "phone": "043-555-0100"},
            "realm": "training",
            "outbound": {"workers": workers},
            "mail": {"domain": DOMAIN, "host": f"mail.{DOMAIN}", "from_name": "ちばし安全・安心メール"},
        }
    )
    made._folder = folder
    return made


class Post(Stubborn):
    """A mail server that keeps what it gets and says what it is told to, address by address."""

    def __init__(self) -> None:
        super().__init__()
        self.at_rcpt: dict[str, list[str]] = defaultdict(list)
        self.at_dot: dict[str, list[str]] = defaultdict(list)
        self.hold: asyncio.Event | None = None
        self.delay = 0.0
        self.changed = asyncio.Event()
        self.open_now = 0
        self.most_open = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        said = self.at_rcpt[address].pop(0) if self.at_rcpt[address] else None
        if said is None:
            envelope.rcpt_tos.append(address)
        return said or "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            if self.hold is not None:
                await self.hold.wait()
        finally:
            self.open_now -= 1
        planned = self.at_dot[envelope.rcpt_tos[0]]
        said = planned.pop(0) if planned else None
        if said is None or said == "lose":
            taken = await super().handle_DATA(server, session, envelope)
            self.changed.set()
            if said == "lose":
                cast(asyncio.Transport, server.transport).abort()
            return taken
        return said

    def mails(self) -> list[tuple[str, str, EmailMessage]]:
        """(return path, recipient, mail) of everything accepted."""
        parser = BytesParser(EmailMessage, policy=email.policy.default)
        found = []
        for sender, to, raw in self.got:
            assert len(to) == 1  # R14: one recipient per message, always
            found.append((sender, to[0], parser.parsebytes(raw)))
        return found

    async def until(self, count: int, seconds: float = 20) -> None:
        """Until so many mails were accepted in all."""
        async with asyncio.timeout(seconds):
            while len(self.got) < count:
                self.changed.clear()
                await self.changed.wait()


def route(name: str, port: int, *domains: str, **more: object) -> Route:
    """A route to a server of ours."""
    wanted = {"name": name, "domains": domains, "via": str(Endpoint("127.0.0.1", port)), "tls": "none"}
    return Route.model_validate(wanted | more)


@dataclass
class Pool:
    """The sending half, and what a test does with it."""

    store: Store
    settings: Settings
    routes: Sequence[Route]
    ids: dict[str, int]
    batch: int = 100
    running: list[tuple[asyncio.Task[None], asyncio.Event]] = field(default_factory=list)

    def now(self) -> datetime:
        return self.store.now()

    def route_for(self, domain: str) -> Route:
        return next(one for one in self.routes if one.takes(domain))

    def sender(self) -> Sender:
        """A worker, wired as `python -m outbound --part sender` wires it."""
        return Sender(
            self.store,
            Mailroom(self.settings, self.store, KEYS, signer()),
            Carrier(self.settings, self.route_for),
            batch=self.batch,
            shares={self.ids[one.name]: share(one, self.batch) for one in self.routes},
        )

    def start(self, *programs: Sender | Desk) -> None:
        """Run these until the pool is left."""
        for program in programs:
            stop = asyncio.Event()
            self.running.append((asyncio.create_task(program.run(stop)), stop))

    async def stop(self) -> None:
        """As SIGTERM does; what failed raises here."""
        running, self.running = self.running, []
        for _, stop in running:
            stop.set()
        await asyncio.gather(*(task for task, _ in running))

    def resident(self, address: str, *choices: tuple[str, str, int]) -> int:
        """A confirmed resident in the queue of his domain, whose letters have gone out long ago."""
        queue = self.ids[self.route_for(address.rpartition("@")[2]).name]

        def settle() -> int:
            subscriptions.request(address, queue=queue, now=self.now())
            mine = Letter.address == address
            token = str((Letter.get(mine).params or {})["token"])
            assert subscriptions.confirm(token, now=self.now()) == "now"
            Letter.delete().where(mine).execute()
            found = subscriptions.find(address)
            assert found is not None
            choose(found.id, [(category, area, level, None) for category, area, level in choices])
            return found.id

        return self.store.call(settle)

    def write(
        self,
        *,
        category: str = "suspicious",
        where: tuple[str, ...] = ("city",),
        subject: str = "花見川区で声かけ",
        realm: str = "live",
        parts: tuple[tuple[str, str, str], ...] = (),
        event: str | None = None,
        level: int = 1,
        not_after: datetime | None = None,
        refers: tuple[int, str] | None = None,
        detail: str = "",
    ) -> Made:
        """An officer's draft with its real rendering, submitted. `parts`: (heading, body, area)."""
        author = acts.person(self.store, "officer")
        text = Text(
            subject,
            "午後3時ごろ、声かけがありました。",
            () if parts else tuple((acts.area(self.store, key), level) for key in where),
            tuple(Part(head, body, ((acts.area(self.store, key), level),)) for head, body, key in parts),
            detail=detail,
            not_after=not_after,
        )
        made = self.store.call(
            bulletins.create,
            text,
            category=self.store.call(categories.by_key, category).id,
            level=level,
            origin=Origin.MAIL,
            realm=realm,
            render=renderer(self.settings),
            now=self.now(),
            author=author,
            event_key=event,
            refers_to=refers[0] if refers else None,
            refers_as=refers[1] if refers else None,
        )
        self.store.call(bulletins.submit, made.id, by=author, now=self.now())
        return made

    def release(self, **wanted: object) -> Made:
        """Written and approved: the desk takes it from here. The letter about the decision is not."""
        made = self.write(**wanted)  # type: ignore[arg-type]
        acts.approve(self.store, made, self.now())
        self.store.call(lambda: Letter.delete().where(Letter.purpose == "decision_notice").execute())
        return made

    def expanded(self, **wanted: object) -> Made:
        """Written, approved, begun, and every row written down."""
        made = self.release(**wanted)
        acts.expand(self.store, made.id, self.now())
        return made

    def progress(self, made: Made) -> Progress:
        return self.store.call(release.progress, made.id)

    def rows(self) -> list[Delivery]:
        return self.store.call(lambda: list(Delivery.select().order_by(Delivery.id)))

    def letters(self) -> list[Letter]:
        return self.store.call(lambda: list(Letter.select().order_by(Letter.id)))

    def bounces(self) -> list[Bounce]:
        return self.store.call(lambda: list(Bounce.select().order_by(Bounce.id)))

    async def until(self, question: object, seconds: float = 20) -> None:
        """Until a question about the ledger, `callable() -> bool`, is answered yes."""
        assert callable(question)
        ear = self.store.ear()
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(question):
                await ear.wait(0.5)

    async def state(self, made: Made, state: str, seconds: float = 20) -> None:
        """Until a bulletin is in this state."""
        await self.until(lambda: self.store.call(bulletins.view, made.id).state == state, seconds)


@asynccontextmanager
async def pool(
    folder: Path, *routes: Route, address: str | None = None, batch: int = 100, workers: int = 1
) -> AsyncIterator[Pool]:
    """A training ledger that knows the small town, and what sends its mail; whole at the end."""
    store = Store(address or str(folder / "ledger.db"))
    try:
        store.call(ledger.open_ledger, "chiba", "training", now=datetime.now(UTC))
        ids = store.call(queues.ensure, [one.name for one in routes])
        store.call(proposals.bootstrap, small_town.CATALOGUE, now=datetime.now(UTC))
        made = Pool(store, settings(folder, workers), routes, ids, batch)
        try:
            yield made
        finally:
            await made.stop()
        assert store.call(check) == []
    finally:
        store.close()


def town_folder(folder: Path, port: int, database: str) -> Path:
    """A configuration folder whose two routes both lead to a server of ours: for the real program."""
    init(folder)
    if not database.startswith("postgresql:"):
        database = os.path.relpath(database, folder)
    place = folder / "hansho.yaml"
    lines = place.read_text(encoding="utf-8").splitlines()
    kept = [f"database: {database}" if line.startswith("database:") else line for line in lines]
    place.write_text("\n".join(kept) + "\n", encoding="utf-8")
    routes = "".join(
        f'  - {{name: {name}, domains: ["{domains}"], via: "127.0.0.1:{port}", tls: none}}\n'
        for name, domains in (("docomo", "docomo.ne.jp"), ("all", "*"))
    )
    (folder / "routes.yaml").write_text(f"routes:\n{routes}", encoding="utf-8")
    return folder


async def program(folder: Path, part: str = "sender") -> asyncio.subprocess.Process:
    """`python -m outbound`, started."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "outbound", "--config", str(folder), "--part", part, cwd=ROOT
    )


def verified(raw: bytes) -> dict[str, str]:
    """The tags of the DKIM signature, after dkimpy has said that it is good."""
    name = f"h1._domainkey.{DOMAIN}.".encode()
    record = signer().public_record().encode()
    assert dkim.verify(raw, dnsfunc=lambda asked, timeout=5: record if asked == name else None)
    field = re.search(rb"^DKIM-Signature: (.*?)\r\n(?![ \t])", raw, re.S | re.M)
    assert field is not None
    tags = re.sub(r"\s+", "", field[1].decode()).split(";")
    return dict(tag.split("=", 1) for tag in tags if tag)


def covered(raw: bytes) -> set[str]:
    """The names of the signed headers."""
    return set(verified(raw)["h"].split(":"))


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """The readable body."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def token_in(return_path: str) -> str:
    """What stands between + and @."""
    found = re.fullmatch(rf"fukan\+([a-z2-7]{{24}})@{re.escape(DOMAIN)}", return_path)
    assert found is not None, return_path
    base64.b32decode(found[1].upper())
    return found[1]
