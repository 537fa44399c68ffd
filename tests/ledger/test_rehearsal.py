"""X11: the telegrams of a past day through a configuration, counted, with nothing sent and nothing changed."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import config
from config.catalogue import load_catalogue
from feeds.rehearsal import Played, Told, heard
from feeds.rehearse import replay
from feeds.tally import tally
from store import bulletins, ledger, proposals, queues, rehearsal, telegrams
from store.db import Store
from store.errors import Refused
from store.models import Event
from store.rehearsal import Outcome
from tests.ledger import acts
from tests.ledger.feed_town import T0
from tests.ledger.test_feed_decisions import CONTINUED, ISSUED, LIFTED, quake, rain

SAMPLE = Path(config.__file__).parent / "sample"


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A configuration with its ledger: three residents, and a telegram that came this morning."""
    folder = tmp_path / "town"
    shutil.copytree(SAMPLE, folder)
    store = Store(folder / "ledger.db")
    store.call(ledger.open_ledger, "chiba", "training", now=T0)
    store.call(queues.ensure, ["*"])
    store.call(proposals.bootstrap, load_catalogue(folder).document(), now=T0)
    acts.join(store, "a@example.jp", T0, ("weather-rain", "chiba", 3))
    acts.join(store, "b@example.jp", T0, ("weather-rain", "chiba", 3), ("quake", "hanamigawa", 3))
    acts.join(store, "c@example.jp", T0, ("quake", "hanamigawa", 3))
    store.call(telegrams.keep, "https://feed.example/1.xml", "extra", rain(ISSUED), now=T0)
    store.close()
    return folder


@pytest.fixture
def past(tmp_path: Path) -> Path:
    """A folder of telegrams: a warning, its continuation, a quake in the night, a lifting; and something else."""
    folder = tmp_path / "past"
    (folder / "more").mkdir(parents=True)
    night = quake(("341", "4", "1210200=4")).replace(b"T00:00:05Z", b"T14:00:05Z")
    night = night.replace(b"T09:00:00+09:00", b"T23:00:00+09:00")
    for name, xml in {
        "more/4.xml": rain(LIFTED, minutes=30).replace(b"T00:00:05Z", b"T00:30:05Z"),
        "1.xml": rain(ISSUED),
        "2.xml": rain(CONTINUED, minutes=5).replace(b"T00:00:05Z", b"T00:05:05Z"),
        "3.xml": night,
        "readme.xml": b"not a telegram",
    }.items():
        (folder / name).write_bytes(xml)
    return folder


def run(*args: object) -> Result:
    result = CliRunner().invoke(replay, [str(one) for one in args])
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.req("X11")
def test_a_day_is_counted_by_rule_and_by_resident(town: Path, past: Path) -> None:
    told = json.loads(run(past, "--config", town, "--json").stdout)
    assert (told["residents"], told["telegrams"]) == (3, 4)
    assert told["states"] == {"understood": 3, "passed": 1}
    quakes, rains = told["rows"]
    assert (quakes["rule"], quakes["bulletins"], quakes["mails"], quakes["night"]) == ("quake-feed", 1, 2, 2)
    assert (rains["rule"], rains["mails"], rains["night"], rains["worst_hour"]) == ("weather-feed", 4, 0, 4)
    assert (rains["day"], rains["median"], rains["most"]) == ("2026-11-20", 2.0, 2)
    (day,) = told["days"]
    assert (day["mails"], day["most"], day["median"]) == (6, 3, 2.0)
    assert told["nights"] == {"2026-11-20 23": 2}


@pytest.mark.req("X11")
def test_nothing_is_sent_and_nothing_is_changed(town: Path, past: Path) -> None:
    def state() -> tuple[object, ...]:
        store = Store(town / "ledger.db")
        try:
            lines = store.call(telegrams.listed)
            return lines, store.call(bulletins.listed), store.call(lambda: Event.select().count())
        finally:
            store.close()

    before = state()
    run(past, "--config", town)
    assert state() == before
    assert not list(town.glob("*replay*"))


@pytest.mark.req("X11")
def test_two_configurations_are_compared(town: Path, past: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(town, other)
    rules = (other / "rules.yaml").read_text(encoding="utf-8")
    automatic = "category: weather\n    origin: feed\n    decision: automatic"
    assert automatic in rules
    (other / "rules.yaml").write_text(
        rules.replace(automatic, automatic.replace("automatic", "two-person")), encoding="utf-8"
    )
    shown = run(past, "--config", town, "--against", other).stdout
    assert "電文 4通" in shown and "登録者 3人" in shown
    assert "2026-11-20　weather-feed　4通 → 0通" in shown
    told = json.loads(run(past, "--config", town, "--against", other, "--json").stdout)
    waiting = [row["waiting"] for row in told["against"]["rows"] if row["rule"] == "weather-feed"]
    assert waiting == [2]
    assert "違いはありません" in run(past, "--config", town, "--against", town).stdout


def test_the_day_in_the_ledger_is_played_as_it_came(town: Path) -> None:
    told = json.loads(run("--config", town, "--day", "2026-11-20", "--json").stdout)
    assert (told["telegrams"], [row["mails"] for row in told["rows"]]) == (1, [2])
    assert (
        "電文がありません"
        in CliRunner().invoke(replay, ["--config", str(town), "--day", "2026-11-19"]).output
    )
    assert CliRunner().invoke(replay, ["--config", str(town), "--day", "昨日"]).exit_code == 2


def test_a_town_not_born_yet_is_not_born_by_asking(past: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    shutil.copytree(SAMPLE, folder)
    assert "登録者 0人" in run(past, "--config", folder).stdout
    assert not (folder / "ledger.db").exists()


def test_a_live_ledger_takes_in_no_rehearsal(tmp_path: Path) -> None:
    store = Store(tmp_path / "live.db")
    store.call(ledger.open_ledger, "chiba", "live", now=T0)
    with pytest.raises(Refused, match="live-pretend"):
        store.call(rehearsal.move_in, [], now=T0)
    store.close()


def test_a_telegram_without_a_time_cannot_be_played() -> None:
    assert heard(b"x") is None
    one = heard(rain(ISSUED))
    assert one is not None and one.at == datetime(2026, 11, 20, 0, 1, 35, tzinfo=UTC)


def test_who_got_nothing_counts_in_the_middle() -> None:
    told = tuple(Told(T0 + timedelta(minutes=n), Outcome(str(n), None, True, (1,))) for n in range(3))
    (row,) = tally(Played(9, 3, {}, told)).rows
    assert (row.rule, row.median, row.most, row.mails) == ("", 0.0, 3, 3)
