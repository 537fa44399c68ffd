"""A bulletin before its decision, as the link page shows it: the exact mail, whom it reaches, what stands in the way."""

from dataclasses import dataclass
from datetime import datetime

from config import carriers, hours, rendering
from config.settings import Hours
from store import approvals, audience, bulletins, categories, decisions, people, rules
from store.approvals import Asked
from store.bulletins import JST, View
from store.decisions import Taken
from store.errors import Refused
from store.people import Somebody
from store.rules import Origin
from store.states import BulletinState
from store.tokens import TokenState

REALMS = {"live": "本番", "drill": "訓練", "test": "試験"}
ACTIONS = {
    "approve": "承認しました",
    "stage": "途中の段階を承認しました",
    "return": "差し戻しました",
    "reject": "却下しました",
}
DOORS = {"slack": "Slack", "link": "メールのリンク", "automatic": "自動"}
STATES = {
    "draft": "下書き",
    "submitted": "承認待ち",
    "approved": "承認済み",
    "scheduled": "予約済み",
    "sending": "配信中",
    "sent": "配信済み",
    "rejected": "却下",
    "withdrawn": "取下げ",
    "stopped": "配信中止",
}
URGENCIES = {"life": "命にかかわる情報", "immediate": "急ぐ情報", "routine": "急がない情報"}


@dataclass(frozen=True)
class Case:
    """What a link stands for now. `refusal` is the code why this person may not decide, None when he may;
    `opening` when the office opens for it, None when it need not wait."""

    asked: Asked
    view: View
    who: Somebody | None
    level: str | None
    about: int
    taken: Taken | None
    refusal: str | None
    opening: datetime | None

    @property
    def edited(self) -> bool:
        """Another version has taken the place of the one that was mailed."""
        return self.asked.digest != self.view.digest

    @property
    def waiting(self) -> bool:
        """Whether a decision is still to be taken, on the version of this link, with this link."""
        open_link = self.asked.state is TokenState.GOOD
        return open_link and not self.edited and self.view.state is BulletinState.SUBMITTED

    @property
    def text(self) -> str:
        """The mail's text with every section, as it will be sent."""
        return rendering.variant(rendering.from_json(self.view.rendering), -1)[0]

    @property
    def html(self) -> str:
        """The mail's HTML with every section."""
        return rendering.variant(rendering.from_json(self.view.rendering), -1)[1]

    @property
    def subject(self) -> str:
        """The subject with its marks."""
        return rendering.from_json(self.view.rendering).subject


def case(token: str, office: Hours, *, now: datetime) -> Case:
    """A question, not a verb: changes nothing (R20). Raises Refused("token-unknown")."""
    asked = approvals.look(token, now=now)
    view = bulletins.view(asked.bulletin)
    try:
        who = people.by_id(asked.person)
    except Refused:
        return Case(asked, view, None, None, 0, decisions.latest(view.id), "person-unknown", None)
    refusal = decisions.may_decide(view.id, who.id, now=now)
    if refusal is None and not who.has_pin:
        refusal = "no-pin"
    opens = opening(view, office, now=now)
    scale = categories.levels(categories.by_id(view.category_id).scale)
    level = view.level if len(scale) > 1 else None  # お知らせ of a scale of one says nothing
    return Case(
        asked, view, who, level, audience.about(view.version), decisions.latest(view.id), refusal, opens
    )


def opening(view: View, office: Hours, *, now: datetime) -> datetime | None:
    """The next opening of the office, for what may not go out outside its hours (M5.2); None when nothing must wait."""
    policy = rules.policy(view.category_id, Origin(view.origin))
    if not policy.office_hours or view.urgency != "routine":
        return None
    wanted = max(now, view.release_at or now)
    opens = hours.next_open(wanted, office.open, office.close)
    return opens if opens > wanted else None


@dataclass(frozen=True)
class Count:
    """How many get it, exactly, and by carrier."""

    people: int
    carriers: tuple[tuple[str, int], ...]


def count(version: int, realm: str) -> Count:
    """A slow question, for the reading connection only."""
    found = audience.by_carrier(version, realm)
    return Count(audience.exact(version, realm), tuple((carriers.name_of(key), n) for key, n in found))


def moment(at: datetime | None) -> str | None:
    """2026年11月24日（火）8時30分, in Japan."""
    if at is None:
        return None
    local = at.astimezone(JST)
    return f"{local:%Y年%-m月%-d日}（{'月火水木金土日'[local.weekday()]}）{local.hour}時{local.minute:02d}分"
