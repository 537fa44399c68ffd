"""Runs jobs at their times: APScheduler's triggers say when, the ledger's claims say by whom."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

log = logging.getLogger(__name__)

TOKYO = ZoneInfo("Asia/Tokyo")
# Intervals count from here on every machine, so that two nodes find the same due times and claim them once.
START_OF_GRID = datetime(2000, 1, 1, tzinfo=TOKYO)
POLL_SECONDS = 1.0  # how soon a jump of `now` is noticed
RETRY = timedelta(seconds=30)  # until a claim that could not be asked for is asked for again
LEFT_OVER_SECONDS = 30.0
LAST_SECONDS = 5.0  # what running jobs get to finish in at the end
BACK = timedelta(seconds=1)  # a smaller step back is the time service at work, no jump
TICK = timedelta(microseconds=1)

Job = Callable[[datetime], Awaitable[None]]
Claim = Callable[[str, datetime], Awaitable[bool]]
Done = Callable[[str, datetime], Awaitable[None]]
Left = Callable[[], Awaitable[Sequence[tuple[str, datetime]]]]


@dataclass
class _Entry:
    """A job with its next due time; `window`: how far back to look for the last time it should have run."""

    name: str
    trigger: CronTrigger | IntervalTrigger
    window: timedelta
    fn: Job
    jitter: float
    claimed: bool
    due: datetime = START_OF_GRID
    wake: datetime = START_OF_GRID  # due, jittered or put off
    running: asyncio.Task[None] | None = None

    def first(self, moment: datetime) -> datetime:
        """The first due time at or after the moment; raises ValueError when there is none."""
        found: datetime | None = self.trigger.get_next_fire_time(None, moment)
        if found is None:
            raise ValueError(f"job {self.name} is never due")
        return found

    def last(self, now: datetime) -> datetime:
        """The latest due time not after `now`, of those missed: several missed runs are one."""
        due = self.first(max(self.due, now - self.window))
        if due > now:
            due = self.due
        while (after := self.first(due + TICK)) <= now:
            due = after
        return due

    def plan(self, moment: datetime) -> None:
        self.due = self.first(moment)
        self.wake = self.due + timedelta(seconds=random.uniform(0, self.jitter))  # noqa: S311 - no secret

    def busy(self) -> bool:
        return self.running is not None and not self.running.done()


class Clock:
    """Jobs by name. `now()` may jump (the training town's offset): missed runs are made up for once.

    `claim(job, due)` is true for exactly one asker; `done(job, due)` ends the claim's lease after success;
    `left()` lists claims whose lease ran out unfinished (a node died): one of the living takes them over.
    A start looks back `look_back` for runs missed during a restart; the claim keeps them from running twice.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        claim: Claim,
        done: Done,
        *,
        left: Left | None = None,
        look_back: timedelta = timedelta(hours=1),
    ) -> None:
        self.now = now
        self.claim = claim
        self.done = done
        self.look_back = look_back
        self._entries: dict[str, _Entry] = {}
        self._seen: datetime | None = None
        if left is not None:
            self._left = left
            self.every("left-over", LEFT_OVER_SECONDS, self._take_over, claimed=False)

    def every(
        self,
        job: str,
        seconds: float,
        fn: Job,
        *,
        jitter: float = 0.0,
        offset: float = 0.0,
        claimed: bool = True,
    ) -> None:
        """Run `fn(due)` every so many seconds, `offset` into each interval, up to `jitter` seconds late."""
        interval = timedelta(seconds=seconds)
        start = START_OF_GRID + timedelta(seconds=offset)
        trigger = IntervalTrigger(seconds=seconds, start_date=start, timezone=TOKYO)
        self._add(_Entry(job, trigger, interval, fn, jitter, claimed))

    def daily(self, job: str, at: str, fn: Job) -> None:
        """Run `fn(due)` each day at a time of Tokyo such as "07:00"."""
        time = datetime.strptime(at, "%H:%M")  # noqa: DTZ007 - a time of day, no date
        trigger = CronTrigger(hour=time.hour, minute=time.minute, timezone=TOKYO)
        self._add(_Entry(job, trigger, timedelta(days=1), fn, 0.0, True))

    def cron(self, job: str, expression: str, fn: Job) -> None:
        """Run `fn(due)` by five cron fields in Tokyo time, weekdays by name: `0 9 * * mon-fri`.

        Raises ValueError for anything else; weekday numbers are refused because APScheduler counts them
        from Monday and cron from Sunday.
        """
        fields = expression.split()
        if len(fields) != 5 or any(character.isdigit() for character in fields[4]):
            raise ValueError(f"five fields with weekdays by name, not {expression!r}")
        trigger = CronTrigger.from_crontab(expression, timezone=TOKYO)
        self._add(_Entry(job, trigger, timedelta(days=1), fn, 0.0, True))

    def _add(self, entry: _Entry) -> None:
        if entry.name in self._entries:
            raise ValueError(f"two jobs are called {entry.name}")
        self._entries[entry.name] = entry

    async def run(self, stop: asyncio.Event) -> None:
        """Run the jobs until `stop`; a job that fails is logged, and comes again at its next time."""
        try:
            while not stop.is_set():
                seconds = self.tick(self.now())
                try:
                    await asyncio.wait_for(stop.wait(), min(seconds, POLL_SECONDS))
                except TimeoutError:
                    continue
        finally:
            await self.settle(LAST_SECONDS)

    def tick(self, now: datetime) -> float:
        """Start what is due; returns the seconds to the next due time."""
        if self._seen is None:
            self._plan(now - self.look_back)
        elif now < self._seen - BACK:
            self._plan(now)
        self._seen = now
        waiting = [entry for entry in self._entries.values() if not entry.busy()]
        for entry in waiting:
            if entry.wake <= now:
                due = entry.last(now)
                entry.plan(now + TICK)
                entry.running = asyncio.create_task(self._run(entry, due), name=entry.name)
        return max(0.0, min(((entry.wake - now).total_seconds() for entry in waiting), default=POLL_SECONDS))

    async def settle(self, seconds: float | None = None) -> None:
        """Wait for the running jobs; cancel those that are not done in time."""
        tasks = [entry.running for entry in self._entries.values() if entry.running is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _plan(self, moment: datetime) -> None:
        for entry in self._entries.values():
            entry.plan(moment)

    async def _run(self, entry: _Entry, due: datetime) -> None:
        try:
            if entry.claimed and not await self.claim(entry.name, due):
                return
        except Exception:  # unknown is temporary: the ledger may be away for a moment
            log.exception("unclaimed job=%s due=%s", entry.name, due.isoformat())
            entry.due, entry.wake = due, self.now() + RETRY
            return
        try:
            await entry.fn(due)
            if entry.claimed:
                await self.done(entry.name, due)
        except Exception:  # the tick's edge: one job's fault stops no other (STYLE 3.8)
            log.exception("failed job=%s due=%s", entry.name, due.isoformat())

    async def _take_over(self, _due: datetime) -> None:
        for name, due in await self._left():
            entry = self._entries.get(name)
            if entry is not None and not entry.busy():
                log.info("taken-over job=%s due=%s", name, due.isoformat())
                entry.running = asyncio.create_task(self._run(entry, due), name=name)
                await entry.running
