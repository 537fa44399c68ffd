"""The wheel carries everything, stands alone in a clean environment, and its names are nobody else's."""

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("inbound", "outbound", "bot", "feeds", "store", "config")
NAMES = (*PACKAGES, "hansho")


def run(*argv: object, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in argv], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
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
    """A new environment outside the checkout: the wheel, and this environment's libraries beside it.

    A `.pth` in a folder added by a `.pth` is not read, so the checkout itself stays out of it.
    """
    folder = tmp_path_factory.mktemp("away")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv/bin/python"
    run(sys.executable, "-m", "pip", "-q", "--python", python, "install", "--no-deps", wheel, cwd=folder)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    (Path(site) / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return folder


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


def test_our_names_belong_to_nobody_else(away: Path) -> None:
    code = "import json, importlib.metadata as m; print(json.dumps(m.packages_distributions()))"
    owners = json.loads(run(away / "venv/bin/python", "-c", code, cwd=away))
    assert {name: owners.get(name) for name in NAMES} == {name: ["hansho"] for name in NAMES}


def test_the_command_runs_outside_the_checkout(away: Path) -> None:
    assert "Usage: hansho" in run(away / "venv/bin/hansho", "--help", cwd=away)
    code = "import hansho, store, config; print(hansho.__file__, store.__file__, config.__file__)"
    for file in run(away / "venv/bin/python", "-c", code, cwd=away).split():
        assert Path(file).is_relative_to(away)


@pytest.mark.parametrize("lock", ["requirements.lock", "tests/requirements.lock"])
def test_locks_have_hashes_and_no_addresses(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    wanted = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    assert wanted and all("==" in line and line.endswith("\\") for line in wanted)


def test_the_two_locks_agree() -> None:
    def pins(lock: str) -> set[str]:
        return {line.split()[0] for line in (ROOT / lock).read_text().splitlines() if "==" in line}

    assert pins("requirements.lock") <= pins("tests/requirements.lock")
