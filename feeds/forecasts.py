"""What is told once for a forecast area: forecasts, flashes (VPBS50), heat alerts, record rain (VPOA50)."""

from collections.abc import Iterator

from feeds import kinds
from feeds.item import Action, Area, Item
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
    """timeId -> 今日, 明日, 明後日 (VPFD) or its date (VPFW); timeIds hold within one TimeSeriesInfo only."""
    return {
        define.get("timeId") or "": text(define, "Name") or (text(define, "DateTime") or "")[:10]
        for define in every(series, "TimeDefines/TimeDefine")
    }


def _weather(entry: Element, days: dict[str, str]) -> Iterator[str]:
    """`今日：くもり後雨`, one for each day, in the telegram's words."""
    for element in every(entry, "Kind/Property/WeatherPart/Weather"):
        if (day := days.get(element.get("refID") or "")) and (words := own_text(element)):
            yield f"{day}：{words}"


def overview(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VPFG50: 天気概況 of a 府県予報区, text only."""
    return _whole("forecast", body)


def heat(type_: str, head: Element | None, body: Element | None) -> tuple[Item, ...]:
    """VPFT50: 熱中症警戒アラート of a 府県予報区, text only."""
    return _whole("heat", body)


def _whole(phenomenon: str, body: Element | None) -> tuple[Item, ...]:
    found = (
        Area(f"pref:{code}", text(element, "Name") or code)
        for element in every(body, "TargetArea")
        if (code := text(element, "Code"))
    )
    return tuple(_report(phenomenon, area) for area in found)


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
