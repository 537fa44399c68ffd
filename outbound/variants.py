"""What a worker keeps prepared: each bulletin's variants, encoded and hashed once, and the words of reason lines."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from config import rendering
from config.settings import Settings
from outbound.compose import Outgoing, Prepared, Recipient, prepare
from store.deliveries import Content, Mail
from store.tokens import Keys, Signed

# More bulletins at once than this are prepared again when their turn comes round.
KEPT = 32


@dataclass(frozen=True)
class Ready:
    """A bulletin's content and one prepared message a variant (a mask of sections)."""

    content: Content
    rendering: rendering.Rendering
    prepared: dict[int, Prepared]


class Variants:
    """Per worker, not shared between loops."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys
        self._ready: dict[int, Ready] = {}

    def knows(self, bulletin: int) -> bool:
        """Whether it is kept ready."""
        return bulletin in self._ready

    def make_room(self, wanted: AbstractSet[int]) -> None:
        """Forget the bulletins unused longest, never a wanted one."""
        for bulletin in wanted & self._ready.keys():
            self._ready[bulletin] = self._ready.pop(bulletin)  # the last used is last
        while len(self._ready) > KEPT and next(iter(self._ready)) not in wanted:
            self._ready.pop(next(iter(self._ready)))

    def learn(self, content: Content) -> None:
        """Keep a bulletin ready. Raises KeyError or ValueError for a rendering that is none."""
        self._ready[content.bulletin] = Ready(content, rendering.from_json(content.rendering), {})

    def ready(self, bulletin: int) -> Ready:
        """What was learnt."""
        return self._ready[bulletin]

    def prepared(self, ready: Ready, sections: int) -> Prepared:
        """The message of this variant, made once. The mask is cut to the sections there are."""
        mask = sections & ((1 << len(ready.rendering.text.sections)) - 1)
        found = ready.prepared.get(mask)
        if found is None:
            found = ready.prepared[mask] = prepare(self._outgoing(ready, mask))
        return found

    def _outgoing(self, ready: Ready, sections: int) -> Outgoing:
        mail, content = self._settings.mail, ready.content
        text, html = rendering.variant(ready.rendering, sections)
        return Outgoing(
            from_name=mail.from_name,
            from_address=mail.address("sender"),
            subject=ready.rendering.subject,
            text=text,
            html=html,
            date=content.released_at,
            list_id=f"{self._settings.town.key}.{mail.domain}",
            headers=(("X-Hansho-Bulletin", content.number), ("X-Hansho-Realm", content.realm)),
        )

    def recipient(self, ready: Ready, mail: Mail, reason: str) -> Recipient:
        """This row's own bytes: address, links, reason line, and the thread of its incident."""
        settings, content = self._settings, ready.content
        manage = self._keys.sign(Signed.SETTINGS, mail.subscriber)
        stop = self._keys.sign(Signed.STOP, mail.subscriber)
        stop_address = settings.mail.address("stop", stop)
        tail_text, tail_html = rendering.tail(reason, f"{settings.web.base}/settei/{manage}", stop_address)
        first = content.first_of_event
        return Recipient(
            address=mail.address,
            message_id=self._message_id(content.number, mail.subscriber),
            tail_text=tail_text,
            tail_html=tail_html,
            unsubscribe_url=f"{settings.web.base}/teishi/{stop}",
            unsubscribe_mail=stop_address,
            references=(self._message_id(first, mail.subscriber),) if first is not None else (),
        )

    def mail_from(self, mail: Mail) -> str:
        """The return path, which names this delivery and nobody else can make."""
        return self._settings.mail.address("bounce", self._keys.sign(Signed.RETURN_DELIVERY, mail.id))

    def _message_id(self, number: str, subscriber: int) -> str:
        return f"<{number}.{subscriber}@{self._settings.mail.domain}>"
