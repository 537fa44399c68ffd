"""Residents: asking to join, confirming, choosing, pausing by bounce, leaving; an address is registered once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from peewee import IntegrityError

from store import choices, letters, tokens
from store.errors import Refused
from store.letters import Purpose
from store.models import Letter, Subscriber, database
from store.moves import lock, move
from store.states import SubscriberState
from store.tokens import Once, TokenState

LINK_LASTS = timedelta(hours=24)
# A join address must not become a way to flood a stranger's mailbox (R: at most a few a day to one address).
LETTERS_A_DAY = 3


class Reason(StrEnum):
    """Why somebody is suspended or removed; kept without the address after erasure (R27)."""

    BY_MAIL = "unsubscribed-mail"
    BY_LINK = "unsubscribed-link"
    ONE_CLICK = "unsubscribed-one-click"
    NON_EXISTENT = "non-existent"
    COMPLAINT = "complaint"
    OPERATOR = "operator"
    EXPIRED = "expired"
    PAUSED = "paused"


class Asked(StrEnum):
    """What came of asking to join."""

    NEW = "new"
    AGAIN = "again"
    ALREADY = "already"
    ENOUGH = "enough"


class Confirmed(StrEnum):
    """What came of presenting a join token."""

    NOW = "now"
    ALREADY = "already"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Resident:
    """A subscriber as the pages see them."""

    id: int
    address: str
    state: SubscriberState
    language: str


def _canonical(address: str) -> str:
    """Taro@x and taro@x are one mailbox with every provider a resident uses, so they are one subscriber (C5.3)."""
    return address.lower()


def _living(address: str) -> Subscriber | None:
    address = _canonical(address)
    return Subscriber.get_or_none(
        (Subscriber.address == address) & (Subscriber.state != str(SubscriberState.REMOVED))
    )


def request(address: str, *, queue: int, now: datetime, in_reply_to: str | None = None) -> Asked:
    """Ask to join (D2, C5.6): the answer is a letter, always, and never more than a few a day.

    `address` is the unquoted canonical form; `queue` the destination its domain belongs to.
    """
    address = _canonical(address)
    row = _living(address)
    asked = Asked.AGAIN
    if row is None:
        try:
            with database.atomic():
                row = Subscriber.create(
                    address=address,
                    queue_id=queue,
                    state=str(SubscriberState.PENDING),
                    language="ja",
                    format="both",
                    created_at=now,
                )
            asked = Asked.NEW
        except IntegrityError:  # somebody asked for the same address at the same moment (C5.3)
            row = _living(address)
            if row is None:
                raise
    lock(Subscriber, row.id)  # so that no more letters than allowed are counted at the same moment
    already = row.state in (SubscriberState.CONFIRMED, SubscriberState.SUSPENDED)
    purpose = Purpose.JOIN_AGAIN if already else Purpose.JOIN_CONFIRM
    if letters.written(purpose, address, since=now - timedelta(days=1)) >= LETTERS_A_DAY:
        return Asked.ENOUGH
    params: dict[str, object] = {"subscriber": row.id}
    if not already:
        params["token"] = tokens.issue(Once.JOIN, row.id, now=now, lasts=LINK_LASTS)
        params["hours"] = int(LINK_LASTS / timedelta(hours=1))
    letters.write(
        purpose, address, params, now=now, queue=row.queue_id, subscriber=row.id, in_reply_to=in_reply_to
    )
    return Asked.ALREADY if already else asked


def look(token: str, *, now: datetime) -> TokenState:
    """What a join link is worth; a GET may ask (R20)."""
    return tokens.look(Once.JOIN, token, now=now).state


def confirm(token: str, *, now: datetime, home: int | None = None) -> Confirmed:
    """Use a join token: the subscriber is confirmed with the town's defaults and welcomed (C5.6).

    `home` is the ward or station chosen on the page, for the categories that ask for one (CA.2).
    """
    presented = tokens.use(Once.JOIN, token, now=now)
    if presented.state is TokenState.UNKNOWN:
        return Confirmed.UNKNOWN
    lock(Subscriber, presented.subject)
    row = Subscriber.get_or_none(Subscriber.id == presented.subject)
    if row is None or row.state == SubscriberState.REMOVED:
        return Confirmed.UNKNOWN
    if row.state != SubscriberState.PENDING:
        return Confirmed.ALREADY
    if presented.state is not TokenState.GOOD:
        return Confirmed.EXPIRED
    move(
        Subscriber, row.id, SubscriberState.CONFIRMED, by="resident", at=now, confirmed_at=now, changed_at=now
    )
    tokens.revoke(Once.JOIN, row.id, now=now)
    choices.give_defaults(row.id, home=home)
    _write(row, Purpose.WELCOME, now)
    return Confirmed.NOW


def _write(row: Subscriber, purpose: Purpose, now: datetime, **params: object) -> None:
    if row.address is not None:
        letters.write(
            purpose,
            row.address,
            {"subscriber": row.id, **params},
            now=now,
            queue=row.queue_id,
            subscriber=row.id,
        )


def resident(subscriber: int) -> Resident:
    """Raises Refused("subscriber-gone") for somebody who has left."""
    row = Subscriber.get_or_none(Subscriber.id == subscriber)
    if row is None or row.address is None or row.state == SubscriberState.REMOVED:
        raise Refused("subscriber-gone")
    return Resident(row.id, row.address, SubscriberState(row.state), row.language)


def find(address: str) -> Resident | None:
    """The living subscriber of an address."""
    row = _living(address)
    return None if row is None or row.address is None else resident(row.id)


def send_settings_link(address: str, *, now: datetime, in_reply_to: str | None = None) -> bool:
    """Mail the link to one's own settings; silent (False) for an address we do not know or have written to enough."""
    address = _canonical(address)
    row = _living(address)
    if row is None or row.state not in (SubscriberState.CONFIRMED, SubscriberState.SUSPENDED):
        return False
    if letters.written(Purpose.SETTINGS_LINK, address, since=now - timedelta(days=1)) >= LETTERS_A_DAY:
        return False
    _write(row, Purpose.SETTINGS_LINK, now)
    return True


