"""What operators ask by mail: the bounce report at once, or a suspended subscriber's mail again (D7)."""

import re
import unicodedata
from datetime import datetime, timedelta

from config import bouncereport, refusals
from inbound import sentences
from inbound.answering import answer
from inbound.belief import Heard, hear, once
from inbound.draft import JST
from inbound.explain import explain
from inbound.office import Office, Reading
from store import arrivals, letters, people, reports, subscriptions
from store.arrivals import Received
from store.errors import Refused
from store.letters import Purpose
from store.people import Right, Somebody

ANSWERS_A_DAY = 50
_RESUME = re.compile(r"^\s*配信再開\s*(?:登録番号)?\s*[#:]?\s*(\d{1,12})\s*$", re.MULTILINE)
_REPORT = re.compile(r"不達|報告")
_QUOTE = re.compile(r"^\s*[>|＞]")


def operator(office: Office, received: Received) -> Reading:
    """unyo, postmaster, abuse: obeyed when a believed mail comes from somebody with the right to operate."""
    heard = hear(office, received, "operators")
    if heard.person is None:
        return Reading(lambda now: arrivals.not_understood(received.id, "stranger", now=now))
    if not heard.believed:
        return Reading(lambda now: _disbelieve(office, received, heard, now))
    person = heard.person
    asked = _words(heard)

    def act(now: datetime) -> None:
        once(received, heard, now)
        if not people.holds(person.id, Right.OPERATE, None, now=now):
            raise Refused("no-right")
        arrivals.understood(received.id, _obey(office, heard, person, asked, now), now=now)

    def refused(refusal: Refused, now: datetime) -> None:
        code = refusal.code
        text = _said(office, code) if code == "replayed" else refusals.sentence(code, refusal.values)
        _help(office, heard, text, now)
        arrivals.quarantined(received.id, code, now=now)

    return Reading(act, refused)


def _said(office: Office, code: str) -> str:
    known = sentences.codes("refusals.tsv")
    return sentences.say("refusals.tsv", code, office.words()).what if code in known else explain(code)


def _disbelieve(office: Office, received: Received, heard: Heard, now: datetime) -> None:
    why = [_said(office, code) for code in heard.why]
    _help(office, heard, "このメールは、ご本人からのものと確かめられませんでした。\n" + "\n".join(why), now)
    arrivals.quarantined(received.id, " ".join(heard.why), now=now)


def _words(heard: Heard) -> str:
    """Subject and own lines: what is quoted from our report is no order."""
    lines = [line for line in heard.mail.text.split("\n") if not _QUOTE.match(line)]
    return unicodedata.normalize("NFKC", "\n".join([heard.mail.subject, *lines]))


def _obey(office: Office, heard: Heard, person: Somebody, asked: str, now: datetime) -> str:
    """Do it and answer, in one transaction; returns what became of the mail."""
    found = _RESUME.search(asked)
    if found is not None:
        resumed = subscriptions.resume(int(found[1]), now=now)
        text = (
            f"登録番号{found[1]}の配信を再開しました。"
            if resumed
            else (f"登録番号{found[1]}は、配信停止中ではありません。何も変えていません。")
        )
        _help(office, heard, text, now)
        return f"resume:{found[1]}" if resumed else "resume:none"
    if _REPORT.search(asked):
        _report(office, heard, person, now)
        return "bounce-report"
    _help(office, heard, "何をすればよいか、読み取れませんでした。", now)
    return "help"


def _report(office: Office, heard: Heard, person: Somebody, now: datetime) -> None:
    """Today so far and the whole of yesterday, Japan time."""
    midnight = now.astimezone(JST).replace(hour=0, minute=0, second=0, microsecond=0)
    today = reports.bounces(midnight, now)
    yesterday = reports.bounces(midnight - timedelta(days=1), midnight)
    params, attachment = bouncereport.letter(today, yesterday)
    letters.write(
        Purpose.BOUNCE_REPORT,
        person.address,
        params,
        now=now,
        queue=office.queue(person.address),
        person=person.id,
        attachment=attachment,
        in_reply_to=heard.to.in_reply_to,
    )


def _help(office: Office, heard: Heard, text: str, now: datetime) -> None:
    person = heard.person.id if heard.person is not None else None
    answer(
        office, heard.to, Purpose.OPERATORS_HELP, {"text": text}, now=now, most=ANSWERS_A_DAY, person=person
    )
