"""`hansho bench deliver`: how fast this machine delivers, with the product as it runs."""

import contextlib
import json
import signal
import sys
from collections.abc import Iterator
from types import FrameType

import click

from config.terminal import JSON, give_up
from outbound.bench.crew import BenchFailed
from outbound.bench.destinations import Profile
from outbound.bench.figures import sentences
from outbound.bench.measurement import Against, measure
from outbound.bench.peer import NAME, against_postfix
from outbound.bench.rsa import cores
from outbound.bench.town import Plan
from store.spare import NoServer, own_database


@click.group()
def bench() -> None:
    """この機械の速さを測ります。"""


@bench.command()
@click.option(
    "--recipients",
    type=click.IntRange(10, 10_000_000),
    default=20_000,
    show_default=True,
    help="登録者の数（一割、ただし2,000件までは、途中で承認する緊急情報の宛先です）",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=None, help="送信プロセスの数", show_default="CPU の数"
)
@click.option(
    "--against", type=click.Choice([NAME]), help="同じ仕事をほかの仕組みでも測ります（入っていれば）"
)
@click.option(
    "--profile",
    type=click.Choice([str(one) for one in Profile]),
    default=str(Profile.SINK),
    show_default=True,
    help="sink すぐに受け取る宛先 / carriers 携帯電話会社のように答える宛先（数分かかります）",
)
@click.option(
    "--database",
    metavar="URL",
    help="PostgreSQL で測ります。そこに一時のデータベースを作り、終わったら消します",
)
@JSON
def deliver(
    recipients: int,
    workers: int | None,
    against: str | None,
    profile: str,
    database: str | None,
    as_json: bool,
) -> None:
    """配信の速さを、一時の台帳と、この機械の中だけの宛先で測ります。外へは何も出ません。"""
    plan = Plan(recipients, workers or cores(), Profile(profile))
    peer: Against | None = against_postfix if against else None
    try:
        with _killed_gently(), _ledger(database) as address:
            figures = measure(plan, database=address, against=peer, say=_say)
    except (BenchFailed, NoServer) as error:
        give_up(error, 2)
    if as_json:
        click.echo(json.dumps(figures.document(), ensure_ascii=False))
    else:
        click.echo("\n".join(sentences(figures)))
    sys.exit(1 if figures.lost else 0)


def _say(line: str) -> None:
    click.echo(line, err=True)


@contextlib.contextmanager
def _ledger(database: str | None) -> Iterator[str | None]:
    """None is the file in the temporary folder."""
    if database is None:
        yield None
        return
    with own_database(database) as address:
        yield address


@contextlib.contextmanager
def _killed_gently() -> Iterator[None]:
    """SIGTERM clears up as Ctrl-C does; neither disturbs the clearing up."""

    def end(number: int, frame: FrameType | None) -> None:
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {one: signal.signal(one, end) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
