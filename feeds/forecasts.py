"""What is told once for a forecast area: forecasts, flashes (VPBS50), heat alerts, record rain (VPOA50)."""

from collections.abc import Iterator

from feeds import kinds
from feeds.item import Action, Area, Item
from feeds.offices import PREFECTURES
from feeds.warnings import unknown
from feeds.xml import Element, every, own_text, text, typed


def _area(element: Element) -> Area | None:
    code = text(element, "Code")
    return Area(kinds.forecast_area(code), text(element, "Name") or code) if code else None


def daily(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VPFD50/51 and VPFW50: one report per area of the 区域予報, with the weather of each day."""
    # Hokkaido's 011000 and the like are 府県予報区 and 一次細分 at once: the type says which is meant.
    system = "class10" if type_.startswith("VPFD") else "pref"
    names: dict[str, str] = {}
    weather: dict[str, list[str]] = {}
    for infos in typed(body, "MeteorologicalInfos", "区域予報"):
        for series in every(infos, "TimeSeriesInfo"):
            days = _days(series)
            for entry in every(series, "Item"):
                if code := text(entry, "Area/Code"):
                    names.setdefault(code, text(entry, "Area/Name") or code)
                    weather.setdefault(code, []).extend(_weather(entry, days))
    return tuple(
        _report("forecast", Area(f"{system}:{code}", name), tuple(weather[code]))
        for code, name in names.items()
    )


def _days(series: Element) -> dict[str, str]:
    """timeId -> 今日, 明日, 明後日 (VPFD) or 7/20 (VPFW); timeIds hold within one TimeSeriesInfo only."""
    return {
        define.get("timeId") or "": text(define, "Name") or _date(text(define, "DateTime") or "")
        for define in every(series, "TimeDefines/TimeDefine")
    }


def _date(words: str) -> str:
    """2026-07-20T00:00:00+09:00 -> 7/20."""
    month, _, day = words[5:10].partition("-")
    return f"{int(month)}/{int(day)}" if month.isdecimal() and day.isdecimal() else ""


def _weather(entry: Element, days: dict[str, str]) -> Iterator[str]:
    """`今日：くもり後雨`, one for each day, in the telegram's words."""
    for part in every(entry, "Kind/Property"):
        # The three-hourly series beside it has WeatherParts too, under another Type.
        if text(part, "Type") != "天気":
            continue
        for element in every(part, "WeatherPart/Weather"):
            if (day := days.get(element.get("refID") or "")) and (words := own_text(element)):
                yield f"{day}：{words}"


def overview(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VPFG50: 天気概況 of a 府県予報区, text only."""
    found = (
        Area(f"pref:{code}", text(element, "Name") or code)
        for element in every(body, "TargetArea")
        if (code := text(element, "Code"))
    )
    return tuple(_report("forecast", area) for area in found)


def heat(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VPFT50: 熱中症警戒アラート, text only: the editing office alone says for which 府県予報区.

    Without areas (an office of several) it is known and kept, and reaches nobody by itself."""
    office = text(head.getparent() if head is not None else None, "Control/EditorialOffice")
    code = PREFECTURES.get(office or "")
    areas = (Area(f"pref:{code}", office or code),) if code else ()
    return (Item("heat", None, None, None, 1, areas, Action.REPORT),)


def _report(phenomenon: str, area: Area, sentences: tuple[str, ...] = ()) -> Item:
    return Item(phenomenon, None, None, None, 1, (area,), Action.REPORT, sentences=sentences)


def flash(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VPBS50: the 情報タグ of the headline say what (rain band, record rain, sudden snow), by area."""
    found: list[Item] = []
    for information in typed(head, "Headline/Information", "情報タグ"):
        for entry in every(information, "Item"):
            if text(entry, "Kind/Name") == "情報タグ":
                found.extend(_flash(entry))
    return tuple(found)


def _flash(entry: Element) -> Iterator[Item]:
    # Several tags stand in one Condition, separated by spaces.
    tags = list(dict.fromkeys((text(entry, "Kind/Condition") or "").split()))
    areas = [area for element in every(entry, "Areas/Area") if (area := _area(element))]
    strange = next((tag for tag in tags if tag not in kinds.FLASH_TAGS), None)
    for area in areas:
        if strange or not tags:
            yield unknown("flash", strange, None, area)
            continue
        for tag in tags:
            phenomenon, rank = kinds.FLASH_TAGS[tag]
            yield Item(phenomenon, tag, tag, None, rank, (area,), Action.REPORT)


def record_rain(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VPOA50 (old family): 記録的短時間大雨情報 by 発表細分; Kind 1 | 0."""
    found: list[Item] = []
    for warning in typed(body, "Warning", "記録的短時間大雨情報（発表細分）"):
        for entry in every(warning, "Item"):
            for element in every(entry, "Area"):
                code, name, area = text(entry, "Kind/Code"), text(entry, "Kind/Name"), _area(element)
                if code not in ("0", "1"):
                    found.append(unknown("rain", code, name, area))
                elif area and code == "1":
                    found.append(Item("rain", code, name, None, 4, (area,), Action.REPORT))
    return tuple(found)
