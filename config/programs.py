"""The programs of a town, as the supervisor starts them."""

import sys
from pathlib import Path

from config.settings import Settings
from config.supervisor import Child


def programs(settings: Settings) -> list[Child]:
    """Inbound, the release desk, the senders, bot and feeds, each with this town's configuration folder."""
    # -P: a store.py in the folder where an operator happens to stand must not be taken for ours.
    python = [sys.executable, "-P", "-m"]
    where = ["--config", str(settings.folder)]
    env = {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    senders = [
        Child(f"sender-{n}", [*python, "outbound", *where, "--part", "sender"], env)
        for n in range(1, settings.outbound.workers + 1)
    ]
    return [
        Child("inbound", [*python, "inbound", *where], env),
        Child("outbound", [*python, "outbound", *where], env),
        *senders,
        Child("bot", [*python, "bot", *where], env),
        Child("feeds", [*python, "feeds", *where], env),
    ]
