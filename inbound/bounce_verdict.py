"""Weigh what a bounce says about one recipient: the machine part, the human words, and what the words leave open."""

from dataclasses import dataclass, replace

from config.reasons import Kind, Reason, kind_of
from config.replies import Basis, Verdict, basic_in, classify, codes_in
from inbound.bounce_text import Claim, stage_of, transcript_stage, words_about
from inbound.dsn import Record

ARRIVED = frozenset({"delivered", "relayed", "expanded"})
WEAK = frozenset({Basis.NOTHING, Basis.BASIC})


@dataclass(frozen=True)
class Result:
    """What became of one recipient; ``status`` only as literally given (x.y.z), ``recipient`` canonical or None."""

    recipient: str | None
    kind: Kind
    reason: Reason | None
    status: str | None
    reply_code: int | None


def judge(record: Record, text: str, recipient: str | None, *, alone: bool = True) -> Result:
    """One group of a report, with the words of the human part where the machine part is silent."""
    said = record.diagnostic
    if record.action in ARRIVED:
        return Result(recipient, Kind.OTHER, Reason.DELIVERED, record.status, basic_in(said))
    if "x-boxbe-notice" in record.get("diagnostic-code").lower():  # A challenge, not a failure (RFC 3834).
        return Result(recipient, Kind.AUTO_REPLY, Reason.VACATION, record.status, None)
    about = words_about(text, recipient or "") or (text if alone else "")
    stage = (
        transcript_stage(text, said) or stage_of(said) or stage_of(about) or (stage_of(text) if alone else "")
    )
    final = record.action != "delayed"
    options = {"domain": (recipient or "@").rpartition("@")[2], "stage": stage, "host": record.host}
    verdict = classify(basic_in(said), record.status, said, final=final, **options)
    if verdict.basis not in (Basis.PROVIDER, Basis.TEXT) and about:
        told = f"{said}\n{about}" if said or not alone else text
        closer = classify(basic_in(said), record.status, told, final=final, **options)
        if closer.basis in (Basis.PROVIDER, Basis.TEXT) and (
            verdict.basis in WEAK or closer.kind is Kind.SOFT
        ):
            verdict = closer
    return _result(
        recipient, _after_action(verdict, record), basic_in(said) or basic_in(_reply_in(about)), record
    )


def _after_action(verdict: Verdict, record: Record) -> Verdict:
    """What the Action field adds (RFC 3464 section 2.3.3): a delay is never a death, silence has its reason."""
    if record.action == "delayed" and verdict.kind is Kind.HARD:
        return replace(verdict, kind=Kind.SOFT, reason=Reason.DELAYED)
    if verdict.basis is Basis.NOTHING and record.action in ("delayed", "expired"):
        return replace(verdict, reason=Reason.DELAYED if record.action == "delayed" else Reason.EXPIRED)
    return verdict


def judge_words(claim: Claim, text: str) -> Result:
    """One recipient whom only sentences name; ``text`` is asked when the words about him mean nothing."""
    verdict = Verdict(Kind.SOFT, Reason.UNKNOWN, None)
    stage = stage_of(claim.words) or stage_of(text)
    for told in (claim.words, text):
        reply = _reply_in(told) or told
        codes = codes_in(told)
        verdict = classify(
            basic_in(reply),
            codes[0] if codes else None,
            told,
            domain=claim.recipient.rpartition("@")[2],
            stage=transcript_stage(text or told, reply) or stage,
            final=True,
        )
        if verdict.basis is not Basis.NOTHING:
            break
    if claim.reason and verdict.basis is Basis.NOTHING:
        verdict = replace(verdict, kind=kind_of(claim.reason), reason=claim.reason)
    return _result(claim.recipient, verdict, basic_in(_reply_in(claim.words)))


def _reply_in(words: str) -> str:
    """From the first thing that looks like a server's reply on, or ""."""
    for line in words.split("\n"):
        for start in (i for i, c in enumerate(line) if c in "45" and (i == 0 or not line[i - 1].isalnum())):
            if basic_in(line[start : start + 200]) and line[start - 1 : start] not in (".", "-", "["):
                return line[start:]
    return ""


def _result(
    recipient: str | None, verdict: Verdict, code: int | None, record: Record | None = None
) -> Result:
    status = verdict.status
    if record and record.status:
        own = [c for c in codes_in(record.diagnostic) if not c.endswith(".0.0")]
        vague = record.status.endswith((".0.0", ".5.0", ".3.0"))
        status = own[0] if own and vague else record.status
    return Result(recipient, verdict.kind, verdict.reason, status, code)
