"""The look of the web door: one layout, one style sheet, no script; templates in pages/, filled and never concatenated."""

import base64
import hashlib
from pathlib import Path

import segno
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from config.settings import Settings

_STYLE = (Path(__file__).parent / "pages" / "web.css").read_text(encoding="utf-8")
STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


class Pages:
    """Fills templates with what every page says: who we are, whom to call, where to write."""

    def __init__(self, settings: Settings) -> None:
        self._templates = Environment(
            loader=PackageLoader("inbound", "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        # The policy names the hash of these very bytes, so nobody else's style can get in.
        self._templates.globals["style"] = Markup(_STYLE)  # noqa: S704 - our own file
        self._templates.globals["training"] = settings.realm == "training"
        self._templates.globals["phone"] = settings.town.phone
        self._templates.globals["archive"] = settings.archive.base
        self._templates.globals.update(settings.letter_words())

    def show(self, name: str, status: int = 200, /, **values: object) -> web.Response:
        """The page pages/NAME.html."""
        text = self._templates.get_template(f"{name}.html").render(values)
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")

    def tell(self, title: str, *lines: str, status: int = 200, **more: object) -> web.Response:
        """A page that says one thing: `title`, a paragraph for each line; `more`: link, label, action, button."""
        values = {"link": None, "action": None, **more}
        return self.show("web_told", status, title=title, lines=lines, **values)


def code_of(text: str) -> Markup:
    """A QR code as inline SVG, dark on light also where the page is dark: scanners want it so."""
    svg = segno.make(text, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=True)
    return Markup(svg)  # noqa: S704 - made of squares
