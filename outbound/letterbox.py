"""A leased letter as a mail: its purpose's text, filled with what the ledger kept for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from config import alerts
from config.letters import Letter, Purpose, letter
from config.settings import Settings
from store.choices import Chosen
from store.deliveries import Note
from store.tokens import Keys, Signed

# R2: a chief can never take a drill for the real thing, nor the reverse.
REALMS = {"live": "本番（承認すると、実際に住民へ配信されます）", "drill": "訓練", "test": "試験"}
DECISIONS = {"approve": "承認", "return": "差戻し", "reject": "却下"}
# Answers to somebody's mail are auto-replied, everything else auto-generated (RFC 3834 section 5).
REPLIES = frozenset({Purpose.JOIN_CONFIRM, Purpose.JOIN_AGAIN, Purpose.TOKEN_ANSWER, Purpose.NOT_UNDERSTOOD})


@dataclass(frozen=True)
class Envelope:
    """A letter with the addresses that go with it."""

    letter: Letter
    mail_from: str
    reply_to: str | None
    unsubscribe_url: str | None
    auto_submitted: str


class Letterbox:
    """Fills letters; pure but for the override files in the town's `letters` folder."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys
        self._override: Path = settings.folder / "letters"
        self._fill: Mapping[Purpose, Callable[[Note, list[Chosen]], dict[str, str]]] = {
            Purpose.JOIN_CONFIRM: self._join_confirm,
            Purpose.JOIN_AGAIN: self._manage,
            Purpose.WELCOME: self._welcome,
            Purpose.SETTINGS_LINK: lambda note, _: {"link": self._manage_link(note)},
            Purpose.APPROVAL_REQUEST: self._approval,
            Purpose.DECISION_NOTICE: self._decision,
            Purpose.OPERATOR_ALERT: lambda note, _: alerts.words(note.params),
        }

    def compose(self, note: Note, chosen: list[Chosen]) -> Envelope:
        """The letter of this row; `chosen` only matters to a welcome. Raises KeyError, BadLetter."""
        purpose = Purpose(str(note.purpose))
        fill = self._fill.get(purpose, _plain)
        words = self._settings.letter_words() | fill(note, chosen)
        return Envelope(
            letter(purpose, words, self._override),
            self._settings.mail.address("bounce", self._keys.sign(Signed.RETURN_LETTER, note.id)),
            self._reply_to(purpose, note),
            None,
            "auto-replied" if purpose in REPLIES else "auto-generated",
        )

    def _reply_to(self, purpose: Purpose, note: Note) -> str | None:
        if purpose is Purpose.JOIN_CONFIRM:
            return self._settings.mail.address("join", str(note.params["token"]))
        if purpose in (Purpose.BOUNCE_REPORT, Purpose.OPERATORS_HELP, Purpose.OPERATOR_ALERT):
            return self._settings.mail.address("operators")
        if purpose in (Purpose.DRAFT_RECEIVED, Purpose.DRAFT_REFUSED, Purpose.DECISION_NOTICE):
            return self._settings.mail.address("draft")
        return self._settings.mail.address("settings")

    def _manage_link(self, note: Note) -> str:
        token = self._keys.sign(Signed.SETTINGS, int(str(note.params["subscriber"])))
        return f"{self._settings.web.base}/settei/{token}"

    def _join_confirm(self, note: Note, _: list[Chosen]) -> dict[str, str]:
        link = f"{self._settings.web.base}/touroku/{note.params['token']}"
        return {"link": link, "hours": str(note.params["hours"])}

    def _manage(self, note: Note, _: list[Chosen]) -> dict[str, str]:
        return {"manage_link": self._manage_link(note)}

    def _welcome(self, note: Note, chosen: list[Chosen]) -> dict[str, str]:
        areas: dict[str, list[str]] = {}
        for one in chosen:
            areas.setdefault(one.category_name, []).append(one.area_name)
        lines = [f"・{category}（{'、'.join(names)}）" for category, names in areas.items()]
        return {"choices": "\n".join(lines) or "・なし", "manage_link": self._manage_link(note)}

    def _approval(self, note: Note, _: list[Chosen]) -> dict[str, str]:
        params = note.params
        areas = params["areas"]
        return {
            "number": str(params["number"]),
            "realm": REALMS[str(params["realm"])],
            "link": f"{self._settings.web.base}/shounin/{params['token']}",
            "category": str(params["category"]),
            "areas": "、".join(map(str, areas)) if isinstance(areas, list) else str(areas),
            "count": f"約{int(str(params['count'])):,}人",
            "subject": str(params["subject"]),
            "text": str(params["body"]),
            "hours": str(params["hours"]),
        }

    def _decision(self, note: Note, _: list[Chosen]) -> dict[str, str]:
        words = _plain(note, _)
        words["decision"] = DECISIONS[words["decision"]]
        words["note"] = words["note"] or "（なし）"
        return words


def _plain(note: Note, _: list[Chosen]) -> dict[str, str]:
    return {name: str(value) for name, value in note.params.items()}


def message_id(note: Note, domain: str) -> str:
    """The same at every attempt, so that a double can be recognised."""
    return f"<l{note.id}.{_stamp(note.created_at)}@{domain}>"


def _stamp(moment: datetime) -> str:
    return f"{int(moment.timestamp()):x}"
