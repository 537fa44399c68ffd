"""From a bulletin as the ledger tells it to the blocks of its card. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from bot import blocks
from bot.card import Card, Outcome, Realm, Verdict
from bot.kit import Block
from bot.memory import Memory, fingerprint
from bot.names import clock_time, day_and_time, name_of
from bot.sight import Sight
from bot.wording import phrase
from config import carriers
from store.decisions import Taken
from store.states import BulletinState

_NOBODY = "—"


@dataclass(frozen=True)
class Face:
    """What a message shows: its blocks, its plain words, and whether a decision can be clicked."""

    blocks: list[Block]
    words: str
    buttons: bool

    @property
    def hash(self) -> str:
        """Equal for equal faces."""
        return fingerprint([self.blocks, self.words])


def face(sight: Sight, memory: Memory, room: int = blocks.BODY_ROOM) -> Face:
    """The card as it should stand now; `room` characters of the mail at most."""
    card = _card(sight, memory)
    if sight.waits:
        return Face(blocks.approval_card(card, room), blocks.waiting_words(card), True)
    if sight.withdrawal is not None and sight.withdrawal.by is None:
        why = phrase("card", "expired")
        return Face(blocks.voided_card(card, why), blocks.voided_words(card), False)
    return _decided(card, _outcome(sight))


def returned_face(sight: Sight, memory: Memory) -> Face:
    """The card of a round that ended with a 差戻し, when the bulletin waits anew on another card."""
    back = [one for one in sight.taken if one.action == "return"][-1]
    return _decided(_card(sight, memory), _taken(Verdict.RETURNED, back))


def _decided(card: Card, outcome: Outcome) -> Face:
    return Face(blocks.decided_card(card, outcome), blocks.decided_words(card, outcome), False)


def _card(sight: Sight, memory: Memory) -> Card:
    view = sight.view
    subject, body = sight.mail
    return Card(
        number=view.number,
        realm=Realm(view.realm),
        category=view.category,
        level=view.level,
        areas=view.areas,
        count=_count(sight, memory),
        carriers=tuple(
            _say("carrier", name=carriers.name_of(key), n=_number(people)) for key, people in memory.carriers
        ),
        subject=subject,
        body=body,
        author=view.author or view.submitter or name_of("origin", view.origin),
        unit=view.unit or _NOBODY,
        release=_release(sight),
        version=view.digest,
        findings=None,
        changes=memory.sentences(sight),
        steps=tuple(_say("step", by=one.by, when=clock_time(one.at)) for one in sight.stages),
        refers=_refers(sight),
    )


def _count(sight: Sight, memory: Memory) -> str:
    if sight.progress is not None and sight.view.state is not BulletinState.SENDING:
        return _say("count", n=_number(sight.progress.expanded))
    if memory.count is not None:
        return _say("count", n=_number(memory.count))
    return _say("counting") if sight.about is None else _say("about", n=_number(sight.about))


def _release(sight: Sight) -> str:
    if sight.view.release_at is not None:
        return _say("release.at", when=day_and_time(sight.view.release_at))
    return _say("release.open" if sight.office_hours else "release.now")


def _refers(sight: Sight) -> str | None:
    view = sight.view
    if view.refers_to is None:
        return None
    kind = view.refers_as if view.refers_as in ("correction", "cancel") else "other"
    return _say(f"refers.{kind}", number=view.refers_to)


def _outcome(sight: Sight) -> Outcome:
    if sight.withdrawal is not None:
        when = clock_time(sight.withdrawal.at)
        why = sight.view.held_why
        return Outcome(Verdict.WITHDRAWN, sight.withdrawal.by or _NOBODY, when, _NOBODY, note=why)
    verdicts = {BulletinState.DRAFT: Verdict.RETURNED, BulletinState.REJECTED: Verdict.REJECTED}
    verdict = verdicts.get(sight.view.state, Verdict.APPROVED)
    if sight.last is None:
        return Outcome(verdict, _NOBODY, _NOBODY, _NOBODY, progress=_progress(sight))
    return _taken(verdict, sight.last, sight)


def _taken(verdict: Verdict, taken: Taken, sight: Sight | None = None) -> Outcome:
    return Outcome(
        verdict,
        taken.by,
        clock_time(taken.at),
        name_of("door", taken.door),
        note=taken.note or None,
        progress=_progress(sight) if sight is not None else None,
        by_rule=taken.door == "automatic",
        stoppable=sight is not None and sight.view.state is BulletinState.SENDING and not sight.stopping,
    )


def _progress(sight: Sight) -> str | None:
    """How the delivery stands, in one sentence; None where there is nothing to deliver."""
    say = _PROGRESS.get(sight.view.state)
    return say(sight) if say is not None else None


def _scheduled(sight: Sight) -> str:
    code = "progress.office-hours" if sight.view.held_why == "office-hours" else "progress.scheduled"
    return _say(code, when=day_and_time(sight.view.due) if sight.view.due is not None else _NOBODY)


def _counted(sight: Sight) -> str:
    counted = sight.progress
    if counted is None or (sight.view.state is BulletinState.SENDING and not counted.expanded):
        return _say("progress.preparing")
    failed = _say("progress.failed", n=_number(counted.failed)) if counted.failed else ""
    numbers = {"sent": counted.sent, "withdrawn": counted.withdrawn, "open": counted.open}
    numbers |= {"done": counted.sent + counted.failed, "all": counted.expanded}
    code = "stopping" if sight.stopping else str(sight.view.state)
    return _say(f"progress.{code}", failed=failed, **{key: _number(n) for key, n in numbers.items()})


_PROGRESS: dict[BulletinState, Callable[[Sight], str]] = {
    BulletinState.APPROVED: lambda _: _say("progress.approved"),
    BulletinState.SCHEDULED: _scheduled,
    BulletinState.SENDING: _counted,
    BulletinState.SENT: _counted,
    BulletinState.STOPPED: _counted,
}


def _number(n: int | None) -> str:
    return f"{n or 0:,}"


def _say(code: str, **words: str) -> str:
    return phrase("card", code, **words)
