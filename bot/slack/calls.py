"""What Hansho asks of Slack: post a card once, change it, tell somebody something, open a form.

slack_sdk repeats a call by itself when the answer is lost, which posts a card twice (measured); here only
429 is repeated, and an unclear outcome is cleared up by looking into the channel.
"""

import ipaddress
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.kit import Block, escape
from bot.shape import Json, dig, mapping, mappings, number, text

CALL_SECONDS = 10
EVENT_TYPE = "hansho_card"
CLOCKS_APART = timedelta(minutes=10)
"""How far Slack's clock and ours may differ when we look for what we posted."""

_LIBRARY = logging.getLogger("bot.slack.library")
# At debug level the library logs whole payloads (drafts, names), and it takes an unset level for that.
_LIBRARY.setLevel(logging.INFO)


class SlackRefused(Exception):
    """Slack understood and said no (`code`, in its words): the same call will be refused again."""

    def __init__(self, code: str, details: str = "") -> None:
        """`details` is what Slack added, for the log."""
        super().__init__(f"{code} {details}".strip())
        self.code = code


class SlackUnreachable(Exception):
    """No clear answer: nothing is known about whether it was done. Ask again later."""


@dataclass(frozen=True)
class Posted:
    """Where a card stands (its time stamp); not `fresh`: with what an earlier call had posted."""

    ts: str
    fresh: bool


class SlackCalls:
    """The Web API of one workspace with one bot token; usable inside `async with`."""

    def __init__(self, api: str, bot_token: str) -> None:
        """`api` ends with /api/: Slack's own address, or the stand-in's."""
        self.api = api
        self._token = bot_token
        self._session: aiohttp.ClientSession | None = None
        self._client: AsyncWebClient | None = None

    async def __aenter__(self) -> "SlackCalls":
        """Opens the connections' pool; nothing is sent yet."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS))
        self._client = web_client(self.api, self._token, self._session)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes the pool."""
        if self._session is not None:
            await self._session.close()

    async def team(self) -> str:
        """The id of the workspace our token belongs to."""
        return text((await self._ask(self._slack.auth_test())).get("team_id"))

    async def post_once(
        self, channel: str, blocks: Sequence[Block], words: str, key: str, since: datetime | None = None
    ) -> Posted:
        """Posts a card unless one with this key stands in the channel already.

        `words` is the plain text for notifications, `key` the outbox id, `since` (aware) when that row was
        born: the channel is searched from there (without it: the last 200 messages). After SlackUnreachable
        call it again with the same key. SlackRefused when Slack will not take the card
        (`msg_blocks_too_long` …).
        """
        if (found := await self.find(channel, key, since)) is not None:
            return Posted(found, False)
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"outbox_id": key}}
        call = self._slack.chat_postMessage(
            channel=channel,
            blocks=list(blocks),
            text=escape(words),
            metadata=metadata,
            unfurl_links=False,
            unfurl_media=False,
        )
        try:
            return Posted(text((await self._ask(call)).get("ts")), True)
        except SlackUnreachable:
            # The answer was lost, but perhaps not the card.
            if (found := await self.find(channel, key, since)) is not None:
                return Posted(found, True)
            raise

    async def find(self, channel: str, key: str, since: datetime | None = None) -> str | None:
        """The time stamp of the card posted with this key, or None."""
        oldest = None if since is None else f"{(since - CLOCKS_APART).timestamp():.6f}"
        cursor: str | None = None
        while True:
            page = await self._ask(
                self._slack.conversations_history(
                    channel=channel, include_all_metadata=True, limit=200, oldest=oldest, cursor=cursor
                )
            )
            for message in mappings(page.get("messages")):
                if dig(message, "metadata", "event_payload", "outbox_id") == key:
                    return text(message.get("ts"))
            cursor = text(dig(page, "response_metadata", "next_cursor")) or None
            if cursor is None or since is None:
                return None

    async def update(self, channel: str, ts: str, blocks: Sequence[Block], words: str) -> None:
        """Puts other blocks in the place of a card's; harmless when repeated."""
        await self._ask(
            self._slack.chat_update(channel=channel, ts=ts, blocks=list(blocks), text=escape(words))
        )

    async def tell(self, channel: str, user: str, words: str) -> None:
        """Says something in the channel that only this person sees."""
        await self._ask(self._slack.chat_postEphemeral(channel=channel, user=user, text=escape(words)))

    async def respond(self, response: str, words: str) -> None:
        """Answers an act privately at its response address (good for half an hour, five times)."""
        said = {"text": escape(words), "response_type": "ephemeral", "replace_original": False}
        if self._session is None:
            raise SlackUnreachable("not open")
        try:
            async with self._session.post(response, json=said, proxy=self._slack.proxy) as answer:
                if answer.status >= 500:
                    raise SlackUnreachable(f"response address: {answer.status}")
                if answer.status >= 400:
                    raise SlackRefused("used_url", str(answer.status))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SlackUnreachable(type(error).__name__) from error

    async def open_form(self, trigger: str, view: Json) -> str:
        """Opens a modal before the person who acted, within three seconds of the act; its id."""
        return text(dig(await self._ask(self._slack.views_open(trigger_id=trigger, view=view)), "view", "id"))

    @property
    def _slack(self) -> AsyncWebClient:
        if self._client is None:
            raise SlackUnreachable("not open")
        return self._client

    async def _ask(self, call: Awaitable[AsyncSlackResponse]) -> Json:
        try:
            return mapping((await call).data)
        except SlackApiError as error:
            raise _verdict(error) from error
        except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SlackUnreachable(type(error).__name__) from error


def web_client(api: str, token: str | None, session: aiohttp.ClientSession | None = None) -> AsyncWebClient:
    """The library's client with the choices above; a proxy from the environment is not used for loopback."""
    retries = [AsyncRateLimitErrorRetryHandler(max_retry_count=2)]
    client = AsyncWebClient(
        token=token,
        base_url=api,
        session=session,
        timeout=CALL_SECONDS,
        logger=_LIBRARY,
        retry_handlers=list(retries),
    )
    if is_loopback(api):
        client.proxy = None
    return client


def is_loopback(address: str) -> bool:
    """Whether an http address is on this very machine."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _verdict(error: SlackApiError) -> SlackRefused | SlackUnreachable:
    # Unknown is temporary: only a clear `ok: false` of Slack's own is final (429 and 5xx are not).
    response = error.response
    status = number(getattr(response, "status_code", None), 0)
    body = mapping(getattr(response, "data", None))
    code = text(body.get("error"))
    if status != 200 or not code or code in _PASSING:
        return SlackUnreachable(f"{status} {code}".strip())
    details = dig(body, "response_metadata", "messages")
    return SlackRefused(code, "" if details is None else str(details))


_PASSING = {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
