"""One measurement from the click to the last `250`: the run itself, watched from outside."""

import contextlib
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from outbound.bench.counters import Counters
from outbound.bench.crew import Asked, BenchFailed, Crew
from outbound.bench.destinations import Destination, Profile, destinations
from outbound.bench.figures import Arrivals, Figures, Peer, Urgent, reached
from outbound.bench.rsa import rsa_per_s
from outbound.bench.town import EMERGENCY, EVERYBODY, Plan, Town, town, write
from store.bulletins import Made

HOST = "127.0.0.1"
LOOK_SECONDS = 0.02
SAY_SECONDS = 1.0
# Without a new mail for so long the run is over; carriers say "later", and later is minutes.
SILENCE = {Profile.SINK: 40.0, Profile.CARRIERS: 240.0}
LONGEST = {Profile.SINK: 3_600.0, Profile.CARRIERS: 7_200.0}
SETTLE_SECONDS = 20.0

Say = Callable[[str], None]
# The key's folder and the sink's counters in, a peer's figures out.
Against = Callable[[Path, bytes, int], Peer]


@dataclass(frozen=True)
class Run:
    """What was seen: clicks, the sink's times, the programs' CPU and memory."""

    clicked: float
    urged: float
    mails: int
    people: int
    waiting: int
    times: dict[str, dict[str, list[float]]]
    cpu: float
    rss: float
    bulletin: str
    emergency: str


def measure(plan: Plan, *, database: str | None, against: Against | None, say: Say) -> Figures:
    """Everything, in a folder of its own that is gone afterwards. Raises BenchFailed."""
    places = destinations(plan.profile)
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="hansho-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        sink = Asked("outbound.bench.sink", {one.name: asdict(one.manners) for one in places}, folder / "log")
        stack.callback(sink.close)
        ports = dict(cast(dict[str, int], sink.first))
        for one in places:
            if one.manners.dead:
                ports[one.name] = stack.enter_context(_dead_port())
        settings = write(folder, plan, places, ports, database)
        key = settings.secrets_folder / settings.mail.dkim.key
        with town(settings, places) as there:
            there.settle(plan, say)
            say("署名の限界を測っています")
            before = rsa_per_s(key)
            run = _Runner(plan, places, there, sink, folder, say).run()
        say("署名の限界を、もう一度測っています")
        limit = (before + rsa_per_s(key)) / 2
        peer = Peer("", None, "--against を指定していません")
        if against is not None:
            say("比べる相手を測っています")
            peer = against(key, Counters(sink, ()).sample(), plan.recipients)
        return _figures(plan, places, run, limit, peer)


@contextlib.contextmanager
def _dead_port() -> Iterator[int]:
    """A port that is taken and refuses every connection: bound, and nobody listens."""
    with socket.socket() as bound:
        bound.bind((HOST, 0))
        yield bound.getsockname()[1]


