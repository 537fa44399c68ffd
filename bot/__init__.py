"""The chiefs' door: approval cards in Slack."""
