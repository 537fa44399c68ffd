"""What became of an attempt, in the words of the ledger: the row's outcome, and what it says about the address."""

from dataclasses import dataclass
from datetime import datetime

from config.replies import classify
from outbound.errand import Errand
from outbound.reply import Kind, Reply, Stage
from store.bounces import Verdict
from store.deliveries import Outcome, Result

# The stages of a session in the words of config/replies (its tables tell docomo's RCPT from docomo's DATA).
_STAGES = {Stage.HELLO: "helo", Stage.TLS: "helo", Stage.TEXT: "data", Stage.ROUTE: ""}
MOST_REPLY = 300


@dataclass(frozen=True, slots=True)
class Landed:
    """The end of one attempt; `verdict` only where a row ended by a refusal."""

    is_letter: bool
    result: Result
    verdict: Verdict | None = None


def judged(errand: Errand, reply: Reply, now: datetime) -> Landed:
    """What a reply means for the row, and for the address when it is final (R21)."""
    text = f"{reply.enhanced or ''} {reply.text}".strip()[:MOST_REPLY] or None
    is_letter = errand.bulletin is None
    if reply.kind is Kind.SENT:
        return Landed(is_letter, Result(errand.id, Outcome.SENT, reply.code, text))
    if reply.kind is Kind.DEFERRED:
        again = errand.again(now)
        if again is not None:
            return Landed(is_letter, Result(errand.id, Outcome.DEFERRED, reply.code or None, text, again))
    said = classify(
        reply.code or None,
        reply.enhanced,
        reply.text,
        domain=errand.rcpt_to.rpartition("@")[2],
        stage=_STAGES.get(reply.stage, str(reply.stage)),
        final=True,
    )
    verdict = Verdict(str(said.kind), str(said.reason), said.status, reply.code or None)
    return Landed(is_letter, Result(errand.id, Outcome.FAILED, reply.code or None, text), verdict)


def put_off(errand: Errand, why: str, now: datetime) -> Landed:
    """Something of our own broke: unknown means temporary, and says nothing about the address."""
    again = errand.again(now)
    outcome = Outcome.DEFERRED if again is not None else Outcome.FAILED
    return Landed(errand.bulletin is None, Result(errand.id, outcome, None, why, again))


def unsent(errand: Errand, outcome: Outcome, why: str | None = None) -> Landed:
    """It never came to MAIL FROM: stopped, given back, or too old to send."""
    return Landed(errand.bulletin is None, Result(errand.id, outcome, None, why))
