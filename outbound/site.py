"""The archive: every released bulletin as a static site, written beside the old one and swapped in at once (C9.1)."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from config import rendering
from config.settings import Settings
from config.sheet import archive_url
from store.bulletins import View

JST = timezone(timedelta(hours=9), "JST")
PER_PAGE = 50
KEPT = 3
WEEKDAYS = "月火水木金土日"
STATES = {"sending": "配信中", "sent": "配信済み", "stopped": "配信中止"}
REALMS = {"live": "", "drill": "訓練", "test": "試験"}
REFERENCES = {"correction": "訂正", "cancel": "取消"}

_pages = Environment(
    loader=PackageLoader("outbound", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Item:
    """One bulletin as the site shows it; `refers_as` is 訂正, 取消 or empty."""

    number: str
    realm: str
    subject: str
    category: str
    level: str
    areas: tuple[str, ...]
    released: str
    released_iso: str
    state: str
    paragraphs: tuple[str, ...]
    detail: tuple[str, ...]
    unit: str
    phone: str
    refers_to: str | None
    refers_as: str


def item(settings: Settings, view: View) -> Item:
    """A bulletin in the words of the site; the text is the mail's own, so that both say the same."""
    mail = rendering.from_json(view.rendering)
    released = (view.released_at or view.created_at).astimezone(JST)
    return Item(
        number=view.number,
        realm=REALMS[view.realm],
        subject=mail.subject,
        category=view.category,
        level=view.level or "",
        areas=view.areas,
        released=f"{released:%Y年%-m月%-d日}（{WEEKDAYS[released.weekday()]}）{released:%-H:%M}",
        released_iso=released.isoformat(),
        state=STATES.get(str(view.state), str(view.state)),
        paragraphs=_paragraphs(_text(mail, archive_url(settings, view.number))),
        detail=_paragraphs(view.detail),
        unit=view.unit or settings.town.section or settings.town.name,
        phone=view.phone or settings.town.phone,
        refers_to=view.refers_to,
        refers_as=REFERENCES.get(view.refers_as or "", ""),
    )


def _text(mail: rendering.Rendering, own_address: str) -> str:
    """The mail's text with every section, less the link that leads here."""
    text = rendering.variant(mail, -1)[0].replace(f"くわしい内容:\n{own_address}\n", "")
    return text.replace(f"{rendering.RULE}\n", "\n")


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(block.strip("\n") for block in text.split("\n\n") if block.strip())


def build(settings: Settings, items: Sequence[Item], *, now: datetime) -> Path:
    """Write the whole site, newest first, into a folder of its own and point `current` at it; returns that folder.

    A reader sees the old site or the new one, never half of one: the swap is one rename of a link. Raises OSError,
    and then the old site stands.
    """
    root = settings.archive_folder
    (root / "releases").mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f"{now:%Y%m%dT%H%M%S}-", dir=root / "releases"))
    try:
        made.chmod(0o755)  # a web server of another user reads it
        _write(made, settings, now, items)
        _swap(root, made)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        raise
    _tidy(root, made)
    return made


def _write(made: Path, settings: Settings, now: datetime, items: Sequence[Item]) -> None:
    known = {one.number: one for one in items}
    later: dict[str, list[Item]] = {}
    for one in reversed(items):
        if one.refers_to is not None:
            later.setdefault(one.refers_to, []).append(one)
    _lists(made, settings, now, items)
    page = _pages.get_template("site_bulletin.html")
    for one in items:
        html = page.render(
            town=settings.town,
            mail=settings.mail,
            item=one,
            original=known.get(one.refers_to or ""),
            later=later.get(one.number, []),
        )
        (made / f"{one.number}.html").write_text(html, encoding="utf-8")
    rows = [_row(one) for one in items]
    (made / "bulletins.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")


def _lists(made: Path, settings: Settings, now: datetime, items: Sequence[Item]) -> None:
    pages = [items[start : start + PER_PAGE] for start in range(0, len(items), PER_PAGE)] or [[]]
    names = [_page_name(number) for number in range(1, len(pages) + 1)]
    local = now.astimezone(JST)
    for number, shown in enumerate(pages, start=1):
        html = _pages.get_template("site_list.html").render(
            town=settings.town,
            mail=settings.mail,
            items=shown,
            number=number,
            names=names,
            updated=f"{local:%Y年%-m月%-d日 %-H:%M}",
        )
        (made / _page_name(number)).write_text(html, encoding="utf-8")


def _page_name(number: int) -> str:
    return "index.html" if number == 1 else f"list-{number}.html"


def _row(one: Item) -> Mapping[str, object]:
    return {
        "number": one.number,
        "realm": one.realm,
        "subject": one.subject,
        "category": one.category,
        "areas": list(one.areas),
        "released": one.released_iso,
        "refers_to": one.refers_to,
        "url": f"{one.number}.html",
    }


def _swap(root: Path, made: Path) -> None:
    link = root / f".current-{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(made.relative_to(root))
    link.replace(root / "current")


def _tidy(root: Path, made: Path) -> None:
    """Keep the last few: a reader may still be fetching pages of the one before. By age, whatever day the town has."""
    others = [old for old in (root / "releases").iterdir() if old != made]
    for old in sorted(others, key=lambda each: each.stat().st_mtime_ns)[: -(KEPT - 1)]:
        shutil.rmtree(old, ignore_errors=True)
