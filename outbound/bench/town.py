"""The town that is measured: the sample configuration in a temporary folder, its crowd, and its two bulletins."""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.catalogue import load_catalogue
from config.init import init
from config.settings import Settings, load_settings
from config.sheet import renderer
from outbound.bench.crew import BenchFailed
from outbound.bench.destinations import Destination, Profile
from store import areas, bulletins, categories, crowd, decisions, people, proposals, queues, release
from store.bulletins import Made, Text
from store.crowd import Others
from store.db import Store, opened
from store.decisions import Door
from store.rules import Origin

EVERYBODY = (
    "crime-tips",
    "kato",
    "sato",
)  # category, who writes it, who approves it: people of the sample town
EMERGENCY = ("emergency", "tanaka", "yamamoto")

_BODY = """\
市内で、市役所の職員や警察官を名のる人からの不審な電話が続いています。
電話では「医療費の払い戻しがあります」「口座が犯罪に使われています」などと話し、現金自動預払機（ATM）の操作や、
キャッシュカードの引き渡しを求めます。市役所や警察が、電話でATMの操作をお願いすることは、決してありません。

お願い
・知らない番号からの電話は、留守番電話で受けてください。
・お金やカードの話が出たら、いったん電話を切り、家族か警察に相談してください。
・暗証番号は、だれにも教えないでください。
・ご近所の一人暮らしの方に、このメールのことを話してください。

不審な電話があったときは、警察相談専用電話（#9110）か、お近くの警察署に知らせてください。
"""


@dataclass(frozen=True)
class Plan:
    """What is measured: how many people get the bulletin and how many of the rest the emergency, by how many workers."""

    recipients: int
    workers: int
    profile: Profile

    @property
    def urgent(self) -> int:
        """How many of the recipients get the emergency instead of the bulletin."""
        return max(1, min(2_000, self.recipients // 10))

    def every(self, homes: int) -> int:
        """Each how-manieth resident that is; no multiple of the destinations, so that each has its part of them."""
        step = max(1, self.recipients // self.urgent)
        while step > 1 and math.gcd(step, homes) != 1:
            step -= 1
        return step


def write(
    folder: Path, plan: Plan, places: Sequence[Destination], ports: dict[str, int], database: str | None
) -> Settings:
    """The sample configuration in `folder`, with routes to the sink."""
    init(folder)
    place = folder / "hansho.yaml"
    text = place.read_text(encoding="utf-8")
    # What the sample says, and what this town says instead.
    text = text.replace("workers: 1 ", f"workers: {plan.workers} ")
    if database is not None:
        text = text.replace("database: ledger.db", f'database: "{database}"')
    place.write_text(text, encoding="utf-8")
    lines = [_route(one, plan, ports[one.name], last=one is places[-1]) for one in places]
    (folder / "routes.yaml").write_text("routes:\n" + "".join(lines), encoding="utf-8")
    return load_settings(folder)


def _route(place: Destination, plan: Plan, port: int, *, last: bool) -> str:
    domains = f'["{place.domain}"' + (', "*"]' if last else "]")
    quick = plan.profile is Profile.SINK
    kept = min(100, place.kept * plan.workers) if quick else place.kept
    return (
        f'  - {{name: {place.name}, domains: {domains}, via: "127.0.0.1:{port}", tls: none, '
        f"connections: {kept}, mails_per_connection: {10_000 if quick else 100}}}\n"
    )


class Town:
    """Its ledger, open; everything is written down before the clock starts, so that a click is only a click."""

    def __init__(self, settings: Settings, store: Store, places: Sequence[Destination]) -> None:
        self._settings = settings
        self._store = store
        self._places = places

    def found(self) -> None:
        """Areas, categories, people, rules and queues."""
        catalogue = load_catalogue(self._settings.folder)
        names = [route.name for route in catalogue.routes]
        ids = self._store.call(queues.ensure, names)
        self._store.call(proposals.bootstrap, catalogue.document(), now=datetime.now(UTC))
        self._homes = [(one.domain, ids[one.name]) for one in self._places]

    def settle(self, plan: Plan, say: Callable[[str], None]) -> None:
        """Who gets the bulletin, and among them who gets the emergency instead."""
        others = Others(plan.every(len(self._homes)), plan.urgent, EVERYBODY[0])
        for first in range(1, plan.recipients + 1, crowd.SLICE):
            last = min(first + crowd.SLICE - 1, plan.recipients)
            now = self._store.now()
            self._store.call(
                crowd.move_in, first, last, self._homes, without=EMERGENCY[0], others=others, now=now
            )
            say(f"登録者 {last:,}人")
        self._store.call(crowd.settled)

    def write(self, kind: tuple[str, str, str], subject: str) -> Made:
        """A bulletin for the whole city, submitted: its approval is all that is missing. Raises BenchFailed."""
        category, author, _ = kind

        def submit() -> Made:
            by, now = people.by_key(author).id, self._store.now()
            text = Text(subject, _BODY, ((areas.by_key("chiba").id, 1),))
            made = bulletins.create(
                text,
                category=categories.by_key(category).id,
                level=1,
                origin=Origin.MAIL,
                realm="live",
                render=renderer(self._settings),
                now=now,
                author=by,
            )
            bulletins.submit(made.id, by=by, now=now)
            return made

        return self._store.call(submit)

    def approve(self, made: Made, kind: tuple[str, str, str]) -> None:
        """The click."""
        approver = self._store.call(people.by_key, kind[2]).id
        state = self._store.call(
            decisions.approve,
            made.id,
            made.digest,
            person=approver,
            door=Door.LINK,
            now=self._store.now(),
        )
        if state != "approved":
            raise BenchFailed(f"見本の情報を承認できませんでした（{state}）。")

    def is_sent(self, *made: Made) -> bool:
        """Whether the ledger says so."""
        return all(self._store.call(bulletins.view, one.id).state == "sent" for one in made)

    def waiting(self, *made: Made) -> int:
        """Recipients whose mail still waits for another attempt: late, not lost."""
        return sum(self._store.call(release.progress, one.id).open for one in made)


@contextlib.contextmanager
def town(settings: Settings, places: Sequence[Destination]) -> Iterator[Town]:
    """The town with its ledger open."""
    with opened(settings) as store:
        made = Town(settings, store, places)
        made.found()
        yield made
