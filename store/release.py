"""From approved to sent: the last check, expansion in slices, the stop button, and `sent` counted from rows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from peewee import fn

from store import audience, bulletins, cards, events, people
from store.audience import Aimed
from store.errors import Refused
from store.models import Bulletin, Decision, Delivery, Post, Subscriber, Version, VersionArea, sql, tuples
from store.moves import lock, move, move_where
from store.people import Right
from store.queues import Lane
from store.states import BulletinState, DeliveryState

# A slice is one transaction: at 5,000 subscribers nobody else waits longer than a few milliseconds (PERFORMANCE.md 4).
SLICE = 5_000
# Everything has a not-after (R6): what nobody could send within a day of its time is no news, whoever starts us again.
STALE = timedelta(hours=24)
_OPEN = [str(DeliveryState.QUEUED), str(DeliveryState.LEASED), str(DeliveryState.DEFERRED)]


@dataclass(frozen=True)
class Progress:
    """Where a bulletin's sending stands, counted from its rows."""

    expanded: int
    sent: int
    failed: int
    withdrawn: int
    open: int


def due(*, now: datetime) -> list[int]:
    """Bulletins to begin now, most urgent first."""
    rows = Bulletin.select(Bulletin.id, Bulletin.urgency).where(
        Bulletin.state.in_([str(BulletinState.APPROVED), str(BulletinState.SCHEDULED)])
        & (Bulletin.due <= now)
    )
    return [row.id for row in sorted(rows, key=lambda row: (Lane.of(row.urgency), row.id))]


def begin(bulletin: int, *, now: datetime) -> bool:
    """Start sending, after looking once more at everything the approval was bound to; False when it was too late.

    Raises Refused("tampered") when the stored version is not what was approved, ("not-due") before its time: the
    bulletin stays where it is.
    """
    lock(Bulletin, bulletin)
    row = Bulletin.get_by_id(bulletin)
    version = Version.get_by_id(row.version_id)
    decided = Decision.select().where(
        (Decision.bulletin_id == bulletin)
        & (Decision.version_id == version.id)
        & (Decision.action == "approve")
        & (Decision.digest == row.approved_digest)
    )
    if (
        row.approved_version_id != version.id
        or not decided.exists()
        or bulletins.digest_of(version.id) != row.approved_digest
    ):
        raise Refused("tampered", number=row.number)
    if row.due is None or row.due > now:
        raise Refused("not-due", number=row.number)
    if (version.not_after or row.due + STALE) <= now:
        bulletins.withdraw(bulletin, by=None, why="not-after", now=now)
        return False
    move(Bulletin, bulletin, BulletinState.SENDING, by="outbound", at=now, released_at=now)
    # Towns may have come or gone since the text was saved (C5.4): aim again, by the approved areas.
    approved = VersionArea.select().where(VersionArea.version_id == version.id)
    audience.aim(version.id, row.category_id, [Aimed(a.section, a.area_id, a.level) for a in approved])
    if "archive" in version.channels and not row.mail_only:
        Post.insert(
            bulletin_id=bulletin, channel="archive", attempts=0, due=now
        ).on_conflict_ignore().execute()
    cards.want(bulletin, now=now)
    return True


def unexpanded() -> list[int]:
    """Bulletins whose recipients are not all written down yet, most urgent first."""
    rows = Bulletin.select(Bulletin.id, Bulletin.urgency, Bulletin.version_id).where(
        (Bulletin.state == str(BulletinState.SENDING))
        & Bulletin.expanded_at.is_null()
        & Bulletin.stop_at.is_null()
    )
    ordered = sorted(rows, key=lambda row: (Lane.of(row.urgency), row.id))
    return [row.id for row in ordered if not _waits_for_others(row.version_id)]


def _waits_for_others(version: int | None) -> bool:
    """Who got the original, or who is to be spared, is not known yet (R4, R9): those recipients are being written
    down, or are being stopped."""
    needed = audience.needs(version) if version is not None else []
    unknown = Bulletin.expanded_at.is_null() | Bulletin.stop_at.is_null(False)
    sending = Bulletin.id.in_(needed) & (Bulletin.state == str(BulletinState.SENDING)) & unknown
    return bool(needed) and Bulletin.select().where(sending).exists()


