"""The front door of Hansho: every command an operator, a trainer or a maintainer types."""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.lazy import LazyGroup
from config.program import CannotStart
from config.terminal import CONFIG, JSON, give_up, say, settings_of

if TYPE_CHECKING:
    from config.settings import Settings
    from config.supervisor import Supervisor
    from config.town import Ports
    from config.townpage import TownPage
    from store.db import Store

JST = timezone(timedelta(hours=9), "JST")

# name → "module:command": a command's package is imported when somebody asks for it, not before.
ELSEWHERE = {
    "areas": "bot.terminal:areas",
    "arrivals": "inbound.commands:list_arrivals",
    "bench": "outbound.bench.commands:bench",
    "bulletins": "outbound.commands:list_bulletins",
    "dns": "outbound.commands:dns",
    "people": "bot.terminal:people",
    "replay": "feeds.rehearse:replay",
    "rules": "bot.terminal:rules",
    "stop": "outbound.commands:stop",
    "telegrams": "feeds.commands:list_telegrams",
}
READERS = {
    "bounce": "inbound.commands:read_bounce",
    "mail": "inbound.commands:read_mail",
    "proof": "inbound.commands:read_proof",
    "telegram": "feeds.commands:read_telegram",
}


@click.group(cls=LazyGroup, lazy=ELSEWHERE, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """半鐘: 町の防災・防犯メール。はじめての人は hansho demo をどうぞ。"""


@main.group(cls=LazyGroup, lazy=READERS)
def read() -> None:
    """電文・不達・メール・署名を、半鐘がどう読むかを見せます（何も変えません）。"""


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """FOLDER に、説明つきの設定の見本（千葉市の訓練用）を書きます。"""
    from config.init import init as write

    for told in write(folder):
        click.echo(told)
    click.echo(f"次は hansho check --config {folder} で確かめ、hansho serve --config {folder} で動かします。")


@main.command()
@CONFIG
@click.option("--ledger", is_flag=True, help="台帳を数えて、失われた通・二重の通がないことを確かめます")
@JSON
def check(folder: Path, ledger: bool, as_json: bool) -> None:
    """設定（または台帳）のすべてを読み、間違いを全部知らせます。"""
    from config.check import check as read_everything
    from store import selfcheck
    from store.db import opened

    findings: list[Any]
    if ledger:
        with opened(settings_of(folder)) as store:
            findings = list(store.call(selfcheck.check))
    else:
        findings = list(read_everything(folder))
    if findings or as_json:
        say(
            findings, as_json, lambda one: f"台帳の食い違い: {one.code} {one.count}件" if ledger else str(one)
        )
    else:
        click.echo("間違いはありません。")
    sys.exit(1 if findings else 0)


@main.command()
@CONFIG
def apply(folder: Path) -> None:
    """設定の地域・情報種別・経路を台帳に写します。登録者の選択は失われません。

    はじめての台帳には、人と決め方も入れます。そのあとの変更は hansho people と hansho rules で届けます。
    """
    from config.catalogue import load_catalogue
    from store import areas, categories
    from store.db import opened

    settings, catalogue = prepare(folder), load_catalogue(folder)
    with opened(settings) as store:
        places = store.call(areas.apply, catalogue.areas_document())
        kinds = store.call(categories.apply, catalogue.categories_document())
    click.echo(f"地域 {places:,}・情報種別 {kinds:,} を台帳に写しました。")


@main.command()
@CONFIG
def serve(folder: Path) -> None:
    """すべてのプログラムを動かします。止めるときは Ctrl-C か SIGTERM です。"""
    from config import program
    from config.programs import programs
    from config.supervisor import Supervisor

    settings = prepare(folder)
    supervisor = Supervisor(programs(settings), settings.folder)
    sys.exit(program.run("supervisor", supervisor.run))


def prepare(folder: Path) -> Any:
    """The settings, once everything is checked and the ledger knows the town (it is born and filled if it is new)."""
    from config import refusals
    from config.catalogue import load_catalogue
    from config.check import check as read_everything
    from store import proposals, queues
    from store.db import opened
    from store.errors import WrongLedger

    mistakes = read_everything(folder)
    if mistakes:
        give_up("\n".join(map(str, mistakes)), 2)
    settings, catalogue = settings_of(folder), load_catalogue(folder)
    try:
        with opened(settings) as store:
            store.call(queues.ensure, [route.name for route in catalogue.routes])
            store.call(proposals.bootstrap, catalogue.document(), now=datetime.now(UTC))
    except WrongLedger as error:
        give_up(refusals.told(error), 2)
    return settings


@main.command()
@CONFIG
@JSON
def status(folder: Path, as_json: bool) -> None:
    """いま動いているか、何が待っているかを知らせます。"""
    from config import roster
    from store import reports
    from store.db import opened

    settings = settings_of(folder)
    with opened(settings) as store:
        now = store.call(reports.standing)
    running = roster.read(settings.folder)
    if as_json:
        say({"running": running, **now}, True, str)
        return
    click.echo("動いています。" if running else "動いていません。hansho serve で動かします。")
    registered, waiting = now["registered"], now["waiting"]
    click.echo(f"登録件数 {registered.get('confirmed', 0):,}件（仮登録 {registered.get('pending', 0):,}件）")
    click.echo(
        f"配信待ち {waiting['queued']:,}件・送信中 {waiting['leased']:,}件・再送待ち {waiting['deferred']:,}件"
    )
    click.echo(
        f"承認待ち {'、'.join(now['submitted']) or 'なし'}　配信中 {'、'.join(now['sending']) or 'なし'}"
    )
    for feed in now["feeds"]:
        click.echo(f"取得元 {feed.name} {feed.failure or '正常'}")


@main.command()
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), default="hansho-town", show_default=True,
    help="町を置くフォルダー",
)  # fmt: skip
@click.option("--fresh", is_flag=True, help="町をはじめから作り直します")
@click.option("--script", is_flag=True, help="七つの場面をひとりでに演じ、外から見えたことを記録します")
@click.option(
    "--ready-file", type=click.Path(path_type=Path, dir_okay=False), help="準備ができたら住所を書くファイル"
)
@click.option(
    "--residents",
    type=click.IntRange(0, 100_000),
    default=1_000,
    show_default=True,
    help="初めからいる住民の数",
)
@JSON
def demo(
    folder: Path, fresh: bool, script: bool, ready_file: Path | None, residents: int, as_json: bool
) -> None:
    """訓練の町を動かします。設定も Slack もネットワークも要りません。"""
    from config.town import NotATown, hold

    try:
        with hold(folder):
            code = _play(folder, fresh, script, ready_file, residents, as_json)
    except NotATown as error:
        give_up(error, 2)
    except OSError as error:
        give_up(f"{folder} に訓練の町を置けません（{error.strerror or error}）。", 2)
    sys.exit(code)


