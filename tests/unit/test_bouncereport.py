"""The bounce report: a table people read, a CSV a spreadsheet reads, and no address in either."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from config import bouncereport
from config.reasons import Kind, Reason
from store.reports import BounceLine, BounceReport, Suspension

UNTIL = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=1)


@pytest.mark.req("D7", "C2.4")
def test_a_report() -> None:
    lines = (
        BounceLine("docomo", "hard", "user-unknown", 3),
        BounceLine("gmail", "soft", "policy", 2),
        BounceLine("others", "odd", "new-word", 1),
    )
    report = BounceReport(SINCE, UNTIL, lines, (Suspension(7, "docomo", "user-unknown", SINCE),), 4)
    params, (name, text) = bouncereport.letter(report)
    assert name == "futatsu-20261121.csv"
    assert params["date"] == "2026年11月21日 07:00"
    table = str(params["table"])
    assert "2026年11月20日 07:00 から 2026年11月21日 07:00 まで" in table
    assert "不達の合計　6件（その前の同じ長さの期間より2件多い）" in table
    assert "・gmail　一時（あて先は生きている）　受信側の方針（認証など）　2件" in table
    assert "・others　odd　new-word　1件" in table
    advice = str(params["advice"])
    assert "gmail が、こちらの送り方を理由に断っています" in advice
    assert "例：配信再開 7" in advice
    assert text.startswith("\ufeff")
    assert "\r\n" in text
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert rows[0] == list(bouncereport.COLUMNS)
    assert len(rows) == 5
    assert {len(row) for row in rows} == {len(bouncereport.COLUMNS)}


def test_a_quiet_day_and_two_spans() -> None:
    quiet = BounceReport(SINCE, UNTIL, (), (), 0)
    params, (_, text) = bouncereport.letter(quiet, quiet)
    assert str(params["table"]).count("不達の合計　0件") == 2
    assert params["advice"] == "することはありません。"
    assert len(text.splitlines()) == 1


def test_a_long_table_is_cut_and_the_csv_is_not() -> None:
    lines = tuple(BounceLine(f"r{n}", "soft", "mailbox-full", 1) for n in range(60))
    params, (_, text) = bouncereport.letter(BounceReport(SINCE, UNTIL, lines, (), 60))
    assert "・ほか20行（添付の CSV にあります）" in str(params["table"])
    assert len(text.splitlines()) == 61


def test_every_word_of_the_contract_has_its_japanese() -> None:
    assert set(bouncereport.KINDS) == set(Kind)
    assert set(bouncereport.REASONS) == set(Reason)


def test_the_head_of_the_record_is_mailed() -> None:
    """A copy outside the ledger, so that a cut tail is seen (MODEL.md, audit)."""
    params, _ = bouncereport.letter(BounceReport(SINCE, UNTIL, (), (), 0, (1234, "ab" * 32)))
    assert params["record"] == "1,234件　" + "ab" * 32
