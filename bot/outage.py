"""When the line to Slack stays silent: what waits there can be clicked by nobody, so letters ask for it (X2)."""

from datetime import UTC, datetime

from store import bulletins, cards
from store.states import BulletinState

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 1000


def out_of_sight(*, now: datetime) -> int:
    """Every card that waits for a decision counts as not seen, and is due again; returns how many.

    The release desk then writes to those who may decide, as for a card that was never posted. When Slack is back,
    the cards are looked at anew.
    """
    waiting = {view.id for view in bulletins.listed([BulletinState.SUBMITTED], limit=_MOST)}
    for bulletin in waiting:
        cards.want(bulletin, now=now)
    hidden = [one for one in cards.due(now=now, limit=_MOST) if one.bulletin in waiting and one.ts]
    for one in hidden:
        cards.shown(
            one.id, one.shown or "", place=one.place or "", ts=one.ts or "", wanted_by=_NEVER, now=_NEVER
        )
    return len(hidden)
