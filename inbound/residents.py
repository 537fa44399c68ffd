"""What residents' mails do: join, confirm, change, leave; everything else is answered with 110 and 119."""

from datetime import datetime

from inbound import parsing, proof, sentences
from inbound.addresses import Meaning
from inbound.answering import Correspondent, answer, correspondent
from inbound.office import Office, Reading
from inbound.parsing import Mail
from store import arrivals, subscriptions
from store.arrivals import Received
from store.letters import Purpose
from store.states import SubscriberState
from store.subscriptions import Confirmed, Reason
from store.tokens import Signed

_JOIN_ANSWERS = {
    Confirmed.EXPIRED: "join-expired",
    Confirmed.ALREADY: "join-used",
    Confirmed.UNKNOWN: "join-unknown",
}


def join(office: Office, received: Received) -> Reading:
    """Any mail to the join address is a request, whatever it holds (D2); with a token it confirms (C5.6)."""
    mail = parsing.read(received.raw)
    to = correspondent(office, received, mail)
    if received.token is not None:
        return _confirm(office, received, mail, to)

    def act(now: datetime) -> None:
        if to.address is None:
            arrivals.not_understood(received.id, to.why or "nobody", now=now)
        elif not office.pace.allows(to.address.rpartition("@")[2], now):
            arrivals.not_understood(received.id, "too-many-of-domain", now=now)
        else:
            asked = subscriptions.request(
                to.address, queue=office.queue(to.address), now=now, in_reply_to=to.in_reply_to
            )
            arrivals.understood(received.id, f"join:{asked}", now=now)

    return Reading(act)


def _confirm(office: Office, received: Received, mail: Mail, to: Correspondent) -> Reading:
    """Only the token matters, not who answers from where; but a vacation notice confirms nothing."""
    token = received.token or ""

    def act(now: datetime) -> None:
        if mail.automatic or not received.mail_from:
            arrivals.not_understood(received.id, mail.automatic_why or "null-sender", now=now)
            return
        confirmed = subscriptions.confirm(token, now=now)
        if confirmed is not Confirmed.NOW:
            _token_answer(office, to, _JOIN_ANSWERS[confirmed], now)
        if confirmed is Confirmed.UNKNOWN:
            arrivals.not_understood(received.id, "forged-token", now=now)
        else:
            arrivals.understood(received.id, f"confirm:{confirmed}", now=now)

    return Reading(act)


def _token_answer(office: Office, to: Correspondent, code: str, now: datetime) -> None:
    said = sentences.say("token_answers.tsv", code, office.words())
    answer(office, to, Purpose.TOKEN_ANSWER, {"what": said.what, "how": said.how}, now=now)


def stop(office: Office, received: Received) -> Reading:
    """teishi+TOKEN: the signed token of a mail's end says who leaves; at once, whoever sends it (RFC 2369)."""
    if received.token is None:
        return leave(office, received)
    named = office.tokens.read([Signed.STOP], received.token)
    to = correspondent(office, received, parsing.read(received.raw))

    def act(now: datetime) -> None:
        if named is None:
            _token_answer(office, to, "stop-unknown", now)
            arrivals.not_understood(received.id, "forged-token", now=now)
            return
        left = subscriptions.remove(named[1], Reason.BY_MAIL, now=now)
        if not left:
            _token_answer(office, to, "stop-again", now)
        arrivals.understood(received.id, f"stop:{named[1]}" if left else "stop:again", now=now)

    return Reading(act)


def leave(office: Office, received: Received) -> Reading:
    """kaijo: anybody can write somebody's address into From, so only a signed mail unsubscribes at once.

    Without a signature that proves the author, the answer is the link by which he can leave.
    """
    mail = parsing.read(received.raw)
    to = correspondent(office, received, mail)
    address = office.settings.mail.address("leave" if received.meaning == Meaning.LEAVE else "stop")
    proven = proof.read(received.raw, keys=office.dkim, to=address, now=received.received_at)

    def act(now: datetime) -> None:
        if to.address is not None and proven.believed and (known := subscriptions.find(to.address)):
            subscriptions.remove(known.id, Reason.BY_MAIL, now=now)
            arrivals.understood(received.id, f"leave:{known.id}", now=now)
        else:
            _send_link(office, received, to, now)

    return Reading(act)


def settings(office: Office, received: Received) -> Reading:
    """settei: the link to one's own settings, to the address itself and nowhere else."""
    to = correspondent(office, received, parsing.read(received.raw))
    return Reading(lambda now: _send_link(office, received, to, now))


def _send_link(office: Office, received: Received, to: Correspondent, now: datetime) -> None:
    if to.address is None:
        arrivals.not_understood(received.id, to.why or "nobody", now=now)
        return
    known = subscriptions.find(to.address)
    if known is None:
        _token_answer(office, to, "not-registered", now)
    elif known.state is SubscriberState.PENDING:
        _token_answer(office, to, "not-finished", now)
    else:
        subscriptions.send_settings_link(to.address, now=now, in_reply_to=to.in_reply_to)
    result = "settings:unknown" if known is None else f"settings:{known.id}"
    arrivals.understood(received.id, result, now=now)


def free_text(office: Office, received: Received) -> Reading:
    """Nobody reads it at night, so say so: 110, 119, and how to reach a person (WORDS.md)."""
    to = correspondent(office, received, parsing.read(received.raw))

    def act(now: datetime) -> None:
        answer(office, to, Purpose.NOT_UNDERSTOOD, {}, now=now)
        arrivals.not_understood(received.id, to.why or "free-text", now=now)

    return Reading(act)
