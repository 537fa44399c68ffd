"""Read one JMA telegram: bytes in, a frozen Telegram out, and never an exception."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from feeds import forecasts, quakes, rivers, tsunami, volcano, warnings
from feeds.groups import grouped
from feeds.item import Action, Area, Audience, Item, Realm
from feeds.titles import TYPES, Family, Type
from feeds.xml import Element, Refused, every, first, name_of, own_text, parse, text

LIMIT: Final = 5 * 1024 * 1024
_NAMESPACE: Final = "http://xml.kishou.go.jp/jmaxml1/"


class Why(StrEnum):
    """Why a telegram was not understood (CONTRACTS.md)."""

    BAD_XML = "bad-xml"
    HAS_DTD = "has-dtd"
    TOO_BIG = "too-big"
    NOT_JMA = "not-a-jma-telegram"
    UNKNOWN_TYPE = "unknown-type"
    UNKNOWN_CODE = "unknown-code"


class InfoType(StrEnum):
    """Head/InfoType."""

    ISSUED = "発表"
    CORRECTED = "訂正"
    CANCELLED = "取消"
    DELAYED = "遅延"


REALMS: Final = {"通常": Realm.LIVE, "訓練": Realm.DRILL, "試験": Realm.TEST}

Reader = Callable[[str, Element | None, Element | None], tuple[Item, ...]]

_READERS: Final[dict[str, Reader]] = {
    **dict.fromkeys(("VPWW50", "VPWW53", "VPWW54"), warnings.weather),
    **dict.fromkeys((f"VPWW{number}" for number in range(55, 62)), warnings.weather),
    "VPNO50": warnings.special_notice,
    "VXWW50": warnings.landslide,
    "VPHW50": warnings.tornado,
    "VPHW51": warnings.tornado,
    "VPOA50": forecasts.record_rain,
    "VPBS50": forecasts.flash,
    "VPFT50": forecasts.heat,
    "VPFG50": forecasts.overview,
    **dict.fromkeys(("VPFD50", "VPFD51", "VPFW50"), forecasts.daily),
    "VXKO": rivers.floods,
    "VXSU": rivers.floods,
    "VXSE51": quakes.intensities,
    "VXSE53": quakes.intensities,
    "VTSE41": tsunami.forecast,
    "VTSE51": tsunami.information,
    "VFVO50": volcano.warnings,
    "VFVO51": volcano.commentary,
    "VFVO54": volcano.ash,
    "VFVO55": volcano.ash,
    "VFVO56": volcano.eruption,
}

# What a 取消 takes back: its Body holds only Text. VPWW58 speaks for two phenomena.
_CANCELS: Final[dict[str, tuple[str, ...]]] = {
    "VPWW55": ("rain",),
    "VPWW56": ("landslide",),
    "VPWW57": ("surge",),
    "VPWW58": ("wind", "snowstorm"),
    "VPWW59": ("wave",),
    "VPWW60": ("snow",),
    "VPWW61": ("other-advisory",),
    "VXWW50": ("landslide-alert",),
    "VPBS50": ("rain",),
    "VPOA50": ("rain",),
    "VPFT50": ("heat",),
}
_CANCELS_BY_LETTERS: Final = {
    "VXSE": ("quake",),
    "VTSE": ("tsunami",),
    "VPHW": ("tornado",),
    "VXKO": ("river",),
    "VXSU": ("river",),
    "VFVO": ("volcano",),
    "VPFD": ("forecast",),
    "VPFW": ("forecast",),
    "VPFG": ("forecast",),
}


def reads(code: str) -> bool:
    """Whether items are read from telegrams of this type (with or without its number)."""
    return code in _READERS or code[:4] in _READERS


def reads_warnings(code: str) -> bool:
    return _READERS.get(code) is warnings.weather


@dataclass(frozen=True, slots=True)
class Telegram:
    """All that one telegram says. Every text is as JMA wrote it; times are aware; absent or empty is None.

    `listed`: the municipalities of a weather warning, whether or not anything is in force there; of a river's
    forecast, those expected to flood."""

    understood: bool
    why: Why | None = None
    type: str | None = None
    title: str | None = None
    office: str | None = None
    status: str | None = None
    info_type: str | None = None
    event_id: str | None = None
    serial: str | None = None
    issued_at: datetime | None = None
    reported_at: datetime | None = None
    valid_until: datetime | None = None
    family: Family | None = None
    items: tuple[Item, ...] = ()
    head_title: str | None = None
    headline: str | None = None
    body_text: str | None = None
    comment: str | None = None
    publishers: str | None = None
    source: quakes.Source | None = None
    listed: tuple[Area, ...] = ()

    @property
    def realm(self) -> Realm | None:
        return REALMS.get(self.status or "")

    @property
    def unit(self) -> str:
        """JMA's 独立した情報単位: of one unit the newest Control/DateTime wins, not the Serial."""
        return "|".join(part or "" for part in (self.type, self.office, self.status, self.event_id))

    @property
    def key(self) -> str:
        """This very telegram, told from all others; the same in every copy of it."""
        issued = self.issued_at.isoformat() if self.issued_at else ""
        return f"{self.unit}|{issued}|{self.info_type or ''}"


