"""The pages of the mail sink: mailboxes to read, mails to answer, and the same as JSON for testers."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import jinja2
from aiohttp import web

from outbound.compose import JST
from outbound.errors import Deferred
from outbound.handwritten import Written, quoted
from outbound.mailboxes import as_json, content
from outbound.reply import Kind

if TYPE_CHECKING:
    from outbound.sink import MailSink

PER_PAGE = 50
_LINK = re.compile(r"https?://[^\s<>\"'（）「」、。]+|[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SinkWeb:
    """HTTP side of a MailSink."""

    def __init__(self, sink: "MailSink") -> None:
        self._sink = sink
        self._pages = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent / "pages"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )
        self._pages.filters["linked"] = linked
        self._pages.filters["local"] = local_time
        self._pages.globals["query"] = lambda **values: urlencode(values)
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port taken. Raises OSError."""
        app = web.Application(middlewares=[_guarded], client_max_size=1_000_000)
        app.add_routes(
            [
                web.get("/", self._list),
                web.get("/mailbox", self._mailbox),
                web.get(r"/mails/{id:\d{1,12}}", self._mail),
                web.get("/write", self._form),
                web.post("/write", self._write),
                web.get("/api/mailboxes", self._api_list),
                web.get("/api/mailboxes/{address:.+}", self._api_mailbox),
                web.get(r"/api/mails/{id:\d{1,12}}", self._api_mail),
                web.post("/api/send", self._api_send),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the listener."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _list(self, request: web.Request) -> web.Response:
        part = request.query.get("q", "")
        rows = self._sink.mailboxes.addresses(part)
        page = _page(request)
        shown = rows[(page - 1) * PER_PAGE : page * PER_PAGE]
        return self._show(
            "mailboxes.html", rows=shown, total=len(rows), page=page, pages=_pages(len(rows)), part=part
        )

    async def _mailbox(self, request: web.Request) -> web.Response:
        address = request.query.get("address", "")
        mails = self._sink.mailboxes.mails(address)
        page = _page(request)
        return self._show(
            "mailbox.html",
            address=address,
            mails=mails[(page - 1) * PER_PAGE : page * PER_PAGE],
            total=len(mails),
            page=page,
            pages=_pages(len(mails)),
            sent="sent" in request.query,
        )

    async def _mail(self, request: web.Request) -> web.Response:
        mail = self._sink.mailboxes.mail(int(request.match_info["id"]))
        if mail is None:
            raise web.HTTPNotFound(text="そのメールはありません。")
        shown = content(self._sink.mailboxes.raw(mail))
        subject = mail.subject if mail.subject.lower().startswith("re:") else f"Re: {mail.subject}"
        return self._show("mail.html", mail=mail, shown=shown, subject=subject, quoted=quoted(shown.text))

    async def _form(self, request: web.Request) -> web.Response:
        return self._show("write.html", values=_values(request.query), problem=None)

    async def _write(self, request: web.Request) -> web.Response:
        posted = await request.post()
        values = _values({name: str(value) for name, value in posted.items()})
        outcome = await self._send(values)
        if outcome["kind"] != Kind.SENT:
            return self._show(
                "write.html", status=422, values=values, problem=f"{outcome['code']} {outcome['text']}"
            )
        raise web.HTTPSeeOther(f"/mailbox?{urlencode({'address': values['from'], 'sent': 1})}")

    async def _send(self, values: dict[str, str]) -> dict[str, object]:
        letter = Written(
            values["from"].strip(),
            values["to"].strip(),
            values["subject"],
            values["body"],
            values["name"],
            self._references(values["answers"]),
        )
        try:
            reply = await self._sink.send(letter, signed=values["sign"] not in ("", "false", "False"))
        except Deferred as error:
            reply = error.reply
        except ValueError as error:
            return {"kind": "rejected", "code": 0, "enhanced": None, "text": f"送れません: {error}"}
        return {"kind": str(reply.kind), "code": reply.code, "enhanced": reply.enhanced, "text": reply.text}

    def _references(self, answers: str) -> tuple[str, ...]:
        mail = self._sink.mailboxes.mail(int(answers)) if answers.isdecimal() and len(answers) < 13 else None
        return (mail.message_id,) if mail and mail.message_id else ()

    async def _api_list(self, request: web.Request) -> web.Response:
        rows = self._sink.mailboxes.addresses(request.query.get("q", ""))
        limit = _number(request, "limit", 1000)
        boxes = [
            {"address": a, "count": n, "latest_id": last.id, "latest": last.subject} for a, n, last in rows
        ]
        return _json({"total": len(rows), "mails": len(self._sink.mailboxes), "mailboxes": boxes[:limit]})

    async def _api_mailbox(self, request: web.Request) -> web.Response:
        address = request.match_info["address"]
        mails = self._sink.mailboxes.mails(address)
        keys = ("id", "mail_from", "sender", "subject", "message_id", "received_at")
        return _json(
            {"address": address, "mails": [{key: getattr(each, key) for key in keys} for each in mails]}
        )

    async def _api_mail(self, request: web.Request) -> web.Response:
        mail = self._sink.mailboxes.mail(int(request.match_info["id"]))
        if mail is None:
            return _json({"error": "そのメールはありません。"}, status=404)
        return _json(as_json(mail, self._sink.mailboxes.raw(mail)))

    async def _api_send(self, request: web.Request) -> web.Response:
        try:
            posted = await request.json()
        except ValueError:
            posted = None
        if not isinstance(posted, dict) or "from" not in posted or "to" not in posted:
            return _json({"error": "from, to, subject, body の JSON を送ってください。"}, status=400)
        outcome = await self._send(_values({str(k): "" if v is None else str(v) for k, v in posted.items()}))
        return _json(outcome, status=200 if outcome["kind"] == Kind.SENT else 502)

    def _show(self, name: str, *, status: int = 200, **values: object) -> web.Response:
        text = self._pages.get_template(name).render(
            town=self._sink.town, can_sign=self._sink.sign is not None, **values
        )
        return web.Response(text=text, status=status, content_type="text/html")


def linked(text: str, mailbox: str) -> list[tuple[str, str | None]]:
    """``text`` cut into (piece, link): web addresses as they are, mail addresses to our own form."""
    pieces: list[tuple[str, str | None]] = []
    end = 0
    for found in _LINK.finditer(text):
        piece = found.group(0).rstrip(".,;:!?)")
        pieces.append((text[end : found.start()], None))
        is_web = piece.startswith("http")
        pieces.append((piece, piece if is_web else "/write?" + urlencode({"from": mailbox, "to": piece})))
        end = found.start() + len(piece)
    return [*pieces, (text[end:], None)]


def local_time(moment: str) -> str:
    """ISO 8601 as 11月21日 18:05 in Japan."""
    when = datetime.fromisoformat(moment).astimezone(JST)
    return f"{when.month}月{when.day}日 {when:%H:%M}"


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer only to loopback names, take forms only from our own pages: any web page can reach 127.0.0.1."""
    name = urlsplit(f"//{request.host}").hostname
    if name not in ("127.0.0.1", "localhost", "::1"):
        raise web.HTTPForbidden(text="この機械の中からだけ使えます。")
    origin = request.headers.get("Origin")
    if request.method == "POST" and origin is not None and origin != f"http://{request.host}":
        raise web.HTTPForbidden(text="ほかのページからは送れません。")
    response = await handler(request)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _values(given: Mapping[str, str]) -> dict[str, str]:
    return {key: given.get(key, "") for key in ("from", "to", "subject", "body", "name", "answers", "sign")}


def _page(request: web.Request) -> int:
    return max(1, _number(request, "page", 1))


def _number(request: web.Request, name: str, default: int) -> int:
    given = request.query.get(name, "")
    return int(given) if given.isdecimal() and len(given) < 7 else default


def _pages(total: int) -> int:
    return max(1, -(-total // PER_PAGE))


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.json_response(value, status=status)
