"""A bulletin as the exact mail: text and HTML, in parts, the same bytes on card, page, archive and wire."""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from config import mailhtml

NOTICES = {"live": "", "drill": "これは訓練です。", "test": "これは試験です。"}
REALM_MARKS = {"live": "", "drill": "【訓練】", "test": "【試験】"}
TEXT_MARKS = {"none": "", "correction": "【訂正】", "cancellation": "【取消】"}
RULE = "─" * 12
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Realm(StrEnum):
    """Fixed at a bulletin's birth (R1)."""

    LIVE = "live"
    DRILL = "drill"
    TEST = "test"


class Mark(StrEnum):
    """Whether this text stands for itself, corrects one already sent, or takes it back (X5)."""

    NONE = "none"
    CORRECTION = "correction"
    CANCELLATION = "cancellation"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a bulletin with its own areas: one station's entries of a day (C8.7)."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person or a feed wants to say; plain values, LF line ends.

    The caller makes the subject so that its first 15 characters carry level, place and what.
    `unit` and `phone` name the section which answers for the text (K5). `archive_url` and `source`
    (出典) are left out when None.
    """

    subject: str
    body: str
    unit: str
    phone: str
    realm: Realm = Realm.LIVE
    mark: Mark = Mark.NONE
    sections: tuple[Section, ...] = ()
    archive_url: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """One body in the pieces a recipient's own mail is joined from."""

    front: str
    sections: tuple[str, ...]
    end: str


@dataclass(frozen=True, slots=True)
class Rendering:
    """The exact mail but for the recipient's own tail; stored with the version and covered by its hash."""

    subject: str
    text: Parts
    html: Parts


def render(draft: Draft) -> Rendering:
    """The exact mail of a draft. Adds marks, notices, archive link, source and contact; no other word."""
    subject = subject_line(draft)
    notice = NOTICES[draft.realm]
    sections = tuple((clean_line(one.heading), _clean(one.text)) for one in draft.sections)
    values = {
        "subject": subject,
        "notice": notice,
        "body": mailhtml.paragraphs(_clean(draft.body)),
        "archive_url": draft.archive_url,
        "source": clean_line(draft.source or ""),
        "unit": clean_line(draft.unit),
        "phone": draft.phone,
    }
    front, *middle, end = mailhtml.page(values, sections)
    return Rendering(subject, _text(draft, notice, sections), Parts(front, tuple(middle), end))


def subject_line(draft: Draft) -> str:
    """The subject with its marks, each once: 【訓練】 before 【訂正】 before the caller's own words."""
    subject = clean_line(draft.subject)
    for mark in (TEXT_MARKS[draft.mark], REALM_MARKS[draft.realm]):
        if mark and not subject.startswith(mark):
            subject = mark + subject
    return subject


def tail(reason: str, manage_link: str, stop_address: str) -> tuple[str, str]:
    """(text, html) that ends one recipient's mail: why he gets it, how to change and how to leave."""
    text = (
        f"\n{RULE}\n{reason}\n"
        f"登録内容の変更・解除:\n{manage_link}\n"
        f"メールで登録を解除するときは、{stop_address} に空メールを送ってください。\n"
    )
    return text, mailhtml.tail(reason, manage_link, stop_address)


def _text(draft: Draft, notice: str, sections: tuple[tuple[str, str], ...]) -> Parts:
    front = (f"{notice}\n\n" if notice else "") + _clean(draft.body) + "\n"
    lines = ["", RULE]
    if draft.archive_url:
        lines += ["くわしい内容:", draft.archive_url]
    if draft.source:
        lines.append(f"出典：{draft.source}")
    lines.append(f"お問い合わせ：{draft.unit}" + (f" 電話 {draft.phone}" if draft.phone else ""))
    if notice:
        lines.append(notice)
    told = tuple(f"\n■{heading}\n{text}\n" for heading, text in sections)
    return Parts(front, told, "\n".join(lines) + "\n")


def clean_line(text: str) -> str:
    """One line without control characters; blanks at its ends removed."""
    return " ".join(_clean(text).split("\n")).replace("\t", " ").strip()


def _clean(text: str) -> str:
    """LF line ends, no control characters but tab, no blank lines around; letters as they were typed."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(CONTROLS.sub("", line).rstrip() for line in lines).strip("\n")


def to_json(rendering: Rendering) -> str:
    """The one spelling in which a rendering is stored and hashed: sorted keys, no spaces, UTF-8 unescaped."""

    def parts(one: Parts) -> dict[str, object]:
        return {"front": one.front, "sections": list(one.sections), "end": one.end}

    document = {"subject": rendering.subject, "text": parts(rendering.text), "html": parts(rendering.html)}
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def from_json(stored: str) -> Rendering:
    """The rendering that `to_json` wrote; raises ValueError or KeyError for anything else."""
    document = json.loads(stored)

    def parts(one: dict[str, object]) -> Parts:
        sections = one["sections"]
        if not isinstance(sections, list):
            raise ValueError("a rendering's sections are a list")
        return Parts(str(one["front"]), tuple(str(section) for section in sections), str(one["end"]))

    return Rendering(str(document["subject"]), parts(document["text"]), parts(document["html"]))


def variant(rendering: Rendering, mask: int) -> tuple[str, str]:
    """(text, html) with section i wherever bit i of `mask` is set; a bulletin without sections ignores it."""
    return _join(rendering.text, mask), _join(rendering.html, mask)


def _join(parts: Parts, mask: int) -> str:
    chosen = (section for i, section in enumerate(parts.sections) if mask >> i & 1)
    return parts.front + "".join(chosen) + parts.end
