"""The systemd units start the programs with the least they need."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
PROGRAMS = ("inbound", "outbound", "bot", "feeds")
SECRETS = {
    "inbound": {"tokens"},
    "outbound": {"tokens", "dkim.pem"},
    "bot": {"slack-bot", "slack-app"},
    "feeds": set(),
}


def service(program: str) -> dict[str, list[str]]:
    """The lines of the unit's [Service]; a key may stand more than once."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in (DEPLOY / f"hansho-{program}.service").read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.req("C5.5", "C4.1")
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_unit_gives_the_least(program: str) -> None:
    unit = service(program)
    assert unit["Type"] == ["notify"]
    assert unit["NoNewPrivileges"] == unit["ProtectHome"] == unit["PrivateTmp"] == ["yes"]
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["User"] == ["hansho"]
    assert unit["RestartPreventExitStatus"] == ["78"]
    assert f"-m {program} " in unit["ExecStart"][0]
    assert {line.split(":")[0] for line in unit.get("LoadCredential", [])} == SECRETS[program]
    port_below_1024 = ["CAP_NET_BIND_SERVICE"] if program == "inbound" else [""]
    assert unit["CapabilityBoundingSet"] == port_below_1024


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (Debian package systemd)")
    for unit in DEPLOY.glob("hansho*"):
        text = unit.read_text().replace("/opt/hansho/venv/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(text)
    units = sorted(tmp_path.iterdir())
    assert len(units) == len(PROGRAMS) + 1
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
