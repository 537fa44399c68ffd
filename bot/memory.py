"""What a card's message shows, as the ledger keeps it for the bot between two looks and over a restart."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bot.shape import dig, items, mapping, number, text
from bot.sight import Sight
from bot.wording import phrase


@dataclass(frozen=True)
class Memory:
    """`face` is the hash of what stands there, `digest` the version it is about, `parts` hashes of its pieces.

    `round` counts how often the bulletin had been sent back when this message was posted; `count` and
    `carriers` are the exact numbers of the version, None before they are known; `changed` names the pieces that
    differ from the version shown before it; `buttons` says whether a decision can be clicked there.
    """

    round: int = 0
    digest: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    count: int | None = None
    carriers: tuple[tuple[str, int], ...] = ()
    face: str = ""
    buttons: bool = False

    def meet(self, sight: Sight) -> "Memory":
        """The memory for the version there is now; what changed since the one shown before is told until decided."""
        if self.digest == sight.view.digest:
            return self
        parts = _parts(sight)
        changed = [name for name in parts if self.digest and self.parts.get(name) != parts[name]]
        if self.buttons:  # edited twice before anybody decided: the changes add up
            changed = [name for name in parts if name in changed or name in self.changed]
        if self.digest and not changed:
            changed = ["other"]
        return replace(
            self, digest=sight.view.digest, parts=parts, changed=tuple(changed), count=None, carriers=()
        )

    def sentences(self, sight: Sight) -> tuple[str, ...]:
        """What changed, for the approver."""
        if not self.changed:
            return ()
        edited = phrase("card", "edited", n=str(sight.view.n), by=sight.view.author or "—")
        return (edited, *(phrase("card", f"change.{name}") for name in self.changed))

    def write(self) -> str:
        """As text for the ledger."""
        return json.dumps(self.__dict__, ensure_ascii=False, sort_keys=True)


def read(words: str | None) -> Memory:
    """What `write` wrote; an empty memory for anything else, which only means that the card is shown again."""
    try:
        document = mapping(json.loads(words or "{}"))
    except ValueError:
        return Memory()
    count = document.get("count")
    carriers = [items(pair) for pair in items(document.get("carriers"))]
    return Memory(
        round=number(document.get("round"), 0),
        digest=text(document.get("digest")),
        parts={key: text(value) for key, value in mapping(dig(document, "parts")).items()},
        changed=tuple(text(one) for one in items(document.get("changed"))),
        count=count if isinstance(count, int) else None,
        carriers=tuple((text(pair[0]), number(pair[1], 0)) for pair in carriers if len(pair) == 2),
        face=text(document.get("face")),
        buttons=document.get("buttons") is True,
    )


def fingerprint(thing: object) -> str:
    """A short hash of plain values."""
    words = json.dumps(thing, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _parts(sight: Sight) -> dict[str, str]:
    view = sight.view
    subject, body = sight.mail
    pieces: dict[str, object] = {
        "subject": subject,
        "body": body,
        "areas": view.areas,
        "release": view.release_at,
        "until": view.not_after,
    }
    return {name: fingerprint(piece) for name, piece in pieces.items()}
