"""Clock claims: each due run of a job is done once over all nodes, by inserting (job, due) with a lease (D5)."""

from datetime import datetime, timedelta

from peewee import IntegrityError

from store.models import JobRun, database

LEASE = timedelta(minutes=10)


def claim(job: str, due: datetime, holder: str, *, now: datetime) -> bool:
    """True for the one who may do it: the first to ask, or the first after the holder's lease ran out undone."""
    try:
        with database.atomic():
            JobRun.create(job=job, due=due, holder=holder, lease_until=now + LEASE)
        return True
    except IntegrityError:
        abandoned = (
            (JobRun.job == job) & (JobRun.due == due) & JobRun.done_at.is_null() & (JobRun.lease_until < now)
        )
        return bool(JobRun.update(holder=holder, lease_until=now + LEASE).where(abandoned).execute())


def done(job: str, due: datetime, *, now: datetime) -> None:
    """It is done, and will not be taken over."""
    JobRun.update(done_at=now).where((JobRun.job == job) & (JobRun.due == due)).execute()


def left(*, now: datetime) -> list[tuple[str, datetime]]:
    """Claims whose holder died before the end: one of the living takes them over."""
    undone = (
        JobRun.select()
        .where(JobRun.done_at.is_null() & (JobRun.lease_until < now))
        .order_by(JobRun.due)
        .limit(50)
    )
    return [(row.job, row.due) for row in undone]


def forget(*, before: datetime) -> int:
    """Drop old claims."""
    return int(JobRun.delete().where(JobRun.due < before).execute())
