"""JMA's Atom feeds."""

from datetime import UTC, datetime

import pytest

from feeds.atom import read
from tests.samples import samples

BASE = "http://127.0.0.1/data"


def feed(*entries: str) -> bytes:
    inside = "".join(f"<entry>{entry}</entry>" for entry in entries)
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>高頻度（随時）</title>{inside}</feed>'.encode()


def test_an_entry() -> None:
    url = f"{BASE}/20260730125055_0_VPWW55_120000.xml"
    found = read(
        feed(
            f'<title>表題</title><id>urn:uuid:1</id><link href="{url}#r1"/>'
            "<updated>2026-07-30T12:50:54Z</updated><content>【見出し】本文</content>"
            "<author><name>銚子地方気象台</name></author>"
        )
    )
    assert (found.why, found.title) == (None, "高頻度（随時）")
    (entry,) = found.entries
    assert (entry.url, entry.type, entry.office) == (url, "VPWW55", "120000")
    assert entry.updated == datetime(2026, 7, 30, 12, 50, 54, tzinfo=UTC)
    assert (entry.title, entry.content, entry.author) == ("表題", "【見出し】本文", "銚子地方気象台")


def test_the_id_stands_in_for_a_missing_link() -> None:
    (entry,) = read(feed(f"<id>{BASE}/x.xml</id>")).entries
    assert (entry.url, entry.type, entry.updated) == (f"{BASE}/x.xml", None, None)


@pytest.mark.parametrize("address", ["urn:uuid:1", "file:///etc/passwd", "", "javascript:1"])
def test_an_entry_without_a_web_address_is_left_out(address: str) -> None:
    assert read(feed(f"<id>{address}</id>")).entries == ()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "bad-xml"),
        (b"<!DOCTYPE a><feed/>", "has-dtd"),
        (b"<feed/>", "not-a-feed"),
        (b"<rss/>", "not-a-feed"),
    ],
)
def test_what_is_no_feed(data: bytes, why: str) -> None:
    assert read(data).why == why


@pytest.mark.parametrize(
    ("name", "count"),
    [("eqvol_l_20260728.xml", 573), ("extra_20240725.xml", 350), ("eqvol_20211124.xml", 25)],
)
def test_real_feeds(name: str, count: int) -> None:
    found = read((samples() / "jma" / "feeds" / name).read_bytes())
    assert (found.why, len(found.entries)) == (None, count)
    assert len({entry.url for entry in found.entries}) == count
    assert all(entry.type and entry.updated and "#" not in entry.url for entry in found.entries)
