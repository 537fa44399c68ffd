"""The wheel carries everything, stands alone in a clean environment, and its names are nobody else's."""

import json
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("inbound", "outbound", "bot", "feeds", "store", "config")
NAMES = (*PACKAGES, "hansho")
# Of each kind of data at least one: what is missing here was not in the tree either.
DATA = (
    *(f"{package}/py.typed" for package in PACKAGES),
    "config/letters/*.txt",
    "config/sample/*.yaml",
    "config/pages/*",
    "config/replies/*",
    "inbound/pages/*.html",
    "inbound/pages/*.css",
    "inbound/texts/*",
    "inbound/bounces/*",
    "outbound/pages/*",
    "bot/texts/*",
    "bot/standin/pages/*",
    "feeds/texts/*",
    "feeds/training/*",
    "store/*.sql",
)


def run(*argv: object, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in argv], cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("hansho-*.whl")
    return built


@pytest.fixture(scope="module")
def away(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment outside the checkout: the wheel and the libraries of requirements.lock, no others.

    They are linked from this environment, into which pip put them by their hashes: no network, no wait.
    `make check-wheel` does the same with an installation of its own.
    """
    folder = tmp_path_factory.mktemp("away")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv/bin/python"
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    for library in runtime():
        link(library, Path(site))
    run(sys.executable, "-m", "pip", "-q", "--python", python, "install", "--no-deps", wheel, cwd=folder)
    run(sys.executable, "-m", "pip", "--python", python, "check", cwd=folder)
    return folder


def runtime() -> list[metadata.Distribution]:
    """What pip installed of requirements.lock: a line for other machines is not here, a missing one is noticed."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    names = [line.partition("==")[0] for line in lines if "==" in line]
    return [library for name in names for library in metadata.distributions(name=name)]


def link(library: metadata.Distribution, site: Path) -> None:
    """Everything of it but its commands and what Python compiled of single-file modules."""
    for top in {file.parts[0] for file in library.files or []} - {"..", "__pycache__"}:
        (site / top).symlink_to(str(library.locate_file(top)))


@pytest.mark.req("D8")
def test_the_wheel_has_every_file_and_nothing_else(wheel: Path) -> None:
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == ours | {"hansho.py"}
    assert not [pattern for pattern in DATA if not any(PurePosixPath(name).match(pattern) for name in packed)]


def test_our_names_belong_to_nobody_else(away: Path) -> None:
    code = "import json, importlib.metadata as m; print(json.dumps(m.packages_distributions()))"
    owners = json.loads(run(away / "venv/bin/python", "-c", code, cwd=away))
    assert {name: owners.get(name) for name in NAMES} == {name: ["hansho"] for name in NAMES}


def test_the_command_runs_outside_the_checkout(away: Path) -> None:
    assert "Usage: hansho" in run(away / "venv/bin/hansho", "--help", cwd=away)
    code = "import hansho, store, config; print(hansho.__file__, store.__file__, config.__file__)"
    for file in run(away / "venv/bin/python", "-c", code, cwd=away).split():
        assert Path(file).is_relative_to(away)


@pytest.mark.req("D1", "D8")
def test_the_story_is_told_outside_the_checkout(away: Path) -> None:
    empty = away / "empty"
    empty.mkdir()
    told = run(away / "venv/bin/hansho", "demo", "--script", "--json", cwd=empty)
    assert json.loads(told.splitlines()[-1]) == {"ok": True, "steps_ok": 7}
