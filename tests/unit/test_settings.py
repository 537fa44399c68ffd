"""hansho.yaml becomes settings, or a list of mistakes; the YAML reader never says anything else."""

from datetime import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.forms import Endpoint, endpoint, is_loopback
from config.mistake import BadConfig
from config.settings import Settings, load_settings
from config.yamlfile import load, parse

MINIMAL = """\
town: {key: mura, name: 半鐘村, section: 総務課, phone: 043-000-0001}
realm: training
mail: {domain: anzen.example.lg.jp, host: mail.anzen.example.lg.jp, from_name: 半鐘村メール}
"""


def _load(folder: Path, text: str = MINIMAL) -> Settings:
    (folder / "hansho.yaml").write_text(text, encoding="utf-8")
    return load_settings(folder)


def test_defaults_stand_where_nothing_is_said(tmp_path: Path) -> None:
    found = _load(tmp_path)
    assert found.mail.listen == Endpoint("127.0.0.1", 2525)
    assert found.mail.resolver is None
    assert found.slack is None
    assert found.web.base == "http://127.0.0.1:8080"
    assert found.hours.open == time(8, 30)
    assert found.database_place == str(tmp_path / "ledger.db")
    assert found.archive_folder == tmp_path / "archive"


def test_a_place_may_be_far_away(tmp_path: Path) -> None:
    far = f"/srv/{'very-' * 40}far/ledger.db"
    assert _load(tmp_path, f"{MINIMAL}database: {far}\n").database_place == far


def test_addresses(tmp_path: Path) -> None:
    mail = _load(tmp_path).mail
    assert mail.address("join") == "touroku@anzen.example.lg.jp"
    longest = mail.address("join", "A" * 24)
    assert longest == f"touroku+{'A' * 24}@anzen.example.lg.jp"
    assert len(longest.partition("@")[0]) <= 40


def test_postgresql_is_not_a_path(tmp_path: Path) -> None:
    found = _load(tmp_path, MINIMAL + "database: postgresql://hansho@127.0.0.1/hansho\n")
    assert found.database_place == "postgresql://hansho@127.0.0.1/hansho"


def test_slashes_of_addresses_are_settled(tmp_path: Path) -> None:
    more = 'web: {base: "http://127.0.0.1:8080/"}\n'
    more += 'slack: {api: "http://127.0.0.1:8082/api", team: T01, channel: C01}\n'
    found = _load(tmp_path, MINIMAL + more)
    assert found.web.base == "http://127.0.0.1:8080"
    assert found.slack is not None
    assert found.slack.api == "http://127.0.0.1:8082/api/"


def test_letter_words_name_a_person_to_call(tmp_path: Path) -> None:
    words = _load(tmp_path).letter_words()
    assert words["contact"] == "半鐘村総務課 電話 043-000-0001"
    assert words["service"] == "半鐘村メール"


def test_settings_do_not_change(tmp_path: Path) -> None:
    found = _load(tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        found.realm = "live"


def test_secret_is_read_only_when_private(tmp_path: Path) -> None:
    found = _load(tmp_path)
    secret = tmp_path / "secrets" / "slack-bot"
    secret.parent.mkdir()
    secret.write_bytes(b"xoxb-1\n")
    secret.chmod(0o640)
    with pytest.raises(BadConfig, match="chmod 600"):
        found.secret("slack-bot")
    secret.chmod(0o600)
    assert found.secret("slack-bot") == b"xoxb-1"
    with pytest.raises(BadConfig, match="ありません"):
        found.secret("slack-app")


def test_secret_is_never_told(tmp_path: Path) -> None:
    found = _load(tmp_path)
    secret = tmp_path / "secrets" / "slack-bot"
    secret.parent.mkdir()
    secret.write_bytes(b"xoxb-very-secret")
    secret.chmod(0o644)
    with pytest.raises(BadConfig) as bad:
        found.secret("slack-bot")
    assert "very-secret" not in str(bad.value)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:25", "127.0.0.1", 25), ("[::1]:0", "::1", 0), ("localhost:8080", "localhost", 8080)],
)
def test_endpoint(text: str, host: str, port: int) -> None:
    found = endpoint(text)
    assert found == Endpoint(host, port)
    assert str(found) == text
    assert is_loopback(host)


@given(st.text(max_size=30))
@example("::1:25")
@example("127.0.0.1:²")
@settings(max_examples=50)
def test_any_text_is_an_endpoint_or_a_sentence(text: str) -> None:
    try:
        found = endpoint(text)
    except ValueError as error:
        assert "ください" in str(error)
    else:
        assert isinstance(found, Endpoint)
        assert 0 <= found.port <= 65535


def test_scalars_stay_text(tmp_path: Path) -> None:
    text = "a: 22:00\nb: no\nc: 0123\nd: 2026-11-21\ne: null\nf: 'null'\ng:\n"
    found = parse(text, tmp_path, "x.yaml")
    assert found.data == {
        "a": "22:00",
        "b": "no",
        "c": "0123",
        "d": "2026-11-21",
        "e": None,
        "f": "null",
        "g": None,
    }
    assert found.line_of(("d",)) == 4
    assert found.line_of(("d", 0, "deeper")) == 4


@given(st.text(alphabet=st.sampled_from("ab:-[]{}\"' \n#&*!|>%@`,?\t　：\r\x00あ"), max_size=60))
@example("? [a]\n: b")
@example("- - - - - - - - - - - - - - x")
@example("%YAML 9.9\n---\na")
@example("a: |\n  b\n c")
@example("\ud800")
@settings(max_examples=150)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text, Path("x.yaml"), "x.yaml")
    except BadConfig as bad:
        assert bad.mistakes
        assert all(mistake.file == "x.yaml" for mistake in bad.mistakes)


def test_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("a: b\nname: 千葉市\n".encode("cp932"))
    with pytest.raises(BadConfig, match=r"x\.yaml 2行目: UTF-8"):
        load(path)


def test_file_that_is_huge(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * 2_000_001)
    with pytest.raises(BadConfig, match="大きすぎます"):
        load(path)


def test_file_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="hansho init"):
        load(tmp_path / "x.yaml")


def test_file_of_windows_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("name: 千葉市\r\nkey: chiba\r\n".encode("utf-8-sig"))
    assert load(path).data == {"name": "千葉市", "key": "chiba"}
