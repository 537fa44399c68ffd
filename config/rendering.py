"""A bulletin as the exact mail: text and HTML, in parts, the same bytes on card, page, archive and wire."""

import json
from dataclasses import dataclass
from enum import StrEnum


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
