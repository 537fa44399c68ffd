"""From a bulletin as the ledger tells it to the exact mail: the one renderer every program hands to the store."""

from collections.abc import Callable
from typing import Protocol

from config import rendering
from config.rendering import Draft, Mark, Realm, Section
from config.settings import Settings

# Text of the JMA is forwarded with its source named (JMA.md 4, 気象業務法 23).
SOURCES = {"feed": "気象庁"}
MARKS = {"correction": Mark.CORRECTION, "cancel": Mark.CANCELLATION}


class Sheet(Protocol):
    """What `store.bulletins.Sheet` has; config does not know the store."""

    @property
    def number(self) -> str: ...
    @property
    def realm(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def parts(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def unit(self) -> str: ...
    @property
    def phone(self) -> str: ...
    @property
    def refers_as(self) -> str | None: ...
    @property
    def origin(self) -> str: ...


def archive_url(settings: Settings, number: str) -> str:
    """Where a bulletin stands on the archive site."""
    return f"{settings.archive.base}/{number}.html"


def renderer(settings: Settings) -> Callable[[Sheet], str]:
    """A pure function from a bulletin to the JSON text of its rendering (MODEL.md, rendering)."""

    def render(sheet: Sheet) -> str:
        draft = Draft(
            subject=sheet.subject,
            body=sheet.body,
            unit=sheet.unit or settings.town.section or settings.town.name,
            phone=sheet.phone or settings.town.phone,
            realm=Realm(sheet.realm),
            mark=MARKS.get(sheet.refers_as or "", Mark.NONE),
            sections=tuple(Section(heading, text) for heading, text in sheet.parts),
            archive_url=archive_url(settings, sheet.number),
            source=SOURCES.get(sheet.origin) if "出典" not in sheet.body else None,
        )
        return rendering.to_json(rendering.render(draft))

    return render