class _Runner:
    """The desk, the workers, two clicks, and a look at the sink many times a second."""

    def __init__(
        self, plan: Plan, places: tuple[Destination, ...], there: Town, sink: Asked, folder: Path, say: Say
    ) -> None:
        self._plan = plan
        self._places = places
        self._town = there
        self._sink = sink
        self._folder = folder
        self._say = say
        self._crew = Crew(folder / "log")
        people = expected(plan, places)
        self._living = sum(people[one.name] for one in places if not one.manners.dead)

    def run(self) -> Run:
        """Raises BenchFailed when a program dies."""
        bulletin = self._town.write(EVERYBODY, "不審な電話にご注意ください")
        emergency = self._town.write(EMERGENCY, "避難してください（計測用）")
        self._counters = Counters(self._sink, [bulletin.number, emergency.number])
        try:
            where = ["outbound", "--config", str(self._folder), "--part"]
            for _ in range(self._plan.workers):
                self._crew.start("sender", [*where, "sender"])
            self._crew.start("desk", [*where, "desk"])
            return self._watch(bulletin, emergency)
        finally:
            self._crew.close()

    def _watch(self, bulletin: Made, emergency: Made) -> Run:
        cpu = self._crew.cpu_seconds()
        clicked = time.monotonic()
        self._town.approve(bulletin, EVERYBODY)
        half = (self._plan.recipients - self._plan.urgent) // 2
        self._until(clicked, lambda: self._counters.count(bulletin.number).people >= half)
        urged = time.monotonic()
        self._town.approve(emergency, EMERGENCY)
        self._until(clicked, self._all_there)
        self._let_settle(bulletin, emergency)
        spent = self._crew.cpu_seconds() - cpu
        counted = self._counters.count()
        return Run(
            clicked=clicked,
            urged=urged,
            mails=counted.mails,
            people=counted.people,
            waiting=self._town.waiting(bulletin, emergency),
            times=self._counters.times(),
            cpu=spent,
            rss=self._crew.peak_mib("sender"),
            bulletin=bulletin.number,
            emergency=emergency.number,
        )

    def _all_there(self) -> bool:
        return self._counters.count().people >= self._living

    def _until(self, clicked: float, done: Callable[[], bool]) -> None:
        """Look until it is so, or nothing moves any more."""
        silence, longest = SILENCE[self._plan.profile], LONGEST[self._plan.profile]
        seen, moved, said = -1, time.monotonic(), time.monotonic()
        while not done():
            dead = self._crew.dead()
            if dead is not None:
                raise BenchFailed(f"{dead} が止まりました。\n{self._crew.last_words()}")
            time.sleep(LOOK_SECONDS)
            now, people = time.monotonic(), self._counters.count().people
            if people != seen:
                seen, moved = people, now
            if now - moved > silence or now - clicked > longest:
                self._say("新しい通が届かなくなったので、待つのをやめます")
                return
            if now - said >= SAY_SECONDS:
                said = now
                rate = people / (now - clicked)
                self._say(f"{now - clicked:4.0f}秒 {people:,}/{self._plan.recipients:,}通 毎秒{rate:,.0f}通")

    def _let_settle(self, *made: Made) -> None:
        """What was handed over is also to be written down: that costs CPU, too."""
        patience = time.monotonic() + (SETTLE_SECONDS if self._plan.profile is Profile.SINK else 1)
        while time.monotonic() < patience and not self._town.is_sent(*made):
            time.sleep(LOOK_SECONDS)


def expected(plan: Plan, places: tuple[Destination, ...]) -> dict[str, int]:
    """How many people live at each destination: they are dealt out in turn, resident number 1 to the second."""
    whole, rest = divmod(plan.recipients, len(places))
    extra = {(number + 1) % len(places) for number in range(rest)}
    return {one.name: whole + (k in extra) for k, one in enumerate(places)}


def _figures(plan: Plan, places: tuple[Destination, ...], run: Run, limit: float, peer: Peer) -> Figures:
    arrived = sorted(
        at - run.clicked for by_place in run.times.values() for ats in by_place.values() for at in ats
    )
    urgent = sorted(at - run.urged for ats in run.times[run.emergency].values() for at in ats)
    rate = len(arrived) / arrived[-1] if arrived else 0.0
    # Who waits for a second attempt is late; in the quick profile nobody has a reason to wait.
    late = run.waiting if plan.profile is Profile.CARRIERS else 0
    return Figures(
        recipients=plan.recipients,
        workers=plan.workers,
        accepted=run.mails,
        duplicates=run.mails - run.people,
        lost=max(0, plan.recipients - run.people - late),
        mails_per_s=rate,
        t50_s=reached(arrived, plan.recipients, 50),
        t95_s=reached(arrived, plan.recipients, 95),
        t100_s=reached(arrived, plan.recipients, 100),
        cpu_us_per_mail=run.cpu / run.mails * 1e6 if run.mails else None,
        peak_rss_mib=run.rss,
        rsa_per_s=limit,
        ratio=rate / limit,
        peer=peer,
        urgent=Urgent(*(1000 * urgent[k] if urgent else None for k in (0, -1))),
        destinations=_arrivals(plan, places, run) if plan.profile is Profile.CARRIERS else None,
    )


def _arrivals(plan: Plan, places: tuple[Destination, ...], run: Run) -> dict[str, Arrivals]:
    told = {}
    for name, people in expected(plan, places).items():
        ats = sorted(at - run.clicked for by_place in run.times.values() for at in by_place.get(name, []))
        told[name] = Arrivals(people, len(ats), *(reached(ats, people, percent) for percent in (50, 95, 100)))
    return told
