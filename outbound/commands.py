"""`hansho bulletins`, `stop` and `dns`: what goes out, how to stop it, and what the DNS must say for it."""

from datetime import datetime
from pathlib import Path

import click

from config.refusals import sentence
from config.terminal import CONFIG, JSON, give_up, say, settings_of
from outbound.signing import Signer
from store import bulletins, people, release
from store.db import opened
from store.errors import Refused
from store.release import Progress


@click.command("bulletins")
@CONFIG
@click.option("--state", multiple=True, help="この状態だけ（submitted、sending、sent など）")
@JSON
def list_bulletins(folder: Path, state: tuple[str, ...], as_json: bool) -> None:
    """配信した情報・待っている情報を一覧します。"""
    with opened(settings_of(folder)) as store:
        found = store.call(bulletins.listed, list(state) or None)
    say(found, as_json, lambda v: f"{v.number} {v.state:<10} {v.category} {v.subject}")


@click.command("stop")
@CONFIG
@click.argument("number")
@click.option("--by", "who", required=True, help="中止する人（people.yaml の key）")
@click.confirmation_option(prompt="配信を中止しますか")
def stop(folder: Path, number: str, who: str) -> None:
    """配信中の情報 NUMBER の配信を中止します。"""
    try:
        with opened(settings_of(folder)) as store:
            progress = store.call(_halt, number, who, store.now())
    except Refused as refusal:
        give_up(sentence(refusal.code, refusal.values))
    told = f"配信済み {progress.sent:,}件・中止 {progress.withdrawn + progress.open:,}件"
    click.echo(f"配信を中止しました（{told}）")


def _halt(number: str, who: str, now: datetime) -> Progress:
    person, view = people.by_key(who), bulletins.by_number(number)
    release.stop(view.id, by=person.id, now=now)
    return release.progress(view.id)


@click.command("dns")
@CONFIG
@JSON
def dns(folder: Path, as_json: bool) -> None:
    """DNS に書く MX・SPF・DKIM・DMARC の行を出します。"""
    settings = settings_of(folder)
    mail, key = settings.mail, settings.mail.dkim
    signer = Signer.from_pem(settings.secrets_folder / key.key, mail.domain, key.selector)
    dmarc = f"v=DMARC1; p=reject; rua=mailto:{mail.address('operators')}"
    records = [
        {"name": mail.domain, "type": "MX", "value": f"10 {mail.host}."},
        {"name": mail.domain, "type": "TXT", "value": "v=spf1 mx -all"},
        {"name": f"{key.selector}._domainkey.{mail.domain}", "type": "TXT", "value": signer.public_record()},
        {"name": f"_dmarc.{mail.domain}", "type": "TXT", "value": dmarc},
    ]
    say(records, as_json, lambda r: f"{r['name']}. IN {r['type']} {r['value']}")
