"""The small town with a second city, earthquakes and the many small advisories, and telegrams played into its ledger."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import config
from config.settings import Settings, load_settings
from config.sheet import renderer
from feeds.interpret import interpret
from feeds.outcome import Outcome
from feeds.telegram import read
from store import bulletins, ledger, proposals, queues, telegrams
from store.bulletins import View
from store.choices import choose
from store.db import Store
from tests.ledger import acts, small_town

# The hand-made telegrams of tests/telegrams.py report at 9:00 of this day in Japan.
T0 = datetime(2026, 11, 20, 0, 0, 30, tzinfo=UTC)
FEED = "extra"


def catalogue() -> dict[str, Any]:
    """The small town's catalogue and what feeds need."""
    made = deepcopy(small_town.CATALOGUE)
    area, category = small_town._area, small_town._category
    made["areas"].append(area("funabashi", "船橋市", "municipality", aliases=("city:1220400",)))
    made["areas"].append(area("bay", "東京湾内湾", "region", tree="tsunami", aliases=("tsunami:312",)))
    scales = made["categories"]["scales"]
    scales["weather"].insert(2, {"rank": 4, "code": "danger", "name": "危険警報"})
    scales["intensity"] = [{"rank": rank, "code": str(rank), "name": f"震度{rank}"} for rank in range(1, 10)]
    scales["tsunami"] = [{"rank": rank, "code": str(rank), "name": f"津波{rank}"} for rank in range(1, 5)]
    north = ("class10:120010",)
    made["areas"].append(area("forecast-120010", "千葉県北西部", "region", tree="forecast", aliases=north))
    made["areas"].append(area("forecast-120020", "千葉県北東部", "region", tree="forecast"))
    made["areas"].append(area("island", "大島", "region", aliases=("volcano:315",)))
    for one in made["areas"]:
        if one["key"] in ("city", "funabashi"):
            one["aliases"] += north
        if one["key"] == "forecast-120020":
            one["aliases"].append("class10:120020")
    more = {"unit": "bosai"}
    made["categories"]["categories"] += [
        category("weather-other", "その他の注意報", "weather", "immediate", parent="weather", **more),
        category("weather-wind", "暴風", "weather", "life", parent="weather", **more),
        category("tsunami", "津波警報・注意報", "tsunami", "life", **more),
        category("tornado", "竜巻注意情報", "plain", "life", **more),
        category("quake", "震度情報", "intensity", "life", **more),
        category("landslide", "土砂災害警戒情報", "plain", "life", **more),
        category("river", "指定河川洪水予報", "weather", "life", **more),
        category("volcano", "火山", "weather", "life", **more),
        category("forecast", "天気予報", "plain", "routine", **more),
        category("heat", "熱中症警戒アラート", "plain", "immediate", **more),
    ]
    for key in ("landslide", "surge", "snowstorm", "snow"):
        name = f"weather-{key}"
        made["categories"]["categories"].append(
            category(name, name, "weather", "life", parent="weather", **more)
        )
    made["rules"] += [
        made["rules"][1] | {"key": key, "category": key, "ceiling_per_hour": 30}
        for key in ("quake", "tornado", "tsunami", "river", "volcano", "forecast", "heat")
    ]
    for person in made["people"]["people"]:
        if person["unit"] == "bosai":
            person["rights"].append({"action": "send", "category": "quake"})
    return made


def settings() -> Settings:
    """The settings of the sample town."""
    return load_settings(Path(config.__file__).parent / "sample")


def found(address: str, now: datetime = T0) -> Store:
    """A training ledger of this town, whose feed was looked at before `now`."""
    store = Store(address)
    store.call(ledger.open_ledger, "chiba", "training", now=now)
    store.call(queues.ensure, ["docomo", "*"])
    store.call(proposals.bootstrap, catalogue(), now=now)
    return store


_numbers = count(1)


class Watch:
    """Plays telegrams into a ledger and says who was mailed."""

    def __init__(self, store: Store, now: datetime = T0) -> None:
        self.store = store
        self.now = now
        self.render = renderer(settings())
        self.people: dict[int, str] = {}
        store.call(telegrams.polled, FEED, etag=None, last_modified=None, now=now - timedelta(hours=1))

    def join(self, name: str, *choices: tuple[str, str, int]) -> None:
        """A resident with exactly these choices."""
        self.people[acts.join(self.store, f"{name}@example.jp", self.now, *choices)] = name

    def join_times(self, name: str, area: str, option: str | None) -> None:
        """A resident who wants the forecast of a region so often a day."""
        someone = acts.join(self.store, f"{name}@example.jp", self.now)
        self.store.call(choose, someone, [("forecast", area, 1, option)])
        self.people[someone] = name

    def later(self, minutes: float) -> datetime:
        """Let time pass."""
        self.now += timedelta(minutes=minutes)
        return self.now

    def play(self, xml: bytes, *, fetched_at: datetime | None = None) -> Outcome:
        """Store a telegram and interpret it."""
        url = f"https://feed.example/data/{next(_numbers)}.xml"
        kept = self.store.call(telegrams.keep, url, FEED, xml, now=fetched_at or self.now)
        assert kept is not None
        stored = self.store.call(telegrams.load, kept)
        outcome = self.store.call(interpret, stored, read(stored.raw), render=self.render, now=self.now)
        assert outcome is not None
        return outcome

    def view(self, outcome: Outcome) -> View:
        """The only bulletin a telegram became."""
        assert outcome.state == "understood", outcome
        (number,) = outcome.why.split()
        return self.store.call(bulletins.by_number, number)

    def mailed(self, outcome: Outcome) -> list[str]:
        """Release and send the bulletin of a telegram; the names of those who got it, sorted."""
        view = self.view(outcome)
        assert view.state == "approved", view
        acts.expand(self.store, view.id, self.now)
        return sorted(self.people[mail.subscriber] for mail in acts.deliver(self.store, self.now))
