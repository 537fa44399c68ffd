"""`hansho read bounce|mail|proof` and `hansho arrivals`: how inbound understands, and what it has received."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from config.terminal import CONFIG, FILES, JSON, clock, give_up, read_all, say, settings_of
from inbound import bounce, certificates, parsing, proof
from store import arrivals
from store.db import opened


@click.command("bounce")
@FILES
@JSON
def read_bounce(files: tuple[str, ...], as_json: bool) -> None:
    """不達の通知を読みます。"""
    read_all(files, as_json, lambda data, name: bounce.as_json(bounce.read(data), name))


@click.command("mail")
@FILES
@JSON
def read_mail(files: tuple[str, ...], as_json: bool) -> None:
    """メールを読みます。"""
    read_all(files, as_json, lambda data, name: parsing.as_json(parsing.read(data), name))


@click.command("proof")
@FILES
@JSON
@click.option("--keys", type=click.File(encoding="utf-8"), help="公開鍵の JSON {名前: TXT}")
@click.option("--trust", type=click.File("rb"), help="S/MIME で信じる CA の PEM")
@click.option("--to", help="このアドレス宛てであること")
@click.option("--now", required=True, help="判定の時刻（ISO 8601、時差つき）")
def read_proof(
    files: tuple[str, ...], as_json: bool, keys: Any, trust: Any, to: str | None, now: str
) -> None:
    """メールが本当にその差出人のものかを確かめます。"""
    try:
        moment = datetime.fromisoformat(now)
        known = json.load(keys) if keys is not None else None
    except (ValueError, RecursionError) as error:
        give_up(f"--now か --keys が読めません（{error}）。", 2)
    if known is not None and not (
        isinstance(known, dict) and all(isinstance(value, str) for value in known.values())
    ):
        give_up('--keys は {"名前": "TXT レコード"} の JSON で書いてください。', 2)
    if moment.tzinfo is None:
        give_up("--now には時差を書いてください（例 2026-11-21T10:00:00+09:00）。", 2)
    roots = trust.read() if trust is not None else None
    if roots is not None:
        try:
            certificates.anchors(roots)
        except ValueError:
            give_up("--trust は PEM の証明書として読めません。", 2)

    def judge(data: bytes, name: str) -> dict[str, object]:
        return proof.as_json(proof.read(data, keys=known, trust=roots, to=to, now=moment), name)

    read_all(files, as_json, judge)


@click.command("arrivals")
@CONFIG
@click.option(
    "--state",
    type=click.Choice(["received", "understood", "quarantined", "not-understood"]),
    help="この状態だけ",
)
@JSON
def list_arrivals(folder: Path, state: str | None, as_json: bool) -> None:
    """届いたメールと、その扱いを一覧します（中身と差出人は出しません）。"""
    with opened(settings_of(folder)) as store:
        found = store.call(arrivals.listed, state)
    say(
        found,
        as_json,
        lambda a: f"{a.id:>6} {clock(a.received_at)} {a.meaning:<10} {a.state:<14} {a.why or ''}",
    )