def _play(
    folder: Path, fresh: bool, script: bool, ready_file: Path | None, residents: int, as_json: bool
) -> int:
    """The town from its beginning to its end; returns the exit code."""
    from config import program
    from config.programs import programs
    from config.story import Story
    from config.supervisor import Supervisor
    from config.town import LOG, doors, forget_ready, settle, write_ready

    ports = settle(folder, fresh=fresh or script)
    settings = prepare(folder.absolute())
    # What the programs log would bury the few addresses a person needs: it goes to a file, stdout stays ours.
    terminal = os.dup(2)
    with (folder / LOG).open("ab") as log:
        os.dup2(log.fileno(), 2)
    places = doors(ports)
    story = (
        Story(places, verifier(places["dns"]), domain=settings.mail.domain, as_json=as_json)
        if script
        else None
    )
    began = asyncio.Event()

    async def serve(stop: asyncio.Event) -> None:
        async with training_town(settings, ports, residents):
            supervisor = Supervisor(programs(settings), settings.folder)
            keeping = asyncio.create_task(supervisor.run(stop))
            try:
                await until_ready(supervisor, keeping)
                began.set()
                if ready_file is not None:
                    write_ready(ready_file, places)
                if story is None:
                    greet(places, folder)
                    await keeping
                else:
                    await asyncio.wait(
                        [keeping, asyncio.create_task(story.play())], return_when=asyncio.FIRST_COMPLETED
                    )
            finally:
                stop.set()
                await asyncio.gather(keeping, return_exceptions=True)
                if ready_file is not None:
                    forget_ready(ready_file)

    code = program.run("town", serve)
    os.dup2(terminal, 2)
    if code and not began.is_set():
        click.echo(f"訓練の町を始められませんでした。{folder / LOG} の終わりに理由があります。", err=True)
        return 2
    return code if story is None else story.exit_code or int(bool(code))


