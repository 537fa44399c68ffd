"""Say what a mail that came back means: who did not get what, and whether the address is dead.

Pure: bytes in, a value out; no network, no clock, no database. Everything in a bounce is hostile input:
nothing here raises on any bytes, and the caller decides with the envelope's token whom it may concern.
"""

import re
from dataclasses import dataclass, replace

from config.replies import Basis, Kind, Reason, Verdict, basic_in, classify, codes_in, kind_of
from inbound import arf, dsn
from inbound.bounce_rules import signs
from inbound.bounce_text import claims, own_words, stage_of, transcript_stage, words_about
from inbound.dsn import Record, address_in
from inbound.parts import Taken, headers_of, take_apart

ORDER = (Kind.COMPLAINT, Kind.HARD, Kind.SOFT, Kind.OTHER, Kind.AUTO_REPLY, Kind.NONE)
RETURNED = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers")
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


@dataclass(frozen=True)
class Bounce:
    """All that a mail says about deliveries, worst first in the order of ``ORDER``; empty = no bounce at all."""

    results: tuple[Result, ...] = ()

    @property
    def worst(self) -> Result:
        return self.results[0] if self.results else Result(None, Kind.NONE, None, None, None)

    @property
    def kind(self) -> Kind:
        return self.worst.kind


def read(data: bytes) -> Bounce:
    """Read one raw mail (at most 2 MB of it). Source: RFC 3464, 5965, 6591, 3834 and the tables in bounces/."""
    mail = take_apart(data)
    results = _results(mail) or _wrapped(mail) or _automatic(mail)
    return Bounce(tuple(sorted(_each_once(results), key=lambda result: ORDER.index(result.kind))))


def as_json(bounce: Bounce, file: str) -> dict[str, object]:
    """The bounce document of the readers' contract, its keys in order."""
    worst = bounce.worst
    return {
        "file": file,
        "kind": worst.kind.value,
        "recipient": worst.recipient,
        "status": worst.status,
        "reason": worst.reason.value if worst.reason else None,
        "reply_code": worst.reply_code,
        "results": [
            {
                "recipient": result.recipient,
                "kind": result.kind.value,
                "reason": result.reason.value if result.reason else None,
                "status": result.status,
                "reply_code": result.reply_code,
            }
            for result in bounce.results
        ],
    }


def _results(mail: Taken) -> list[Result]:
    results = _feedback(mail) or _notification(mail)
    if results:
        return results
    # A vacation reply has an empty return path too: there, only the sender and the subject make a bounce.
    if _meant(mail, "bounce") or (_meant(mail, "null-sender") and not _meant(mail, "automatic")):
        return _worded(mail)
    return _quoted_notification(mail)


def _wrapped(mail: Taken) -> list[Result]:
    """A report inside a mail that names nobody itself: a gateway or a virus filter put its own mail around it."""
    for part in mail.of("message/rfc822")[:1]:
        if "message/delivery-status" in part.text.lower():
            return _results(take_apart(part.text.encode("utf-8", "replace")))
    return []


def _meant(mail: Taken, meaning: str) -> bool:
    """Whether the mail shows a sign of this meaning (signs.tsv), in its header or in its first words."""
    return any(
        m == meaning and pattern.search(mail.text()[:1000] if field == "body" else mail.top.header(field))
        for m, field, pattern in signs()
    )


def _feedback(mail: Taken) -> list[Result]:
    report = arf.read(mail)
    return [Result(report.recipient, kind_of(report.reason), report.reason, None, None)] if report else []


def _notification(mail: Taken) -> list[Result]:
    """A mail with a machine part: one result for each recipient's group."""
    reports = mail.of("message/delivery-status", "message/global-delivery-status")
    if not reports:
        return []
    text = own_words(mail.text())
    records = [record for report in reports for record in dsn.records(own_words(report.text))]
    named = [record for record in records if record.recipient] or records[:1]
    if not named or not named[0].recipient:
        # A report that names nobody: the sentences, and then the returned mail, may.
        return _worded(mail) or ([_judge(record, text, None) for record in named])
    return [_judge(record, text, record.recipient, alone=len(named) == 1) for record in named]


def _quoted_notification(mail: Taken) -> list[Result]:
    """A report written or forwarded as plain text: counted only with all of a report's fields."""
    text = own_words(mail.text())
    records = [r for r in dsn.records(text, strict=False) if r.action and (r.status or r.diagnostic)]
    return [_judge(record, text, record.recipient, alone=len(records) == 1) for record in records]


def _worded(mail: Taken) -> list[Result]:
    quoted = _quoted_notification(mail)
    if quoted:
        return quoted
    text = own_words(mail.text())
    found = claims(text)
    if not found:
        return _wrapped(mail) or _unnamed(mail, text)
    results = []
    for claim in found:
        rest = text if len(found) == 1 else ""
        verdict = _verdict(rest, claim.recipient, stage_of(claim.words) or stage_of(rest), claim.words)
        if claim.reason and verdict.basis is Basis.NOTHING:
            verdict = Verdict(kind_of(claim.reason), claim.reason, verdict.status)
        results.append(_result(claim.recipient, verdict, basic_in(_reply_in(claim.words))))
    return results


