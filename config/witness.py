"""Looks at the training town from outside only: mailboxes, pages and chat over HTTP, mails over SMTP, keys over DNS."""

import asyncio
import base64
import email
import email.policy
import smtplib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, TypeVar
from urllib.parse import quote, urljoin

import aiohttp
import lxml.html

T = TypeVar("T")
POLL_SECONDS = 0.05


class NotSeen(Exception):
    """What should have been seen from outside was not, within its time."""


@dataclass(frozen=True)
class Seen:
    """A mail in a pretend mailbox, as its reader sees it."""

    id: int
    raw: bytes
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        return str(part.get_content()) if part is not None else ""


class Witness:
    """`places` are the addresses of the ready file (CONTRACTS.md, demo)."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self.places = places
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Witness":
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20), trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    @property
    def http(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("used outside its with block")
        return self._http

    async def get(self, url: str) -> str:
        """The text of a page; raises NotSeen for anything but 200."""
        async with self.http.get(url) as answer:
            text = await answer.text()
            if answer.status != 200:
                raise NotSeen(f"GET {url}: {answer.status}")
            return text

    async def ask(self, url: str) -> Any:
        """A JSON answer."""
        async with self.http.get(url) as answer:
            return await answer.json()

    async def post(self, url: str, fields: Mapping[str, str]) -> tuple[int, str]:
        """A form sent by a button; (status, page)."""
        async with self.http.post(url, data=dict(fields)) as answer:
            return answer.status, await answer.text()

    async def tell(self, url: str, values: Mapping[str, Any]) -> Any:
        """A JSON request of a stand-in."""
        async with self.http.post(url, json=dict(values)) as answer:
            if answer.status >= 400:
                raise NotSeen(f"POST {url}: {answer.status} {(await answer.text())[:200]}")
            return await answer.json()

    async def mail(self, sender: str, to: str, raw: bytes) -> None:
        """Send by real SMTP to the town's intake; raises NotSeen when it is not taken."""
        host, _, port = self.places["smtp"].partition(":")

        def send() -> None:
            with smtplib.SMTP(host, int(port), local_hostname="phone.example.jp", timeout=20) as server:
                server.sendmail(sender, [to], raw)

        try:
            await asyncio.to_thread(send)
        except (OSError, smtplib.SMTPException) as error:
            raise NotSeen(f"smtp: {error}") from error

    async def write(self, sender: str, to: str, subject: str, body: str, *, signed: bool = False) -> None:
        """Have the mail sink send a person's mail, signed for the pretend police or city hall if asked."""
        values = {
            "from": sender,
            "to": to,
            "subject": subject,
            "body": body,
            "sign": "true" if signed else "",
        }
        said = await self.tell(f"{self.places['mailbox']}api/send", values)
        if said["kind"] != "sent":
            raise NotSeen(f"mail not taken: {said}")

    async def mailbox(self, address: str) -> list[dict[str, Any]]:
        """What lies in a mailbox, without the texts."""
        told = await self.ask(f"{self.places['mailbox']}api/mailboxes/{quote(address)}")
        return list(told["mails"])

    async def open(self, number: int) -> Seen:
        """Open one mail."""
        told = await self.ask(f"{self.places['mailbox']}api/mails/{number}")
        raw = base64.b64decode(told["raw"])
        message = email.message_from_bytes(raw, policy=email.policy.default)
        if not isinstance(message, EmailMessage):
            raise NotSeen("not a mail")
        return Seen(number, raw, message)

    async def expect_mail(self, address: str, subject: str, *, after: int = 0, within: float = 15.0) -> Seen:
        """The first mail of that subject (part of it) with a number above `after`."""

        async def look() -> Seen | None:
            for line in await self.mailbox(address):
                if line["id"] > after and subject in line["subject"]:
                    return await self.open(line["id"])
            return None

        return await self.until(look, f"mail 「{subject}」", within)

    async def count(self, subject: str) -> int:
        """In how many mailboxes the newest mail has this subject."""
        told = await self.ask(f"{self.places['mailbox']}api/mailboxes?limit=100000")
        return sum(subject in box["latest"] for box in told["mailboxes"])

    async def latest(self) -> int:
        """The number of the last mail that anybody got."""
        told = await self.ask(f"{self.places['mailbox']}api/mailboxes?limit=100000")
        return max((box["latest_id"] for box in told["mailboxes"]), default=0)

    async def until(self, look: Callable[[], Awaitable[T | None]], what: str, within: float = 15.0) -> T:
        """Look again and again until something is seen; raises NotSeen after `within` seconds."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            try:
                found = await look()
            except (aiohttp.ClientError, TimeoutError, ValueError):
                found = None
            if found:
                return found
            await asyncio.sleep(POLL_SECONDS)
        raise NotSeen(what)

    async def press(self, url: str, button: str, **fields: str) -> str:
        """Open a page, fill its form and press the button with these words; returns the page that follows."""
        page: Any = lxml.html.fromstring(await self.get(url))
        for form in page.forms:
            for pressed in form.iter("button", "input"):
                words = str(pressed.text_content() or pressed.get("value") or "")
                if button not in words:
                    continue
                sent = {
                    str(name): str(value) for name, value in form.fields.items() if name and value is not None
                }
                if pressed.get("name"):
                    sent[str(pressed.get("name"))] = str(pressed.get("value") or "")
                status, text = await self.post(urljoin(url, str(form.get("action") or url)), sent | fields)
                if status >= 500:
                    raise NotSeen(f"{button}: {status}")
                return text
        raise NotSeen(f"button 「{button}」 on {url}")
