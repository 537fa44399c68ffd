"""The reader against the independent expectations of 133 official and real telegrams."""

import json
from typing import Any

import pytest

from feeds.telegram import as_json, read
from tests.samples import samples

# The expectations take the type from the file's name; CONTRACTS.md wants the common letters of a shared title.
SHARED_TITLES = {"VPTW60": "VPTW", "VPTW61": "VPTW", "VPTW62": "VPTW", "VYSE51": "VYSE", "VYSE52": "VYSE"}
SHARED_TITLES |= {"VXSUii": "VXSU"}


def _differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    wrong = []
    type_ = SHARED_TITLES.get(expected["type"], expected["type"])
    if type_ and found["type"] != type_:
        wrong.append(f"type {found['type']}")
    wrong += [key for key in ("status", "info_type") if found[key] != expected[key]]
    if "cancel_to" in expected:
        cancels = [(item["action"], item["to"]) for item in found["items"]]
        wrong += [] if cancels == [("cancel", expected["cancel_to"])] else [f"cancel {cancels}"]
    if expected["items"]:
        # `issue` stands also for `raise` in the expectations.
        got = {
            (area, item["kind"], item["action"].replace("raise", "issue"), item["to"])
            for item in found["items"]
            for area in item["areas"]
        }
        want = {(item["area"], item["kind"], item["action"], item["to"]) for item in expected["items"]}
        wrong += [str(difference) for difference in got ^ want]
    if expected["levels"]:
        levels = {area: item["level"] for item in found["items"] for area in item["areas"]}
        wrong += [] if levels == expected["levels"] else ["levels"]
    return wrong if found["understood"] else [f"not understood: {found['why']}", *wrong]


@pytest.mark.req("C8.1", "C8.10")
def test_every_expectation_is_met() -> None:
    folder = samples() / "jma"
    lines = (folder / "expectations.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 100
    wrong = {}
    for expected in map(json.loads, lines):
        found = as_json(read((folder / expected["file"]).read_bytes()), expected["file"])
        if differences := _differences(expected, found):
            wrong[expected["file"]] = differences
    assert wrong == {}


def test_what_is_no_telegram_is_said_to_be_none() -> None:
    folder = samples()
    others = [*folder.glob("jma/lalert/*.xml"), *folder.glob("jma/feeds/*.xml")]
    assert others
    assert {read(path.read_bytes()).why for path in others} == {"not-a-jma-telegram"}
