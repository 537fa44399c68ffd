"""What every listener needs: settings, the ledger, Slack; who acted, and how he is answered in private."""

import logging
from dataclasses import dataclass

from bot import refusals
from bot.gestures import Who
from bot.slack.calls import SlackCalls, SlackRefused, SlackUnreachable
from bot.wording import refusal
from config.settings import Settings
from store import people
from store.bulletins import Renderer
from store.db import Store
from store.errors import Refused
from store.people import Somebody

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Office:
    """Shared by all listeners."""

    settings: Settings
    store: Store
    calls: SlackCalls
    render: Renderer

    async def person(self, who: Who) -> Somebody | None:
        """The person of people.yaml behind a Slack user, or None."""
        return await self.store.run(people.by_slack, who.team, who.user)

    def stranger(self, who: Who) -> str:
        """The sentence for somebody nobody registered: whom to ask."""
        return refusal("unknown-person", who=who.key, contact=self._contact)

    async def why_not(self, refused: Refused, number: str) -> str:
        """The sentence for a refusal about a bulletin, as it stands by now."""
        words = await self.store.run(refusals.about, number)
        return refusals.sentence(refused, {**words, "contact": self._contact})

    def words(self) -> dict[str, str]:
        """What every sentence may name."""
        return {"contact": self._contact}

    async def say(self, response: str, words: str) -> None:
        """Answer in private. What was done is done, also when this answer does not arrive."""
        try:
            await self.calls.respond(response, words)
        except (SlackRefused, SlackUnreachable) as error:
            log.warning("an answer did not arrive: %s", error)

    @property
    def _contact(self) -> str:
        return self.settings.letter_words()["contact"]
