"""The measures of the bounce reader on real mails that may not be copied here (samples/bounces)."""

import json
from collections import Counter
from pathlib import Path

import pytest

from inbound.bounce import Bounce, read
from tests.samples import samples

FAILURES = ("hard", "soft", "complaint")


def _mails() -> tuple[Path, list[dict[str, object]]]:
    folder = samples() / "bounces"
    lines = (folder / "expectations.jsonl").read_text(encoding="utf-8").splitlines()
    return folder, [json.loads(line) for line in lines]


def _tally(expected: dict[str, object], bounce: Bounce, count: Counter[str]) -> None:
    got = {
        r.recipient.lower(): r.kind.value for r in bounce.results if r.recipient and r.kind.value in FAILURES
    }
    matched: set[str] = set()
    results = expected["results"]
    assert isinstance(results, list)
    for result in results:
        if result["recipient"] is None:
            continue
        names = [result["recipient"].lower(), *(alias.lower() for alias in result["aliases"])]
        hit = next((name for name in names if name in got), None)
        count["found" if hit else "missed"] += 1
        matched.update(names)
        if hit and not result.get("kind_uncertain") and result["kind"] in ("hard", "soft"):
            right = got[hit] in (result["kind"], *result.get("kind_also_accepted", ()))
            count["right" if right else "wrong"] += 1
            count["dropped"] += not right and got[hit] == "hard"
    count["extra"] += len(set(got) - matched)


@pytest.mark.req("C8.6")
def test_real_bounces_are_read_right() -> None:
    folder, expectations = _mails()
    count: Counter[str] = Counter()
    for expected in expectations:
        bounce = read((folder / str(expected["file"])).read_bytes())
        if expected["kind"] == "none":
            assert bounce.kind.value == "none", expected["file"]
        elif expected["kind"] == "other":
            assert bounce.kind.value in ("other", "auto-reply"), expected["file"]
        else:
            _tally(expected, bounce, count)
        if expected["kind"] == "complaint":
            assert bounce.kind.value == "complaint", expected["file"]
    named = count["found"] + count["missed"]
    assert count["found"] / (count["found"] + count["extra"]) >= 0.98
    assert count["found"] / named >= 0.95
    assert count["right"] / (count["right"] + count["wrong"]) >= 0.95
    assert count["dropped"] / named <= 0.01


def test_line_ends_make_no_difference_to_real_mails() -> None:
    folder, expectations = _mails()
    for expected in expectations:
        raw = (folder / str(expected["file"])).read_bytes().replace(b"\r\n", b"\n")
        assert read(raw.replace(b"\n", b"\r\n")) == read(raw), expected["file"]
