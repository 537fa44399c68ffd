"""The pretend staff of the training town, and the faces of the app and of the chat itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.shape import Json


@dataclass(frozen=True)
class Person:
    """Somebody in the chat: Slack user id, real name, post in the town (課長, 署員 …), mail address."""

    user: str
    name: str
    role: str
    mail: str | None = None


BOT = Person("U0HANSHO", "半鐘", "アプリ")
"""The app itself, as the author of its messages."""
HOUSE = Person("USLACKBOT", "チャット", "お知らせ")
"""The chat's own voice, where Slack would show a failed click."""


@dataclass(frozen=True)
class Town:
    """Where the chat stands: workspace id and name, channel id and name, and who is in it."""

    team: str
    team_name: str
    channel: str
    channel_name: str
    people: Sequence[Person]

    def person(self, user: str) -> Person | None:
        """The pretend member with this user id, or None."""
        return next((one for one in self.people if one.user == user), None)

    def user_record(self, person: Person) -> Json:
        """A member as `users.info` describes one."""
        return {
            "id": person.user,
            "team_id": self.team,
            "name": person.user.lower(),
            "real_name": person.name,
            "is_bot": person is BOT,
            "deleted": False,
            "profile": {
                "real_name": person.name,
                "display_name": person.name,
                "title": person.role,
                "email": person.mail,
            },
        }
