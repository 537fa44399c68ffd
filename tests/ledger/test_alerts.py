"""Operators hear at once of what goes wrong, and once an hour of each cause."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from config import alerts as sentences
from config import letters as config_letters
from feeds import watchman
from store import alerts, release, silence, telegrams
from store.alerts import Cause
from store.letters import Purpose
from store.models import Letter
from store.selfcheck import check
from tests.ledger import acts, feed_town
from tests.ledger.feed_town import FEED, T0, Watch
from tests.ledger.test_feed_decisions import ISSUED, LIFTED, RAISED, rain, residents
from tests.telegrams import kind

SIX = timedelta(minutes=6)


@pytest.fixture
def town(address: str) -> Iterator[Watch]:
    store = feed_town.found(address)
    yield Watch(store)
    assert store.call(check) == []
    store.close()


def told(town: Watch) -> list[dict[str, str]]:
    """The parameters of every alert so far, oldest first."""
    mine = Letter.purpose == str(Purpose.OPERATOR_ALERT)
    return town.store.call(lambda: [one.params for one in Letter.select().where(mine).order_by(Letter.id)])


def look(town: Watch, *sources: str) -> list[tuple[Cause, str]]:
    return town.store.call(watchman.look, sources, T0, timedelta(minutes=5), now=town.now)


def test_every_cause_has_its_sentences() -> None:
    assert sentences.codes() == {str(cause) for cause in Cause}


@pytest.mark.req("C7.1")
def test_an_unknown_code_goes_to_the_operators_once_an_hour(town: Watch) -> None:
    for _ in range(2):
        assert town.play(rain(kind("99", "発表"))).state == "held"
    (letter,) = told(town)
    words = sentences.words(letter)
    assert words["title"] == "読み取れない電文"
    assert "種類 VPWW55" in words["what"] and "unknown-code" in words["what"]
    assert words["at"] == "2026年11月20日 09:00"
    assert set(words) == config_letters.PARAMETERS[config_letters.Purpose.OPERATOR_ALERT]
    town.later(61)
    town.play(rain(kind("99", "発表"), minutes=61))
    assert len(told(town)) == 2


def test_an_unknown_code_in_a_drill_alarms_nobody(town: Watch) -> None:
    assert town.play(rain(kind("99", "発表"), status="試験")).why == "test"
    assert told(town) == []


@pytest.mark.req("C8.10")
def test_the_ceiling_tells_the_operators_which_rule_tripped(town: Watch) -> None:
    levels = [ISSUED, RAISED, kind("33", "発表", "特別警報", last="43"), LIFTED, ISSUED]
    last = [town.play(rain(one, minutes=i)) for i, one in enumerate(levels)][3]
    (letter,) = told(town)
    words = sentences.words(letter)
    assert "規則 weather の自動配信" in words["what"] and "（3件）" in words["what"]
    assert town.view(last).number in words["what"]


@pytest.mark.req("C7.4", "C4.1")
def test_a_dead_feed_alarms_within_minutes(town: Watch) -> None:
    store = town.store
    store.call(telegrams.polled, FEED, etag=None, last_modified=None, now=town.now)
    assert look(town, FEED) == []
    town.later(6)
    store.call(telegrams.poll_failed, FEED, "timeout", now=town.now)
    # A source that was never reached is dead as well.
    assert look(town, FEED, "eqvol") == [(Cause.FEED_DEAD, FEED), (Cause.FEED_DEAD, "eqvol")]
    look(town, FEED, "eqvol")
    first, second = told(town)
    assert (first["feed"], first["minutes"], first["why"], second["feed"]) == (FEED, "6", "timeout", "eqvol")


@pytest.mark.req("C4.1")
def test_a_dead_man_is_missed(town: Watch) -> None:
    residents(town)
    town.play(rain(ISSUED))
    town.later(1)
    assert look(town) == []
    town.later(2)
    ((cause, number),) = look(town)
    assert cause is Cause.NOT_MAILED
    assert sentences.words(told(town)[0])["what"].startswith(f"{number} は配信が決まりましたが、120秒")
    # Begun and written down, but not one mail tried: still silent.
    view = town.store.call(release.due, now=town.now)
    acts.expand(town.store, view[0], town.now)
    assert look(town) == [(Cause.NOT_MAILED, number)]
    acts.deliver(town.store, town.now)
    assert look(town) == []


def test_what_reaches_nobody_misses_nobody(town: Watch) -> None:
    town.play(rain(ISSUED))
    acts.expand(town.store, town.store.call(release.due, now=town.now)[0], town.now)
    town.later(10)
    assert town.store.call(silence.unmoved, now=town.now, after=timedelta(minutes=2)) == []


def test_telegrams_nobody_reads_are_noticed(town: Watch) -> None:
    town.store.call(telegrams.keep, "https://feed.example/1.xml", FEED, rain(ISSUED), now=town.now)
    assert look(town) == []
    town.later(3)
    assert look(town) == [(Cause.NOT_READ, "1")]


def test_an_alert_takes_no_more_from_outside_than_a_little(town: Watch) -> None:
    assert town.store.call(alerts.alert, Cause.HELD, "x" * 9999, {"why": "y" * 9999}, now=T0) == 1
    assert len(told(town)[0]["why"]) == 200
