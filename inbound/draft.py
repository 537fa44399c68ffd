"""Reads the text of a draft by mail: leading lines of 種別, 地域, 配信, 期限, then the words for the residents."""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

JST = timezone(timedelta(hours=9), "JST")

# What officers write before the colon → the field; compared after NFKC, which is never used on the text itself.
_KEYS = {
    "種別": "category",
    "情報種別": "category",
    "地域": "areas",
    "配信地域": "areas",
    "対象地域": "areas",
    "配信": "release",
    "配信日時": "release",
    "期限": "until",
    "有効期限": "until",
    "段階": "level",
    "レベル": "level",
}
_HEAD = re.compile(r"\s*([^:：\s]{1,8})\s*[:：]\s*(.*?)\s*")
_COMMAS = re.compile(r"[、,，・/／;；]|\s+")
_SECTION = re.compile(r"\s*■\s*(.{1,100}?)\s*[（(]([^（）()]{1,500})[）)]\s*")
_NUMBER = re.compile(r"(?:\[|修正\s*)(\d{4}-\d{4,6})\]?")
_ANSWER = re.compile(r"^(?:(?:re|fwd?|返信|転送)\s*[:：>＞]\s*)+", re.IGNORECASE)
_REALMS = {"【訓練】": "drill", "【試験】": "test"}
_TIME = re.compile(
    r"(?:(\d{4})[-/年])?(\d{1,2})[-/月](\d{1,2})日?[\sT]*(?:\([月火水木金土日]\))?\s*(\d{1,2})(?::|時)(?:(\d{1,2})分?)?"
)
AT_ONCE = ("即時", "すぐ", "承認後すぐ")


@dataclass(frozen=True)
class Block:
    """A section of its own areas (犯罪発生日報): 「■見出し（地域、地域）」 and the lines under it."""

    heading: str
    areas: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Draft:
    """What a draft says, in the officer's own words: names, not keys; nothing of it is checked yet.

    `revises` is the number of the bulletin this is a new text for; `realm` live, drill or test. `release` and
    `until` are what stood there, "" when nothing did.
    """

    subject: str
    realm: str
    revises: str | None
    category: str
    areas: tuple[str, ...]
    level: str
    release: str
    until: str
    text: str
    blocks: tuple[Block, ...]


def read(subject: str, body: str) -> Draft:
    """Never raises. `body` has LF line ends. Sections count only where no line 地域 speaks for the whole."""
    realm, revises, title = _title(subject)
    head, rest = _head(body.split("\n"))
    lines = _unsigned(rest)
    areas = names(head.get("areas", ""))
    text, blocks = (_joined(lines), ()) if areas else _blocks(lines)
    return Draft(
        subject=title,
        realm=realm,
        revises=revises,
        category=head.get("category", ""),
        areas=areas,
        level=head.get("level", ""),
        release=head.get("release", ""),
        until=head.get("until", ""),
        text=text,
        blocks=blocks,
    )


def _title(subject: str) -> tuple[str, str | None, str]:
    """Realm, number and the words of a subject without its marks."""
    title, realm = _ANSWER.sub("", subject.strip()), "live"
    for mark, meant in _REALMS.items():
        if title.startswith(mark):
            title, realm = title.removeprefix(mark).strip(), meant
    found = _NUMBER.search(unicodedata.normalize("NFKC", title))
    if found is None:
        return realm, None, title
    # The same place in the text as typed: NFKC may change lengths, so it is sought there again.
    typed = re.search(r"(?:[\[［]|修正\s*)[0-9０-９]{4}[-－‐ー][0-9０-９]{4,6}[\]］]?", title)
    rest = title.replace(typed[0], "", 1) if typed else ""
    return realm, found[1], _ANSWER.sub("", rest.strip())


def _head(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    """The known leading lines; the first line that is none of them begins the text."""
    head: dict[str, str] = {}
    for number, line in enumerate(lines):
        found = _HEAD.fullmatch(line)
        key = _KEYS.get(unicodedata.normalize("NFKC", found[1])) if found else None
        if found is not None and key is not None and key not in head:
            head[key] = found[2]
        elif line.strip() or head:
            return head, lines[number:]
    return head, []


def _unsigned(lines: list[str]) -> list[str]:
    """Without the mailer's signature (RFC 3676 section 4.3): an officer's own telephone is not for residents."""
    return lines[: lines.index("-- ")] if "-- " in lines else lines


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def _blocks(lines: list[str]) -> tuple[str, tuple[Block, ...]]:
    """The lines before the first section, and the sections."""
    front: list[str] = []
    found: list[tuple[str, tuple[str, ...], list[str]]] = []
    for line in lines:
        opened = _SECTION.fullmatch(line)
        if opened is not None and (places := names(opened[2])):
            found.append((opened[1], places, []))
        elif found:
            found[-1][2].append(line)
        else:
            front.append(line)
    return _joined(front), tuple(Block(heading, areas, _joined(text)) for heading, areas, text in found)


def names(text: str) -> tuple[str, ...]:
    """Names of a list 「花見川区、稲毛区」, each once."""
    return tuple(dict.fromkeys(name for name in _COMMAS.split(text) if name))


def moment(text: str, now: datetime) -> datetime | None:
    """The time somebody wrote (2026-11-22 09:00, 11月22日 9時30分 …), Japan time; None if it cannot be read.

    Without a year it is the next such day.
    """
    found = _TIME.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if found is None:
        return None
    year, month, day, hour, minute = (int(part) if part else 0 for part in found.groups())
    today = now.astimezone(JST)
    try:
        when = datetime(year or today.year, month, day, hour, minute, tzinfo=JST)
        if not year and when < today - timedelta(days=180):
            when = when.replace(year=today.year + 1)
    except ValueError:
        return None
    return when


def plain(name: str) -> str:
    """A name as it is compared: half and full width alike, no blanks."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", name)).lower()


def similar(name: str, known: Iterable[str]) -> list[str]:
    """Up to three known names that somebody may have meant (もしかして)."""
    by_plain = {plain(one): one for one in known}
    wanted = plain(name)
    inside = [by_plain[one] for one in by_plain if len(wanted) >= 2 and (wanted in one or one in wanted)]
    close = [by_plain[one] for one in difflib.get_close_matches(wanted, list(by_plain), n=3, cutoff=0.5)]
    return list(dict.fromkeys(close + inside))[:3]
