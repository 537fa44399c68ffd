"""The documents say what is: every command, letter and setting is described, and nothing that does not exist."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

import hansho
from config import letters as config_letters
from config.settings import Settings
from store import letters as store_letters

ROOT = Path(__file__).parents[2]
MANUAL = sorted((ROOT / "docs" / "manual").glob("*.md"))
TOLD = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *MANUAL]
# In code only: prose may say that Hansho does something.
_CODE = re.compile(r"^ {4,}.*$|`[^`\n]+`", re.MULTILINE)
_COMMAND = re.compile(r"(?<![\w/.-])hansho((?: [a-z]+)+)(?![\w.-])")
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)[^)\s]*\)")
# Put together here, or this file would be the first to break its own rule.
_PLACES = (*(f"/{folder}/" for folder in ("work", "root", "home")), "/".join(("", "tmp", "hansho")))
# What builds us gets packages by name, from wherever the machine is set up to get them.
_BUILDS = ("pyproject.toml", "Makefile", "requirements.lock", "tests/requirements.lock", ".ci/")


def text_of(paths: list[Path]) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def commands(group: click.Group = hansho.main, above: str = "") -> Iterator[str]:
    """Every command that does something: `check`, `people apply`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")
        else:
            yield above + name


def named(text: str) -> set[str]:
    """The words after `hansho` in the code of a document."""
    return {found[1].strip() for code in _CODE.findall(text) for found in _COMMAND.finditer(code)}


def keys(model: type[BaseModel]) -> Iterator[str]:
    """Every key of hansho.yaml, also those of what lies inside."""
    for name, field in model.model_fields.items():
        yield name
        for inner in _models(field.annotation):
            yield from keys(inner)


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [one for part in getattr(annotation, "__args__", ()) for one in _models(part)]


@pytest.mark.req("C2.1")
def test_the_manual_names_every_command() -> None:
    told = named(text_of(MANUAL))
    silent = [one for one in commands() if not any(f"{words} ".startswith(f"{one} ") for words in told)]
    assert not silent


@pytest.mark.parametrize("path", TOLD, ids=lambda path: path.name)
def test_no_command_is_invented(path: Path) -> None:
    known = list(commands())
    for words in named(path.read_text(encoding="utf-8")):
        first = words.split()[0]
        groups = {one.split()[0] for one in known if " " in one}
        said = " ".join(words.split()[:2]) if first in groups and " " in words else first
        assert said in known or said in groups, f"{path.name}: hansho {words}"


def test_every_letter_is_described() -> None:
    told = text_of(MANUAL)
    assert not [str(purpose) for purpose in config_letters.Purpose if f"`{purpose}`" not in told]


def test_both_lists_of_letters_are_one() -> None:
    """The wall between config and store keeps the list twice (docs/adr/007)."""
    assert {str(one) for one in config_letters.Purpose} == {str(one) for one in store_letters.Purpose}


@pytest.mark.req("C2.1")
def test_every_setting_is_explained() -> None:
    sample = (ROOT / "config" / "sample" / "hansho.yaml").read_text(encoding="utf-8")
    manual = text_of(MANUAL)
    every = set(keys(Settings))
    assert "fallback_seconds" in every
    assert "selector" in every
    explained = {key for key in every if re.search(rf"\b{key}\s*:", sample) or f"`{key}`" in manual}
    assert explained == every


@pytest.mark.parametrize("path", [*TOLD, ROOT / "docs" / "glossary.md"], ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    dead = [to for to in _LINK.findall(path.read_text(encoding="utf-8")) if not (path.parent / to).exists()]
    assert not dead


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_machine_and_no_registry_is_named() -> None:
    """Whoever builds this has other folders, and gets packages from elsewhere."""
    bad: list[str] = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data:
            continue
        text = data.decode("utf-8", "replace")
        found = [one for one in _PLACES if one in text]
        if path.relative_to(ROOT).as_posix().startswith(_BUILDS):
            found += re.findall(r"https?://[^\s\"']+", text)
        bad += [f"{path.relative_to(ROOT)}: {one}" for one in found]
    assert not bad