def expand(bulletin: int, *, now: datetime, size: int = SLICE) -> int | None:
    """Write the next slice of delivery rows; returns how many, or None when there is nothing to write (now)."""
    lock(Bulletin, bulletin)
    row = Bulletin.get_by_id(bulletin)
    if row.state != BulletinState.SENDING or row.expanded_at is not None or row.version_id is None:
        return None
    if _waits_for_others(row.version_id):
        return None
    last = Subscriber.select(fn.MAX(Subscriber.id)).scalar() or 0
    if row.expand_cursor >= last or row.stop_at is not None:
        Bulletin.update(expanded_at=now).where(Bulletin.id == bulletin).execute()
        return None
    upto = row.expand_cursor + size
    lane = int(Lane.of(row.urgency))
    added = audience.expand(bulletin, row.version_id, row.realm, lane, row.expand_cursor, upto)
    Bulletin.update(expand_cursor=upto).where(Bulletin.id == bulletin).execute()
    return added


def progress(bulletin: int) -> Progress:
    """Count the rows; `sent` is never a stored number (R19)."""
    query = (
        Delivery.select(Delivery.state, fn.COUNT(Delivery.id))
        .where(Delivery.bulletin_id == bulletin)
        .group_by(Delivery.state)
    )
    counted = {str(state): int(n) for state, n in tuples(query)}
    return Progress(
        expanded=sum(counted.values()),
        sent=counted.get("sent", 0),
        failed=counted.get("failed", 0),
        withdrawn=counted.get("withdrawn", 0),
        open=sum(counted.get(state, 0) for state in _OPEN),
    )


def sending() -> list[int]:
    """Bulletins that are being sent and fully expanded: candidates for `finish`."""
    rows = Bulletin.select(Bulletin.id).where(
        (Bulletin.state == str(BulletinState.SENDING)) & Bulletin.expanded_at.is_null(False)
    )
    return [row.id for row in rows]


def finish(bulletin: int, *, now: datetime) -> bool:
    """Write `sent` (配信済み) when every row has ended, `stopped` when it was stopped; False while any is open."""
    lock(Bulletin, bulletin)
    row = Bulletin.get_by_id(bulletin)
    if row.expanded_at is None or sql(_ANY_OPEN, bulletin).fetchone() is not None:
        return False
    to = BulletinState.SENT if row.stop_at is None else BulletinState.STOPPED
    move(Bulletin, bulletin, to, by="outbound", at=now, finished_at=now)
    cards.want(bulletin, now=now)
    return True


# In the words of its partial index: asked after every batch, it may not walk what has been sent already.
_ANY_OPEN = (
    "SELECT 1 FROM delivery WHERE bulletin_id = ? AND state IN ('queued', 'leased', 'deferred') LIMIT 1"
)
_MAY_STOP = (Right.STOP, Right.APPROVE, Right.SEND, Right.ADJUST, Right.OPERATE)


def stop(bulletin: int, *, by: int, now: datetime) -> None:
    """配信を中止する: a flag that leases and senders look at; what is queued is swept afterwards (R5).

    By whoever may stop or release this category, or operates the service (K3). Raises Refused("no-right") or
    ("not-sending").
    """
    lock(Bulletin, bulletin)
    row = Bulletin.get_by_id(bulletin)
    if not any(people.holds(by, right, row.category_id, now=now) for right in _MAY_STOP):
        raise Refused("no-right", action="stop")
    mine = (
        (Bulletin.id == bulletin)
        & (Bulletin.state == str(BulletinState.SENDING))
        & Bulletin.stop_at.is_null()
    )
    if not Bulletin.update(stop_at=now).where(mine).execute():
        raise Refused("not-sending")
    Bulletin.update(expanded_at=now).where(
        (Bulletin.id == bulletin) & Bulletin.expanded_at.is_null()
    ).execute()
    events.record(f"person:{by}", "stop", f"bulletin:{bulletin}", at=now)
    cards.want(bulletin, now=now)


def stopped() -> list[int]:
    """Bulletins with the stop flag that are not swept yet."""
    rows = Bulletin.select(Bulletin.id).where(
        (Bulletin.state == str(BulletinState.SENDING)) & Bulletin.stop_at.is_null(False)
    )
    return [row.id for row in rows]


def sweep(bulletin: int, *, limit: int = SLICE) -> int:
    """Withdraw queued and deferred rows of a stopped bulletin, a slice at a time; returns how many."""
    waiting = Delivery.state.in_([str(DeliveryState.QUEUED), str(DeliveryState.DEFERRED)])
    slice_ = Delivery.select(Delivery.id).where((Delivery.bulletin_id == bulletin) & waiting).limit(limit)
    return move_where(Delivery, Delivery.id.in_(slice_), DeliveryState.WITHDRAWN)
