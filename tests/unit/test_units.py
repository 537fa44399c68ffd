"""The systemd units start the programs with the least they need."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.init import init
from config.programs import programs
from config.settings import load_settings

DEPLOY = Path(__file__).parents[2] / "deploy"
# unit → how it starts, and the secrets it may see
UNITS = {
    "inbound": ("inbound", {"tokens", "smtp-cert.pem", "smtp-key.pem", "smime-trust.pem"}),
    "outbound": ("outbound", set[str]()),
    "sender@": ("outbound", {"tokens", "dkim.pem"}),
    "bot": ("bot", {"slack-bot", "slack-app"}),
    "feeds": ("feeds", set[str]()),
}


def service(name: str) -> dict[str, list[str]]:
    """The lines of the unit's [Service]; a key may stand more than once."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in (DEPLOY / f"hansho-{name}.service").read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.req("C5.5", "C4.1")
@pytest.mark.parametrize("name", UNITS)
def test_a_unit_gives_the_least(name: str) -> None:
    unit, (program, secrets) = service(name), UNITS[name]
    assert unit["Type"] == ["notify"]
    assert unit["NoNewPrivileges"] == unit["ProtectHome"] == unit["PrivateTmp"] == ["yes"]
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["User"] == ["hansho"]
    assert unit["RestartPreventExitStatus"] == ["78"]
    sender = " --part sender" if name == "sender@" else ""
    assert unit["ExecStart"] == [f"/opt/hansho/venv/bin/python -P -m {program} --config /etc/hansho{sender}"]
    assert {line.rpartition("/")[2] for line in unit.get("BindReadOnlyPaths", [])} == secrets
    hidden = "TemporaryFileSystem" if secrets else "InaccessiblePaths"
    assert unit[hidden][0].partition(":")[0] == "/etc/hansho/secrets"
    port_below_1024 = ["CAP_NET_BIND_SERVICE"] if program == "inbound" else [""]
    assert unit["CapabilityBoundingSet"] == port_below_1024


def test_the_units_are_what_the_supervisor_starts(tmp_path: Path) -> None:
    init(tmp_path)
    started = {" ".join(child.argv[2:]) for child in programs(load_settings(tmp_path))}
    units = {service(name)["ExecStart"][0].partition(" -P ")[2] for name in UNITS}
    assert {line.replace("/etc/hansho", str(tmp_path)) for line in units} == started


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (Debian package systemd)")
    for unit in DEPLOY.glob("hansho*"):
        text = unit.read_text().replace("/opt/hansho/venv/bin/python", sys.executable)
        (tmp_path / unit.name.replace("@.", "@1.")).write_text(text)
    units = sorted(tmp_path.iterdir())
    assert len(units) == len(UNITS) + 1
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
