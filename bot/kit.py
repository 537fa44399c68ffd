"""Block Kit's pieces as we use them: each cut to Slack's limits, each safe for any text.

Texts of people are shown in two ways only: as `plain_text` (nothing in it is interpreted), or escaped inside
our own mrkdwn sentences. Characters that cannot be seen are shown as [U+202E], so that an approver reads what
will be sent.
"""

import unicodedata
from collections.abc import Sequence

Block = dict[str, object]

HEADER = 150
SECTION = 3000
FIELD = 2000
BUTTON = 75
CONFIRM = 300
VALUE = 2000
OPTION = 75
MOST_OPTIONS = 100

_SPECIAL = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKS = "*_~`"
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
# Joiners belong to emoji and to scripts of other languages; tabs and line breaks are layout.
_HARMLESS = "\n\t\u200d\ufe0f"


def visible(words: str) -> str:
    """The text with line ends as \\n and every invisible or direction-changing character spelled out."""
    flat = words.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(one if one in _HARMLESS or _shows(one) else f"[U+{ord(one):04X}]" for one in flat)


def escape(words: str) -> str:
    """Plain words for Slack's mrkdwn: no mention, link or formatting in them comes alive."""
    shown = "".join(_SPECIAL.get(one, one) for one in visible(words))
    # Slack has no escape for its formatting marks; a zero-width space beside one takes its power away.
    return "".join(f"{one}\u200b" if one in _MARKS else one for one in shown)


def cut(words: str, most: int) -> str:
    """At most `most` characters, the last an ellipsis where something was left out."""
    return words if len(words) <= most else f"{words[: most - 1]}…"


def cut_escaped(words: str, most: int) -> str:
    """Plain words escaped, in at most `most` characters, never cut inside an escape."""
    whole = escape(words)
    if len(whole) <= most:
        return whole
    pieces: list[str] = []
    room = most - 1
    for one in visible(words):
        piece = escape(one)
        if len(piece) > room:
            break
        pieces.append(piece)
        room -= len(piece)
    return f"{''.join(pieces)}…"


def plain(words: str, most: int) -> Block:
    """A `plain_text` object: shown as it is, emoji codes and all."""
    return {"type": "plain_text", "text": cut(visible(words), most) or " ", "emoji": False}


def marked(sentence: str, most: int = SECTION) -> Block:
    """A `mrkdwn` object of a sentence of ours whose parts are escaped already."""
    return {"type": "mrkdwn", "text": cut(sentence, most), "verbatim": True}


def header(words: str) -> Block:
    """A headline."""
    return {"type": "header", "text": plain(words, HEADER)}


def section(sentence: str) -> Block:
    """A paragraph of our own words."""
    return {"type": "section", "text": marked(sentence), "expand": True}


def exact(words: str) -> Block:
    """A paragraph of somebody's text, letter for letter."""
    return {"type": "section", "text": plain(words, SECTION), "expand": True}


def pieces(words: str) -> list[str]:
    """A text in pieces that fit a block each, broken at line ends if it can be; joined they are it."""
    made: list[str] = []
    while words:
        piece = words[:SECTION]
        if len(words) > SECTION and (line_end := piece.rfind("\n")) > SECTION // 2:
            piece = piece[: line_end + 1]
        made.append(piece)
        words = words[len(piece) :]
    return made


def fields(sentences: Sequence[str]) -> Block:
    """Short facts in two columns, at most ten."""
    return {"type": "section", "fields": [marked(sentence, FIELD) for sentence in sentences[:10]]}


def context(*sentences: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [marked(sentence) for sentence in sentences[:10]]}


def divider() -> Block:
    """A line across."""
    return {"type": "divider"}


def button(
    action: str, words: str, value: str, style: str | None = None, confirm: Block | None = None
) -> Block:
    """A button; `style` primary or danger, `confirm` asks once more."""
    if len(value) > VALUE:
        raise ValueError(f"a button carries at most {VALUE} characters")
    made: Block = {"type": "button", "action_id": action, "text": plain(words, BUTTON), "value": value}
    made |= {"style": style} if style is not None else {}
    return made | ({"confirm": confirm} if confirm is not None else {})


def confirm(title: str, sentence: str, yes: str, no: str, style: str) -> Block:
    """The question before a button's effect."""
    asked: Block = {"title": plain(title, 100), "text": plain(sentence, CONFIRM), "style": style}
    return asked | {"confirm": plain(yes, 30), "deny": plain(no, 30)}


def actions(block: str, buttons: Sequence[Block]) -> Block:
    """A row of buttons."""
    return {"type": "actions", "block_id": block, "elements": list(buttons)}


def _shows(one: str) -> bool:
    return unicodedata.category(one) not in _HIDDEN
