"""The training town's folder: one player at a time, never somebody else's folder, and nothing half made stays."""

from pathlib import Path

import pytest

from config import roster
from config.town import MARK, NotATown, hold, settle


def test_a_running_town_is_neither_played_nor_renewed_by_a_second(tmp_path: Path) -> None:
    with hold(tmp_path):
        settle(tmp_path, fresh=False)
        with pytest.raises(NotATown, match="すでに動いています"), hold(tmp_path):
            pytest.fail("two held one town")
    with hold(tmp_path):
        pass


def test_a_folder_that_is_served_is_not_played(tmp_path: Path) -> None:
    with roster.hold(tmp_path), pytest.raises(NotATown, match="すでに動いています"), hold(tmp_path):
        pytest.fail("held what hansho serve runs on")


def test_a_new_town_moves_into_the_same_folder(tmp_path: Path) -> None:
    with hold(tmp_path):
        first = settle(tmp_path, fresh=False)
        (tmp_path / "ledger.db").write_bytes(b"old")
        key = (tmp_path / "secrets" / "tokens").read_bytes()
        assert settle(tmp_path, fresh=False) == first
        settle(tmp_path, fresh=True)
    assert not (tmp_path / "ledger.db").exists()
    assert (tmp_path / "secrets" / "tokens").read_bytes() != key


@pytest.mark.parametrize("mark", ["{}", "", "[1]", '{"smtp": 1}'])
def test_a_town_that_was_never_finished_is_made_again(tmp_path: Path, mark: str) -> None:
    (tmp_path / MARK).write_text(mark, encoding="utf-8")
    settle(tmp_path, fresh=False)
    assert (tmp_path / "hansho.yaml").is_file()


def test_a_strange_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine", encoding="utf-8")
    for fresh in (False, True):
        with pytest.raises(NotATown, match="訓練の町のフォルダーではありません"):
            settle(tmp_path, fresh=fresh)
    assert [one.name for one in tmp_path.iterdir()] == ["diary.txt"]
