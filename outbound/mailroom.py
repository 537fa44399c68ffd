"""Makes errands of leased rows: what they share is read and prepared once, their own bytes when they are wanted."""

import logging
from collections.abc import Iterable

from config.letters import BadLetter
from config.settings import Settings
from outbound import letterbox
from outbound.compose import Outgoing, Recipient, prepare
from outbound.errand import Errand
from outbound.headers import BadField, message_id
from outbound.letterbox import Letterbox
from outbound.parts import Attachment
from outbound.reasons import Reasons
from outbound.signing import Signer
from outbound.variants import Variants
from store import choices, deliveries
from store.choices import Chosen
from store.db import Store
from store.deliveries import Mail, Note, Taken
from store.letters import Purpose
from store.queues import Lane
from store.tokens import Keys

log = logging.getLogger(__name__)


class Mailroom:
    """Per worker; knows each bulletin's variants and each letter's text."""

    def __init__(self, settings: Settings, store: Store, keys: Keys, signer: Signer) -> None:
        self._settings = settings
        self._store = store
        self._signer = signer
        self._letterbox = Letterbox(settings, keys)
        self._variants = Variants(settings, keys)
        self._reasons = Reasons(store)

    async def errands(self, taken: Taken) -> tuple[list[Errand], list[Note], list[Mail]]:
        """What can be carried, letters first; then the letters and the rows of bulletins that cannot be made.

        Each failure is logged, and concerns itself alone.
        """
        errands: list[Errand] = []
        spoilt: list[Note] = []
        welcomed = [
            n.subscriber for n in taken.notes if n.purpose is Purpose.WELCOME and n.subscriber is not None
        ]
        chosen = await self._store.run(_chosen, welcomed) if welcomed else {}
        for note in taken.notes:
            try:
                errands.append(self._letter(note, chosen.get(note.subscriber, [])))
            except (BadLetter, BadField, KeyError, ValueError, TypeError):
                log.exception("letter cannot be made letter=%s purpose=%s", note.id, note.purpose)
                spoilt.append(note)
        unknown = await self._learn(taken.mails)
        for mail in taken.mails:
            if mail.bulletin not in unknown:
                errands.append(self._errand(mail))
        return errands, spoilt, [mail for mail in taken.mails if mail.bulletin in unknown]

    async def _learn(self, mails: Iterable[Mail]) -> set[int]:
        """Read from the ledger what these rows share and we do not know yet; returns bulletins that cannot be read."""
        mails = list(mails)
        bad: set[int] = set()
        wanted = {mail.bulletin for mail in mails}
        self._variants.make_room(wanted)
        for bulletin in wanted:
            if self._variants.knows(bulletin):
                continue
            try:
                self._variants.learn(await self._store.run(deliveries.content, bulletin))
            except (KeyError, ValueError, TypeError):
                log.exception("bulletin cannot be made bulletin=%s", bulletin)
                bad.add(bulletin)
        await self._reasons.learn({(mail.category, mail.area) for mail in mails})
        return bad

    def _errand(self, mail: Mail) -> Errand:
        """A row of a bulletin that has been learnt; it keeps what it needs, whatever is forgotten meanwhile."""
        ready = self._variants.ready(mail.bulletin)
        reason = self._reasons.line(mail.category, mail.area)

        def fill() -> bytes:
            recipient = self._variants.recipient(ready, mail, reason)
            return self._variants.prepared(ready, mail.sections).fill(recipient, self._signer)

        return Errand(
            mail.id,
            mail.bulletin,
            mail.queue,
            Lane(mail.lane),
            self._variants.mail_from(mail),
            mail.address,
            fill,
            mail.attempts,
            ready.content.released_at,
            ready.content.not_after,
        )

    def _letter(self, note: Note, chosen: list[Chosen]) -> Errand:
        """A letter. Raises KeyError, ValueError, BadLetter or BadField when its text cannot be made."""
        envelope = self._letterbox.compose(note, chosen)
        mail = self._settings.mail
        prepared = prepare(
            Outgoing(
                from_name=mail.from_name,
                from_address=mail.address("sender"),
                subject=envelope.letter.subject,
                text=envelope.letter.text,
                html=None,
                date=note.created_at,
                headers=(
                    ("Auto-Submitted", envelope.auto_submitted),
                    ("X-Hansho-Letter", str(note.purpose)),
                ),
                attachments=_attachments(note),
            )
        )
        recipient = Recipient(
            note.address,
            letterbox.message_id(note, mail.domain),
            reply_to=envelope.reply_to,
            references=_answered(note.in_reply_to),
        )
        return Errand(
            note.id,
            None,
            note.queue,
            Lane(note.lane),
            envelope.mail_from,
            note.address,
            lambda: prepared.fill(recipient, self._signer),
            note.attempts,
            note.created_at,
            None,
        )


def _chosen(subscribers: Iterable[int]) -> dict[int | None, list[Chosen]]:
    return {subscriber: choices.of(subscriber) for subscriber in subscribers}


def _answered(in_reply_to: str | None) -> tuple[str, ...]:
    """A stranger wrote it: an id that may not stand in a header is left out, and the letter goes all the same."""
    try:
        return (message_id("References", in_reply_to),) if in_reply_to is not None else ()
    except BadField:
        return ()


def _attachments(note: Note) -> tuple[Attachment, ...]:
    if note.attachment is None:
        return ()
    name, text = note.attachment
    return (Attachment(name, "text/csv; charset=utf-8", text.encode("utf-8")),)
