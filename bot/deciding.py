"""What a click or a form of the chiefs does in the ledger: each a verb, one transaction."""

from dataclasses import dataclass
from datetime import datetime, time

from config import hours
from store import bulletins, cards, decisions, release, rules
from store.decisions import Door
from store.rules import Origin
from store.states import BulletinState


@dataclass(frozen=True)
class Shown:
    """What the person saw when he clicked: the bulletin's number and the digest of its version."""

    number: str
    digest: str


def approve(shown: Shown, *, person: int, opens: time, closes: time, now: datetime) -> str:
    """承認 of exactly what was shown; what is not urgent is held until the office opens (M5.2). Raises Refused."""
    view = bulletins.by_number(shown.number)
    policy = rules.policy(view.category_id, Origin(view.origin))
    hold = None
    if policy.office_hours and view.urgency == "routine":
        hold = hours.next_open(max(now, view.release_at or now), opens, closes)
    state = decisions.approve(view.id, shown.digest, person=person, door=Door.SLACK, now=now, hold_until=hold)
    if state == BulletinState.SUBMITTED:  # one stage of several: the card tells the next person
        cards.want(view.id, now=now)
    return state


def send_back(shown: Shown, *, person: int, note: str, now: datetime) -> None:
    """差戻し. Raises Refused."""
    bulletin = bulletins.by_number(shown.number).id
    decisions.send_back(bulletin, shown.digest, person=person, door=Door.SLACK, note=note, now=now)


def reject(shown: Shown, *, person: int, note: str, now: datetime) -> None:
    """却下. Raises Refused."""
    bulletin = bulletins.by_number(shown.number).id
    decisions.reject(bulletin, shown.digest, person=person, door=Door.SLACK, note=note, now=now)


def stop(number: str, *, person: int, now: datetime) -> None:
    """配信中止. Raises Refused."""
    release.stop(bulletins.by_number(number).id, by=person, now=now)


def withdraw(number: str, *, person: int, why: str, now: datetime) -> None:
    """取下げ. Raises Refused."""
    bulletins.withdraw(bulletins.by_number(number).id, by=person, why=why, now=now)
