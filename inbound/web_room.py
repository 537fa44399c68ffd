"""What every page of the web door needs: settings, ledger, token keys, pages; and how a posted form is read."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDict

from config.settings import Settings
from inbound.web_pace import Buckets
from inbound.web_pages import Pages
from store import queues
from store.db import Store
from store.tokens import Keys

_TOKEN = re.compile(r"[a-z2-7]{24}")
# What a person types into a field; longer is no address, no PIN and no note.
_FIELD = 2000


class Route(Protocol):
    """What `route_for` of the catalogue gives: its name is the name of a queue."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Room:
    """Shared by all handlers of one web door."""

    settings: Settings
    store: Store
    keys: Keys
    route_for: Callable[[str], Route]
    pages: Pages
    joins: Buckets

    @property
    def now(self) -> datetime:
        """The ledger's clock."""
        return self.store.now()

    def queue_of(self, address: str) -> int:
        """The destination which letters to this address belong to; asks the ledger, so call it inside a verb."""
        name = self.route_for(address.rpartition("@")[2].lower()).name
        return next((one.id for one in queues.listed() if one.key == name), None) or queues.default()


def token_of(request: web.Request) -> str:
    """The token in the address, in lower case; "" for what cannot be one (cut off by a mail program)."""
    token = request.match_info["token"].lower()
    return token if _TOKEN.fullmatch(token) else ""


async def form_of(request: web.Request) -> MultiDict[str]:
    """The text fields of a posted form. Raises HTTPBadRequest, HTTPRequestEntityTooLarge."""
    try:
        posted = await request.post()
    except (
        ValueError,
        LookupError,
        RuntimeError,
        HttpProcessingError,
    ) as error:  # broken multipart, odd charset
        raise web.HTTPBadRequest from error
    fields: MultiDict[str] = MultiDict()
    for name, value in posted.items():
        if isinstance(value, str):
            fields.add(name, value.replace("\x00", "")[:_FIELD])
    return fields
