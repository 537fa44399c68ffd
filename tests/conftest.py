"""What holds for every test: a clean environment, requirement marks that exist, no skip unnoticed."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import requirements
from tests.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]

ALLOWED_SKIP = "../shared is absent"

# A proxy in the environment is used even for 127.0.0.1 (slack-sdk ignores NO_PROXY); the others would make
# a program under test talk to the service manager or the supervisor of the person running the tests.
SCRUBBED = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
)

for _name in list(os.environ):
    if _name.upper() in SCRUBBED or _name.startswith("HANSHO_") or _name.startswith("PG"):
        del os.environ[_name]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "postgres: needs a real PostgreSQL (left out of `make quick`)")
    config.addinivalue_line("markers", "long: kills, fuzz, million rows (only in `make long`)")
    if not hasattr(config, "workerinput"):  # with xdist only the controller sees every report
        config.pluginmanager.register(Record(Path(config.rootpath)), "hansho-record")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    known = {row.id for row in requirements.rows()}
    for item in items:
        ids = [str(name) for mark in item.iter_markers("req") for name in mark.args]
        unknown = sorted(set(ids) - known)
        if unknown:
            raise pytest.UsageError(f"{item.nodeid}: unknown requirement id {', '.join(unknown)}")
        item.user_properties.append(("req", ids))
        if "postgres_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)


class Record:
    """Keeps the outcome of each test by requirement id, and every skip with its reason."""

    def __init__(self, root: Path) -> None:
        self.path = root / requirements.LAST_RUN
        self.outcomes: dict[str, requirements.Outcome] = {}
        self.skips: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        ids = [str(name) for key, value in report.user_properties if key == "req" for name in _strings(value)]
        before = self.outcomes.get(report.nodeid)
        if report.failed or (before is not None and before.outcome == "failed"):
            outcome = "failed"
        elif report.skipped:
            outcome = "skipped"
            self.skips[report.nodeid] = _reason(report)
        elif report.when == "call":
            outcome = "passed"
        else:
            return
        self.outcomes[report.nodeid] = requirements.Outcome(outcome, ids)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.skips[report.nodeid] = _reason(report)

    def forbidden(self) -> dict[str, str]:
        """Skips which a run in CI may not have."""
        return {node: why for node, why in self.skips.items() if ALLOWED_SKIP not in why}

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        if not session.config.option.collectonly:
            requirements.remember(self.path, self.outcomes)
        if os.environ.get("CI") == "true" and self.forbidden() and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        yield

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section(f"skipped: {len(self.skips)}")
        for node, why in sorted(self.skips.items()):
            terminalreporter.line(f"{node}: {why}")
        if os.environ.get("CI") == "true" and self.forbidden():
            terminalreporter.line(f"CI allows only the reason {ALLOWED_SKIP!r}: this run fails.", red=True)


def _strings(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if hasattr(report, "wasxfail"):
        return f"expected failure: {report.wasxfail}"
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return json.dumps(str(report.longrepr), ensure_ascii=False)
