"""`hansho replay`: what a past day of telegrams would send to how many, with today's configuration or another."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from config import refusals
from config.mistake import BadConfig
from config.terminal import CONFIG, JSON, JST, give_up, say, settings_of
from feeds.rehearsal import Heard, heard, play
from feeds.tally import Row, Tally, difference, tally
from feeds.telegram import LIMIT
from store import rehearsal
from store.db import opened
from store.errors import WrongLedger
from store.rehearsal import Wish

_TOLD_EVERY: Final = 1_000


@click.command("replay")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@CONFIG
@click.option("--day", "days", multiple=True, help="台帳に残っている、その日（2026-11-20）の電文を使います")
@click.option(
    "--against",
    "other",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="くらべる設定のフォルダー",
)
@JSON
def replay(
    paths: tuple[Path, ...], folder: Path, days: tuple[str, ...], other: Path | None, as_json: bool
) -> None:
    """過去の電文をいまの設定に通し、何を何人に送ることになるかを数えます。何も送らず、台帳も変えません。"""
    wishes, past = _gathered(folder, paths, [_day(one) for one in days])
    if not past:
        give_up("電文がありません。電文のファイルかフォルダー、または --day を指定してください。")
    try:
        mine = tally(play(folder, wishes, past, _progress))
        theirs = tally(play(other, wishes, past, _progress)) if other is not None else None
    except BadConfig as error:
        give_up(error, 2)
    if as_json:
        document = asdict(mine)
        if theirs is not None:
            document["against"] = asdict(theirs)
        say(document, True, str)
        return
    _show(mine)
    if theirs is not None:
        _compare(mine, theirs)


def _gathered(folder: Path, paths: Sequence[Path], days: Sequence[date]) -> tuple[list[Wish], list[Heard]]:
    """The town's choices and the telegrams. The ledger is only read, and closed before anything is played."""
    past = [one for raw in _files(paths) if (one := heard(raw)) is not None]
    settings = settings_of(folder)
    if not settings.database.startswith("postgresql://") and not Path(settings.database_place).is_file():
        return [], past  # a town not born yet: nobody to mail, and nothing is made by asking
    try:
        with opened(settings) as store:
            wishes = store.call(rehearsal.wishes)
            for day in days:
                since = datetime(day.year, day.month, day.day, tzinfo=JST)
                for at, body in store.call(rehearsal.stored, since, since + timedelta(days=1)):
                    past += [one] if (one := heard(zlib.decompress(body), at)) is not None else []
    except WrongLedger as error:
        give_up(refusals.told(error), 2)
    return wishes, past


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        give_up(f"日付 {text} が読めません。2026-11-20 のように書いてください。", 2)


def _files(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        for file in sorted(path.rglob("*.xml")) if path.is_dir() else [path]:
            # What is too big for the reader is too big here as well.
            if file.stat().st_size <= LIMIT:
                yield file.read_bytes()


def _progress(done: int) -> None:
    if done % _TOLD_EVERY == 0:
        click.echo(f"{done:,}通の電文まで", err=True)


def _show(found: Tally) -> None:
    states = "・".join(f"{state} {n:,}" for state, n in sorted(found.states.items()))
    click.echo(f"電文 {found.telegrams:,}通（{states}）　登録者 {found.residents:,}人")
    for row in found.rows:
        click.echo(_line(row))
    for row in found.days:
        click.echo(
            f"{row.day}　合計　{row.mails:,}通　一人あたり 中央値 {row.median:g}・最多 {row.most}　"
            f"夜間 {row.night:,}通　最も多い1時間 {row.worst_hour:,}通"
        )
    for hour, n in found.nights.items():
        click.echo(f"夜間　{hour}時台　{n:,}通")


def _line(row: Row) -> str:
    waiting = f"（うち承認待ち {row.waiting}）" if row.waiting else ""
    return (
        f"{row.day}　{row.rule or '規則なし'}　情報 {row.bulletins}件{waiting}　{row.mails:,}通　"
        f"一人あたり 中央値 {row.median:g}・最多 {row.most}　夜間 {row.night:,}通　1時間に {row.worst_hour:,}通"
    )


def _compare(mine: Tally, theirs: Tally) -> None:
    found = difference(mine.rows, theirs.rows)
    click.echo("くらべた設定との違い" if found else "くらべた設定との違いはありません。")
    for day, rule, here, there in found:
        click.echo(f"{day}　{rule or '規則なし'}　{here:,}通 → {there:,}通")
