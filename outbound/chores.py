"""What the clock asks of outbound: the daily bounce report and housekeeping, each run once over all nodes (D5)."""

import os
import socket
from datetime import datetime, timedelta

from config import bouncereport
from config.clock import Clock
from config.settings import Settings
from store import arrivals, jobs, letters, people, reports, subscriptions
from store.db import Store
from store.letters import Purpose
from store.people import Right

REPORT_AT = "07:00"
HOUSEKEEPING_AT = "04:10"
PENDING_LASTS = timedelta(days=7)
CLAIMS_LAST = timedelta(days=2)
MAILS_LAST = timedelta(days=30)


def chores(settings: Settings, store: Store) -> Clock:
    """The clock of the release desk."""
    holder = f"{socket.gethostname()}:{os.getpid()}"

    async def claim(job: str, due: datetime) -> bool:
        return await store.run(jobs.claim, job, due, holder, now=store.now())

    async def done(job: str, due: datetime) -> None:
        await store.run(jobs.done, job, due, now=store.now())

    async def report(due: datetime) -> None:
        await store.run(write_bounce_report, due - timedelta(days=1), due, now=store.now())

    async def housekeeping(due: datetime) -> None:
        await store.run(subscriptions.expire_pending, before=due - PENDING_LASTS, now=store.now())
        await store.run(jobs.forget, before=due - CLAIMS_LAST)
        while await store.run(arrivals.forget, before=due - MAILS_LAST):
            pass

    async def left() -> list[tuple[str, datetime]]:
        return await store.run(jobs.left, now=store.now())

    clock = Clock(store.now, claim, done, left=left)
    clock.daily("bounce-report", REPORT_AT, report)
    clock.daily("housekeeping", HOUSEKEEPING_AT, housekeeping)
    return clock


def write_bounce_report(since: datetime, until: datetime, *, now: datetime) -> int:
    """A letter to every operator with what came back in that span (D7); returns how many letters."""
    report = reports.bounces(since, until)
    params, attachment = bouncereport.letter(report)
    operators = people.holders(Right.OPERATE, None, now=now)
    for operator in operators:
        letters.write(
            Purpose.BOUNCE_REPORT,
            operator.address,
            params,
            now=now,
            person=operator.id,
            attachment=attachment,
            once=f"bounce-report {until.isoformat()} {operator.id}",
        )
    return len(operators)
