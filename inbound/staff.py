"""Drafts by signed mail: believed by policy, then a bulletin that waits for approval, never a release (D3)."""

from dataclasses import replace
from datetime import datetime

from config import refusals
from inbound import draft as drafts
from inbound import sentences
from inbound.answering import answer
from inbound.belief import Heard, hear, once
from inbound.draft import Draft
from inbound.explain import explain
from inbound.office import Office, Reading
from inbound.resolving import Resolved, resolve
from inbound.sentences import Said
from store import arrivals, bulletins, categories, decisions
from store.arrivals import Received
from store.bulletins import Made, Text, View
from store.errors import Refused
from store.letters import Purpose
from store.people import Somebody
from store.rules import Origin
from store.states import BulletinState

REFUSALS = "refusals.tsv"
ANSWERS_A_DAY = 50  # to one known person; a strange one gets as few as anybody
RECEIPTS_A_DAY = 1000  # each has a bulletin behind it, so nobody is flooded by a stranger
FORM = (
    "本文は次の形で書いてください。\n種別：不審者情報\n地域：花見川区、稲毛区\n（一行あけて、住民に届く本文）"
)


def draft(office: Office, received: Received) -> Reading:
    """souan: a believed mail makes a draft and puts it before the approvers, in one transaction."""
    heard = hear(office, received, "draft")
    person = heard.person
    if person is None or not heard.believed:
        return Reading(lambda now: _disbelieve(office, received, heard, now))
    known = person
    written = drafts.read(heard.mail.subject, heard.mail.text)

    def act(now: datetime) -> None:
        once(received, heard, now)
        _save(office, received, heard, known, written, now)

    return Reading(act, lambda refused, now: _refuse(office, received, heard, refused, now))


def _disbelieve(office: Office, received: Received, heard: Heard, now: datetime) -> None:
    """Quarantine, and an answer saying why, if somebody may be answered (R13)."""
    said = [_why(office, code) for code in heard.why]
    _tell(office, heard, Said("\n".join(one.what for one in said), said[0].how), now)
    arrivals.quarantined(received.id, " ".join(heard.why), now=now)


def _why(office: Office, code: str) -> Said:
    """What to tell about a mail that is not believed."""
    if code in sentences.codes(REFUSALS):
        return sentences.say(REFUSALS, code, office.words())
    return Said(explain(code), "上の点を直して、新しいメールとして送り直してください。")


def _refuse(office: Office, received: Received, heard: Heard, refused: Refused, now: datetime) -> None:
    """A rule said no, or the draft is not complete: nothing was made, everything is kept."""
    if refused.code == "unclear":
        said = Said(refused.values["why"], FORM)
    elif refused.code == "replayed":
        said = _why(office, refused.code)
    else:
        said = Said(refusals.sentence(refused.code, refused.values), FORM)
    _tell(office, heard, said, now)
    if refused.code == "replayed":
        arrivals.quarantined(received.id, refused.code, now=now)
    else:
        arrivals.not_understood(received.id, f"draft-{refused.code}", now=now)


def _tell(office: Office, heard: Heard, said: Said, now: datetime) -> None:
    params: dict[str, object] = {
        "subject": _subject(heard),
        "why": said.what,
        "how": said.how,
    }
    most = ANSWERS_A_DAY if heard.person is not None else 1
    answer(office, heard.to, Purpose.DRAFT_REFUSED, params, now=now, most=most, person=_row(heard))


def _subject(heard: Heard) -> str:
    """The subject as an answer repeats it; never a stranger's words, for his address may be somebody else's."""
    if heard.person is None:
        return "（省略）"
    return heard.mail.subject or "（件名なし）"


