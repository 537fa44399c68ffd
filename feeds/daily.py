"""The forecast of three days, mailed one to three times a day as each subscriber chose (CA.11)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from feeds.telegram import Telegram, read
from feeds.words import JST, letter, word
from store import telegrams, units

# JMA issues at 5, 11 and 17 o'clock (JMA.md 2.9). (from, before, how often a day one must have chosen to get this one)
_ISSUES: Final = (
    ("morning", 4, 8, ("1", "2", "3")),
    ("noon", 10, 13, ("3",)),
    ("evening", 16, 19, ("2", "3")),
)
DAYS: Final = 3
# 5 o'clock's third day is in the week's forecast of yesterday 17 o'clock.
_WEEK_REACHES: Final = timedelta(hours=36)
_NAMES: Final = ("今日", "明日", "明後日")


@dataclass(frozen=True, slots=True)
class Slot:
    """One of the day's issues; `key` is the same for a second telegram of that issue, which is no news."""

    key: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """One 一次細分区域 and its days as lines."""

    code: str
    name: str
    body: str


def slot(telegram: Telegram) -> Slot | None:
    """Which issue of the day this is; None for one between the hours (a correction without being called so)."""
    at = telegram.reported_at.astimezone(JST) if telegram.reported_at else None
    for name, start, end, options in _ISSUES:
        if at is not None and start <= at.hour < end:
            return Slot(f"{at:%Y%m%d}-{name}", options)
    return None


def regions(telegram: Telegram, *, now: datetime) -> tuple[Region, ...]:
    """The three days of each area, the third from the week's forecast where today's lacks it. Runs inside a verb."""
    today = (telegram.reported_at or now).astimezone(JST).date()
    week = _week(telegram, now)
    found = []
    for item in telegram.items:
        days = _days(item.sentences, today)
        for n in range(DAYS):
            day = today + timedelta(days=n)
            if day not in days and day in week:
                days[day] = word("from_week", words=week[day])
        lines = [
            word("forecast_day", day=_NAMES[(day - today).days], date=_date(day), words=days[day])
            for day in sorted(days)
            if 0 <= (day - today).days < DAYS
        ]
        found += [Region(area.code, area.name, "\n".join(lines)) for area in item.areas if lines]
    return tuple(found)


def _days(sentences: tuple[str, ...], today: date) -> dict[date, str]:
    """`今夜：くもり` by its day; 今夜 is today."""
    names = {"今日": 0, "今夜": 0, "明日": 1, "明後日": 2}
    found: dict[date, str] = {}
    for sentence in sentences:
        name, _, words = sentence.partition("：")
        if name in names:
            found[today + timedelta(days=names[name])] = f"（{name}）{words}" if name == "今夜" else words
    return found


def _week(telegram: Telegram, now: datetime) -> dict[date, str]:
    """What the newest 府県週間天気予報 of the same office says, by day; empty without one."""
    newest = units.newest("VPFW50", telegram.office, since=now - _WEEK_REACHES)
    if newest is None:
        return {}
    week = read(telegrams.load(newest).raw)
    if not week.items or week.reported_at is None:
        return {}
    start = week.reported_at.astimezone(JST).date()
    found: dict[date, str] = {}
    for sentence in week.items[0].sentences:
        words = sentence.partition("：")
        for ahead in range(9):
            day = start + timedelta(days=ahead)
            if words[0] == f"{day.month}/{day.day}":
                found[day] = words[2]
    return found


def _date(day: date) -> str:
    return f"{day.month}/{day.day}"


def subject(telegram: Telegram, places: tuple[str, ...]) -> str:
    """「天気予報 北西部ほか（11月20日5時発表）」."""
    at = telegram.reported_at.astimezone(JST) if telegram.reported_at else None
    place = places[0] + (word("and_more") if len(places) > 1 else "")
    when = word("forecast_time", month=str(at.month), day=str(at.day), hour=str(at.hour)) if at else ""
    return word("subject_forecast", place=place, when=when)


def body(telegram: Telegram) -> str:
    """What stands above the regions."""
    return letter("forecast", office=telegram.publishers or telegram.office or "")


__all__ = ["Region", "Slot", "body", "regions", "slot", "subject"]
