"""Approval cards as Block Kit blocks: waiting, decided, void. Pure; the words are in bot/texts/card.txt."""

import json
from collections.abc import Sequence

from bot.card import Action, Card, Outcome, Realm, Verdict, button_value
from bot.kit import (
    Block,
    actions,
    button,
    confirm,
    context,
    cut,
    cut_escaped,
    divider,
    exact,
    fields,
    header,
    pieces,
    section,
    visible,
)
from bot.wording import phrase

BODY_ROOM = 6000
"""Characters of a mail shown on a card; the rest is behind the link."""
SMALL_ROOM = 1500
"""For the second try, when Slack finds a card too long all the same."""
WHOLE_ROOM = 12_000
"""Characters of a whole card as JSON, which is how Slack seems to count (it gives no number)."""
_AREAS_ROOM = 1200
_LINES = 8
_LINE_ROOM = 150
_NAME_ROOM = 120


def approval_card(card: Card, room: int = BODY_ROOM) -> list[Block]:
    """The card of a version waiting for approval, with its buttons; `room` characters of the mail at most."""
    made = _waiting(card, room)
    while size(made) > WHOLE_ROOM and room > 0:
        room = room * 3 // 4
        made = _waiting(card, room)
    return made


def _waiting(card: Card, room: int) -> list[Block]:
    return [
        header(_say(f"header.{card.realm}")),
        section(_say(f"realm.{card.realm}")),
        *_news(card),
        fields(_facts(card)),
        *_whereto(card),
        divider(),
        *_mail(card, room),
        divider(),
        *_checks(card),
        *_steps(card),
        actions("decide", _buttons(card, len(visible(card.body)) > room)),
    ]


def decided_card(card: Card, outcome: Outcome) -> list[Block]:
    """The same card after a decision: no buttons, who decided when, and how the delivery stands."""
    who = {"by": cut_escaped(outcome.by, _NAME_ROOM), "when": cut_escaped(outcome.when, _NAME_ROOM)}
    code = outcome.verdict.value
    if outcome.verdict is Verdict.APPROVED:
        code = f"{'ruled' if outcome.by_rule else outcome.verdict}.{card.realm}"
    blocks = [
        header(_say(f"{outcome.verdict}.header", number=card.number, realm=_say(f"realm-name.{card.realm}"))),
        section(_say(code, **who)),
    ]
    if outcome.note:
        blocks += [section(_say("note")), exact(outcome.note)]
    if outcome.progress:
        blocks.append(section(_say("progress", progress=cut_escaped(outcome.progress, 300))))
    blocks += [section(_say(f"realm.{card.realm}"))] if outcome.verdict is not Verdict.APPROVED else []
    blocks += [exact(cut(card.subject, 300)), fields(_facts(card)), *_whereto(card)]
    blocks.append(context(_say("door", door=cut_escaped(outcome.door, _NAME_ROOM))))
    return [*blocks, actions("under-way", [_stop(card)])] if outcome.stoppable else blocks


def voided_card(card: Card, why: str) -> list[Block]:
    """The card of a version that is no longer the one to decide on (edited, withdrawn): no buttons."""
    title = _say("voided.header", number=card.number, subject=card.subject)
    return [header(title), context(_say("voided", why=cut_escaped(why, 500)))]


def waiting_words(card: Card) -> str:
    """The plain text of a waiting card, for notifications and screen readers."""
    return _fallback("waiting", card)


def decided_words(card: Card, outcome: Outcome) -> str:
    """The plain text of a decided card."""
    return _fallback(outcome.verdict.value, card)


def voided_words(card: Card) -> str:
    """The plain text of a void card."""
    return _fallback("voided", card)


def size(blocks: Sequence[Block]) -> int:
    """The characters Slack counts against its limit on a whole message, as far as is known."""
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


def _news(card: Card) -> list[Block]:
    if not card.changes:
        return []
    return [section("\n".join([_say("changes-head"), *_lines(card.changes)]))]


def _facts(card: Card) -> list[str]:
    category = card.category
    if card.level is not None:
        category = _say("category-level", category=card.category, level=card.level)
    author = _say("author-unit", author=card.author, unit=card.unit)
    facts = {"number": card.number, "category": category, "count": card.count, "release": card.release}
    facts |= {"author": author}
    facts |= {"refers": card.refers} if card.refers is not None else {}
    facts |= {"duration": card.duration} if card.duration is not None else {}
    return [_say(f"field.{name}", value=cut_escaped(value, 200)) for name, value in facts.items()]