@contextlib.asynccontextmanager
async def training_town(settings: "Settings", ports: "Ports", residents: int) -> AsyncIterator[None]:
    """Everything around the programs: names, mailboxes, chat, feeds, archive and the town's own page, on loopback."""
    from bot.standin import ChatStandIn, Person
    from config.town import HOST, pretend_key
    from feeds.replay import FeedStandIn
    from feeds.training import training
    from inbound.nameserver import NameServer
    from outbound.archive_standin import ArchiveStandIn
    from outbound.sink import MailSink
    from outbound.sink import Town as SinkTown
    from store import people
    from store.db import opened

    logging.getLogger("mail.log").setLevel(logging.WARNING)  # the mail sink's, a line a command
    with opened(settings) as store:
        if settings.realm != "training":
            raise CannotStart("訓練の町は、訓練用（realm: training）の台帳でだけ動きます。")
        await _move_in(settings, store, residents)
        known = await store.run(people.listed)
        folder, zone, sign = (
            settings.folder,
            *_names(settings, pretend_key(settings.secrets_folder), store.now),
        )
        mail = settings.mail
        officers = tuple((one.address, f"{one.name}（{one.unit}）") for one in known)
        sink = MailSink(
            folder / "mailboxes",
            (HOST, ports.smtp),
            SinkTown(mail.address("join"), mail.address("draft"), officers),
            sign=sign,
            clock=store.now,
        )
        staff = [
            Person(one.slack.partition("/")[2], one.name, one.unit, one.address) for one in known if one.slack
        ]
        slack = settings.slack
        chat = ChatStandIn(
            staff, slack.channel if slack else "C01", slack.team if slack else "T01", folder / "chat"
        )
        feed = FeedStandIn(now=store.now)

        async def play(name: str) -> None:
            feed.play(training(name, store.now()))

        names, archive, page = (
            NameServer(zone),
            ArchiveStandIn(settings.archive_folder),
            _page(store, ports, play),
        )
        async with contextlib.AsyncExitStack() as running:
            for stand_in in (names, sink, chat, feed, archive, page):
                running.push_async_callback(stand_in.stop)
            await names.start(HOST, ports.dns)
            await sink.start(host=HOST, smtp_port=ports.sink, web_port=ports.mailbox)
            await chat.start(HOST, ports.chat)
            await feed.start(HOST, ports.feed)
            await archive.start(HOST, ports.archive)
            await page.start(HOST, ports.town)
            yield


async def _move_in(settings: "Settings", store: "Store", residents: int) -> None:
    """Pretend residents, and a PIN for everybody on the staff; a second start changes nothing."""
    from config.catalogue import load_catalogue
    from config.town import PIN, WISHES
    from config.town import residents as pretend_addresses
    from store import people, pretend, queues, reports

    catalogue = load_catalogue(settings.folder)
    ids = await store.run(queues.ensure, [route.name for route in catalogue.routes])
    for somebody in await store.run(people.listed):
        if not somebody.has_pin:
            await store.run(people.set_pin, somebody.id, PIN, by="town", now=store.now())
    if not await store.run(reports.registered):
        movers = [
            (address, ids[catalogue.route_for(address.partition("@")[2]).name])
            for address in pretend_addresses(residents)
        ]
        await store.run(pretend.settle, movers, WISHES, now=store.now())


