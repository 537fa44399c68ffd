"""The archive: every released bulletin as a static site, written beside the old one and swapped in at once (C9.1)."""

import json
import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from config import rendering
from config.settings import Settings
from store.bulletins import View

log = logging.getLogger(__name__)

JST = timezone(timedelta(hours=9), "JST")
PER_PAGE = 50
STATES = {"sending": "配信中", "sent": "配信済み", "stopped": "配信中止"}
REALMS = {"live": "", "drill": "訓練", "test": "試験"}

_pages = Environment(
    loader=PackageLoader("outbound", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Item:
    """One bulletin as the site shows it."""

    number: str
    realm: str
    subject: str
    category: str
    areas: str
    released: str
    released_iso: str
    state: str
    paragraphs: list[str]
    detail: list[str]
    unit: str
    phone: str
    refers_to: str | None


def item(view: View) -> Item:
    """A bulletin in the words of the site; the text is the mail's own, so that both say the same."""
    mail = rendering.from_json(view.rendering)
    released = (view.released_at or view.created_at).astimezone(JST)
    text = rendering.variant(mail, -1)[0]
    return Item(
        number=view.number,
        realm=REALMS[view.realm],
        subject=mail.subject,
        category=view.category,
        areas="、".join(view.areas),
        released=f"{released:%Y年%-m月%-d日 %H:%M}",
        released_iso=released.isoformat(),
        state=STATES.get(str(view.state), str(view.state)),
        paragraphs=[block for block in text.split("\n\n") if block.strip()],
        detail=[block for block in view.detail.split("\n\n") if block.strip()],
        unit=view.unit,
        phone=view.phone,
        refers_to=view.refers_to,
    )


def build(settings: Settings, views: Sequence[View], *, now: datetime) -> Path:
    """Write the whole site into a folder of its own and point `current` at it; returns that folder.

    A reader sees the old site or the new one, never half of one: the swap is one rename of a link.
    """
    root = settings.archive_folder
    (root / "releases").mkdir(parents=True, exist_ok=True)
    made = root / "releases" / f"{now:%Y%m%dT%H%M%S}-{os.getpid()}-{now.microsecond:06d}"
    made.mkdir()
    items = [item(view) for view in views]
    _write(made, "list", settings, now, items)
    for one in items:
        page = _pages.get_template("site_bulletin.html").render(town=settings.town, item=one)
        (made / f"{one.number}.html").write_text(page, encoding="utf-8")
    (made / "bulletins.json").write_text(_index(items), encoding="utf-8")
    _swap(root, made)
    _tidy(root, made)
    return made


def _write(made: Path, template: str, settings: Settings, now: datetime, items: list[Item]) -> None:
    pages = [items[start : start + PER_PAGE] for start in range(0, len(items), PER_PAGE)] or [[]]
    for number, shown in enumerate(pages, start=1):
        page = _pages.get_template(f"site_{template}.html").render(
            town=settings.town,
            mail=settings.mail,
            items=shown,
            number=number,
            pages=len(pages),
            names=[_page_name(n) for n in range(1, len(pages) + 1)],
            updated=f"{now.astimezone(JST):%Y年%-m月%-d日 %H:%M}",
        )
        (made / _page_name(number)).write_text(page, encoding="utf-8")


def _page_name(number: int) -> str:
    return "index.html" if number == 1 else f"list-{number}.html"


def _index(items: list[Item]) -> str:
    rows = [
        {
            "number": i.number,
            "subject": i.subject,
            "category": i.category,
            "released": i.released_iso,
            "url": f"{i.number}.html",
        }
        for i in items
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1)


def _swap(root: Path, made: Path) -> None:
    link = root / f".current-{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(made.relative_to(root))
    link.replace(root / "current")


def _tidy(root: Path, made: Path) -> None:
    """Keep the newest three: a reader may still be fetching pages of the one before."""
    for old in sorted((root / "releases").iterdir())[:-3]:
        if old != made:
            shutil.rmtree(old, ignore_errors=True)
