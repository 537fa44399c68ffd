"""A town's intake for tests: the real door and desk on a real ledger, and the DNS that holds a police key."""

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from config.settings import Settings
from config.sheet import renderer
from inbound.desk import Desk
from inbound.keylookup import KeyLookup
from inbound.limits import Limits
from inbound.nameserver import NameServer
from inbound.office import Office
from inbound.pace import Pace
from inbound.smtp import Door
from outbound.handwritten import Written, write
from outbound.letterbox import Envelope, Letterbox
from outbound.signing import Signer
from store import arrivals, proposals, queues
from store.arrivals import Line
from store.db import Store
from store.deliveries import Note
from store.letters import Purpose
from store.models import Letter
from store.tokens import Keys
from tests.ledger import small_town

DOMAIN = "anzen.example.lg.jp"
POLICE = "police.example.lg.jp"
OFFICER = f"officer@{POLICE}"
CHIEF = f"chief@{POLICE}"


@cache
def key() -> rsa.RSAPrivateKey:
    """The key of the police's mail server; making one takes a while."""
    return rsa.generate_private_key(65537, 2048)


@cache
def signer(domain: str = POLICE) -> Signer:
    """What signs for a domain; every domain of the tests has the same key."""
    return Signer(key(), domain, "p1")


@dataclass(frozen=True)
class Named:
    """A route as far as the intake knows it."""

    name: str


def settings() -> Settings:
    """A training town on any free port."""
    return Settings.model_validate(
        {
            "town": {"key": "chiba", "name": "千葉市", "section": "地域安全課", "phone": "043-000-0111"},
            "realm": "training",
            "mail": {
                "domain": DOMAIN,
                "host": f"mail.{DOMAIN}",
                "listen": "127.0.0.1:0",
                "from_name": "ちばし安全・安心メール",
            },
        }
    )


@dataclass
class Intake:
    """The running intake and what a test does with it."""

    store: Store
    office: Office
    door: Door
    port: int
    names: NameServer
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def now(self) -> datetime:
        return self.store.now()

    async def send(self, raw: bytes, sender: str, *to: str) -> dict[str, tuple[int, bytes]]:
        """Hand a mail in over SMTP; returns the refused recipients, raises smtplib's errors."""

        def session() -> dict[str, tuple[int, bytes]]:
            with smtplib.SMTP("127.0.0.1", self.port, "phone.example.jp", timeout=10) as client:
                return client.sendmail(sender, list(to), raw)

        return await asyncio.to_thread(session)

    async def write(
        self,
        sender: str,
        local: str,
        subject: str = "",
        body: str = "",
        *,
        sign: str | None = None,
        envelope: str | None = None,
        extra: bytes = b"",
        age: timedelta = timedelta(0),
    ) -> bytes:
        """Write to one of our addresses as a person does; `sign` names the domain that signs. Waits until read."""
        to = f"{local}@{DOMAIN}"
        written = self.now() - age
        raw = extra + write(Written(sender, to, subject, body), written)
        if sign is not None:
            raw = signer(sign).sign(raw, written)
        await self.send(raw, sender if envelope is None else envelope, to)
        await self.settled()
        return raw

    async def settled(self) -> None:
        """Until nothing waits to be understood."""
        ear = self.store.ear()
        async with asyncio.timeout(20):
            while await self.store.run(arrivals.waiting):
                await ear.wait(1)

    def letters(self, address: str | None = None) -> list[Letter]:
        """What was written to an address (or to all), oldest first."""
        query = Letter.select().order_by(Letter.id)
        return self.store.call(
            lambda: list(query if address is None else query.where(Letter.address == address))
        )

    def printed(self) -> list[Envelope]:
        """Every letter as outbound will send it: what the intake gives must be what the texts ask for."""
        box = Letterbox(self.office.settings, self.office.tokens)
        return [box.compose(_note(row), []) for row in self.letters() if row.address is not None]

    def last(self, state: str | None = None) -> Line:
        """The newest arrival."""
        return self.store.call(arrivals.listed, state, 1)[0]


def _note(row: Letter) -> Note:
    return Note(
        id=row.id,
        purpose=Purpose(row.purpose),
        subscriber=row.subscriber_id,
        person=row.person_id,
        address=row.address or "",
        params=row.params,
        attachment=None,
        in_reply_to=row.in_reply_to,
        queue=row.queue_id,
        lane=row.lane,
        attempts=row.attempts,
        created_at=row.created_at,
    )


@asynccontextmanager
async def intake(
    folder: Path,
    *,
    limits: Limits | None = None,
    desk: bool = True,
    again: float = 0.2,
    most_joins: int = 100,
    dns_seconds: float = 1.0,
    ledger: str | None = None,
    trust: bytes | None = None,
) -> AsyncIterator[Intake]:
    """The small town's intake; with `desk` False nothing that was accepted is read. `ledger`: a PostgreSQL."""
    names = NameServer(
        {
            (f"p1._domainkey.{domain}", "TXT"): [signer(domain).public_record()]
            for domain in (POLICE, "example.jp")
        }
    )
    resolver = f"127.0.0.1:{await names.start()}"
    place = settings()
    store = Store(ledger or folder / "ledger.db")
    store.enter(place.town.key, place.realm)
    store.call(proposals.bootstrap, small_town.CATALOGUE, now=datetime.now(UTC))
    office = Office(
        settings=place,
        store=store,
        tokens=Keys([("k1", b"k" * 32)]),
        dkim=KeyLookup(resolver, timeout=dns_seconds),
        render=renderer(place),
        route_for=lambda domain: Named("docomo" if domain == "docomo.ne.jp" else "*"),
        queues=store.call(queues.ensure, ["docomo", "*"]),
        pace=Pace(most_joins),
        trust=trust,
    )
    door = Door(place, store, limits=limits)
    port = int((await door.open()).rpartition(":")[2])
    town = Intake(store, office, door, port, names)
    stop = asyncio.Event()
    if desk:
        town.tasks.append(asyncio.create_task(Desk(office, again=again).run(stop)))
    try:
        yield town
        for envelope in town.printed():
            assert "$" not in envelope.letter.subject + envelope.letter.text
    finally:
        stop.set()
        await door.close()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*town.tasks)
        await names.stop()
        store.close()
