"""The dead man's question: what should have been mailed by now, and has not moved (R15)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from store.models import Bulletin, Delivery, Telegram
from store.states import BulletinState, DeliveryState, TelegramState

# What has run for longer than this is another matter than an alarm that did not start.
_REACHES_BACK = timedelta(hours=6)
_BY_ITSELF = ("feed", "partner")


def unread(*, now: datetime, after: timedelta) -> int:
    """Telegrams that were stored so long ago and that nobody has interpreted."""
    waiting = (Telegram.state == str(TelegramState.RECEIVED)) & (Telegram.fetched_at <= now - after)
    return Telegram.select().where(waiting).count()


def unmoved(*, now: datetime, after: timedelta) -> list[str]:
    """Numbers of bulletins that a rule released so long ago, and of which no mail was even tried, oldest first.

    One that reaches nobody has not failed anybody.
    """
    open_ = [str(BulletinState.APPROVED), str(BulletinState.SCHEDULED), str(BulletinState.SENDING)]
    late = (
        Bulletin.state.in_(open_)
        & Bulletin.origin.in_(_BY_ITSELF)
        & Bulletin.stop_at.is_null()
        & (Bulletin.due <= now - after)
        & (Bulletin.due > now - _REACHES_BACK)
    )
    rows: Sequence[Bulletin] = list(Bulletin.select().where(late).order_by(Bulletin.id))
    return [row.number for row in rows if _stuck(row)]


def _stuck(row: Bulletin) -> bool:
    mine = Delivery.bulletin_id == row.id
    tried = (Delivery.attempts > 0) | (Delivery.state == str(DeliveryState.SENT))
    if Delivery.select().where(mine & tried).exists():
        return False
    return row.expanded_at is None or bool(Delivery.select().where(mine).exists())