def remove(subscriber: int, reason: Reason, *, now: datetime, farewell: bool = True) -> bool:
    """Leave (登録解除): the address is erased once the farewell is on its way. False when already gone."""
    lock(Subscriber, subscriber)
    row = Subscriber.get_or_none(Subscriber.id == subscriber)
    if row is None or row.state == SubscriberState.REMOVED:
        return False
    choices.clear(subscriber)
    move(
        Subscriber,
        subscriber,
        SubscriberState.REMOVED,
        by="resident",
        at=now,
        reason=str(reason),
        changed_at=now,
        address=None,
    )
    tokens.revoke(Once.JOIN, subscriber, now=now)
    _forget_letters([subscriber])
    if farewell and row.confirmed_at is not None:
        _write(row, Purpose.GOODBYE, now)
    return True


def suspend(subscriber: int, reason: Reason, *, now: datetime) -> bool:
    """Stop sending (不達による配信停止, C8.6); undone by `resume`. False when not confirmed (any more)."""
    lock(Subscriber, subscriber)
    row = Subscriber.get_or_none(Subscriber.id == subscriber)
    if row is None or row.state != SubscriberState.CONFIRMED:
        return False
    choices.uncount(subscriber)
    move(
        Subscriber,
        subscriber,
        SubscriberState.SUSPENDED,
        by="inbound",
        at=now,
        reason=str(reason),
        changed_at=now,
    )
    return True


def resume(subscriber: int, *, now: datetime) -> bool:
    """Send again (配信再開)."""
    lock(Subscriber, subscriber)
    row = Subscriber.get_or_none(Subscriber.id == subscriber)
    if row is None or row.state != SubscriberState.SUSPENDED:
        return False
    move(
        Subscriber, subscriber, SubscriberState.CONFIRMED, by="resident", at=now, reason=None, changed_at=now
    )
    choices.count(subscriber)
    return True


def expire_pending(*, before: datetime, now: datetime) -> int:
    """Forget those who asked before then and never confirmed; returns how many."""
    old = Subscriber.select(Subscriber.id).where(
        (Subscriber.state == str(SubscriberState.PENDING)) & (Subscriber.created_at < before)
    )
    ids = [row.id for row in old]
    for subscriber in ids:
        remove(subscriber, Reason.EXPIRED, now=now, farewell=False)
    return len(ids)


def _forget_letters(ids: list[int]) -> None:
    """What was written to them keeps no address either; letters still on their way lose it when they end (R27)."""
    ended = Letter.subscriber_id.in_(ids) & Letter.state.in_(["sent", "failed", "withdrawn"])
    Letter.update(address=None, params=None).where(ended).execute()
