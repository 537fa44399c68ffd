"""The bounce report as operators read it: a table in the letter, every line in a CSV; counts, never addresses."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from config.reasons import Kind, Reason

TOKYO = ZoneInfo("Asia/Tokyo")
KINDS = {
    Kind.HARD: "恒久（あて先なし）",
    Kind.SOFT: "一時（あて先は生きている）",
    Kind.COMPLAINT: "迷惑メールの届け出",
    Kind.AUTO_REPLY: "自動応答",
    Kind.OTHER: "その他",
    Kind.NONE: "不達ではない",
}
REASONS = {
    Reason.USER_UNKNOWN: "あて先がない",
    Reason.HOST_UNKNOWN: "ドメインがない",
    Reason.NOT_ACCEPTING: "メールを受け取らないドメイン",
    Reason.MOVED: "移転した",
    Reason.MAILBOX_FULL: "受信箱がいっぱい",
    Reason.FILTERED: "受信者の受信拒否",
    Reason.SUSPENDED: "あて先が利用停止中",
    Reason.REJECTED: "差出人を拒否",
    Reason.BLOCKED: "送信元を遮断",
    Reason.SPAM: "迷惑メールと判定",
    Reason.POLICY: "受信側の方針（認証など）",
    Reason.TOO_BIG: "大きすぎる",
    Reason.EXPIRED: "時間切れ",
    Reason.DELAYED: "遅れている",
    Reason.DELIVERED: "届いた",
    Reason.VACATION: "不在の知らせ",
    Reason.FEEDBACK: "迷惑メールの届け出",
    Reason.AUTH_FAILURE: "認証の失敗の報告",
    Reason.UNKNOWN: "わからない",
}
# What is ours to mend, and is never a reason to stop anybody's mail (R21).
OURS = frozenset({Reason.BLOCKED, Reason.SPAM, Reason.POLICY, Reason.REJECTED})
COLUMNS = ("期間のはじめ", "期間のおわり", "区分", "経路", "種類", "理由", "件数", "登録番号", "日時")
_MOST_LINES = 40


class Line(Protocol):
    """What `store.reports.BounceLine` has."""

    @property
    def carrier(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def count(self) -> int: ...


class Suspended(Protocol):
    """What `store.reports.Suspension` has."""

    @property
    def subscriber(self) -> int: ...
    @property
    def carrier(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def at(self) -> datetime: ...


class Report(Protocol):
    """What `store.reports.BounceReport` has; config does not know the store."""

    @property
    def since(self) -> datetime: ...
    @property
    def until(self) -> datetime: ...
    @property
    def lines(self) -> Sequence[Line]: ...
    @property
    def suspended(self) -> Sequence[Suspended]: ...
    @property
    def before(self) -> int: ...
    @property
    def record(self) -> tuple[int, str]: ...
    @property
    def total(self) -> int: ...


def letter(*reports: Report) -> tuple[dict[str, object], tuple[str, str]]:
    """(date, table, advice, record) of the letter, and (name, text) of the CSV; the newest span first, at least one."""
    newest = reports[0]
    params: dict[str, object] = {
        "date": _day(newest.until),
        "table": "\n\n".join(_table(report) for report in reports),
        "advice": _advice(reports),
        "record": f"{newest.record[0]:,}件　{newest.record[1]}",
    }
    return params, (f"futatsu-{newest.until.astimezone(TOKYO):%Y%m%d}.csv", _csv(reports))


def _day(moment: datetime) -> str:
    local = moment.astimezone(TOKYO)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


def kind_word(kind: str) -> str:
    """The Japanese of a kind; a word not in the list stands as it is."""
    return KINDS[Kind(kind)] if kind in list(Kind) else kind


def reason_word(reason: str) -> str:
    """The Japanese of a reason; a word not in the list stands as it is."""
    return REASONS[Reason(reason)] if reason in list(Reason) else reason


def _table(report: Report) -> str:
    lines = [
        f"■{_day(report.since)} から {_day(report.until)} まで",
        f"不達の合計　{report.total}件（{_trend(report)}）",
    ]
    for line in report.lines[:_MOST_LINES]:
        lines.append(f"・{line.carrier}　{kind_word(line.kind)}　{reason_word(line.reason)}　{line.count}件")
    if len(report.lines) > _MOST_LINES:
        lines.append(f"・ほか{len(report.lines) - _MOST_LINES}行（添付の CSV にあります）")
    lines.append(f"不達による配信停止　{len(report.suspended)}件")
    for one in report.suspended[:_MOST_LINES]:
        lines.append(f"・登録番号{one.subscriber}　{one.carrier}　{reason_word(one.reason)}")
    return "\n".join(lines)


def _trend(report: Report) -> str:
    more = report.total - report.before
    if more == 0:
        return "その前の同じ長さの期間と同じ"
    return f"その前の同じ長さの期間より{abs(more)}件{'多い' if more > 0 else '少ない'}"


def _advice(reports: Sequence[Report]) -> str:
    lines: list[str] = []
    ours = sorted({line.carrier for report in reports for line in report.lines if line.reason in OURS})
    if ours:
        lines.append(
            f"{'、'.join(ours)} が、こちらの送り方を理由に断っています。"
            "登録した方のアドレスは生きています。送信の設定（署名、送る速さ）を確かめてください。"
        )
    stopped = next((one.subscriber for report in reports for one in report.suspended), None)
    if stopped is not None:
        lines.append(
            "配信停止を取り消すときは、このメールに「配信再開 登録番号」と書いて返信してください。\n"
            f"例：配信再開 {stopped}"
        )
    return "\n".join(lines) or "することはありません。"


def _csv(reports: Sequence[Report]) -> str:
    """With a byte order mark, so that a spreadsheet reads it as UTF-8; CRLF (RFC 4180)."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for report in reports:
        span = (_iso(report.since), _iso(report.until))
        for line in report.lines:
            words = (kind_word(line.kind), reason_word(line.reason))
            writer.writerow((*span, "件数", line.carrier, *words, line.count, "", ""))
        for one in report.suspended:
            words = (KINDS[Kind.HARD], reason_word(one.reason))
            writer.writerow((*span, "配信停止", one.carrier, *words, 1, one.subscriber, _iso(one.at)))
    return out.getvalue()


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(TOKYO):%Y-%m-%d %H:%M}"
