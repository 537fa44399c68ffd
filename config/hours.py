"""Office hours: when what is not urgent may go out (M5.2); holidays, the year's end, the town's own days."""

from datetime import date, datetime, time, timedelta, timezone

import jpholiday

JST = timezone(timedelta(hours=9), "JST")


def is_open_day(day: date) -> bool:
    """A weekday that is neither a holiday nor 12-29 to 01-03 (closed by custom, in no holiday law)."""
    closed_at_year_end = (day.month, day.day) >= (12, 29) or (day.month, day.day) <= (1, 3)
    return day.weekday() < 5 and not jpholiday.is_holiday(day) and not closed_at_year_end


def next_open(moment: datetime, opens: time, closes: time) -> datetime:
    """`moment` itself while the office is open, else the next opening (aware datetimes)."""
    local = moment.astimezone(JST)
    if is_open_day(local.date()) and opens <= local.time() < closes:
        return moment
    day = local.date() if local.time() < opens else local.date() + timedelta(days=1)
    while not is_open_day(day):
        day += timedelta(days=1)
    return datetime.combine(day, opens, JST)
