"""What the ledger says about one bulletin, read in one transaction, for its card."""

from dataclasses import dataclass
from datetime import datetime

from config import rendering
from store import audience, bulletins, decisions, events, people, release, rules
from store.bulletins import View
from store.decisions import Taken
from store.errors import Refused
from store.release import Progress
from store.rules import Origin
from store.states import BulletinState

COUNTED = (BulletinState.SENDING, BulletinState.SENT, BulletinState.STOPPED)


@dataclass(frozen=True)
class Withdrawal:
    """Who withdrew it (None: nobody, its time was over) and when."""

    by: str | None
    at: datetime


@dataclass(frozen=True)
class Sight:
    """A bulletin as it stands; `about` people (約N人), None where only counting tells.

    `progress` is for whoever has counted the rows of a bulletin in one of the states COUNTED.

    `office_hours`: what is approved waits for the office to open (M5.2).
    """

    view: View
    about: int | None
    taken: tuple[Taken, ...]
    progress: Progress | None
    stopping: bool
    withdrawal: Withdrawal | None
    office_hours: bool

    @property
    def waits(self) -> bool:
        """Whether somebody has to decide."""
        return self.view.state is BulletinState.SUBMITTED

    @property
    def mail(self) -> tuple[str, str]:
        """Subject and text of the exact mail."""
        return exact_mail(self.view)

    @property
    def returns(self) -> int:
        """How often it was sent back."""
        return sum(one.action == "return" for one in self.taken)

    @property
    def last(self) -> Taken | None:
        """The decision its state comes from."""
        return self.taken[-1] if self.taken else None

    @property
    def stages(self) -> tuple[Taken, ...]:
        """The stages that have agreed to this version since it was last sent back."""
        done: list[Taken] = []
        for one in self.taken:
            done = [*done, one] if one.action == "stage" else []
        return tuple(one for one in done if one.version == self.view.version)

    @property
    def gist(self) -> tuple[object, ...]:
        """What must not have changed while a card was being shown."""
        return self.view.state, self.view.digest, self.stopping, len(self.taken), self.view.due


def exact_mail(view: View) -> tuple[str, str]:
    """Subject and text as stored, every section of it (C6.7); only the recipient's own end is missing."""
    stored = rendering.from_json(view.rendering)
    return stored.subject, rendering.variant(stored, -1)[0]


def look(bulletin: int) -> Sight:
    """Raises Refused("bulletin-unknown")."""
    view = bulletins.view(bulletin)
    policy = rules.policy(view.category_id, Origin(view.origin))
    return Sight(
        view=view,
        about=audience.about(view.version) if _counters_know(view) else None,
        taken=tuple(decisions.history(bulletin)),
        progress=None,
        stopping=view.state is BulletinState.SENDING and bulletin in release.stopped(),
        withdrawal=_withdrawal(bulletin) if view.state is BulletinState.WITHDRAWN else None,
        office_hours=policy.office_hours and view.urgency == "routine",
    )


def _counters_know(view: View) -> bool:
    """Not for a drill, which reaches staff only (X4), nor for a 訂正, which goes to rows that must be counted (R23)."""
    return view.realm == "live" and audience.recipients_of(view.version) is None


def _withdrawal(bulletin: int) -> Withdrawal | None:
    for one in reversed(events.about(f"bulletin:{bulletin}")):
        if one.what == BulletinState.WITHDRAWN:
            kind, _, key = one.actor.partition(":")
            return Withdrawal(_name(int(key)) if kind == "person" else None, one.at)
    return None


def _name(person: int) -> str:
    try:
        return people.by_id(person).name
    except Refused:
        return "（登録のない職員）"
