"""Reads all of a configuration folder and tells every mistake in it."""

from collections.abc import Callable
from pathlib import Path

from config import routes
from config.catalogue import FILES as CATALOGUE_FILES
from config.catalogue import examine
from config.checked import perhaps
from config.letters import BadLetter, Purpose, template
from config.mistake import BadConfig, Mistake
from config.routes import RoutesFile
from config.secret import read_secret, read_signing_key, read_token_keys
from config.settings import FILE, Settings, load_settings
from config.yamlfile import load

LETTERS = "letters"


def check(folder: Path) -> list[Mistake]:
    """Every mistake in the folder, file by file in the order of the lines; none means it can be served."""
    found: list[Mistake] = []
    settings: Settings | None = None
    try:
        settings = load_settings(folder)
    except BadConfig as bad:
        found += bad.mistakes
    catalogue, mistakes = examine(folder)
    found += mistakes
    found += _strangers(folder)
    found += _letters(folder / LETTERS)
    if settings is not None:
        found += _secrets(settings)
        if catalogue is not None and settings.realm == "training":
            found += _training_routes(folder, catalogue.routes_file, settings)
    return sorted(set(found), key=lambda one: (one.file != FILE, one.file, one.line or 0, one.message))


def _strangers(folder: Path) -> list[Mistake]:
    """YAML files nobody would read: a misspelt name must not leave a town without its rules."""
    known = {FILE, *CATALOGUE_FILES}
    found = sorted(path.name for path in (*folder.glob("*.yaml"), *folder.glob("*.yml")))
    return [
        Mistake(name, None, f"知らないファイルです{perhaps(name, known)}。名前を直すか、ほかへ移してください")
        for name in found
        if name not in known
    ]


def _training_routes(folder: Path, file: RoutesFile, settings: Settings) -> list[Mistake]:
    problems = list(routes.training_problems(file, settings.mail.resolver))
    if not problems:
        return []
    document = load(folder / routes.FILE)
    return [Mistake(routes.FILE, document.line_of(at), message) for at, message in problems]


def _letters(folder: Path) -> list[Mistake]:
    """The town's own wording: every file is a known purpose and a letter; ours are read where it has none."""
    found = []
    for purpose in Purpose:
        try:
            template(purpose, folder)
        except BadLetter as bad:
            found.append(Mistake(f"{LETTERS}/{purpose}.txt", bad.line, str(bad)))
    known = {f"{purpose}.txt" for purpose in Purpose}
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.name not in known:
            names = "・".join(sorted(known))
            found.append(
                Mistake(f"{LETTERS}/{path.name}", None, f"知らない手紙です。使えるのは {names} です")
            )
    return found


def _secrets(settings: Settings) -> list[Mistake]:
    found: list[Mistake] = []
    folder = settings.secrets_folder
    readers: list[Callable[[], object]] = [
        lambda: read_token_keys(folder),
        lambda: read_signing_key(folder, settings.mail.dkim.key),
    ]
    if settings.slack is not None:
        readers += [lambda: read_secret(folder, "slack-bot"), lambda: read_secret(folder, "slack-app")]
    for read in readers:
        try:
            read()
        except BadConfig as bad:
            found += bad.mistakes
    return found
