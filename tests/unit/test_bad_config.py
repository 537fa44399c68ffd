"""One fault in a good folder is one sentence with its file and line; the sentences are in the faulty files."""

import shutil
from pathlib import Path

import pytest

from config.check import check
from config.init import init

CASES = Path(__file__).parents[1] / "bad_config"
GOOD = CASES / "good"


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    init(folder)
    return folder / "secrets"


@pytest.fixture
def folder(tmp_path: Path, secrets: Path) -> Path:
    shutil.copytree(GOOD, tmp_path / "config")
    shutil.copytree(secrets, tmp_path / "config" / "secrets")
    return tmp_path / "config"


def _told(folder: Path) -> list[str]:
    return [str(mistake) for mistake in check(folder)]


def test_the_good_folder_is_good(folder: Path) -> None:
    assert _told(folder) == []


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_fault_is_told(folder: Path, case: Path) -> None:
    text = case.read_text(encoding="utf-8")
    expected = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")]
    assert expected
    (folder / f"{case.name.split('.')[0]}.yaml").write_text(text, encoding="utf-8")
    assert _told(folder) == expected


def test_mistakes_of_all_files_are_told_together(folder: Path) -> None:
    for name in ("hansho.unknown-key", "areas.kind", "routes.no-last"):
        shutil.copy(CASES / f"{name}.yaml", folder / f"{name.split('.')[0]}.yaml")
    assert {mistake.file for mistake in check(folder)} == {"hansho.yaml", "areas.yaml", "routes.yaml"}


def test_absent_files_are_told(tmp_path: Path) -> None:
    told = _told(tmp_path)
    assert len(told) == 6
    assert all("hansho init" in line for line in told)


def test_misspelt_file_is_told(folder: Path) -> None:
    (folder / "rule.yaml").write_text("rules: []\n", encoding="utf-8")
    assert _told(folder) == [
        "rule.yaml: 知らないファイルです（もしかして rules.yaml）。名前を直すか、ほかへ移してください"
    ]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "welcome.txt",
            "Subject: x\n\n本文\n$manage_lnk\n",
            "letters/welcome.txt 4行目: 知らない差し込み項目 $manage_lnk",
        ),
        ("welcome.txt", "登録完了\n\n本文\n", "letters/welcome.txt 1行目: 1行目を「Subject: 件名」"),
        ("welcom.txt", "Subject: x\n\n本文\n", "letters/welcom.txt: 知らない手紙です"),
    ],
)
def test_bad_letters_are_told(folder: Path, name: str, text: str, expected: str) -> None:
    (folder / "letters").mkdir()
    (folder / "letters" / name).write_text(text, encoding="utf-8")
    (told,) = _told(folder)
    assert told.startswith(expected)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("tokens", b"k1 abc\n", "secrets/tokens 1行目: 「k1 16進数"),
        ("tokens", b"k1 " + b"0" * 64 + b"\nk1 " + b"1" * 64, "secrets/tokens 2行目: 名前 k1 が二度"),
        ("tokens", b"\xff\xfe", "secrets/tokens 1行目: "),
        ("dkim.pem", b"-----BEGIN", "secrets/dkim.pem: PEM"),
        ("dkim.pem", b"", "secrets/dkim.pem: 空です"),
    ],
)
def test_bad_secrets_are_told(folder: Path, name: str, data: bytes, expected: str) -> None:
    (folder / "secrets" / name).write_bytes(data)
    (told,) = _told(folder)
    assert told.startswith(expected)


def test_open_secret_is_told(folder: Path) -> None:
    (folder / "secrets" / "tokens").chmod(0o644)
    (told,) = _told(folder)
    assert told.startswith("secrets/tokens: ほかの人が読める状態です。chmod 600 ")
