"""JMA's 独立した情報単位: what came before of the same unit of telegrams, and the bulletins it became."""

from dataclasses import dataclass
from datetime import datetime

from peewee import Expression

from store import categories
from store.models import Bulletin, Telegram, VersionArea
from store.states import BulletinState, TelegramState
from store.telegrams import Envelope


@dataclass(frozen=True)
class Original:
    """A bulletin made of a telegram, as 訂正 and 取消 need it. `areas` are (area id, level)."""

    telegram: int
    reported_at: datetime | None
    bulletin: int
    state: BulletinState
    category: int
    category_key: str
    level: int
    event_key: str | None
    areas: tuple[tuple[int, int], ...]


def _same(envelope: Envelope) -> Expression:
    same: Expression = Telegram.type == envelope.type
    for column, value in (
        (Telegram.office, envelope.office),
        (Telegram.status, envelope.status),
        (Telegram.event_id, envelope.event_id),
    ):
        same = same & (column.is_null() if value is None else column == value)
    return same


def superseded(envelope: Envelope) -> bool:
    """True when a later telegram of the unit has been interpreted: five of 21,701 came out of order (JMA.md 1)."""
    if envelope.reported_at is None:
        return False
    later = (Telegram.reported_at > envelope.reported_at) & (Telegram.state != str(TelegramState.RECEIVED))
    return bool(Telegram.select().where(_same(envelope) & later).exists())


def newest(type_: str, office: str | None, *, since: datetime) -> int | None:
    """The newest live telegram of a type and office reported since then (the week's forecast beside today's)."""
    mine = (
        (Telegram.type == type_)
        & (Telegram.office == office)
        & (Telegram.status == "通常")
        & (Telegram.info_type != "取消")
        & (Telegram.reported_at >= since)
    )
    row = Telegram.select(Telegram.id).where(mine).order_by(Telegram.reported_at.desc()).first()
    return row.id if row is not None else None


def originals(envelope: Envelope, *, since: datetime) -> list[Original]:
    """The bulletins of the unit's telegrams fetched since then, newest telegram first; without those that are
    themselves 訂正 or 取消, and without those taken back already. A telegram keeps its bulletins' numbers in `why`."""
    understood = (Telegram.state == str(TelegramState.UNDERSTOOD)) & (Telegram.fetched_at >= since)
    found = []
    for row in Telegram.select().where(_same(envelope) & understood).order_by(Telegram.id.desc()):
        numbers = (row.why or "").split()
        mine = Bulletin.number.in_(numbers) & Bulletin.refers_as.is_null()
        for bulletin in Bulletin.select().where(mine).order_by(Bulletin.id):
            if not _taken_back(bulletin.id):
                found.append(_original(row, bulletin))
    return found


def _taken_back(bulletin: int) -> bool:
    cancels = (Bulletin.refers_to_id == bulletin) & (Bulletin.refers_as == "cancel")
    return bool(Bulletin.select().where(cancels).exists())


def _original(telegram: Telegram, bulletin: Bulletin) -> Original:
    aimed = VersionArea.select().where(VersionArea.version_id == bulletin.version_id)
    return Original(
        telegram=telegram.id,
        reported_at=telegram.reported_at,
        bulletin=bulletin.id,
        state=BulletinState(bulletin.state),
        category=bulletin.category_id,
        category_key=categories.by_id(bulletin.category_id).key,
        level=bulletin.level,
        event_key=bulletin.event_key,
        areas=tuple((one.area_id, one.level) for one in aimed.order_by(VersionArea.area_id)),
    )
