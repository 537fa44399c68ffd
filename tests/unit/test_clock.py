"""The clock with time as an argument: what runs when, and nothing twice."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.clock import Clock

TOKYO = ZoneInfo("Asia/Tokyo")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=TOKYO)


class Ledger:
    """The claims of a ledger, and whether it can be reached."""

    def __init__(self) -> None:
        self.taken: set[tuple[str, datetime]] = set()
        self.finished: list[tuple[str, datetime]] = []
        self.unfinished: list[tuple[str, datetime]] = []
        self.away = False

    async def claim(self, job: str, due: datetime) -> bool:
        if self.away:
            raise ConnectionError("the ledger is away")
        if (job, due) in self.taken:
            return False
        self.taken.add((job, due))
        return True

    async def done(self, job: str, due: datetime) -> None:
        self.finished.append((job, due))

    async def left(self) -> Sequence[tuple[str, datetime]]:
        return self.unfinished


class Trial:
    """A clock whose time the test sets, and the runs it made."""

    def __init__(self, start: datetime, ledger: Ledger | None = None, *, look_back_hours: float = 0) -> None:
        self.time = start
        self.ledger = ledger or Ledger()
        self.runs: list[datetime] = []
        self.clock = Clock(
            lambda: self.time,
            self.ledger.claim,
            self.ledger.done,
            left=self.ledger.left,
            look_back=timedelta(hours=look_back_hours),
        )

    async def job(self, due: datetime) -> None:
        self.runs.append(due)

    async def go(self, *moments: datetime) -> list[datetime]:
        """Turn the clock to each moment in turn; returns the runs of all of them."""
        before = len(self.runs)
        for moment in moments:
            self.time = moment
            self.clock.tick(moment)
            await self.clock.settle()
        return self.runs[before:]


@pytest.mark.req("D5")
async def test_a_daily_job_runs_at_its_time_in_tokyo() -> None:
    trial = Trial(at("21 06:59:00"))
    trial.clock.daily("report", "07:00", trial.job)
    assert await trial.go(at("21 06:59:00")) == []
    assert trial.clock.tick(at("21 06:59:30")) == pytest.approx(30)
    assert await trial.go(at("21 07:00:00"), at("21 07:00:01")) == [at("21 07:00:00")]
    assert await trial.go(at("22 07:00:05").astimezone(UTC)) == [at("22 07:00:00")]
    assert trial.ledger.finished == [("report", at("21 07:00:00")), ("report", at("22 07:00:00"))]


@pytest.mark.req("D5")
async def test_weekdays_by_name_are_the_ones_meant() -> None:
    trial = Trial(at("20 12:00"))  # 2026-11-20 is a Friday, the 23rd a holiday but a Monday
    trial.clock.cron("weekly", "0 9 * * mon", trial.job)
    await trial.go(*(at(f"{day} 12:00") for day in range(20, 30)))
    assert trial.runs == [at("23 09:00")]


@pytest.mark.parametrize("expression", ["0 9 * * 1", "0 9 * *", "0 9 * * mon-5", "61 9 * * mon", ""])
def test_weekday_numbers_and_nonsense_are_refused(expression: str) -> None:
    trial = Trial(at("20 12:00"))
    with pytest.raises(ValueError):
        trial.clock.cron("weekly", expression, trial.job)


def test_two_jobs_of_one_name_are_refused() -> None:
    trial = Trial(at("20 12:00"))
    trial.clock.daily("report", "07:00", trial.job)
    with pytest.raises(ValueError, match="report"):
        trial.clock.daily("report", "08:00", trial.job)


async def test_a_jump_forward_makes_up_once_for_what_was_missed() -> None:
    trial = Trial(at("21 06:00"))
    trial.clock.daily("report", "07:00", trial.job)
    trial.clock.every("sweep", 10, trial.job)
    await trial.go(at("21 06:00"))
    runs = await trial.go(at("24 06:30"))
    assert runs == [at("23 07:00"), at("24 06:30")]
    assert await trial.go(at("24 07:00:09")) == [at("24 07:00"), at("24 07:00")]


async def test_a_monthly_job_missed_by_weeks_is_made_up_for() -> None:
    trial = Trial(at("01 00:00"))
    trial.clock.cron("inspection", "0 9 2 * *", trial.job)
    assert await trial.go(at("01 00:00"), at("28 00:00")) == [at("02 09:00")]


async def test_a_jump_back_runs_nothing_twice_and_goes_on() -> None:
    trial = Trial(at("21 06:00"))
    trial.clock.daily("report", "07:00", trial.job)
    trial.clock.every("sweep", 600, trial.job)
    await trial.go(at("21 06:00"), at("21 07:00"), at("22 07:00"))
    back = await trial.go(at("21 06:55"), at("21 07:00"), at("21 07:10"))
    assert back == [at("21 07:10")]  # the sweep's new time; the report of that morning was sent already
    assert trial.clock.tick(at("21 07:10:01")) < 600


async def test_two_nodes_run_each_time_once() -> None:
    ledger = Ledger()
    nodes = [Trial(at("21 06:00"), ledger), Trial(at("21 06:00:07"), ledger)]
    for node in nodes:
        node.clock.every("sweep", 60, node.job)
    for minute in range(1, 12):
        await asyncio.gather(*(node.go(at(f"21 06:{minute:02}:0{n}")) for n, node in enumerate(nodes)))
    runs = nodes[0].runs + nodes[1].runs
    assert len(runs) == len(set(runs)) == 11


async def test_a_restart_makes_up_for_the_last_hour_unless_it_ran() -> None:
    ledger = Ledger()
    before = Trial(at("21 06:59"), ledger)
    before.clock.daily("report", "07:00", before.job)
    before.clock.daily("backup", "06:30", before.job)
    await before.go(at("21 06:00"), at("21 06:31"))
    after = Trial(at("21 07:20"), ledger, look_back_hours=1)
    after.clock.daily("report", "07:00", after.job)
    after.clock.daily("backup", "06:30", after.job)
    after.clock.daily("drill", "05:00", after.job)
    assert await after.go(at("21 07:20")) == [at("21 07:00")]


async def test_a_job_that_fails_is_logged_and_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    trial = Trial(at("21 06:00"))

    async def broken(due: datetime) -> None:
        trial.runs.append(due)
        raise RuntimeError("the printer is on fire")

    trial.clock.every("print", 60, broken)
    with caplog.at_level(logging.ERROR):
        runs = await trial.go(at("21 06:00"), at("21 06:01"))
    assert runs == [at("21 06:00"), at("21 06:01")]
    assert "failed job=print due=2026-11-21T06:00:00+09:00" in caplog.text
    assert trial.ledger.finished == []


async def test_an_unreachable_ledger_puts_a_run_off_and_loses_none(caplog: pytest.LogCaptureFixture) -> None:
    trial = Trial(at("21 06:59"))
    trial.clock.daily("report", "07:00", trial.job)
    trial.ledger.away = True
    assert await trial.go(at("21 06:59"), at("21 07:00")) == []
    trial.ledger.away = False
    assert await trial.go(at("21 07:00:10")) == []
    assert await trial.go(at("21 07:00:31")) == [at("21 07:00")]
    assert "unclaimed job=report" in caplog.text


async def test_what_a_dead_node_left_is_taken_over() -> None:
    trial = Trial(at("21 12:00"))
    trial.clock.daily("report", "07:00", trial.job)
    trial.ledger.unfinished = [("report", at("21 07:00")), ("unknown", at("21 07:00"))]
    assert await trial.go(at("21 12:00"), at("21 12:01")) == [at("21 07:00")]
    assert trial.ledger.finished == [("report", at("21 07:00"))]


async def test_a_slow_job_is_not_started_beside_itself() -> None:
    trial = Trial(at("21 06:00"))
    release = asyncio.Event()

    async def slow(due: datetime) -> None:
        trial.runs.append(due)
        await release.wait()

    trial.clock.every("poll", 60, slow, claimed=False)
    for minute in range(3):
        trial.clock.tick(at(f"21 06:0{minute}"))
        await asyncio.sleep(0)
    assert trial.runs == [at("21 06:00")]
    release.set()
    assert await trial.go(at("21 06:03")) == []  # still ending
    assert await trial.go(at("21 06:03:01")) == [at("21 06:03")]
    assert trial.ledger.taken == set()


async def test_offset_and_jitter_keep_the_due_time() -> None:
    trial = Trial(at("21 06:00"))
    trial.clock.every("poll", 60, trial.job, offset=20, jitter=5)
    runs = await trial.go(at("21 06:00:00"), at("21 06:00:19"), at("21 06:00:25"), at("21 06:01:26"))
    assert runs == [at("21 06:00:20"), at("21 06:01:20")]


async def test_it_runs_until_stopped_and_lets_a_job_finish() -> None:
    trial = Trial(at("21 06:00"))
    stop, began = asyncio.Event(), asyncio.Event()

    async def last(due: datetime) -> None:
        began.set()
        await stop.wait()
        trial.runs.append(due)

    trial.clock.every("sweep", 60, last)
    running = asyncio.create_task(trial.clock.run(stop))
    await began.wait()
    stop.set()
    await running
    assert trial.runs == [at("21 06:00")]


@given(moves=st.lists(st.integers(-100_000, 100_000), max_size=30))
@settings(max_examples=40, deadline=None)
def test_however_time_jumps_nothing_runs_twice_or_early(moves: list[int]) -> None:
    async def story() -> None:
        trial = Trial(at("21 06:00"))
        trial.clock.daily("report", "07:00", trial.job)
        for move in moves:
            moment = trial.time + timedelta(seconds=move)
            assert all(due <= moment for due in await trial.go(moment))
        assert len(trial.runs) == len(set(trial.runs))

    asyncio.run(story())