def _save(
    office: Office, received: Received, heard: Heard, person: Somebody, written: Draft, now: datetime
) -> None:
    """Make or revise the bulletin and submit it. Raises Refused; then nothing of this stays."""
    old = bulletins.by_number(written.revises) if written.revises is not None else None
    if old is not None:
        written = _filled(written, old)
    kind = categories.by_id(old.category_id) if old is not None else None
    found = resolve(written, town=office.settings.town.name, now=now, category=kind)
    if found.problems or found.category is None:
        raise Refused("unclear", why="\n".join(found.problems))
    text = _text(written, found, old)
    made = (
        _revise(office, person, text, old, now) if old else _create(office, person, written, text, found, now)
    )
    arrivals.understood(received.id, f"bulletin:{made.number}", now=now)
    _receipt(office, heard, made, text, now)


def _filled(written: Draft, old: View) -> Draft:
    """What a new text for a bulletin does not say stays as it was. Raises Refused("other-realm") (R1)."""
    if written.realm not in ("live", old.realm):
        raise Refused("other-realm")
    return replace(
        written,
        subject=written.subject or old.subject,
        areas=written.areas or (() if written.blocks else old.areas),
        level=written.level or old.level or "",
        text=written.text or ("" if written.blocks else old.body),
    )


def _text(written: Draft, found: Resolved, old: View | None) -> Text:
    return Text(
        subject=written.subject,
        body=written.text,
        areas=found.areas,
        parts=found.parts,
        release_at=found.release_at or (old.release_at if old is not None else None),
        not_after=found.not_after or (old.not_after if old is not None else None),
    )


def _create(
    office: Office, person: Somebody, written: Draft, text: Text, found: Resolved, now: datetime
) -> Made:
    assert found.category is not None  # noqa: S101 - _save has looked
    made = bulletins.create(
        text,
        category=found.category.id,
        level=found.level,
        origin=Origin.MAIL,
        realm=written.realm,
        render=office.render,
        now=now,
        author=person.id,
    )
    bulletins.submit(made.id, by=person.id, now=now)
    return made


def _revise(office: Office, person: Somebody, text: Text, old: View, now: datetime) -> Made:
    """A new text for a bulletin; any approval of the old one is void (X1)."""
    made = bulletins.revise(
        old.id, text, by=person.id, reason="メールによる修正", render=office.render, now=now
    )
    if old.state is BulletinState.DRAFT:  # it had been sent back (差戻し)
        bulletins.submit(old.id, by=person.id, now=now)
    return made


def _receipt(office: Office, heard: Heard, made: Made, text: Text, now: datetime) -> None:
    """受付: exactly what was read, so that its author sees a wrong decoding before anybody approves it (R26)."""
    seen = bulletins.view(made.id)
    parts = [f"■{part.heading}\n{part.body}" for part in text.parts]
    params: dict[str, object] = {
        "number": seen.number,
        "subject": seen.subject,
        "category": seen.category,
        "areas": "、".join(seen.areas),
        "text": "\n\n".join([text.body, *parts] if text.body else parts),
        "waiting": _waiting(seen, text, len(heard.mail.attachments), now),
    }
    answer(office, heard.to, Purpose.DRAFT_RECEIVED, params, now=now, most=RECEIPTS_A_DAY, person=_row(heard))


def _row(heard: Heard) -> int | None:
    """The person's row, for the letter."""
    return heard.person.id if heard.person is not None else None


def _waiting(seen: View, text: Text, attachments: int, now: datetime) -> str:
    """Who is asked, when it would go out, and what will not go out."""
    asked = [somebody.name for somebody in decisions.deciders(seen.id, now=now)]
    lines = [
        f"承認待ち（{'、'.join(asked)}）"
        if asked
        else "承認待ち（承認できる人がいません。運用担当に知らせてください）"
    ]
    if seen.realm != "live":
        lines.append("訓練です。" if seen.realm == "drill" else "試験です。")
    if text.release_at is not None:
        lines.append(f"配信日時：{text.release_at.astimezone(drafts.JST):%Y-%m-%d %H:%M}（承認された場合）")
    if text.not_after is not None:
        lines.append(f"期限：{text.not_after.astimezone(drafts.JST):%Y-%m-%d %H:%M}")
    if attachments:
        lines.append(f"添付ファイル（{attachments}個）は配信しません。必要なことは本文に書いてください。")
    return "\n".join(lines)
