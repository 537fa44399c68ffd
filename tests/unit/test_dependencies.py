"""What we import is what pyproject.toml asks for, and what it asks for is in the locks."""

import re
import sys
import tomllib
from importlib import metadata

import pytest

from tests import imports

ROOT = imports.ROOT
OURS = {*imports.PACKAGES, "hansho", "tests"}
# Libraries whose own interface is made of another's classes: asking for the first brings the second.
COMES_WITH = {
    "markupsafe": "jinja2",  # what autoescape and filters return
    "multidict": "aiohttp",  # posted forms
    "pydantic-core": "pydantic",  # the rows of a ValidationError
    "slack-sdk": "slack-bolt",  # its client
}
DATA = {"tzdata"}  # read by zoneinfo, where the machine has no time zones of its own


def _canonical(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name, requirement
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def _declared() -> tuple[set[str], set[str]]:
    """The distributions of pyproject.toml: (for running, for development)."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime, dev = document["project"]["dependencies"], document["dependency-groups"]["dev"]
    return {_canonical(line) for line in runtime}, {_canonical(line) for line in dev}


def _used(found: frozenset[tuple[str, str]]) -> dict[str, set[str]]:
    """distribution → the files that import it; our own modules and Python's left out."""
    owners = metadata.packages_distributions()
    used: dict[str, set[str]] = {}
    for place, name in found:
        if name not in OURS and name not in sys.stdlib_module_names:
            for owner in owners.get(name, [f"nothing installed has {name}"]):
                used.setdefault(_canonical(owner), set()).add(place)
    return used


def _undeclared(used: dict[str, set[str]], declared: set[str]) -> dict[str, set[str]]:
    return {name: places for name, places in used.items() if COMES_WITH.get(name, name) not in declared}


def test_the_product_imports_only_what_running_asks_for() -> None:
    assert not _undeclared(_used(imports.product()), _declared()[0])


def test_the_tests_import_only_what_development_asks_for() -> None:
    assert not _undeclared(_used(imports.tests()), set.union(*_declared()))


def test_nothing_is_asked_for_in_vain() -> None:
    assert _declared()[0] - set(_used(imports.product())) == DATA


@pytest.mark.parametrize(("part", "whole"), COMES_WITH.items())
def test_the_second_does_come_with_the_first(part: str, whole: str) -> None:
    assert part in {_canonical(line) for line in metadata.requires(whole) or []}


def _pins(lock: str) -> dict[str, str]:
    """distribution → its line, as pip reads it."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    assert lines and all("==" in line and line.endswith("\\") for line in lines)
    return {_canonical(line): line for line in lines}


@pytest.mark.req("D8")
def test_the_locks_hold_what_is_asked_for_on_every_machine() -> None:
    runtime, dev = _declared()
    pins, more = _pins("requirements.lock"), _pins("tests/requirements.lock")
    assert runtime <= set(pins)
    assert dev <= set(more)
    assert pins.items() <= more.items()
    assert not [pins[name] for name in runtime if ";" in pins[name]]


@pytest.mark.parametrize("lock", ["requirements.lock", "tests/requirements.lock"])
def test_what_is_installed_is_what_is_locked(lock: str) -> None:
    wanted = {
        name: line.split()[0].partition("==")[2] for name, line in _pins(lock).items() if ";" not in line
    }
    assert {name: metadata.version(name) for name in wanted} == wanted
