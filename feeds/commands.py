"""`hansho read telegram` and `hansho telegrams`: how feeds understands, and what it has received."""

from pathlib import Path

import click

from config.terminal import CONFIG, FILES, JSON, clock, read_all, say, settings_of
from feeds import telegram
from store import telegrams
from store.db import opened


@click.command("telegram")
@FILES
@JSON
def read_telegram(files: tuple[str, ...], as_json: bool) -> None:
    """気象庁の電文（XML）を読みます。"""
    read_all(files, as_json, lambda data, name: telegram.as_json(telegram.read(data), name))


@click.command("telegrams")
@CONFIG
@click.option(
    "--state",
    type=click.Choice(["received", "understood", "passed", "held", "not-understood"]),
    help="この状態だけ",
)
@JSON
def list_telegrams(folder: Path, state: str | None, as_json: bool) -> None:
    """受け取った電文と、その扱いを一覧します。"""
    with opened(settings_of(folder)) as store:
        found = store.call(telegrams.listed, state)
    say(
        found,
        as_json,
        lambda t: f"{t.id:>6} {clock(t.fetched_at)} {t.type or '-':<7} {t.state:<14} {t.why or ''}",
    )
