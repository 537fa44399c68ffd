"""Makes errands of leased rows: who sends to whom, the bytes when they are wanted, and when to try again."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from config.settings import Settings
from outbound import letterbox, retry
from outbound.compose import Outgoing, Recipient, prepare
from outbound.letterbox import Letterbox
from outbound.parts import Attachment
from outbound.reasons import Reasons
from outbound.signing import Signer
from outbound.variants import Variants
from store import choices, deliveries
from store.db import Store
from store.deliveries import Mail, Note
from store.letters import Purpose
from store.queues import Lane
from store.tokens import Keys

URGENCIES = {
    Lane.SIGN_IN: retry.Urgency.LIFE,
    Lane.LIFE: retry.Urgency.LIFE,
    Lane.IMMEDIATE: retry.Urgency.IMMEDIATE,
    Lane.ROUTINE: retry.Urgency.ROUTINE,
}


@dataclass(frozen=True)
class Errand:
    """One mail to carry. `fill` makes the signed bytes; `again(now)` says when to retry, None to give up."""

    id: int
    bulletin: int | None
    mail_from: str
    rcpt_to: str
    fill: Callable[[], bytes]
    again: Callable[[datetime], datetime | None]


class Mailroom:
    """Per worker; knows each bulletin's variants and each letter's text."""

    def __init__(self, settings: Settings, store: Store, keys: Keys, signer: Signer) -> None:
        self._settings = settings
        self._store = store
        self._signer = signer
        self._letterbox = Letterbox(settings, keys)
        self._variants = Variants(settings, keys)
        self._reasons = Reasons(store)

    async def learn(self, mails: Iterable[Mail]) -> None:
        """Read from the ledger what these rows share and we do not know yet."""
        mails = list(mails)
        for bulletin in {mail.bulletin for mail in mails}:
            if not self._variants.knows(bulletin):
                self._variants.learn(await self._store.run(deliveries.content, bulletin))
        await self._reasons.learn({(mail.category, mail.area) for mail in mails})

    def errand(self, mail: Mail) -> Errand:
        """A row of a bulletin; `learn` must have seen it."""
        content = self._variants.content(mail.bulletin)

        def fill() -> bytes:
            recipient = self._variants.recipient(mail, self._reasons.line(mail.category, mail.area))
            return self._variants.prepared(mail).fill(recipient, self._signer)

        again = _again(mail.attempts, mail.lane, content.released_at, content.not_after)
        return Errand(mail.id, mail.bulletin, self._variants.mail_from(mail), mail.address, fill, again)

    async def letter(self, note: Note) -> Errand:
        """A letter. Raises KeyError or BadLetter when its text cannot be made."""
        chosen = []
        if note.purpose is Purpose.WELCOME and note.subscriber is not None:
            chosen = await self._store.run(choices.of, note.subscriber)
        envelope = self._letterbox.compose(note, chosen)
        mail = self._settings.mail
        outgoing = Outgoing(
            from_name=mail.from_name,
            from_address=mail.address("sender"),
            subject=envelope.letter.subject,
            text=envelope.letter.text,
            html=None,
            date=note.created_at,
            headers=(("Auto-Submitted", envelope.auto_submitted), ("X-Hansho-Letter", str(note.purpose))),
            attachments=_attachments(note),
        )
        recipient = Recipient(
            note.address,
            letterbox.message_id(note, mail.domain),
            reply_to=envelope.reply_to,
            references=(note.in_reply_to,) if note.in_reply_to is not None else (),
        )

        def fill() -> bytes:
            return prepare(outgoing).fill(recipient, self._signer)

        again = _again(note.attempts, note.lane, note.created_at, None)
        return Errand(note.id, None, envelope.mail_from, note.address, fill, again)


def _attachments(note: Note) -> tuple[Attachment, ...]:
    if note.attachment is None:
        return ()
    name, text = note.attachment
    # The byte order mark lets a spreadsheet on a town hall's desk open it without mojibake.
    return (Attachment(name, "text/csv; charset=utf-8", text.encode("utf-8-sig")),)


def _again(
    attempts: int, lane: int, first_due: datetime, not_after: datetime | None
) -> Callable[[datetime], datetime | None]:
    def again(now: datetime) -> datetime | None:
        return retry.next_due(
            attempts=attempts + 1,
            urgency=URGENCIES[Lane(lane)],
            first_due=first_due,
            now=now,
            not_after=not_after,
            jitter=random.random(),  # noqa: S311 - spreads retries, guards nothing
        )

    return again
