"""`hansho demo --script`: the seven scenes of the town, played by themselves and told as they were seen from outside."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import click

from config.town import PIN
from config.witness import NotSeen, Seen, Witness

# The header fields a signature covers; empty when the mail is not signed, or not by the town's key.
Verify = Callable[[bytes], frozenset[str]]

JOIN, DRAFT, OPERATORS = "touroku", "souan", "unyo"
OFFICER = "yamada@police.example.lg.jp"
CHIEF_MAIL, CHIEF, DEPUTY = "sato@city.example.lg.jp", "U11", "U12"
OPERATOR = "yamamoto@city.example.lg.jp"
DRAFT_TEXT = (
    "種別：不審者情報\n地域：花見川区\n\n"
    "本日午後4時ごろ、花見川区内の公園で、児童に声をかける事案がありました。\n不審な人を見かけたら110番へ。\n"
)
SUBJECT = "声かけ 花見川区 公園"
# Every scene has this long; a town that is slower is not a fire bell.
SCENE_SECONDS = 22.0
# Where each scene is looked for: what a line says that tells what was not seen (CONTRACTS.md, demo).
_LOOKED = ("smtp", "smtp", "chat", "chat", "dkim", "smtp", "http")


class Story:
    """Plays once; `exit_code` is 0 only when every scene was seen."""

    def __init__(self, places: Mapping[str, str], verify: Verify, *, domain: str, as_json: bool) -> None:
        self._places = places
        self._verify = verify
        self._domain = domain
        self._as_json = as_json
        self._began = 0.0
        self._step = 0
        self._ok: dict[int, bool] = {}
        self.exit_code = 1
        self._sign_in = ""

    async def play(self) -> None:
        """All scenes in order; the first that is not seen within its time ends the story."""
        scenes: list[tuple[str, Callable[[Witness], Awaitable[None]]]] = [
            ("空メールで登録する", self._joins),
            ("気象庁の電文がひとりでに届く", self._telegram),
            ("警察官が署名つきメールで下書きを出す", self._draft),
            ("課長が承認する", self._approval),
            ("署名されたメールが届く", self._delivery),
            ("不達が戻り、配信が止まる", self._bounce),
            ("閲覧用ホームページに載る", self._archive),
        ]
        self._began = time.monotonic()
        async with Witness(self._places) as witness:
            for number, (title, scene) in enumerate(scenes, start=1):
                self._step = number
                self._say(f"―― {number}. {title}")
                try:
                    async with asyncio.timeout(SCENE_SECONDS):
                        await scene(witness)
                except (NotSeen, TimeoutError, OSError) as error:
                    self._observe(str(error) or "時間切れ", _LOOKED[number - 1], ok=False)
                    break
                except Exception as error:  # whatever breaks here was not seen, and the scene is named
                    self._observe(f"{type(error).__name__}: {error}", _LOOKED[number - 1], ok=False)
                    break
        passed = sum(self._ok.values())
        self.exit_code = 0 if passed == len(scenes) else 1
        if self._as_json:
            click.echo(json.dumps({"ok": self.exit_code == 0, "steps_ok": passed}))
        elif self.exit_code == 0:
            click.echo(f"七つの場面をすべて見ました（{time.monotonic() - self._began:.1f}秒）。")
        else:
            click.echo(f"場面 {self._step} を見られませんでした（見えた場面は {passed}）。")

    def _say(self, line: str) -> None:
        if not self._as_json:
            click.echo(line)

    def _observe(self, seen: str, by: str, *, ok: bool = True) -> None:
        at = time.monotonic() - self._began
        self._ok[self._step] = ok and self._ok.get(self._step, True)
        if self._as_json:
            row = {"step": self._step, "seen": seen, "by": by, "at_s": round(at, 2), "ok": ok}
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            click.echo(f"{at:6.1f}秒 {'○' if ok else '×'} [{by}] {seen}")

    def _address(self, local: str) -> str:
        return f"{local}@{self._domain}"

    async def _signed(self, mail: Seen) -> None:
        if not await self._covered(mail):
            raise NotSeen(f"DKIM of 「{mail.subject}」")

    async def _covered(self, mail: Seen) -> frozenset[str]:
        # The name server that is asked lives in this process: asking it from the loop would wait for itself.
        return await asyncio.to_thread(self._verify, mail.raw)

    # 1

    async def _joins(self, witness: Witness) -> None:
        who = "hanako@docomo.ne.jp"
        await witness.mail(who, self._address(JOIN), _empty(who, self._address(JOIN)))
        self._observe("空メールに 250 の返事", "smtp")
        notice = await witness.expect_mail(who, "仮登録")
        await self._signed(notice)
        self._observe(f"「{notice.subject}」が届き、署名が正しい", "dkim")
        link = _link(notice.text, "/touroku/")
        await witness.get(link)
        await witness.get(link)
        if any("登録完了" in line["subject"] for line in await witness.mailbox(who)):
            raise NotSeen("GET must not confirm")
        self._observe("リンクを開いただけでは登録されない", "http")
        await witness.press(link, "登録する")
        welcome = await witness.expect_mail(who, "登録完了")
        self._observe(f"ボタンで「{welcome.subject}」が届く", "http")
        if "登録内容の変更・解除" not in welcome.text:
            raise NotSeen("how to change and stop")
        other = "taro@ezweb.ne.jp"
        await witness.mail(other, self._address(JOIN), _empty(other, self._address(JOIN)))
        notice = await witness.expect_mail(other, "仮登録")
        await witness.write(other, str(notice.message["Reply-To"]).strip("<>"), f"Re: {notice.subject}", "")
        await witness.expect_mail(other, "登録完了")
        self._observe("返信でも登録が完了する", "smtp")
        await witness.mail(who, self._address(JOIN), _empty(who, self._address(JOIN)))
        again = await witness.until(lambda: self._more_than(witness, who, 2), "the answer to joining twice")
        if "仮登録" in again["subject"]:
            raise NotSeen("the same address twice is one subscriber")
        self._observe("同じアドレスは一人のまま", "smtp")

    async def _more_than(self, witness: Witness, address: str, count: int) -> dict[str, Any] | None:
        lines = await witness.mailbox(address)
        return max(lines, key=lambda line: line["id"]) if len(lines) > count else None

    # 2

    async def _telegram(self, witness: Witness) -> None:
        before = await witness.latest()
        await witness.tell(f"{self._places['town']}api/play", {"name": "rain-issue"})
        mail = await witness.expect_mail("hanako@docomo.ne.jp", "大雨", after=before)
        await self._signed(mail)
        self._observe(f"「{mail.subject}」が選んだ人に届く", "smtp")
        await witness.tell(f"{self._places['town']}api/play", {"name": "rain-continue"})
        await witness.tell(f"{self._places['town']}api/play", {"name": "rain-drill"})
        await witness.tell(f"{self._places['town']}api/play", {"name": "quake"})
        quake = await witness.expect_mail("hanako@docomo.ne.jp", "震度", after=before)
        self._observe(f"「{quake.subject}」が届く", "smtp")
        rains = [line for line in await witness.mailbox("hanako@docomo.ne.jp") if "大雨" in line["subject"]]
        if len(rains) != 1:
            raise NotSeen("a continuing warning and a drill are not mailed")
        self._observe("継続と訓練の電文は送られない", "smtp")

    # 3

    async def _draft(self, witness: Witness) -> None:
        await witness.write(OFFICER, self._address(DRAFT), SUBJECT, DRAFT_TEXT, signed=True)
        receipt = await witness.expect_mail(OFFICER, "【受付】")
        await self._signed(receipt)
        self._observe(f"「{receipt.subject}」が警察官に届く", "smtp")
        before = await witness.latest()
        await witness.write(OFFICER, self._address(DRAFT), SUBJECT, DRAFT_TEXT, signed=False)
        refused = await witness.expect_mail(OFFICER, "【受け付けていません】", after=before)
        self._observe(f"署名のないものは「{refused.subject}」", "smtp")
        cards = await self._cards(witness)
        if len(cards) != 1:
            raise NotSeen("one card for one believed draft")
        self._observe("承認待ちのカードが一枚", "chat")

    async def _cards(self, witness: Witness) -> list[dict[str, Any]]:
        async def look() -> list[dict[str, Any]]:
            told = await witness.ask(f"{self._places['chat']}api-standin/messages")
            messages = told["messages"] if isinstance(told, dict) else told
            return [message for message in messages if SUBJECT in json.dumps(message, ensure_ascii=False)]

        return await witness.until(look, "the approval card")

    async def _click(self, witness: Witness, user: str, message: Mapping[str, Any], words: str) -> None:
        await witness.tell(
            f"{self._places['chat']}api-standin/click", {"user": user, "ts": message["ts"], "text": words}
        )

    # 4

    async def _approval(self, witness: Witness) -> None:
        (card,) = await self._cards(witness)
        shown = json.dumps(card, ensure_ascii=False)
        if (
            "児童に声をかける" not in shown
            or "花見川区" not in shown
            or not re.search(r"[\d,]+(人|件)", shown)
        ):
            raise NotSeen("exact mail, areas and number of recipients on the card")
        self._observe("カードに本文・地域・人数がある", "chat")
        button = next(
            str(one["text"]["text"])
            for block in card["blocks"]
            if block["type"] == "actions"
            for one in block["elements"]
            if "承認" in str(one["text"]["text"])
        )
        await asyncio.gather(
            self._click(witness, CHIEF, card, button), self._click(witness, DEPUTY, card, button)
        )
        whispers = await witness.until(
            lambda: self._whispers(witness), "the polite refusal of the second click"
        )
        self._observe(f"同時の二度押しは一つの決定と一つの断り「{whispers[-1]}」", "chat")

        async def decided() -> bool:
            (now,) = await self._cards(witness)
            return "承認" in json.dumps(now, ensure_ascii=False) and not any(
                block["type"] == "actions" and "承認" in json.dumps(block, ensure_ascii=False)
                for block in now["blocks"]
            )

        await witness.until(decided, "the card says who approved")
        self._observe("カードから承認のボタンが消える", "chat")
        await self._by_letter(witness)

    async def _whispers(self, witness: Witness) -> list[str]:
        told = await witness.ask(f"{self._places['chat']}api-standin/ephemerals")
        rows = told["ephemerals"] if isinstance(told, dict) else told
        return [str(row["text"]) for row in rows]

    async def _by_letter(self, witness: Witness) -> None:
        """The chat goes silent; the same decision by a one-time link (X2)."""
        before = await witness.latest()
        for method in ("chat.postMessage", "chat.update"):
            fault = {"method": method, "kind": "error", "times": 12}
            await witness.tell(f"{self._places['chat']}api-standin/fault", fault)
        subject = "点検 美浜区 防犯カメラ"
        await witness.write(
            OFFICER, self._address(DRAFT), subject, DRAFT_TEXT.replace("花見川区", "美浜区"), signed=True
        )
        asked = await witness.expect_mail(CHIEF_MAIL, "【承認待ち】", after=before)
        self._observe(f"チャットが黙ると「{asked.subject}」がメールで届く", "smtp")
        link = _link(asked.text, "/shounin/")
        page = await witness.press(link, "承認して配信する", pin=PIN)
        if "承認" not in page:
            raise NotSeen("approval by link")
        self._observe("リンクと暗証番号で承認できる", "http")

    # 5

    async def _delivery(self, witness: Witness) -> None:
        async def enough() -> list[dict[str, Any]]:
            told = await witness.ask(f"{self._places['mailbox']}api/mailboxes?limit=100000")
            return [box for box in told["mailboxes"] if "声かけ" in box["latest"] or "点検" in box["latest"]]

        await witness.until(enough, "mails of the released bulletins")
        boxes = await enough()
        previous = -1
        while len(boxes) != previous:  # until no more arrive
            previous = len(boxes)
            await asyncio.sleep(0.5)
            boxes = await enough()
        for box in boxes[:: max(1, len(boxes) // 20)]:
            mail = await witness.open(box["latest_id"])
            if "X-Hansho-Bulletin" not in mail.message:
                continue  # a letter to staff about it
            covered = await self._covered(mail)
            if not {"list-unsubscribe", "list-unsubscribe-post", "subject", "to"} <= covered:
                raise NotSeen(f"List-Unsubscribe covered by the signature: {sorted(covered)}")
            if "登録内容の変更・解除" not in mail.text:
                raise NotSeen("how to change and stop")
        self._observe(f"{len(boxes)}人に届き、調べた署名はすべて正しい", "dkim")

    # 6

    async def _bounce(self, witness: Witness) -> None:
        """A pretend resident whose mailbox is dead got mails in scene 2: today is one day, tomorrow the second."""
        forged = self._address("fukan+aaaaaaaaaaaaaaaaaaaaaaaa")
        await witness.mail("mailer-daemon@docomo.ne.jp", forged, _dsn(forged, "hanako@docomo.ne.jp"))
        before = await witness.latest()
        told = await witness.tell(f"{self._places['town']}api/clock", {"days": 1})
        daily = await witness.expect_mail(OPERATOR, "不達", after=before)
        self._observe(f"一日進めて {told['today']}、朝の「{daily.subject}」が運用担当者に届く", "smtp")
        await witness.tell(f"{self._places['town']}api/play", {"name": "rain-lift"})
        await witness.expect_mail("hanako@docomo.ne.jp", "大雨", after=before)

        async def suspended() -> Seen | None:
            newest = await witness.latest()
            await witness.write(OPERATOR, self._address(OPERATORS), "不達の報告をください", "", signed=True)
            report = await witness.expect_mail(OPERATOR, "不達", after=newest, within=8)
            csv = [part for part in report.message.iter_attachments() if part.get_filename()]
            if not csv:
                raise NotSeen("a CSV attached")
            rows = str(csv[0].get_content()).splitlines()
            return report if any("配信停止" in row for row in rows) else None

        report = await witness.until(suspended, "the suspension of a twice dead address")
        await self._signed(report)
        self._observe("別の日に二度続いた宛先の配信が止まり、頼むとすぐ CSV つきの報告が届く", "smtp")
        newest = await witness.latest()
        await witness.tell(f"{self._places['town']}api/play", {"name": "rain-issue"})
        await witness.expect_mail("hanako@docomo.ne.jp", "大雨", after=newest)
        self._observe("偽の不達では止まらない（花子さんには今も届く）", "smtp")

    # 7

    async def _archive(self, witness: Witness) -> None:
        page = await witness.get(self._places["archive"])
        for words in ("声かけ", "大雨", "震度"):
            if words not in page:
                raise NotSeen(f"{words} on the archive")
        found = re.search(r'href="(\d{4}-\d{4}\.html)"', page)
        if found is None:
            raise NotSeen("a page per bulletin")
        text = await witness.get(self._places["archive"] + found[1])
        if "対象地域" not in text:
            raise NotSeen("the bulletin's own page")
        self._observe("一覧と一件ごとのページがある", "http")


def _empty(sender: str, to: str) -> bytes:
    return (
        f"From: <{sender}>\r\nTo: <{to}>\r\nMessage-ID: <{time.time_ns()}@phone.example.jp>\r\n\r\n".encode()
    )


def _link(text: str, path: str) -> str:
    found = re.search(rf"https?://\S*{path}\S+", text)
    if found is None:
        raise NotSeen(f"a link {path} in the mail")
    return found[0]


def _dsn(to: str, about: str) -> bytes:
    lines = [
        "From: <mailer-daemon@docomo.ne.jp>",
        f"To: <{to}>",
        "Subject: Undelivered Mail Returned to Sender",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        "",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; docomo.ne.jp",
        "",
        f"Final-Recipient: rfc822; {about}",
        "Action: failed",
        "Status: 5.1.1",
        "Diagnostic-Code: smtp; 550 5.1.1 User unknown",
        "",
        "--b--",
        "",
    ]
    return "\r\n".join(lines).encode()
