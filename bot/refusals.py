"""What a person is told when a rule of the ledger said no: each code has its sentence (bot/texts/refusals.txt)."""

from collections.abc import Mapping

from bot.names import clock_time, day_and_time, name_of
from bot.wording import refusal, table
from store import bulletins, decisions
from store.errors import Refused
from store.states import BulletinState

_DECIDED = {
    "approve": "already-approved",
    "stage": "already-approved",
    "return": "already-returned",
    "reject": "already-rejected",
}
NEUTRAL = {
    "number": "—",
    "category": "この情報種別",
    "state": "—",
    "until": "—",
    "when": "—",
    "by": "—",
    "deed": "操作",
    "contact": "運用担当",
}
"""What a sentence says where nothing better is known."""


def about(number: str) -> dict[str, str]:
    """What the sentences may say about a bulletin, as it stands now; a verb that changes nothing."""
    words = {"number": number}
    try:
        view = bulletins.by_number(number)
    except Refused:
        return words
    words |= {"category": view.category, "state": name_of("state", view.state)}
    if view.not_after is not None:
        words["until"] = day_and_time(view.not_after)
    last = decisions.latest(view.id)
    if last is not None:
        words |= {"by": last.by, "when": clock_time(last.at)}
    return words


def sentence(refused: Refused, words: Mapping[str, str]) -> str:
    """The sentence for a refusal; `words` are those of `about`, with `contact`. KeyError for a code without one."""
    said = {**NEUTRAL, **refused.values, **words}
    if "action" in refused.values:
        said["deed"] = name_of("deed", refused.values["action"])
    return refusal(_code(refused, said), **said)


def _code(refused: Refused, said: Mapping[str, str]) -> str:
    if refused.code != "decided":
        return refused.code
    # The last decision need not be why it no longer waits: it may have been withdrawn after that.
    if said["state"] == name_of("state", BulletinState.WITHDRAWN):
        return "moved-already"
    return _DECIDED[refused.values["action"]]


def codes() -> set[str]:
    """Every code that has a sentence."""
    return {*table("refusals"), "decided"}
