"""What things are called on a screen, and how a moment is said there."""

from datetime import datetime, timedelta, timezone

from bot.wording import phrase, table

JST = timezone(timedelta(hours=9), "JST")
_DAYS = "月火水木金土日"


def name_of(kind: str, key: str) -> str:
    """The Japanese name of a state, deed, door, origin or realm (bot/texts/names.txt), else the key itself."""
    code = f"{kind}.{key}"
    return phrase("names", code) if code in table("names") else key


def day_and_time(moment: datetime) -> str:
    """11月22日（日）8:30, Japan time."""
    local = moment.astimezone(JST)
    day = _DAYS[local.weekday()]
    return f"{local.month}月{local.day}日（{day}）{local.hour}:{local.minute:02}"


def clock_time(moment: datetime) -> str:
    """11月22日 8:30:05, Japan time: to the second, where one must know who came first."""
    local = moment.astimezone(JST)
    return f"{local.month}月{local.day}日 {local.hour}:{local.minute:02}:{local.second:02}"