def verifier(dns: str) -> Callable[[bytes], frozenset[str]]:
    """What a valid signature of a mail covers, by dkimpy and the town's name server; nothing when it is not valid."""
    from inbound import headers, signatures
    from inbound.keylookup import KeyLookup

    lookup = KeyLookup(dns)

    def verify(raw: bytes) -> frozenset[str]:
        results = signatures.verify(headers.cut(raw), lookup)
        return next((frozenset(one.covered) for one in results if one.result == "pass"), frozenset())

    return verify


def _names(
    settings: "Settings", pretend_key: Path, now: Callable[[], datetime]
) -> "tuple[dict[tuple[str, str], list[str]], Callable[[bytes], bytes]]":
    """The town's DNS zone, and how pretend officers' mails are signed."""
    from config.town import PRETEND_DOMAINS, PRETEND_SELECTOR
    from outbound.signing import Signer

    mail = settings.mail
    ours = Signer.from_pem(settings.secrets_folder / mail.dkim.key, mail.domain, mail.dkim.selector)
    theirs = {domain: Signer.from_pem(pretend_key, domain, PRETEND_SELECTOR) for domain in PRETEND_DOMAINS}
    zone = {
        (f"{mail.dkim.selector}._domainkey.{mail.domain}", "TXT"): [ours.public_record()],
        (mail.domain, "MX"): [f"10 {mail.host}"],
        (mail.host, "A"): ["127.0.0.1"],
    }
    for domain, signer in theirs.items():
        zone[f"{PRETEND_SELECTOR}._domainkey.{domain}", "TXT"] = [signer.public_record()]

    def sign(raw: bytes) -> bytes:
        sender = next(line for line in raw.split(b"\r\n") if line.lower().startswith(b"from:")).decode(
            "ascii", "replace"
        )
        domain = sender.rpartition("@")[2].rstrip("> ")
        return theirs.get(domain, ours).sign(raw, now())

    return zone, sign


def _page(store: "Store", ports: "Ports", play: Callable[[str], Any]) -> "TownPage":
    from config.town import TELEGRAMS, doors
    from config.townpage import Door, TownPage
    from store import ledger

    where = doors(ports)
    shown = [
        Door(
            "住民と職員のメールボックス",
            where["mailbox"],
            "空メールを送る、返事を読む、リンクを開く。警察官の下書きも送れます。",
        ),
        Door(
            "承認のチャット（Slack の代わり）",
            where["chat"],
            "半鐘が承認カードを出します。承認・差戻しを押してみてください。",
        ),
        Door("登録と変更のページ", where["web"], "住民が登録するところです。"),
        Door("閲覧用ホームページ", where["archive"], "配信した情報が自動で載ります。"),
    ]

    async def today() -> str:
        return f"{store.now().astimezone(JST):%Y年%-m月%-d日}"

    async def advance(days: int) -> str:
        store.set_offset(await store.run(ledger.advance_clock, timedelta(days=days), now=store.now()))
        return await today()

    return TownPage(shown, TELEGRAMS, play=play, advance=advance, today=today)


async def until_ready(supervisor: "Supervisor", keeping: "asyncio.Task[None]") -> None:
    """Wait until every program listens. Raises CannotStart after a minute, or when the supervisor could not go on."""
    ready = asyncio.create_task(supervisor.all_ready.wait())
    await asyncio.wait([ready, keeping], timeout=60, return_when=asyncio.FIRST_COMPLETED)
    if not ready.done():
        ready.cancel()
        if keeping.done():
            keeping.result()
        raise CannotStart("訓練の町を始められませんでした。hansho.log に理由があります。")


def greet(places: dict[str, str], folder: Path) -> None:
    """The few addresses to open."""
    from config.town import LOG, PIN

    click.echo("")
    click.echo("半鐘 訓練の町を始めました。ブラウザーで開いてください。")
    click.echo(f"  まずここ            {places['town']}")
    click.echo(f"  住民のメールボックス {places['mailbox']}")
    click.echo(f"  承認のチャット       {places['chat']}")
    click.echo(f"  閲覧用ホームページ   {places['archive']}")
    click.echo(
        f"職員の暗証番号はみな {PIN} です。詳しい記録は {folder / LOG} にあります。Ctrl-C で終わります。"
    )


if __name__ == "__main__":
    main()
