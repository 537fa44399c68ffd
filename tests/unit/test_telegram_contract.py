"""The telegram reader's JSON against its schema, and the schema's own example against the reader."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from feeds.telegram import as_json, read
from feeds.training import names, training
from tests.samples import samples
from tests.telegrams import RAIN, kind, report, warning

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "contracts" / "telegram.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA)
NOW = datetime(2026, 11, 20, 0, 0, 30, tzinfo=UTC)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_worked_example_is_what_the_reader_says() -> None:
    example = SCHEMA["examples"][0]
    VALIDATOR.validate(example)
    found = as_json(read(training("rain-raise", NOW)), "rain.xml")
    assert found == example
    assert list(found) == list(example)
    assert list(found)[: len(SCHEMA["required"])] == SCHEMA["required"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!DOCTYPE a><a/>",
        b"<a/>",
        report("なにか"),
        report(RAIN, status="x"),
        report(RAIN, warning(kind("99", "発表"))),
        report(RAIN, warning(kind("03", "継続")), info_type="訂正"),
        *(training(name, NOW) for name in names()),
    ],
)
def test_every_answer_keeps_the_contract(data: bytes) -> None:
    VALIDATOR.validate(as_json(read(data), "x"))


def test_every_sample_keeps_the_contract() -> None:
    paths = [*samples().glob("jma/official/*.xml"), *samples().glob("jma/real/*.xml")]
    assert len(paths) > 100
    for path in paths:
        VALIDATOR.validate(as_json(read(path.read_bytes()), str(path)))
