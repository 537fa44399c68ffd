"""Hand-made JMA telegrams for tests: only what the format requires, filled in by the test."""

from feeds.item import Item
from feeds.telegram import Telegram, read

MET = "http://xml.kishou.go.jp/jmaxml1/body/meteorology1/"
SEIS = "http://xml.kishou.go.jp/jmaxml1/body/seismology1/"
RAIN = "気象警報・注意報（Ｒ０６）（大雨）"


def report(
    title: str,
    body: str = "",
    *,
    status: str = "通常",
    info_type: str = "発表",
    event_id: str = "",
    serial: str = "",
    headline: str = "見出し",
    information: str = "",
    valid: str = "",
    office: str = "銚子地方気象台",
    namespace: str = MET,
) -> bytes:
    valid_until = f"<ValidDateTime>{valid}</ValidDateTime>" if valid else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Report xmlns="http://xml.kishou.go.jp/jmaxml1/">
<Control><Title>{title}</Title><DateTime>2026-11-20T00:00:05Z</DateTime><Status>{status}</Status>
<EditorialOffice>{office}</EditorialOffice><PublishingOffice>{office}</PublishingOffice></Control>
<Head xmlns="http://xml.kishou.go.jp/jmaxml1/informationBasis1/"><Title>表題</Title>
<ReportDateTime>2026-11-20T09:00:00+09:00</ReportDateTime>
<TargetDateTime>2026-11-20T09:00:00+09:00</TargetDateTime>{valid_until}
<EventID>{event_id}</EventID><InfoType>{info_type}</InfoType><Serial>{serial}</Serial>
<InfoKind>x</InfoKind><InfoKindVersion>1.0_0</InfoKindVersion>
<Headline><Text>{headline}</Text>{information}</Headline></Head>
<Body xmlns="{namespace}">{body}</Body></Report>""".encode()


def kind(code: str | None, status: str, name: str = "名", last: str | None = None) -> str:
    number = f"<Name>{name}</Name><Code>{code}</Code>" if code is not None else ""
    before = f"<LastKind><Name>前</Name><Code>{last}</Code></LastKind>" if last else ""
    return f"<Kind>{number}<Status>{status}</Status>{before}</Kind>"


def area(code: str, name: str = "千葉市") -> str:
    return f"<Area><Name>{name}</Name><Code>{code}</Code></Area>"


def warning(kinds: str, *, part: str = "気象警報・注意報（市町村等）", place: str = "") -> str:
    return f'<Warning type="{part}"><Item>{kinds}{place or area("1210000")}</Item></Warning>'


def information(part: str, kinds: str, areas: str) -> str:
    return f'<Information type="{part}"><Item><Kind>{kinds}</Kind><Areas>{areas}</Areas></Item></Information>'


def one(data: bytes) -> Item:
    """The only item of a telegram that is understood."""
    telegram = understood(data)
    assert len(telegram.items) == 1, telegram.items
    return telegram.items[0]


def understood(data: bytes) -> Telegram:
    telegram = read(data)
    assert telegram.understood, telegram.why
    return telegram
