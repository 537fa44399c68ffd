"""Each awkward library has one door into the product (DESIGN.md, import contracts), and refusals have sentences."""

import re

import pytest

from config import refusals
from tests import imports

ROOT = imports.ROOT
# library → the module or package that alone may import it
DOORS = {
    "mailparser": ("inbound/parsing.py",),
    "dkim": ("inbound/signatures.py",),
    "aiosmtplib": ("outbound/smtp.py",),
    "slack_bolt": ("bot/slack/",),
    "slack_sdk": ("bot/slack/",),
    "apscheduler": ("config/clock.py",),
    "yaml": ("config/yamlfile.py",),
    "peewee": ("store/",),
    "psycopg": ("store/",),
    "lxml": ("feeds/xml.py", "config/witness.py"),
}


@pytest.mark.req("D8")
@pytest.mark.parametrize("library", DOORS)
def test_a_library_has_one_door(library: str) -> None:
    importers = {path for path, name in imports.product() if name == library}
    strangers = {path for path in importers if not path.startswith(DOORS[library])}
    assert importers, f"nobody imports {library}: does the product still need it?"
    assert not strangers


def test_the_ledger_knows_no_network() -> None:
    foreign = {
        "aiohttp",
        "aiosmtpd",
        "aiosmtplib",
        "slack_bolt",
        "yaml",
        "jinja2",
        "lxml",
        "dkim",
        "mailparser",
    }
    assert not {
        (path, name) for path, name in imports.product() if path.startswith("store/") and name in foreign
    }


def test_every_refusal_of_the_ledger_has_a_sentence() -> None:
    codes: set[str] = set()
    for path in sorted((ROOT / "store").glob("*.py")):
        codes |= set(re.findall(r'Refused\(\s*"([a-z-]+)"', path.read_text(encoding="utf-8")))
    assert codes
    assert codes <= refusals.codes()


def test_an_unknown_refusal_is_named() -> None:
    assert "strange-code" in refusals.sentence("strange-code", {})
    assert "山本" in refusals.sentence("decided", {"by": "山本", "at": "10:00"})
