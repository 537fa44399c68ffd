"""hansho.yaml: where this town's Hansho listens, what it is called, and where its files lie."""

from datetime import time
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from config.checked import Frozen, checked
from config.forms import (
    Domain,
    Endpoint,
    FileName,
    HostPort,
    Key,
    LocalPart,
    PhoneOrNone,
    Place,
    Text,
    Url,
    is_loopback,
)
from config.mistake import BadConfig, Mistake
from config.secret import read_secret
from config.yamlfile import At, load

FILE = "hansho.yaml"

AddressName = Literal[
    "join",
    "leave",
    "settings",
    "draft",
    "partner",
    "bounce",
    "complaint",
    "stop",
    "operators",
    "genuine",
    "canary",
    "sender",
]


class Town(Frozen):
    """Whose bell this is; `section` and `phone` close every letter that has no section of its own (K5)."""

    key: Key
    name: Text
    section: str = ""
    phone: PhoneOrNone = ""


class Addresses(Frozen):
    """Local parts of the addresses Hansho answers, all different."""

    join: LocalPart = "touroku"
    leave: LocalPart = "kaijo"
    settings: LocalPart = "settei"
    draft: LocalPart = "souan"
    partner: LocalPart = "renkei"
    bounce: LocalPart = "fukan"
    complaint: LocalPart = "kujo"
    stop: LocalPart = "teishi"
    operators: LocalPart = "unyo"
    genuine: LocalPart = "kakunin"
    canary: LocalPart = "tansaku"
    sender: LocalPart = "oshirase"

    @model_validator(mode="after")
    def _all_different(self) -> "Addresses":
        seen: dict[str, str] = {}
        for name, local in self.model_dump().items():
            if local in seen:
                raise ValueError(
                    f"アドレス {local} が {seen[local]} と {name} の両方にあります。別々にしてください"
                )
            seen[local] = name
        return self


class Dkim(Frozen):
    """The key every mail is signed with: `selector`._domainkey.`domain`, PEM file in the secrets folder."""

    selector: Key = "h1"
    key: FileName = "dkim.pem"


class Mail(Frozen):
    """The mail side: what we are called, where we listen, whom we ask for names."""

    domain: Domain
    host: Domain
    listen: HostPort = Endpoint("127.0.0.1", 2525)
    from_name: Text
    addresses: Addresses = Addresses()
    dkim: Dkim = Dkim()
    resolver: HostPort | None = None

    def address(self, name: AddressName, token: str | None = None) -> str:
        """`touroku@…`, or with a token `touroku+TOKEN@…`."""
        local: str = getattr(self.addresses, name)
        return f"{local}@{self.domain}" if token is None else f"{local}+{token}@{self.domain}"


class Web(Frozen):
    """The pages of residents and approvers; `base` is what stands in links, without a slash at the end."""

    listen: HostPort = Endpoint("127.0.0.1", 8080)
    base: Annotated[Url, AfterValidator(lambda url: url.rstrip("/"))] = "http://127.0.0.1:8080"


class Archive(Frozen):
    """The generated site: its folder, and its address as it stands in mails, without a slash at the end."""

    folder: Place = "archive"
    base: Annotated[Url, AfterValidator(lambda url: url.rstrip("/"))] = "http://127.0.0.1:8081"


class Slack(Frozen):
    """The chiefs' door; tokens are in the secrets folder (slack-bot, slack-app)."""

    api: Annotated[Url, AfterValidator(lambda url: url.rstrip("/") + "/")] = "https://slack.com/api/"
    team: Annotated[str, Field(pattern=r"^T[A-Z0-9]+$", examples=["T01"])]
    channel: Annotated[str, Field(pattern=r"^[CG][A-Z0-9]+$", examples=["C01"])]
    fallback_seconds: Annotated[int, Field(ge=1, le=3600)] = 60


class Source(Frozen):
    """One Atom feed; `long_url` is the long one, read to catch up after an outage."""

    name: Key
    url: Url
    long_url: Url | None = None


class Feeds(Frozen):
    """Which feeds are polled, and how often."""

    poll_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    sources: tuple[Source, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> "Feeds":
        names = [source.name for source in self.sources]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"取得元の名前 {name} が二度あります。別々の名前にしてください")
        return self


class Outbound(Frozen):
    """Sending: worker processes, and deliveries leased at a time."""

    workers: Annotated[int, Field(ge=1, le=64)] = 1
    batch: Annotated[int, Field(ge=1, le=1000)] = 100


