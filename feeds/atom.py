"""Read JMA's Atom feeds: bytes in, entries out; hardened like the telegrams."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from feeds.xml import Element, Refused, every, first, name_of, parse, text

LIMIT: Final = 20 * 1024 * 1024
_NAMESPACE: Final = "http://www.w3.org/2005/Atom"
# YYYYMMDDhhmmss(UTC)_N_TYPE_OFFICE.xml, the only part of a name that is used, and only to save fetches.
_NAME: Final = re.compile(r"/\d{14}_\d+_(?P<type>[A-Z]{4}\d{2})_(?P<office>\d{6})\.xml$")


@dataclass(frozen=True, slots=True)
class Entry:
    """`url` is link@href (or id) without its fragment: JMA's identity of a telegram (JMA.md 1). `updated` is
    Control/DateTime and no cursor: five of 21,701 came out of order."""

    url: str
    title: str | None
    updated: datetime | None
    content: str | None
    author: str | None
    type: str | None
    office: str | None


@dataclass(frozen=True, slots=True)
class Feed:
    """`why` is None when understood, else too-big, has-dtd, bad-xml or not-a-feed. Entries in feed order."""

    why: str | None = None
    title: str | None = None
    updated: datetime | None = None
    entries: tuple[Entry, ...] = ()


def read(data: bytes) -> Feed:
    """Understand one feed (at most 20 MB). Pure, never raises; entries without a web address are left out."""
    try:
        root = parse(data, limit=LIMIT)
    except Refused as refused:
        return Feed(why=refused.code)
    if name_of(root) != (_NAMESPACE, "feed"):
        return Feed(why="not-a-feed")
    entries = (entry for element in every(root, "entry") if (entry := _entry(element)))
    return Feed(None, text(root, "title"), _moment(text(root, "updated")), tuple(entries))


def _entry(element: Element) -> Entry | None:
    link = first(element, "link")
    href = (link.get("href") or "").strip() if link is not None else ""
    url = (href or text(element, "id") or "").partition("#")[0]
    if not url.startswith(("http://", "https://")):
        return None
    name = _NAME.search(url)
    return Entry(
        url=url,
        title=text(element, "title"),
        updated=_moment(text(element, "updated")),
        content=text(element, "content"),
        author=text(element, "author/name"),
        type=name["type"] if name else None,
        office=name["office"] if name else None,
    )


def _moment(words: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(words or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None
