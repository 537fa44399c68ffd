"""The configuration that init writes is without a mistake, and is never written over."""

from pathlib import Path

import pytest

from config.check import check
from config.init import init
from config.secret import read_signing_key, read_token_keys
from config.settings import load_settings


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    told = init(folder)
    assert all(line.endswith("を書きました") for line in told)
    return folder


def test_what_init_writes_passes_check(town: Path) -> None:
    assert [str(mistake) for mistake in check(town)] == []


def test_sample_is_the_training_town_of_chiba(town: Path) -> None:
    settings = load_settings(town)
    assert settings.realm == "training"
    assert settings.town.name == "千葉市"
    assert settings.slack is not None
    assert settings.mail.resolver is not None


def test_secrets_are_private_and_usable(town: Path) -> None:
    for path in (town / "secrets").iterdir():
        assert path.stat().st_mode & 0o077 == 0
    ((kid, key),) = read_token_keys(town / "secrets")
    assert (kid, len(key)) == ("k1", 32)
    assert read_signing_key(town / "secrets", "dkim.pem").key_size == 2048


def test_init_leaves_alone_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "hansho.yaml").write_text("わたしの設定", encoding="utf-8")
    first = init(tmp_path)
    assert "hansho.yaml はすでにあるので、そのままにしました" in first
    key = (tmp_path / "secrets" / "dkim.pem").read_bytes()
    again = init(tmp_path)
    assert all("そのまま" in line for line in again)
    assert (tmp_path / "hansho.yaml").read_text(encoding="utf-8") == "わたしの設定"
    assert (tmp_path / "secrets" / "dkim.pem").read_bytes() == key
