"""Forms of the bot as Slack views (give back, reject, submit a draft), and what was filled in. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.card import Realm, button_value
from bot.gestures import FormValue
from bot.kit import MOST_OPTIONS, OPTION, Block, escape, exact, header, pieces, plain, section, visible
from bot.wording import phrase

REASON_ROOM = 1000
SUBJECT_ROOM = 100
BODY_ROOM = 3000
"""Slack lets a person type no more into a form; longer drafts come by mail."""


class Form(StrEnum):
    """Callback ids of the forms."""

    RETURN = "return"
    REJECT = "reject"
    DRAFT = "draft"
    STOP = "stop"
    WITHDRAW = "withdraw"
    READ = "read"


_READ_PIECES = 97
"""Pieces of a text in a form of a hundred blocks, beside the subject and a closing line."""


class Field(StrEnum):
    """Block ids of the inputs; errors of a submission name them."""

    REASON = "reason"
    REALM = "realm"
    CATEGORY = "category"
    AREAS = "areas"
    SUBJECT = "subject"
    BODY = "body"
    DATE = "date"
    TIME = "time"


@dataclass(frozen=True)
class Choice:
    """Something to choose: its key in the catalogue and its name."""

    key: str
    name: str


@dataclass(frozen=True)
class DraftWords:
    """A draft as filled in; `areas` are keys, or names where they were typed (`areas_typed`)."""

    realm: Realm | None
    category: str
    areas: tuple[str, ...]
    areas_typed: bool
    subject: str
    body: str
    date: str | None
    time: str | None


def return_modal(number: str, version: str) -> Block:
    """Asks why a draft is given back (差戻し); `about` of its submission is the card's button value."""
    return _reason_form(Form.RETURN, number, button_value(number, version))


def reject_modal(number: str, version: str) -> Block:
    """Asks why a draft is rejected (却下)."""
    return _reason_form(Form.REJECT, number, button_value(number, version))


def withdraw_modal(number: str, response: str) -> Block:
    """Asks why a bulletin is withdrawn (取下げ); `about` is the number and where to answer."""
    return _reason_form(Form.WITHDRAW, number, f"{number} {response}")


def stop_modal(number: str, response: str) -> Block:
    """Asks once more before a delivery is stopped (配信中止); `about` is the number and where to answer."""
    return _modal(Form.STOP, f"{number} {response}", [section(_say("stop.intro", number=escape(number)))])


def read_modal(subject: str, body: str) -> Block:
    """Shows a whole mail that is too long for a card."""
    parts = pieces(visible(body))
    shown = [header(subject), *(exact(part) for part in parts[:_READ_PIECES])]
    if len(parts) > _READ_PIECES:
        shown.append(section(_say("read.more")))
    return {
        "type": "modal",
        "callback_id": Form.READ.value,
        "title": plain(_say("read.title"), 24),
        "close": plain(_say("close"), 24),
        "blocks": shown,
    }


def draft_modal(categories: Sequence[Choice], areas: Sequence[Choice], about: str = "") -> Block:
    """Asks for a draft; more than a hundred areas are typed, not chosen. ValueError without categories.

    `about` comes back with the submission (where to answer).
    """
    if not categories:
        raise ValueError("a draft needs a category this person may write for")
    realms = [Choice(realm, _say(f"draft.realm.{realm}")) for realm in (Realm.LIVE, Realm.DRILL)]
    blocks = [
        section(_say("draft.intro")),
        _input(Field.REALM, _select("radio_buttons", realms), "draft.realm", hint="draft.realm.hint"),
        _input(Field.CATEGORY, _select("static_select", categories[:MOST_OPTIONS]), "draft.category"),
        _areas(areas),
        _input(Field.SUBJECT, _typed(SUBJECT_ROOM), "draft.subject", hint="draft.subject.hint"),
        _input(Field.BODY, _typed(BODY_ROOM, lines=True), "draft.body"),
        _input(Field.DATE, {"type": "datepicker"}, "draft.date", optional=True),
        _input(Field.TIME, {"type": "timepicker"}, "draft.time", optional=True),
    ]
    return _modal(Form.DRAFT, about, blocks)


def read_reason(values: Mapping[str, FormValue]) -> str:
    """The reason of a return or a rejection, without space around it; empty when there is none."""
    return _text(values, Field.REASON).strip()


def read_draft(values: Mapping[str, FormValue]) -> DraftWords:
    """A submitted draft; nothing is checked but its shape."""
    realm, chosen = _text(values, Field.REALM), values.get(Field.AREAS)
    typed = not isinstance(chosen, tuple)
    names = chosen if isinstance(chosen, tuple) else _split(chosen or "")
    return DraftWords(
        realm=Realm(realm) if realm in list(Realm) else None,
        category=_text(values, Field.CATEGORY),
        areas=names,
        areas_typed=typed,
        subject=" ".join(_text(values, Field.SUBJECT).split()),
        body=_text(values, Field.BODY),
        date=_text(values, Field.DATE) or None,
        time=_text(values, Field.TIME) or None,
    )


def _reason_form(form: Form, number: str, about: str) -> Block:
    blocks = [
        section(_say(f"{form}.intro", number=escape(number))),
        _input(Field.REASON, _typed(REASON_ROOM, lines=True), f"{form}.reason", hint=f"{form}.hint"),
    ]
    return _modal(form, about, blocks)


def _modal(form: Form, about: str, blocks: Sequence[Block]) -> Block:
    return {
        "type": "modal",
        "callback_id": form.value,
        "private_metadata": about,
        "title": plain(_say(f"{form}.title"), 24),
        "submit": plain(_say(f"{form}.submit"), 24),
        "close": plain(_say("close"), 24),
        "blocks": list(blocks),
    }


def _areas(areas: Sequence[Choice]) -> Block:
    if 0 < len(areas) <= MOST_OPTIONS:
        select = _select("multi_static_select", areas)
        return _input(Field.AREAS, select, "draft.areas", hint="draft.areas.hint")
    return _input(Field.AREAS, _typed(1000), "draft.areas", hint="draft.areas.typed")


def _input(
    field: Field, element: Block, label: str, *, hint: str | None = None, optional: bool = False
) -> Block:
    made: Block = {"type": "input", "block_id": field.value, "optional": optional}
    made |= {"label": plain(_say(label), 2000), "element": element | {"action_id": field.value}}
    return made | ({"hint": plain(_say(hint), 2000)} if hint is not None else {})


def _typed(most: int, *, lines: bool = False) -> Block:
    return {"type": "plain_text_input", "multiline": lines, "max_length": most}


def _select(kind: str, choices: Sequence[Choice]) -> Block:
    options = [{"text": plain(one.name, OPTION), "value": one.key} for one in choices]
    made: Block = {"type": kind, "options": options}
    return made if kind == "radio_buttons" else made | {"placeholder": plain(_say("choose"), 150)}


def _text(values: Mapping[str, FormValue], field: Field) -> str:
    value = values.get(field)
    return value if isinstance(value, str) else ""


def _split(words: str) -> tuple[str, ...]:
    for mark in "，,\n\u3000":
        words = words.replace(mark, "、")
    return tuple(name.strip() for name in words.split("、") if name.strip())


def _say(code: str, **words: str) -> str:
    return phrase("modal", code, **words)