def _whereto(card: Card) -> list[Block]:
    count = _say("area-count", count=str(len(card.areas)))
    named = _names([cut_escaped(area, _NAME_ROOM) for area in card.areas], _AREAS_ROOM)
    blocks = [section(_say("areas", count=count, areas=named))]
    if card.carriers:
        lines = [cut_escaped(line, _LINE_ROOM) for line in card.carriers[:_LINES]]
        blocks.append(context(_say("carriers", lines=_say("carrier-separator").join(lines))))
    return blocks


def _names(areas: Sequence[str], room: int) -> str:
    """As many names as fit, and how many more there are."""
    if not areas:
        return _say("no-areas")
    separator, named, used = _say("separator"), [], 0
    for area in areas:
        used += len(area) + len(separator)
        if used > room:
            break
        named.append(area)
    whole = separator.join(named)
    more = len(areas) - len(named)
    return _say("more-areas", areas=whole, more=str(more)) if more else whole


def _mail(card: Card, room: int) -> list[Block]:
    body = visible(card.body)
    shown = body[:room]
    blocks = [section(_say("subject-head")), exact(cut(visible(card.subject), 500) or _say("nothing"))]
    blocks.append(section(_say("body-head")))
    blocks += [exact(part) for part in pieces(shown)] or [exact(_say("nothing"))]
    link = _link(card.link)
    if len(shown) < len(body):
        numbers = {"all": f"{len(body):,}", "shown": f"{len(shown):,}"}
        code = "body-cut" if link else "body-cut-bare"
        blocks.append(section(_say(code, **numbers, **({"link": link} if link else {}))))
    elif link:
        blocks.append(context(_say("body-link", link=link)))
    return blocks


def _checks(card: Card) -> list[Block]:
    if card.findings is None:
        return []
    if not card.findings:
        return [context(_say("findings-none"))]
    head = _say("findings-head", count=str(len(card.findings)))
    return [section("\n".join([head, *_lines(card.findings)]))]


def _steps(card: Card) -> list[Block]:
    return [section("\n".join([_say("steps-head"), *_lines(card.steps)]))] if card.steps else []


def _lines(sentences: Sequence[str]) -> list[str]:
    lines = [_say("line", line=cut_escaped(one, _LINE_ROOM)) for one in sentences[:_LINES]]
    more = len(sentences) - len(lines)
    return [*lines, _say("more-lines", more=str(more))] if more else lines


def _buttons(card: Card, is_cut: bool) -> list[Block]:
    value = button_value(card.number, card.version)
    words = _say(f"approve.{card.realm}", count=cut(card.count, 40))
    live = card.realm is Realm.LIVE
    # Only the live one is green and asks again: a question that always comes is no longer read (R2).
    approve = button(
        Action.APPROVE, words, value, "primary" if live else None, _question(card) if live else None
    )
    back = button(Action.RETURN, _say("return"), value)
    row = [approve, back, button(Action.REJECT, _say("reject"), value, "danger")]
    # What goes out is seen whole before it is approved (C6.7, R13).
    return [*row, button(Action.READ, _say("read"), value)] if is_cut else row


def _stop(card: Card) -> Block:
    asked = _say("stop.text", number=card.number, subject=cut(visible(card.subject), 100))
    question = confirm(_say("stop.title"), asked, _say("stop"), _say("confirm.no"), "danger")
    return button(Action.STOP, _say("stop"), button_value(card.number, card.version), "danger", question)


def _question(card: Card) -> Block:
    areas = _names([cut(visible(area), 60) for area in card.areas], 120)
    words = _say(
        "confirm.text", areas=areas, count=cut(visible(card.count), 40), release=cut(card.release, 40)
    )
    return confirm(_say("confirm.title"), words, _say("confirm.yes"), _say("confirm.no"), "primary")


def _link(address: str | None) -> str | None:
    """An address that cannot break out of Slack's <link|words>, or None."""
    if address is None or not address.startswith(("http://", "https://")):
        return None
    unsafe = {"<": "%3C", ">": "%3E", "|": "%7C", " ": "%20"}
    return "".join(unsafe.get(one, one) for one in visible(address)).replace("&", "&amp;")[:1000]


def _fallback(state: str, card: Card) -> str:
    realm = _say(f"realm-name.{card.realm}")
    words = {"realm": realm, "number": card.number, "subject": cut(card.subject, 200)}
    return _say(f"fallback.{state}", **words, count=card.count)


def _say(code: str, **words: str) -> str:
    return phrase("card", code, **words)
