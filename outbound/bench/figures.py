"""The figures of one measurement, as CONTRACTS names them and as people read them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Peer:
    """Another mail server doing the same work on the same machine, or why it did not."""

    name: str
    mails_per_s: float | None
    skipped_why: str | None


@dataclass(frozen=True)
class Urgent:
    """The emergency approved in the middle: milliseconds from its own click to its first and its last `250`."""

    first_ms: float | None
    last_ms: float | None


@dataclass(frozen=True)
class Arrivals:
    """One destination of the profile `carriers`: seconds from the click; None = not so many in the time there was."""

    recipients: int
    accepted: int
    t50_s: float | None
    t95_s: float | None
    t100_s: float | None


@dataclass(frozen=True)
class Figures:
    """In the order of CONTRACTS; `destinations` only in the profile `carriers`."""

    recipients: int
    workers: int
    accepted: int
    duplicates: int
    lost: int
    mails_per_s: float
    t50_s: float | None
    t95_s: float | None
    t100_s: float | None
    cpu_us_per_mail: float | None
    peak_rss_mib: float
    rsa_per_s: float
    ratio: float
    peer: Peer
    urgent: Urgent
    destinations: dict[str, Arrivals] | None = None

    def document(self) -> dict[str, Any]:
        """For JSON, figures rounded to what they are worth."""
        told: dict[str, Any] = _rounded(asdict(self))
        if self.destinations is None:
            del told["destinations"]
        return told


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return round(value, 3) if isinstance(value, float) else value


def reached(times: Sequence[float], wanted: int, percent: int) -> float | None:
    """When so many percent of `wanted` were there; `times` ascending. None: never."""
    needed = max(1, -(-wanted * percent // 100))
    return times[needed - 1] if needed <= len(times) else None


def sentences(figures: Figures) -> list[str]:
    """For people, a line each."""

    def after(seconds: float | None) -> str:
        return "届ききらず" if seconds is None else f"{seconds:.2f}秒"

    said = [
        f"配信 {figures.accepted:,}件（二重 {figures.duplicates:,}件、失われた {figures.lost:,}件）、"
        f"送信プロセス {figures.workers}",
        f"速さ 毎秒{figures.mails_per_s:,.0f}通（毎分{figures.mails_per_s * 60:,.0f}通）",
        f"承認から 50% {after(figures.t50_s)}、95% {after(figures.t95_s)}、最後の1通 {after(figures.t100_s)}",
        f"1通あたりの CPU {figures.cpu_us_per_mail or 0:,.0f}マイクロ秒、"
        f"メモリー 最大 {figures.peak_rss_mib:,.0f} MiB",
        f"この機械の署名の限界 毎秒{figures.rsa_per_s:,.0f}回、その {figures.ratio:.0%}",
    ]
    if figures.urgent.first_ms is not None and figures.urgent.last_ms is not None:
        said.append(
            f"途中で承認した緊急情報 最初の1通 {figures.urgent.first_ms:,.0f}ミリ秒、"
            f"最後の1通 {figures.urgent.last_ms:,.0f}ミリ秒"
        )
    if figures.peer.mails_per_s is not None:
        times = figures.mails_per_s / figures.peer.mails_per_s
        said.append(
            f"同じ仕事を {figures.peer.name} で 毎秒{figures.peer.mails_per_s:,.0f}通（{times:.1f}倍の差）"
        )
    elif figures.peer.name:
        said.append(f"{figures.peer.name} とは比べていません: {figures.peer.skipped_why}")
    for name, one in (figures.destinations or {}).items():
        said.append(
            f"  {name} {one.accepted:,}/{one.recipients:,}件  50% {after(one.t50_s)}、"
            f"95% {after(one.t95_s)}、100% {after(one.t100_s)}"
        )
    return said
