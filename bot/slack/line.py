"""The line on which Slack tells us what people do: Bolt over Socket Mode, and how it stands.

The library's connect never returns while Slack is away and writes a traceback at every try (measured), so it
runs as a task of its own, its log is thinned, and `health` says what the rest of the bot needs to know.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Mapping
from enum import StrEnum

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.gestures import Listener, Submission
from bot.payloads import read_click, read_command, read_submission
from bot.shape import Json
from bot.slack.calls import SlackCalls, SlackRefused, SlackUnreachable, is_loopback, web_client
from bot.wording import refusal

log = logging.getLogger(__name__)

ANSWER_SECONDS = 2.0
"""Slack takes an answer to a form for three seconds; ours is given before."""
_ANYTHING = re.compile(r"[\s\S]*")


class Health(StrEnum):
    """How the line stands."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    DOWN = "down"
    REFUSED = "refused"
    """Slack does not take our token, or it belongs to another workspace: somebody must mend the settings."""


class SlackLine:
    """One Socket Mode connection; acts go to the listener, each in a task of ours."""

    def __init__(
        self, calls: SlackCalls, app_token: str, team: str, listener: Listener, *, ping_seconds: float = 5.0
    ) -> None:
        """`team` is the workspace id of the settings; a line to any other is REFUSED."""
        self._calls = calls
        self._app_token = app_token
        self._team = team
        self._listener = listener
        self._ping = ping_seconds
        self._handler: AsyncSocketModeHandler | None = None
        self._acts: set[asyncio.Task[None]] = set()
        self._own: list[asyncio.Task[None]] = []
        self._turned = asyncio.Condition()
        self.health = Health.CONNECTING
        self.health_since = 0.0
        """When `health` last changed, in seconds of the event loop's clock."""

    async def start(self) -> None:
        """Begins to connect and returns at once, also while Slack is away."""
        self.health_since = asyncio.get_running_loop().time()
        handler = AsyncSocketModeHandler(
            self._bolt(), self._app_token, logger=_thinned_log(), ping_interval=self._ping
        )
        if is_loopback(self._calls.api):
            handler.client.proxy = None
        self._handler = handler
        self._own = [asyncio.create_task(_connect(handler)), asyncio.create_task(self._watch(handler))]

    async def stop(self) -> None:
        """Lets acts in progress finish for a moment, then hangs up."""
        if self._acts:
            await asyncio.wait(self._acts, timeout=ANSWER_SECONDS)
        ending: list[asyncio.Future[None]] = [*self._own, *self._acts]
        for task in ending:
            task.cancel()
        if self._handler is not None:
            client = self._handler.client
            await client.close()  # type: ignore[no-untyped-call]  # untyped
            inner = (client.message_processor, client.current_session_monitor, client.message_receiver)
            ending += [task for task in inner if task is not None]
        await asyncio.gather(*ending, return_exceptions=True)

    async def until(self, health: Health) -> None:
        """Waits until the line stands so."""
        async with self._turned:
            await self._turned.wait_for(lambda: self.health is health)

    def _bolt(self) -> AsyncApp:
        async def authorize() -> AuthorizeResult:
            # One workspace, known beforehand. Bolt's own check would ask Slack at every act, through a client
            # of its own that takes a proxy from the environment even for loopback.
            return AuthorizeResult(enterprise_id=None, team_id=self._team)

        async def on_click(ack: AsyncAck, body: Json) -> None:
            await ack()
            click = read_click(body)
            self._begin(self._listener.clicked(click), click.channel, click.who.user)

        async def on_command(ack: AsyncAck, body: Json) -> None:
            await ack()
            command = read_command(body)
            self._begin(self._listener.commanded(command), command.channel, command.who.user)

        async def on_form(ack: AsyncAck, body: Json) -> None:
            if errors := await self._submitted(read_submission(body)):
                await ack(response_action="errors", errors=dict(errors))
            else:
                await ack()

        async def on_other(ack: AsyncAck) -> None:
            # Whatever we do not know is acknowledged, or the person would see an error sign.
            await ack()

        app = AsyncApp(
            client=web_client(self._calls.api, None),
            authorize=authorize,
            logger=_thinned_log(),
            name="hansho",
        )
        app.action(_ANYTHING)(on_click)
        app.command(_ANYTHING)(on_command)
        app.view_submission(_ANYTHING)(on_form)
        app.view_closed(_ANYTHING)(on_other)
        app.shortcut(_ANYTHING)(on_other)
        app.event(_ANYTHING)(on_other)
        return app

    def _begin(self, work: Awaitable[None], channel: str, user: str) -> None:
        # Bolt keeps no reference to the tasks it starts, so what matters runs in a task of ours.
        task = asyncio.create_task(self._guarded(work, channel, user))
        self._acts.add(task)
        task.add_done_callback(self._acts.discard)

    async def _guarded(self, work: Awaitable[None], channel: str, user: str) -> None:
        try:
            await work
        except Exception:  # named edge: one person's act must not end the program, and he must hear of it
            log.exception("an act in Slack failed")
            await self._sorry(channel, user)

    async def _sorry(self, channel: str, user: str) -> None:
        try:
            await self._calls.tell(channel, user, refusal("temporary"))
        except (SlackRefused, SlackUnreachable) as error:
            log.warning("a failed act could not be answered: %s", error)

    async def _submitted(self, submission: Submission) -> Mapping[str, str]:
        answers: list[Mapping[str, str]] = []

        async def work() -> None:
            answers.append(await self._listener.submitted(submission))

        task = asyncio.create_task(work())
        self._acts.add(task)
        task.add_done_callback(self._acts.discard)
        await asyncio.wait({task}, timeout=ANSWER_SECONDS)
        if answers:
            return answers[0]
        if task.done() and not task.cancelled():
            log.error("a form in Slack failed", exc_info=task.exception())
        # Failed or too slow: the form stays open with its text, and sending it again must be harmless.
        return {block: refusal("temporary") for block in list(submission.values)[:1]}

    async def _watch(self, handler: AsyncSocketModeHandler) -> None:
        while True:
            client = handler.client
            if not await client.is_connected():
                # An address opens one connection, once, yet the library tries a failed one again for ever.
                client.wss_uri = None
                if self.health is not Health.CONNECTING or self._waited() > self._ping:
                    await self._turn(Health.DOWN)
            elif self.health is not Health.CONNECTED:
                await self._turn(await self._standing())
            await asyncio.sleep(self._ping / 10)

    def _waited(self) -> float:
        return asyncio.get_running_loop().time() - self.health_since

    async def _standing(self) -> Health:
        try:
            team = await self._calls.team()
        except SlackUnreachable:
            return Health.DOWN
        except SlackRefused:
            return Health.REFUSED
        return Health.CONNECTED if team == self._team else Health.REFUSED

    async def _turn(self, health: Health) -> None:
        if health is self.health:
            return
        log.log(logging.INFO if health is Health.CONNECTED else logging.WARNING, "Slack: %s", health)
        async with self._turned:
            self.health, self.health_since = health, asyncio.get_running_loop().time()
            self._turned.notify_all()


class _OneLine(logging.Filter):
    """Keeps the library's failed tries out of the log but at debug level: `health` tells of them once."""

    def filter(self, record: logging.LogRecord) -> bool:
        words = record.getMessage()
        if words.startswith(
            ("Failed to connect", "Failed to check", "Failed to retrieve", "Failed to receive")
        ):
            record.exc_info, record.exc_text = None, None
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
            return logging.getLogger(__name__).isEnabledFor(logging.DEBUG)
        return True


async def _connect(handler: AsyncSocketModeHandler) -> None:
    await handler.connect_async()  # type: ignore[no-untyped-call]  # untyped in the library


def _thinned_log() -> logging.Logger:
    library = logging.getLogger("bot.slack.line.library")
    library.setLevel(logging.INFO)
    if not any(isinstance(one, _OneLine) for one in library.filters):
        library.addFilter(_OneLine())
    return library
