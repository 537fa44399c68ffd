"""X12, R6, R9: what comes in is kept before it is understood, once, over any number of programs."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from store import arrivals, jobs, letters, selfcheck, telegrams, watch
from store.arrivals import Addressed
from store.db import Store
from store.letters import Purpose
from store.models import Arrival, TelegramRaw
from store.states import TelegramState
from store.watch import Change
from tests.ledger import acts
from tests.ledger.conftest import NOW

URL = "http://127.0.0.1/1.xml"


def _receive(store: Store, raw: bytes = b"From: a\r\n\r\nx") -> list[int]:
    to = [Addressed("touroku@example.jp", "join"), Addressed("souan@example.jp", "draft")]
    return store.call(arrivals.receive, raw, to, mail_from="a@example.jp", peer="p", helo="h", now=NOW)


@pytest.mark.req("X12")
def test_a_mail_is_kept_as_it_came_for_each_of_our_addresses(store: Store) -> None:
    raw = bytes(range(256)) * 40
    first, second = _receive(store, raw)
    assert store.call(arrivals.waiting) == [first, second]
    assert store.call(arrivals.load, second).raw == raw
    assert store.call(arrivals.attempt, first) == 1
    assert store.call(arrivals.waiting) == [second, first]  # what failed once lets the others go first
    store.call(arrivals.understood, first, "subscriber:1", now=NOW)
    again = acts.refusal(store, arrivals.quarantined, first, "no-proof", now=NOW)
    assert again.code == "moved-already"
    assert store.call(arrivals.waiting) == [second]


@pytest.mark.req("C6.2")
def test_a_replay_is_seen_and_a_second_try_is_no_replay(store: Store) -> None:
    first, second = _receive(store)
    assert store.call(arrivals.remember, "digest", first, now=NOW)
    assert store.call(arrivals.remember, "digest", first, now=NOW)
    assert not store.call(arrivals.remember, "digest", second, now=NOW)
    assert store.call(arrivals.remember, "another", second, now=NOW)


@pytest.mark.req("C7.4")
def test_a_telegram_is_stored_once_by_any_number_of_programs(store: Store) -> None:
    def keep(_n: int) -> int | None:
        return store.call(telegrams.keep, URL, "extra", b"<x/>", now=NOW)

    with ThreadPoolExecutor(8) as pool:
        kept = [one for one in pool.map(keep, range(8)) if one is not None]
    assert len(kept) == 1
    assert store.call(lambda: TelegramRaw.select().count()) == 1
    assert store.call(telegrams.unseen, [URL, "http://127.0.0.1/2.xml", URL]) == ["http://127.0.0.1/2.xml"]


def test_a_telegram_is_interpreted_once(store: Store) -> None:
    telegram = store.call(telegrams.keep, URL, "extra", b"<x/>", now=NOW)
    assert telegram is not None
    (stored,) = store.call(telegrams.waiting)
    assert stored.raw == b"<x/>"
    store.call(telegrams.interpreted, telegram, TelegramState.PASSED, "drill", None, now=NOW)
    assert store.call(telegrams.waiting) == []
    again = acts.refusal(
        store, telegrams.interpreted, telegram, TelegramState.UNDERSTOOD, None, None, now=NOW
    )
    assert again.code == "moved-already"


@pytest.mark.req("C7.4")
def test_an_etag_is_kept_only_by_a_complete_poll(store: Store) -> None:
    store.call(telegrams.polled, "extra", etag="one", last_modified=None, now=NOW)
    store.call(telegrams.poll_failed, "extra", "timeout", now=NOW + timedelta(minutes=1))
    seen = store.call(telegrams.feed, "extra")
    assert (seen.etag, seen.ok_at, seen.failure, seen.baseline_at) == ("one", NOW, "timeout", NOW)


@pytest.mark.req("C8.10")
def test_a_level_is_told_when_it_changes_and_not_again(store: Store) -> None:
    """R9: same level and same area is not news; a rise, another area, and the end are."""
    telegram = store.call(telegrams.keep, URL, "extra", b"<x/>", now=NOW)
    assert telegram is not None

    def tell(levels: dict[str, int], *, complete: bool = True) -> list[Change]:
        found = watch.changes("rain", levels, event_key="chiba", complete=complete)
        watch.tell("rain", found, event_key="chiba", telegram=telegram or 0, bulletin=None, now=NOW)
        return found

    assert store.call(tell, {"city:1": 3, "city:2": 2}) == [Change("city:1", 0, 3), Change("city:2", 0, 2)]
    assert store.call(tell, {"city:1": 3, "city:2": 2}) == []
    assert store.call(tell, {"city:1": 5, "city:2": 2}) == [Change("city:1", 3, 5)]
    assert store.call(tell, {"city:1": 5}, complete=False) == []
    assert store.call(tell, {"city:1": 5}) == [Change("city:2", 2, 0)]
    assert store.call(tell, {}) == [Change("city:1", 5, 0)]
    assert store.call(tell, {}) == []
    assert store.call(watch.rises, "rain", {"city:1": 0}) == []


@pytest.mark.req("D5")
def test_a_due_run_is_claimed_once(store: Store) -> None:
    def claim(n: int) -> bool:
        return store.call(jobs.claim, "report", NOW, f"node{n}", now=NOW)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(claim, range(6))) == [False] * 5 + [True]
    late = NOW + jobs.LEASE
    assert not store.call(jobs.claim, "report", NOW, "other", now=late)
    late += timedelta(seconds=1)
    assert store.call(jobs.claim, "report", NOW, "other", now=late)
    store.call(jobs.done, "report", NOW, now=late)
    assert not store.call(jobs.claim, "report", NOW, "third", now=late + timedelta(days=1))
    assert store.call(jobs.claim, "report", NOW + timedelta(days=1), "third", now=late)


def test_a_letter_with_a_name_is_written_once(store: Store) -> None:
    def write(_n: int) -> int | None:
        return store.call(letters.write, Purpose.BOUNCE_REPORT, "o@example.jp", {}, now=NOW, once="report-1")

    with ThreadPoolExecutor(4) as pool:
        assert sum(one is not None for one in pool.map(write, range(4))) == 1


def test_lists_show_no_content(store: Store) -> None:
    _receive(store)
    assert [line.meaning for line in store.call(arrivals.listed)] == ["draft", "join"]
    assert store.call(lambda: {row.state for row in Arrival.select()}) == {"received"}


def test_a_raw_mail_is_forgotten_after_its_time_and_an_unread_one_is_not(store: Store) -> None:
    to = [Addressed("touroku@anzen.example.lg.jp", "join")]
    read, unread = (
        store.call(arrivals.receive, raw, to, mail_from="", peer="127.0.0.1", helo="x", now=NOW)[0]
        for raw in (b"Subject: one\r\n\r\n", b"Subject: two\r\n\r\n")
    )
    store.call(arrivals.understood, read, "subscriber", now=NOW)
    assert store.call(arrivals.forget, before=NOW) == 0
    assert store.call(arrivals.forget, before=NOW + timedelta(days=30)) == 1
    assert store.call(arrivals.forget, before=NOW + timedelta(days=30)) == 0
    assert acts.refusal(store, arrivals.load, read).code == "arrival-unknown"
    assert store.call(arrivals.load, unread).raw.startswith(b"Subject: two")
    assert len(store.call(arrivals.listed)) == 2
    assert store.call(selfcheck.check) == []
