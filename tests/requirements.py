"""Lists the requirements which marked tests proved in the last run, and the rest (`make requirements`)."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
LAST_RUN = ".last-run.json"


@dataclass(frozen=True)
class Row:
    """One requirement: its id, what it asks in a few words, for whom, and what of it is not built or not proven yet."""

    id: str
    text: str
    audience: str
    missing: str = ""


@dataclass(frozen=True)
class Outcome:
    """How one test ended (passed, failed, skipped) and the requirement ids it is marked with."""

    outcome: str
    ids: list[str]


def rows() -> list[Row]:
    lines = (HERE / "requirements.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [Row(*line.split("\t")) for line in lines]


def remember(path: Path, outcomes: Mapping[str, Outcome]) -> None:
    """Lay this run over the earlier ones: a run of one file does not make the others unproven.

    Tests whose file is gone are forgotten; `make test` removes the file first, so it starts from nothing.
    """
    kept = {node: seen for node, seen in recall(path).items() if (path.parent / node.split("::")[0]).exists()}
    kept.update(outcomes)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(
        json.dumps({node: asdict(seen) for node, seen in kept.items()}, indent=0), encoding="utf-8"
    )
    fresh.replace(path)


def recall(path: Path) -> dict[str, Outcome]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    return {node: Outcome(seen["outcome"], seen["ids"]) for node, seen in json.loads(text).items()}


def judge(outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    """For each id: `proven` (a marked test passed, none failed), `failing`, `skipped`, or `untested`."""
    seen: dict[str, set[str]] = {row.id: set() for row in rows()}
    for outcome in outcomes.values():
        for name in outcome.ids:
            seen.setdefault(name, set()).add(outcome.outcome)
    return {name: _verdict(outcomes) for name, outcomes in seen.items()}


def _verdict(outcomes: set[str]) -> str:
    if "failed" in outcomes:
        return "failing"
    if "passed" in outcomes:
        return "proven"
    return "skipped" if outcomes else "untested"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument(
        "--last-run", type=Path, default=HERE.parent / LAST_RUN, help="where the last run is kept"
    )
    chosen = parser.parse_args()
    verdicts = judge(recall(chosen.last_run))
    for row in rows():
        if row.missing and verdicts[row.id] == "proven":
            verdicts[row.id] = "partly"  # marked tests passed, but they are not the whole of it
    if chosen.json:
        document = [asdict(row) | {"verdict": verdicts[row.id]} for row in rows()]
        print(json.dumps({"requirements": document}, ensure_ascii=False, indent=1))
        return 0
    order = ("proven", "partly")
    for row in sorted(
        rows(), key=lambda row: order.index(verdicts[row.id]) if verdicts[row.id] in order else 9
    ):
        missing = f" (missing: {row.missing})" if row.missing else ""
        print(f"{verdicts[row.id]:<9} {row.id:<6} {row.text}{missing}")
    proven = sum(verdict == "proven" for verdict in verdicts.values())
    print(f"\n{proven} of {len(rows())} rows are proven by marked tests that passed in the last run.")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `make requirements | head` is no error
    sys.exit(main())
