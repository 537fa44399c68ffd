"""The town as people use it: it starts, goes on where it was, stops cleanly, and loses nothing to kill -9."""

import smtplib
import time
from pathlib import Path

import pytest

from config.witness import Witness
from tests.town.town import HANSHO, Running, hansho, ledger_is_whole, rarely, running

JOIN = "touroku@anzen.example.lg.jp"


def _ask_to_join(town: Running, address: str) -> None:
    host, _, port = town.places["smtp"].partition(":")
    mail = f"From: <{address}>\r\nTo: <{JOIN}>\r\nMessage-ID: <{time.time_ns()}@x.jp>\r\n\r\n"
    with smtplib.SMTP(host, int(port), local_hostname="phone.example.jp", timeout=20) as server:
        server.sendmail(address, [JOIN], mail)


async def test_ctrl_c_and_again_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "town"
    with running(folder) as town:
        _ask_to_join(town, "hanako@docomo.ne.jp")
        async with Witness(town.places) as witness:
            await witness.expect_mail("hanako@docomo.ne.jp", "仮登録")
        assert town.stop() == 0
    ledger_is_whole(folder)
    with running(folder) as town:
        async with Witness(town.places) as witness:
            assert await witness.mailbox("hanako@docomo.ne.jp")
        assert town.stop() == 0


@pytest.mark.req("X12")
@pytest.mark.parametrize("name", ["inbound", "sender-1", *rarely("outbound", "feeds", "bot")])
async def test_kill_9_loses_nothing_that_was_answered_250(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "town"
    with running(folder) as town:
        people = [f"kieru{n}@docomo.ne.jp" for n in range(12)]
        for n, address in enumerate(people):
            if n == 6:
                town.kill(name)
            try:
                _ask_to_join(town, address)
            except (OSError, smtplib.SMTPException):
                people[n] = ""  # no 250, so nothing was promised
        promised = [address for address in people if address]
        assert len(promised) >= 6
        async with Witness(town.places) as witness:
            for address in promised:
                await witness.expect_mail(address, "仮登録", within=40)
            for address in promised:
                # One answer; a sender killed before it could record may hand the very same mail over again (X12).
                mails = await witness.mailbox(address)
                assert len({mail["message_id"] for mail in mails}) == 1
                assert len(mails) == 1 or name.startswith("sender")
        assert town.stop() == 0
    ledger_is_whole(folder)


@pytest.mark.req("X12", "C8.2")
@pytest.mark.parametrize("name", ["sender-1", *rarely("outbound", "feeds")])
async def test_kill_9_in_the_middle_of_a_release_loses_no_recipient(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "town"
    with running(folder, residents=400) as town:
        async with Witness(town.places) as witness:
            await witness.tell(f"{town.places['town']}api/play", {"name": "rain-issue"})

            async def some() -> int:
                return await witness.count("大雨")

            if name != "feeds":
                await witness.until(some, "the first mails", within=30)
            town.kill(name)

            async def everybody() -> bool:
                # shinda and ippai answer with a report and keep nothing, kyohi refuses
                return await witness.count("大雨") >= 397

            await witness.until(everybody, "every recipient", within=60)
        assert town.stop() == 0
    ledger_is_whole(folder)


def test_a_second_town_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "town"
    with running(folder):
        told = hansho("status", "--config", str(folder))
        assert "動いています" in told


def test_a_strange_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("大切", encoding="utf-8")
    hansho("demo", "--dir", str(tmp_path / "mine"), "--fresh", code=2)
    assert (tmp_path / "mine" / "letter.txt").read_text(encoding="utf-8") == "大切"
    assert HANSHO
