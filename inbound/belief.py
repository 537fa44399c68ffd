"""Whether a mail to a staff address is believed: a known person, his signature, fresh, addressed here, seen once."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from config.settings import AddressName
from inbound import parsing, proof
from inbound.answering import Correspondent, correspondent, signed_by, thread_id
from inbound.office import Later, Office, unknown
from inbound.parsing import Mail
from inbound.signatures import Result
from store import arrivals, people
from store.arrivals import Received
from store.errors import Refused
from store.people import Somebody

TRIES = 3


@dataclass(frozen=True)
class Heard:
    """A mail to a staff address. `why` codes keep it from being believed; `to` is who may be answered, if anybody."""

    mail: Mail
    person: Somebody | None
    why: tuple[str, ...]
    to: Correspondent

    @property
    def believed(self) -> bool:
        return self.person is not None and not self.why


def hear(office: Office, received: Received, door: AddressName) -> Heard:
    """Read and judge. Call it from a thread: it asks DNS and the ledger. Raises Later while DNS is silent.

    A stranger is answered only when a signature of his domain proves that it was he who wrote; at the door for
    drafts also when he is the envelope sender, for who sends a draft must learn that it is none.
    """
    mail = parsing.read(received.raw)
    author = mail.from_address
    person = office.store.call(people.by_address, author) if author is not None else None
    if person is None or author is None:
        to = correspondent(office, received, mail)
        if to.address is not None and door != "draft" and not signed_by(office, received.raw, to.address):
            to = Correspondent(None, "unproven", None)
        return Heard(mail, None, ("unknown-person",), to)
    why, signed = _judged(office, received, person, door)
    if unknown(why) and received.attempts < TRIES:
        raise Later
    # The person is in our own list: he learns of a mail in his name that is not believed, but no machine does.
    silent = mail.automatic or not received.mail_from
    to = Correspondent(None if silent else author, mail.automatic_why, thread_id(mail.message_id))
    return Heard(mail if signed is None else _inside(mail, signed), person, why, to)


def _inside(mail: Mail, signed: bytes) -> Mail:
    """The text that S/MIME verified and nothing around it; Subject and the rest of the header are under DKIM."""
    entity = parsing.read(signed)
    return replace(mail, text=entity.text, attachments=entity.attachments, empty=entity.empty)


def _judged(
    office: Office, received: Received, person: Somebody, door: AddressName
) -> tuple[tuple[str, ...], bytes | None]:
    """Codes of what is less than this person's policy asks, and what S/MIME signed, if it did.

    Freshness counts from when the mail was taken in, not from when it is read.
    """
    verdict = proof.read(
        received.raw,
        keys=office.dkim,
        trust=office.trust,
        to=office.settings.mail.address(door),
        now=received.received_at,
        domains=person.domains,
    )
    why, smime = verdict.why, verdict.smime
    signed = smime.signed if smime is not None and smime.result is Result.PASS else None
    if person.proof == "dkim+smime" and signed is None:
        why += smime.why if smime is not None else ("no-smime",)
    return why, signed


def once(received: Received, heard: Heard, now: datetime) -> None:
    """A believed mail counts once, whatever is sent again (replay). Raises Refused("replayed").

    The Message-ID is under the signature of a believed mail, so it names the mail.
    """
    name = f"{heard.mail.from_address}\n{heard.mail.message_id}"
    if not arrivals.remember(hashlib.sha256(name.encode()).hexdigest(), received.id, now=now):
        raise Refused("replayed")
