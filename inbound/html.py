"""Turns the HTML of a mail into the text a person would have read.

Written by hand over one scan, because html.parser of CPython 3.11 takes quadratic time on unclosed tags: half a
million `<a ` would hold the intake for hours.
"""

import re
from collections.abc import Iterator
from html import unescape

LIMIT = 1_000_000  # characters; a mail of a resident or an officer is far below
_SILENT = ("script", "style", "head", "title", "template", "noscript")
_PARAGRAPHS = {"p", "blockquote", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6"}
_BREAKS = _PARAGRAPHS | {"br", "div", "tr", "li", "hr"}
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,19})\b")
# A head that was never closed ends where the body begins.
_ENDS = {
    name: re.compile(rf"</{name}\b|<body\b" if name == "head" else rf"</{name}\b", re.IGNORECASE)
    for name in _SILENT
}


def _after(markup: str, mark: str, at: int) -> int:
    """Where the text goes on after the next `mark`, or at the end."""
    found = markup.find(mark, at)
    return len(markup) if found < 0 else found + len(mark)


def _silence(markup: str, name: str, at: int) -> int:
    """Where the content of an invisible element ends."""
    found = _ENDS[name].search(markup, at)
    return len(markup) if found is None else found.start()


def _put(closing: bool, name: str) -> str:
    if closing:
        return "\n" if name in _PARAGRAPHS else " " if name in ("td", "th") else ""
    return "\n" if name in _BREAKS else ""


def _pieces(markup: str) -> Iterator[str]:
    """Texts and the breaks that tags make; each character is passed once."""
    at, close = 0, -1
    while at < len(markup):
        start = markup.find("<", at)
        close = (
            markup.find(">", start) if close < start else close
        )  # remembered: looked for once, not at each <
        if start < 0 or close < 0:  # no tag can end any more
            yield re.sub(r"[ \t\r\n\f]+", " ", unescape(markup[at:]))
            return
        yield re.sub(r"[ \t\r\n\f]+", " ", unescape(markup[at:start]))
        tag = _TAG.match(markup, start)
        if markup.startswith("<!--", start):
            at = _after(markup, "-->", start + 4)
        elif tag is None and markup[start + 1] not in "!?/":
            yield "<"
            at = start + 1
        else:
            at = close + 1
            if tag is not None:
                yield _put(bool(tag[1]), tag[2].lower())
                at = _silence(markup, tag[2].lower(), at) if not tag[1] and tag[2].lower() in _SILENT else at


def to_text(markup: str) -> str:
    """The visible text, LF line ends, at most one empty line in a row. Never raises."""
    text = "".join(_pieces(markup[:LIMIT])).replace("\xa0", " ")
    text = "\n".join(line.strip(" ") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")
