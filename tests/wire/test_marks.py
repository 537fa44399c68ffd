"""The rules of the test run itself: marks that exist, skips that count, requirements that are remembered."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import requirements

ROOT = Path(__file__).parents[2]
SUITE = """
import os
import pytest

@pytest.mark.req("C8.4", "X7")
def test_passes(): assert "https_proxy" not in os.environ

@pytest.mark.req("X7")
def test_fails(): assert False, "on purpose"

@pytest.mark.req("D1")
def test_is_skipped(): pytest.skip("REASON")
"""


def pytest_run(folder: Path, suite: str, *words: str, ci: bool = False) -> tuple[int, str]:
    """Run a suite of its own with the project's conftest as a plugin."""
    (folder / "test_suite.py").write_text(suite)
    (folder / "pytest.ini").write_text("[pytest]\n")
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "--rootdir",
        str(folder),
        *words,
        str(folder),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CI": str(ci).lower(),
        "https_proxy": "http://[::1]:9",
    }
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("words", [[], ["-n", "1"]])
def test_a_run_remembers_what_it_proved(tmp_path: Path, words: list[str]) -> None:
    code, said = pytest_run(tmp_path, SUITE.replace("REASON", "no printer"), *words)
    assert code == 1
    assert "skipped: 1" in said
    assert "test_suite.py::test_is_skipped: no printer" in said
    verdicts = requirements.judge(requirements.recall(tmp_path / requirements.LAST_RUN))
    assert {name: verdicts[name] for name in ("C8.4", "X7", "D1", "D2")} == {
        "C8.4": "proven",
        "X7": "failing",
        "D1": "skipped",
        "D2": "untested",
    }
    pytest_run(tmp_path, SUITE, "-k", "test_is_skipped")
    kept = requirements.judge(requirements.recall(tmp_path / requirements.LAST_RUN))
    assert kept["C8.4"] == "proven"


@pytest.mark.parametrize(("reason", "expected"), [("no printer", 1), ("../shared is absent", 0)])
def test_ci_allows_one_reason_to_skip(tmp_path: Path, reason: str, expected: int) -> None:
    suite = SUITE.replace("REASON", reason)
    code, said = pytest_run(tmp_path, suite, "-k", "skipped or passes", ci=True)
    assert code == expected, said
    assert ("this run fails" in said) == bool(expected)


def test_an_unknown_requirement_is_an_error(tmp_path: Path) -> None:
    code, said = pytest_run(tmp_path, "import pytest\n@pytest.mark.req('C99')\ndef test_it(): pass\n")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "unknown requirement id C99" in said


def test_the_list_of_requirements_is_a_plain_script(tmp_path: Path) -> None:
    script = [sys.executable, str(ROOT / "tests/requirements.py"), "--last-run", str(tmp_path / "none")]
    listed = subprocess.run([*script, "--json"], capture_output=True, text=True, check=True).stdout
    rows = json.loads(listed)["requirements"]
    assert len(rows) == len({row["id"] for row in rows}) == 110
    assert {row["verdict"] for row in rows} == {"untested"}
    assert "0 of 110 rows" in subprocess.run(script, capture_output=True, text=True, check=True).stdout