def _unnamed(mail: Taken, text: str) -> list[Result]:
    """A bounce whose words name nobody: X-Failed-Recipients, or the one recipient of the returned mail."""
    failed = [address_in(each) for each in mail.top.header("x-failed-recipients").split(",")]
    named = [address for address in failed if address]
    if not named:
        subject = claims(mail.top.header("subject"))
        named = [claim.recipient for claim in subject] or _returned_to(mail)
    return [_result(who, _verdict(text, who, stage_of(text), text), basic_in(_reply_in(text))) for who in named]


def _returned_to(mail: Taken) -> list[str]:
    """The recipient of the returned mail, if its To names exactly one."""
    if not _meant(mail, "bounce"):
        return []
    whole = mail.text()
    tail = whole[len(own_words(whole)) :]
    for text in (*(part.text for part in mail.of(*RETURNED)), tail.partition("\n")[2], tail):
        to = headers_of(text).get("to", ("",))[0]
        address = address_in(to)
        if address and to.count("@") == 1:
            return [address]
    listed = re.findall(r"(?im)^\s{0,8}to:\s*(.{3,300})$", own_words(whole))
    only = address_in(listed[0]) if len(listed) == 1 else None
    return [only] if only else []


def _judge(record: Record, text: str, recipient: str | None, *, alone: bool = True) -> Result:
    """One group of a report, with the words of the human part where the machine part is silent."""
    said = record.diagnostic
    if record.action in ARRIVED:
        return Result(recipient, Kind.OTHER, Reason.DELIVERED, record.status, basic_in(said))
    if "x-boxbe-notice" in record.get("diagnostic-code").lower():  # A challenge, not a failure (RFC 3834).
        return Result(recipient, Kind.AUTO_REPLY, Reason.VACATION, record.status, None)
    about = words_about(text, recipient or "") or (text if alone else "")
    stage = transcript_stage(text, said) or stage_of(said) or stage_of(about) or (stage_of(text) if alone else "")
    final = record.action != "delayed"
    options = {"domain": (recipient or "@").rpartition("@")[2], "stage": stage, "host": record.host}
    verdict = classify(basic_in(said), record.status, said, final=final, **options)
    if verdict.basis not in (Basis.PROVIDER, Basis.TEXT) and about:
        told = f"{said}\n{about}" if said or not alone else text
        closer = classify(basic_in(said), record.status, told, final=final, **options)
        if closer.basis in (Basis.PROVIDER, Basis.TEXT) and (verdict.basis in WEAK or closer.kind is Kind.SOFT):
            verdict = closer
    return _result(recipient, _after_action(verdict, record), basic_in(said) or basic_in(_reply_in(about)), record)


def _after_action(verdict: Verdict, record: Record) -> Verdict:
    """What the Action field adds (RFC 3464 section 2.3.3): a delay is never a death, silence has its reason."""
    if record.action == "delayed" and verdict.kind is Kind.HARD:
        return replace(verdict, kind=Kind.SOFT, reason=Reason.DELAYED)
    if verdict.basis is Basis.NOTHING and record.action in ("delayed", "expired"):
        return replace(verdict, reason=Reason.DELAYED if record.action == "delayed" else Reason.EXPIRED)
    return verdict


def _verdict(text: str, recipient: str, stage: str, words: str) -> Verdict:
    """What the words about one recipient mean; ``text`` is asked when they mean nothing."""
    verdict = Verdict(Kind.SOFT, Reason.UNKNOWN, None)
    for told in (words, text):
        reply = _reply_in(told) or told
        codes = codes_in(told)
        verdict = classify(
            basic_in(reply),
            codes[0] if codes else None,
            told,
            domain=recipient.rpartition("@")[2],
            stage=transcript_stage(text, reply) or stage,
            final=True,
        )
        if verdict.basis is not Basis.NOTHING:
            break
    return verdict


def _reply_in(words: str) -> str:
    """From the first thing that looks like a server's reply on, or ""."""
    for line in words.split("\n"):
        for start in (i for i, c in enumerate(line) if c in "45" and (i == 0 or not line[i - 1].isalnum())):
            if basic_in(line[start : start + 200]) and line[start - 1 : start] not in (".", "-", "["):
                return line[start:]
    return ""


def _result(recipient: str | None, verdict: Verdict, code: int | None, record: Record | None = None) -> Result:
    status = verdict.status
    if record and record.status:
        own = [c for c in codes_in(record.diagnostic) if not c.endswith(".0.0")]
        vague = record.status.endswith((".0.0", ".5.0", ".3.0"))
        status = own[0] if own and vague else record.status
    return Result(recipient, verdict.kind, verdict.reason, status, code)


def _automatic(mail: Taken) -> list[Result]:
    if mail.of("message/disposition-notification") and not _meant(mail, "automatic"):
        return [Result(None, Kind.OTHER, Reason.DELIVERED, None, None)]  # A read receipt (RFC 8098).
    if _meant(mail, "automatic"):
        author = address_in(mail.top.header("from"))
        return [Result(author, Kind.AUTO_REPLY, Reason.VACATION, None, None)]
    return []


def _each_once(results: list[Result]) -> list[Result]:
    """One result a recipient, the worst of them."""
    kept: dict[str, Result] = {}
    for number, result in enumerate(results):
        key = result.recipient.lower() if result.recipient else f" {number}"
        if key not in kept or ORDER.index(result.kind) < ORDER.index(kept[key].kind):
            kept[key] = result
    return list(kept.values())
