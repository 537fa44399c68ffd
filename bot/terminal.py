"""`hansho people`, `rules` and `areas`: what chiefs decide about the town itself; one proposes, another agrees."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from config.catalogue import Catalogue, load_catalogue
from config.mistake import BadConfig
from config.refusals import sentence
from config.terminal import CONFIG, JSON, give_up, say, settings_of
from store import areas as places
from store import people as known
from store import proposals
from store.db import opened
from store.errors import Refused

T = TypeVar("T")


@click.group()
def people() -> None:
    """課と人、その権限。変更は一人が届け、もう一人が認めます。"""


@click.group()
def rules() -> None:
    """情報種別ごとの決め方（二人・自動など）。変更は一人が届け、もう一人が認めます。"""


@click.group()
def areas() -> None:
    """地域。町の新設・廃止は areas.yaml を直して hansho apply します。"""


def catalogue(folder: Path) -> Catalogue:
    """The YAML files of a folder; every mistake is said before giving up."""
    try:
        return load_catalogue(folder)
    except BadConfig as error:
        give_up(error, 2)


def refusable(folder: Path, verb: Callable[[], T]) -> T:
    """Run a verb on the folder's ledger; a refusal becomes one plain sentence."""
    try:
        with opened(settings_of(folder)) as store:
            return store.call(verb)
    except Refused as refusal:
        give_up(sentence(refusal.code, refusal.values))


@people.command("list")
@CONFIG
@JSON
def people_list(folder: Path, as_json: bool) -> None:
    """いま有効な人を一覧します。"""
    found = refusable(folder, known.listed)
    say(
        found, as_json, lambda p: f"{p.key:<12} {p.name}　{p.unit}　暗証番号{'あり' if p.has_pin else 'なし'}"
    )


@people.command("pin")
@CONFIG
@click.argument("key")
@click.password_option("--pin", prompt="新しい暗証番号", confirmation_prompt="もう一度", help="4桁以上の数字")
def people_pin(folder: Path, key: str, pin: str) -> None:
    """KEY の人の、承認ページの暗証番号を決めます。"""
    if len(pin) < 4 or not pin.isdecimal():
        give_up("暗証番号は4桁以上の数字にしてください。", 2)
    now = datetime.now(UTC)
    refusable(folder, lambda: known.set_pin(known.by_key(key).id, pin, by="operator", now=now))
    click.echo("暗証番号を決めました。")


def _proposals(group: click.Group, kind: str) -> None:
    """`apply` proposes what the YAML says, `agree` puts it in force (MODEL.md, people)."""

    @group.command("apply", help=f"{kind}.yaml のとおりに変えることを届けます。")
    @CONFIG
    @click.option("--by", "who", required=True, help="届ける人（people.yaml の key）")
    def propose(folder: Path, who: str) -> None:
        document, now = catalogue(folder).document()[kind], datetime.now(UTC)
        number = refusable(
            folder, lambda: proposals.propose(kind, document, by=known.by_key(who).id, now=now)
        )
        click.echo(
            f"届 {number} を預かりました。別の管理者が hansho {kind} agree {number} で認めると有効になります。"
        )

    @group.command("agree", help="届 NUMBER を認め、有効にします。届けた人とは別の人が行います。")
    @CONFIG
    @click.argument("number", type=int)
    @click.option("--by", "who", required=True, help="認める人（people.yaml の key）")
    def agree(folder: Path, number: int, who: str) -> None:
        now = datetime.now(UTC)
        refusable(folder, lambda: proposals.agree(number, by=known.by_key(who).id, now=now))
        click.echo(f"届 {number} を認めました。今から有効です。")


_proposals(people, "people")
_proposals(rules, "rules")


@areas.command("list")
@CONFIG
@click.option("--tree", help="この系統だけ（admin、police、seismic など）")
@JSON
def areas_list(folder: Path, tree: str | None, as_json: bool) -> None:
    """いま有効な地域を一覧します。"""
    found = refusable(folder, lambda: places.listed(tree))
    say(found, as_json, lambda a: f"{a.key:<20} {a.name}　{a.tree}/{a.kind}")
