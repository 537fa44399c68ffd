"""What is typed wrongly is told in Japanese with exit 2, and no argument of a reader ends in a traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOW = ["--now", "2026-11-21T10:00:00+09:00"]


def hansho(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "hansho.py"), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["demoo"], "もしかして: demo"),
        (["read", "mail"], "FILES... を書いてください。"),
        (["read", "mail", "--jsn", "x"], "--jsn という指定はありません。"),
        (["arrivals", "--state", "lost"], "quarantined"),
        (["demo", "--residents", "many"], "0 から 100,000 の数"),
        (["read", "proof", "x", "--now"], "--now には値を一つ"),
        (["status", "--config", str(ROOT / "hansho.py")], "フォルダーの名前"),
        (["status", "extra"], "書き方が正しくありません"),
    ],
)
def test_a_wrong_command_is_told_in_japanese(words: list[str], told: str) -> None:
    done = hansho(*words)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Error" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("option", "content", "told"),
    [
        ("--trust", b"\x00\xffnot a certificate", "PEM"),
        ("--keys", b"[1]", "--keys"),
        ("--keys", b'{"a": 1}', "--keys"),
        ("--keys", b"{", "--keys"),
    ],
)
def test_what_the_proof_reader_is_given_may_be_anything(
    tmp_path: Path, option: str, content: bytes, told: str
) -> None:
    given, mail = tmp_path / "given", tmp_path / "mail"
    given.write_bytes(content)
    mail.write_bytes(b"From: a@example.jp\r\n\r\n")
    done = hansho("read", "proof", str(mail), "--json", *NOW, option, str(given))
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_files_that_are_none_are_lines_with_an_error(tmp_path: Path) -> None:
    mail = tmp_path / "mail"
    mail.write_bytes(b"Subject: a\n\nb")
    done = hansho("read", "mail", str(tmp_path), str(mail), str(tmp_path / "none"), "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["file"] for row in rows] == [str(tmp_path), str(mail), str(tmp_path / "none")]
    assert ["error" in row for row in rows] == [True, False, True]
    assert done.returncode == 1