def read(data: bytes) -> Telegram:
    """Understand one telegram (at most 5 MB of XML). Pure; whatever the bytes, the answer is a Telegram."""
    try:
        root = parse(data, limit=LIMIT)
    except Refused as refused:
        return Telegram(understood=False, why=Why(refused.code))
    if name_of(root) != (_NAMESPACE, "Report") or text(root, "Control/Title") is None:
        return Telegram(understood=False, why=Why.NOT_JMA)
    head, body = first(root, "Head"), first(root, "Body")
    title = text(root, "Control/Title")
    known = TYPES.get(title or "")
    telegram = Telegram(
        understood=known is not None,
        why=None if known else Why.UNKNOWN_TYPE,
        type=known.code if known else None,
        title=title,
        office=text(root, "Control/EditorialOffice"),
        status=text(root, "Control/Status"),
        info_type=text(head, "InfoType"),
        event_id=text(head, "EventID"),
        serial=text(head, "Serial"),
        issued_at=_moment(text(root, "Control/DateTime")),
        reported_at=_moment(text(head, "ReportDateTime")),
        valid_until=_moment(text(head, "ValidDateTime")),
        family=known.family if known else None,
        head_title=text(head, "Title"),
        headline=text(head, "Headline/Text"),
        body_text=_body_text(body),
        comment=_comment(body),
        publishers=text(root, "Control/PublishingOffice"),
        source=quakes.source(body),
    )
    return _with_items(telegram, known, head, body) if known else _without_foreign_sets(telegram)


def _moment(words: str | None) -> datetime | None:
    """An aware time, or None: a time without its zone is no time (MODEL.md, Time)."""
    try:
        moment = datetime.fromisoformat(words or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _body_text(body: Element | None) -> str | None:
    return text(body, "Text") or text(body, "Comment/Text") or text(body, "EarthquakeInfo/Text")


def _comment(body: Element | None) -> str | None:
    """The fixed comments on the tsunami, then what else is added: JMA's sentences, one paragraph each."""
    paths = ("Comments/ForecastComment/Text", "Comments/WarningComment/Text", "Comments/FreeFormComment")
    found = [words for path in paths for e in every(body, path) if (words := own_text(e))]
    return "\n".join(found) or None


def _without_foreign_sets(telegram: Telegram) -> Telegram:
    """Status and InfoType outside their closed sets are not passed on as if they were known."""
    return replace(
        telegram,
        status=telegram.status if telegram.status in REALMS else None,
        info_type=telegram.info_type if telegram.info_type in list(InfoType) else None,
    )


def _with_items(telegram: Telegram, known: Type, head: Element | None, body: Element | None) -> Telegram:
    # Status, then InfoType, then Kind: the body counts for nothing while we do not know what it is for.
    checked = _without_foreign_sets(telegram)
    if checked.status is None or checked.info_type is None:
        return replace(checked, understood=False, why=Why.UNKNOWN_CODE)
    if checked.info_type == InfoType.CANCELLED:
        items = _cancellations(known.code)
    else:
        reader = _READERS.get(known.code)
        items = reader(known.code, head, body) if reader else ()
    if any(item.action is Action.UNKNOWN for item in items):
        # One unknown code and nothing is mailed: a person looks at the whole telegram.
        silent = tuple(replace(item, told=False) for item in items)
        return replace(checked, understood=False, why=Why.UNKNOWN_CODE, items=silent)
    listed = warnings.municipalities(body) if reads_warnings(known.code) else rivers.flooded(body)
    return replace(checked, items=tuple(_addressed(item, checked) for item in items), listed=listed)


def _cancellations(code: str) -> tuple[Item, ...]:
    phenomena = _CANCELS.get(code) or _CANCELS_BY_LETTERS.get(code[:4]) or ("other",)
    return tuple(Item(name, None, None, None, 0, (), Action.CANCEL) for name in phenomena)


def _addressed(item: Item, telegram: Telegram) -> Item:
    """Correct what a 訂正 means, and say who hears of the item."""
    told = item.told and telegram.family is not Family.OLD
    if telegram.info_type == InfoType.CORRECTED:
        item = replace(item, action=Action.CORRECT, told=told)
    else:
        item = replace(item, told=told and item.action is not Action.CONTINUE)
    return replace(item, to=_audience(item, telegram))


def _audience(item: Item, telegram: Telegram) -> Audience:
    if telegram.realm is not Realm.LIVE or not item.told:
        return Audience.NOBODY
    if item.action in (Action.CORRECT, Action.CANCEL):
        return Audience.RECIPIENTS
    return Audience.SUBSCRIBERS


def as_json(telegram: Telegram, file: str) -> dict[str, object]:
    """The object of CONTRACTS.md, its keys in that order; `file` is the argument as given."""
    return {
        "file": file,
        "understood": telegram.understood,
        "why": telegram.why.value if telegram.why else None,
        "type": telegram.type,
        "title": telegram.title,
        "office": telegram.office,
        "status": telegram.status,
        "info_type": telegram.info_type,
        "event_id": telegram.event_id,
        "serial": telegram.serial,
        "reported_at": telegram.reported_at.isoformat() if telegram.reported_at else None,
        "valid_until": telegram.valid_until.isoformat() if telegram.valid_until else None,
        "family": telegram.family.value if telegram.family else None,
        "items": [_item_json(item) for item in telegram.items],
        "bulletins": _bulletins_json(telegram),
    }


def _item_json(item: Item) -> dict[str, object]:
    return {
        "phenomenon": item.phenomenon,
        "kind": item.kind,
        "kind_name": item.kind_name,
        "level": item.level,
        "areas": [area.code for area in item.areas],
        "action": item.action.value,
        "to": item.to.value,
        "mail": item.mail,
        "last_kind": item.last_kind,
        "last_level": item.last_level,
    }


def _bulletins_json(telegram: Telegram) -> list[dict[str, object]]:
    realm = telegram.realm
    if realm is None:
        return []
    return [
        {
            "category": group.category,
            "title": telegram.head_title,
            "areas": list(group.codes),
            "realm": realm.value,
        }
        for group in grouped(telegram.items)
    ]


__all__ = ["InfoType", "Telegram", "Why", "as_json", "read", "reads"]
