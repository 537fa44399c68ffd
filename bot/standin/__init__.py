"""The chat of the training town: enough of Slack, on loopback, for the real Bolt app and for practice."""

from bot.standin.people import Person
from bot.standin.server import APP_TOKEN, BOT_TOKEN, ChatStandIn

__all__ = ["APP_TOKEN", "BOT_TOKEN", "ChatStandIn", "Person"]
