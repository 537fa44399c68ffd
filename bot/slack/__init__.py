"""The only place that knows slack_bolt and slack_sdk: people's acts come out of it, cards go in."""

from bot.slack.calls import SlackCalls, SlackRefused, SlackUnreachable
from bot.slack.line import Health, SlackLine

__all__ = ["Health", "SlackCalls", "SlackLine", "SlackRefused", "SlackUnreachable"]
