"""The queue: rows leased in small batches by lane, recorded in batches, fenced by the worker that holds them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from store import bounces, bulletins, letters
from store.bounces import Source, Verdict
from store.fields import from_micros, to_micros
from store.models import Bulletin, Delivery, Letter, Queue, Subscriber, Version, Worker, sql, tuples
from store.moves import claim, lock, move_where
from store.queues import Lane
from store.states import DeliveryState, SubscriberState


class Outcome(StrEnum):
    """What became of one attempt. `withdrawn` = it was stopped before MAIL FROM."""

    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    RETURNED = "queued"


@dataclass(frozen=True)
class Mail:
    """A leased row of a bulletin: who, which sections, and why he gets it."""

    id: int
    bulletin: int
    subscriber: int
    address: str
    sections: int
    category: int
    area: int
    queue: int
    lane: int
    attempts: int


@dataclass(frozen=True)
class Note:
    """A leased letter: its purpose and what the template is filled with."""

    id: int
    purpose: letters.Purpose
    subscriber: int | None
    person: int | None
    address: str
    params: dict[str, object]
    attachment: tuple[str, str] | None
    in_reply_to: str | None
    queue: int
    lane: int
    attempts: int
    created_at: datetime


@dataclass(frozen=True)
class Result:
    """What a worker reports about a row it holds; `due` is the next attempt of a deferred one (aware datetime)."""

    id: int
    outcome: Outcome
    code: int | None = None
    reply: str | None = None
    due: datetime | None = None


@dataclass(frozen=True)
class Content:
    """What all mails of one bulletin share."""

    bulletin: int
    number: str
    realm: str
    rendering: str
    category: int
    unit_phone: str
    not_after: datetime | None
    released_at: datetime
    event_key: str | None
    first_of_event: str | None
    urgency: str


def _awake(now: datetime) -> list[int]:
    rows = Queue.select(Queue.id).where(Queue.paused_until.is_null() | (Queue.paused_until <= now))
    return [row.id for row in rows]


def _alive(worker: int) -> bool:
    """Nobody may bury this worker while it takes rows, and a buried one takes none: they would never come back."""
    lock(Worker, worker)
    return bool(Worker.select().where((Worker.id == worker) & Worker.ended_at.is_null()).exists())


def wake_due(*, now: datetime, limit: int = 1_000) -> int:
    """Queue again what has waited long enough; a retry keeps its lane and stands behind its first attempts (R24)."""
    woken = 0
    queues = [row.id for row in Queue.select(Queue.id)]  # named, so that the index (queue, due) is walked
    for table in (Letter, Delivery):
        due = (table.state == str(DeliveryState.DEFERRED)) & table.queue_id.in_(queues) & (table.due <= now)
        waiting = table.select(table.id).where(due).limit(limit)
        woken += move_where(table, table.id.in_(waiting), DeliveryState.QUEUED, retry=1, worker_id=None)
    return woken


def _any_due(now: datetime) -> bool:
    """Whether `wake_due` would find anything: one look at two indexes, at every turn of every worker."""
    moment = to_micros(now)
    return sql(_DUE, moment, moment).fetchone() is not None


_DUE = " UNION ALL ".join(
    f"""SELECT 1 FROM queue q WHERE EXISTS
    (SELECT 1 FROM {table} WHERE state = 'deferred' AND queue_id = q.id AND due <= ?)"""  # noqa: S608 - our own names
    for table in ("letter", "delivery")
)


def next_due() -> datetime | None:
    """When the next waiting row wants to be tried again."""
    times = [sql(_NEXT.format(table=table)).fetchone()[0] for table in ("letter", "delivery")]
    return min((from_micros(int(due)) for due in times if due is not None), default=None)


# One look at the head of each queue's index; a plain MIN would walk every row that waits.
_NEXT = """SELECT MIN(head) FROM (SELECT
(SELECT MIN(due) FROM {table} WHERE state = 'deferred' AND queue_id = q.id) AS head FROM queue q) AS heads"""


@dataclass(frozen=True)
class Taken:
    """What one visit to the ledger gave: letters, mails, and the bulletins that are being stopped."""

    notes: list[Note]
    mails: list[Mail]
    stopped: frozenset[int]


ALL_LANES = tuple(int(lane) for lane in Lane)


def take(
    worker: int,
    *,
    letters_at_most: int,
    limit: int,
    now: datetime,
    lanes: Sequence[int] = ALL_LANES,
    most: Mapping[tuple[int, int], int] | None = None,
) -> Taken:
    """Wake what waited, then lease letters and mails, in one transaction; `limit` counts both.

    `most`: how many mails of a (queue, lane) at most, where that is fewer; a slow destination must not fill all
    hands of a worker (R10). With `limit` 0 only what is being stopped is told.
    """
    notes: list[Note] = []
    mails: list[Mail] = []
    if limit > 0 and _alive(worker):
        if _any_due(now):
            wake_due(now=now)
        awake = _awake(now)
        notes = _take_letters(worker, awake, min(letters_at_most, limit), lanes)
        mails = _take_mails(worker, awake, limit - len(notes), lanes, most)
    stopped = Bulletin.select(Bulletin.id).where(
        (Bulletin.state == "sending") & Bulletin.stop_at.is_null(False)
    )
    return Taken(notes, mails, frozenset(row.id for row in stopped))


def turn(
    worker: int,
    mails: Iterable[Result],
    notes: Iterable[Result],
    *,
    bounced: Iterable[tuple[bool, int, Verdict]],
    letters_at_most: int,
    limit: int,
    now: datetime,
    lanes: Sequence[int] = ALL_LANES,
    most: Mapping[tuple[int, int], int] | None = None,
) -> Taken:
    """`record`, then `take`, in one transaction: one write to the disk for both (PERFORMANCE.md 7)."""
    record(worker, mails, notes, now=now, bounced=bounced)
    return take(worker, letters_at_most=letters_at_most, limit=limit, now=now, lanes=lanes, most=most)


def lease_letters(worker: int, *, limit: int, now: datetime, lanes: Sequence[int] = ALL_LANES) -> list[Note]:
    """Take letters, sign-in ones first. A worker that was called dead gets none."""
    return _take_letters(worker, _awake(now), limit, lanes) if _alive(worker) else []


def _take_letters(worker: int, awake: Sequence[int], limit: int, lanes: Sequence[int]) -> list[Note]:
    ids = claim(Letter, awake, lanes, limit, worker)
    if not ids:
        return []
    rows = Letter.select().where(Letter.id.in_(ids))
    return [_note(row) for row in rows.order_by(Letter.lane, Letter.retry, Letter.id)]


def _note(row: Letter) -> Note:
    attachment = (row.attachment_name, row.attachment or "") if row.attachment_name is not None else None
    return Note(
        row.id,
        letters.Purpose(row.purpose),
        row.subscriber_id,
        row.person_id,
        row.address or "",
        row.params or {},
        attachment,
        row.in_reply_to,
        row.queue_id,
        row.lane,
        row.attempts,
        row.created_at,
    )


def lease(
    worker: int,
    *,
    limit: int,
    now: datetime,
    lanes: Sequence[int] = ALL_LANES,
    most: Mapping[tuple[int, int], int] | None = None,
) -> list[Mail]:
    """Take up to `limit` rows that are ready, most urgent first, from every queue that does not rest.

    A worker that was called dead gets none. May return fewer than there are: whose owner left is ended here instead.
    """
    return _take_mails(worker, _awake(now), limit, lanes, most) if _alive(worker) else []


def _take_mails(
    worker: int,
    awake: Sequence[int],
    limit: int,
    lanes: Sequence[int],
    most: Mapping[tuple[int, int], int] | None,
) -> list[Mail]:
    ids = claim(Delivery, awake, lanes, limit, worker, _NOT_STOPPED, most)
    if not ids:
        return []
    rows = (
        Delivery.select(
            Delivery.id,
            Delivery.bulletin_id,
            Delivery.subscriber_id,
            Subscriber.address,
            Delivery.sections,
            Delivery.category_id,
            Delivery.area_id,
            Delivery.queue_id,
            Delivery.lane,
            Delivery.attempts,
        )
        .join(Subscriber, on=(Subscriber.id == Delivery.subscriber_id))
        .where(Delivery.id.in_(ids) & (Subscriber.state == str(SubscriberState.CONFIRMED)))
        .order_by(Delivery.lane, Delivery.retry, Delivery.id)
    )
    mails = [Mail(*row) for row in tuples(rows)]
    # Who left or was suspended between expansion and now gets nothing more: his row ends here.
    gone = set(ids) - {mail.id for mail in mails}
    if gone:
        move_where(Delivery, Delivery.id.in_(list(gone)), DeliveryState.WITHDRAWN, worker_id=None)
    return mails


_NOT_STOPPED = (
    "AND bulletin_id NOT IN (SELECT id FROM bulletin WHERE state = 'sending' AND stop_at IS NOT NULL)"
)


def content(bulletin: int) -> Content:
    """What a worker prepares once per bulletin."""
    seen = bulletins.view(bulletin)
    row = Bulletin.get_by_id(bulletin)
    version = Version.get_by_id(row.approved_version_id)
    first = None
    if row.event_key is not None:
        older = Bulletin.select(Bulletin.number).where(
            (Bulletin.event_key == row.event_key) & (Bulletin.id < bulletin)
        )
        oldest = older.order_by(Bulletin.id).first()
        first = oldest.number if oldest is not None else None
    if first is None and row.refers_to_id is not None:
        first = Bulletin.get_by_id(row.refers_to_id).number
    return Content(
        bulletin=bulletin,
        number=row.number,
        realm=row.realm,
        rendering=version.rendering,
        category=row.category_id,
        unit_phone=seen.phone,
        not_after=version.not_after,
        released_at=row.released_at or row.created_at,
        event_key=row.event_key,
        first_of_event=first,
        urgency=row.urgency,
    )


def record(
    worker: int,
    mails: Iterable[Result],
    notes: Iterable[Result],
    *,
    now: datetime,
    bounced: Iterable[tuple[bool, int, Verdict]] = (),
) -> int:
    """Write down a batch of outcomes; rows this worker no longer holds are left alone (fencing). Returns how many.

    `bounced` are final refusals heard in the session: (is a letter, row, verdict).
    """
    done = 0
    for table, results in ((Delivery, mails), (Letter, notes)):
        for outcome, code, reply, due, ids in _grouped(results):
            columns: dict[str, object] = {"code": code, "reply": reply, "due": due, "worker_id": None}
            if outcome is not Outcome.RETURNED:
                columns["attempts"] = table.attempts + 1
            if outcome is Outcome.SENT:
                columns["sent_at"] = now
            mine = table.id.in_(ids) & (table.worker_id == worker)
            done += move_where(table, mine, DeliveryState(str(outcome)), **columns)
            if table is Letter and outcome in (Outcome.SENT, Outcome.FAILED):
                _forget(ids)
    for is_letter, row, verdict in bounced:
        attribute = bounces.of_letter if is_letter else bounces.of_delivery
        attribute(row, verdict, source=Source.SESSION, now=now)
    return done


def _forget(letters_: Sequence[int]) -> None:
    """The token in a letter that has ended has done its work; so has the address of somebody who left (R27)."""
    ended = Letter.id.in_(letters_) & Letter.state.in_([str(DeliveryState.SENT), str(DeliveryState.FAILED)])
    Letter.update(params=None, attachment=None).where(ended).execute()
    left = Subscriber.select(Subscriber.id).where(Subscriber.state == str(SubscriberState.REMOVED))
    Letter.update(address=None).where(ended & Letter.subscriber_id.in_(left)).execute()


def _grouped(
    results: Iterable[Result],
) -> list[tuple[Outcome, int | None, str | None, datetime | None, list[int]]]:
    groups: dict[tuple[Outcome, int | None, str | None, datetime | None], list[int]] = {}
    for one in results:
        groups.setdefault((one.outcome, one.code, one.reply, one.due), []).append(one.id)
    return [(*key, ids) for key, ids in groups.items()]


def waiting() -> dict[str, int]:
    """How many rows are in each open state, for `hansho status`."""
    found: dict[str, int] = {}
    for state in (DeliveryState.QUEUED, DeliveryState.LEASED, DeliveryState.DEFERRED):
        found[str(state)] = sum(t.select().where(t.state == str(state)).count() for t in (Delivery, Letter))
    return found