class Approval(Frozen):
    """The mail link for approval: wrong PINs before it closes, and hours it lives."""

    pin_attempts: Annotated[int, Field(ge=1, le=10)] = 5
    link_hours: Annotated[int, Field(ge=1, le=72)] = 24


class Hours(Frozen):
    """Office hours on open days (M5.2), Japan time."""

    open: time = time(8, 30)
    close: time = time(17, 15)

    @model_validator(mode="after")
    def _in_order(self) -> "Hours":
        if self.open >= self.close:
            raise ValueError("hours の open は close より前の時刻にしてください")
        return self


class Settings(Frozen):
    """All of hansho.yaml. Paths in it are relative to the configuration folder; use the properties below."""

    town: Town
    realm: Literal["training", "live"]
    database: Place = "ledger.db"
    secrets: Place = "secrets"
    mail: Mail
    web: Web = Web()
    archive: Archive = Archive()
    slack: Slack | None = None
    feeds: Feeds = Feeds()
    outbound: Outbound = Outbound()
    approval: Approval = Approval()
    hours: Hours = Hours()
    _folder: Path = PrivateAttr(default=Path())

    @property
    def folder(self) -> Path:
        """The configuration folder."""
        return self._folder

    @property
    def database_place(self) -> str:
        """A postgresql:// address as written, else the absolute path of the SQLite file."""
        if self.database.startswith("postgresql://"):
            return self.database
        return str((self._folder / self.database).absolute())

    @property
    def archive_folder(self) -> Path:
        """Where the site is written."""
        return (self._folder / self.archive.folder).absolute()

    @property
    def secrets_folder(self) -> Path:
        """Where tokens and keys lie."""
        return (self._folder / self.secrets).absolute()

    @property
    def letters_folder(self) -> Path:
        """Where a town may lay its own wording of letters."""
        return (self._folder / "letters").absolute()

    def secret(self, name: str) -> bytes:
        """The bytes of a secret file. Raises BadConfig if it is absent, empty or readable by others."""
        return read_secret(self.secrets_folder, name)

    def letter_words(self) -> dict[str, str]:
        """What every letter may say besides its own parameters: who we are and how to reach us."""
        who = f"{self.town.name}{self.town.section}" if self.town.section else self.town.name
        return {
            "service": self.mail.from_name,
            "town": self.town.name,
            "contact": f"{who} 電話 {self.town.phone}" if self.town.phone else who,
            "join_address": self.mail.address("join"),
            "settings_address": self.mail.address("settings"),
            "operators_address": self.mail.address("operators"),
        }


def load_settings(folder: Path) -> Settings:
    """Settings from `folder`/hansho.yaml. Raises BadConfig with every mistake found."""
    document = load(folder / FILE, FILE)
    settings = checked(Settings, document, FILE)
    settings._folder = folder.absolute()
    problems = [*_realm_mistakes(settings), *_same_door(settings)]
    mistakes = [Mistake(FILE, document.line_of(at), message) for at, message in problems]
    if mistakes:
        raise BadConfig(mistakes)
    return settings


def _same_door(settings: Settings) -> list[tuple[At, str]]:
    mail, web = settings.mail.listen, settings.web.listen
    if mail.port == 0 or mail != web:
        return []
    return [(("web", "listen"), f"{web} は mail の listen と同じです。別のポート番号にしてください")]


def _realm_mistakes(settings: Settings) -> list[tuple[At, str]]:
    """A training town must not be able to reach anybody; a live one must say whom to call (K5)."""
    if settings.realm == "live":
        if settings.town.phone:
            return []
        return [(("town",), "realm が live のときは、town の phone に住民が電話できる番号を書いてください")]
    doors = {
        ("mail", "listen"): settings.mail.listen,
        ("mail", "resolver"): settings.mail.resolver,
        ("web", "listen"): settings.web.listen,
    }
    found: list[tuple[At, str]] = [
        (at, f"訓練用（realm: training）では {door} を使えません。127.0.0.1 にしてください")
        for at, door in doors.items()
        if door is not None and not door.loopback
    ]
    if settings.slack is not None and not is_loopback(urlsplit(settings.slack.api).hostname or ""):
        message = (
            "訓練用（realm: training）では本物の Slack につなげません。"
            "api を http://127.0.0.1:8082/api/ にしてください"
        )
        found.append((("slack", "api"), message))
    return found
