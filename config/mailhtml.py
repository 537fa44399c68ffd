"""The HTML side of a bulletin: one quiet page of paragraphs, styles inlined, for old phones and dark mode."""

import html
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

HERE = Path(__file__).parent / "letters"
CUT = "<!--cut-->"  # no text of ours or theirs can contain it: every "<" of a text is escaped
LINK = re.compile(r"https?://[!#-;=?-Z\[\]_a-z~]+")
LINK_END = ".,:;!?)]'"

_templates = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
_inliner = css_inline.CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)


def paragraphs(text: str) -> list[Markup]:
    """Blank lines part paragraphs; single line ends stay; http(s) addresses become links."""
    blocks = re.split(r"\n[ \t　]*\n", text.strip("\n"))
    return [
        Markup("<br>\n").join(_linked(line) for line in block.split("\n"))
        for block in blocks
        if block.strip()
    ]


def page(values: Mapping[str, object], sections: Sequence[tuple[str, str]]) -> list[str]:
    """[front, section…, end] of the page; joined and followed by a tail they are one document."""
    shown = [{"heading": heading, "paragraphs": paragraphs(text)} for heading, text in sections]
    source = _templates.get_template("bulletin.html").render(**values, sections=shown, style=_style())
    # HTML lets </body></html> be left out, so that what follows (the recipient's tail) stands inside.
    pieces = _inliner.inline(source).removesuffix("</html>").rstrip().removesuffix("</body>").rstrip()
    return [piece.strip("\n") + "\n" for piece in pieces.split(CUT)]


def tail(reason: str, manage_link: str, stop_address: str) -> str:
    """The recipient's own end of the page, and the end of the document."""
    told = {"@reason@": reason, "@manage@": manage_link, "@stop@": stop_address}
    return re.sub("@(?:reason|manage|stop)@", lambda hole: html.escape(told[hole[0]]), _tail())


@lru_cache(maxsize=1)
def _tail() -> str:
    """Inlined once: a tail is written a hundred thousand times."""
    source = _templates.get_template("tail.html").render(style=_style())
    return _inliner.inline(source).split(CUT)[1].lstrip("\n") + "</body></html>\n"


@lru_cache(maxsize=1)
def _style() -> Markup:
    css = (HERE / "bulletin.css").read_text(encoding="utf-8")
    return Markup(f"<style>{css}</style>")  # noqa: S704  our own file


def _linked(line: str) -> Markup:
    pieces: list[Markup] = []
    at = 0
    for found in LINK.finditer(line):
        url = found[0].rstrip(LINK_END)
        pieces += [Markup.escape(line[at : found.start()]), Markup('<a href="{0}">{0}</a>').format(url)]
        at = found.start() + len(url)
    return Markup("").join([*pieces, Markup.escape(line[at:])])
