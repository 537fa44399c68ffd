"""What comes back: bounces to the signed return path, complaints about a mail we sent (C8.6, R21)."""

import re
from collections.abc import Iterator
from datetime import datetime

from config.reasons import Kind
from inbound import bounce, residents
from inbound.arf import RETURNED
from inbound.office import Office, Reading
from inbound.parts import headers_of, take_apart
from store import arrivals, bounces, subscriptions
from store.arrivals import Received
from store.bounces import Attributed, Source, Verdict
from store.subscriptions import Reason
from store.tokens import Signed

RETURN_PATHS = (Signed.RETURN_DELIVERY, Signed.RETURN_LETTER)
_COUNTED = frozenset({Kind.HARD, Kind.SOFT, Kind.COMPLAINT})
_TOKEN = re.compile(r"(?<![a-z2-7])[a-z2-7]{24}(?![a-z2-7])", re.IGNORECASE)
# Where the mail that somebody complains of carried our tokens (MAIL.md 1); the address itself is often redacted.
_CARRIERS = ("return-path", "x-original-return-path", "list-unsubscribe")


def returned(office: Office, received: Received) -> Reading:
    """fukan+TOKEN: the token says whose it is, the mail says only what became of it; a forged one changes nothing."""
    named = office.tokens.read(RETURN_PATHS, received.token or "")
    worst = bounce.read(received.raw).worst if named is not None else None

    def act(now: datetime) -> None:
        if named is None or worst is None:
            arrivals.not_understood(received.id, "forged-token", now=now)
        elif worst.kind in _COUNTED:
            done = _record(named, worst.kind, worst.reason, worst.status, worst.reply_code, received, now)
            arrivals.understood(received.id, _said(done, worst.kind), now=now)
        elif worst.kind is Kind.NONE:
            arrivals.not_understood(received.id, "no-bounce", now=now)
        else:  # a vacation notice, a delivery receipt: no failure, and never answered
            arrivals.understood(received.id, f"bounce:{worst.kind}", now=now)

    return Reading(act)


def _record(
    named: tuple[Signed, int],
    kind: Kind,
    reason: str | None,
    status: str | None,
    code: int | None,
    received: Received,
    now: datetime,
) -> Attributed:
    verdict = Verdict(str(kind), str(reason or "unknown"), status, code)
    record = bounces.of_delivery if named[0] is Signed.RETURN_DELIVERY else bounces.of_letter
    return record(named[1], verdict, source=Source.MAIL, now=now, arrival=received.id)


def _said(done: Attributed, kind: Kind) -> str:
    if done.subscriber is None:
        return f"bounce:{kind}"
    end = " suspended" if done.suspended else " removed" if done.removed else ""
    return f"bounce:{kind} subscriber:{done.subscriber}{end}"


def complaint(office: Office, received: Received) -> Reading:
    """kujo: a complaint ends the subscription whose token the returned mail carries; a person's own words do not."""
    found = bounce.read(received.raw)
    if found.kind is not Kind.COMPLAINT:
        return residents.free_text(office, received)
    named = next(_tokens(office, received.raw), None)

    def act(now: datetime) -> None:
        if named is None:
            arrivals.not_understood(received.id, "complaint-without-token", now=now)
        elif named[0] is Signed.STOP:
            subscriptions.remove(named[1], Reason.COMPLAINT, now=now, farewell=False)
            arrivals.understood(received.id, f"complaint subscriber:{named[1]}", now=now)
        else:
            done = _record(named, Kind.COMPLAINT, found.worst.reason, None, None, received, now)
            arrivals.understood(received.id, _said(done, Kind.COMPLAINT), now=now)

    return Reading(act)


def _tokens(office: Office, raw: bytes) -> Iterator[tuple[Signed, int]]:
    """Every token of ours in the header of the returned mail, the return path first."""
    for part in take_apart(raw).of(*RETURNED):
        fields = headers_of(part.text)
        for name in _CARRIERS:
            for value in fields.get(name, ()):
                for token in _TOKEN.findall(value):
                    named = office.tokens.read((*RETURN_PATHS, Signed.STOP), token)
                    if named is not None:
                        yield named
