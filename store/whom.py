"""The audience rule of a version beyond "everybody whose choice matches"; part of what an approval is bound to (R25)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Whom:
    """`also`: (category, area, level) choices it reaches besides those of its own category. 土砂災害 at level 4 is the
    土砂災害警戒情報 of the annex as well, and who chose both gets one mail (CA.8).

    `spares`: bulletins of the same incident; somebody they told is mailed again only for a choice whose minimum is
    above what he was told (R9). `options`: reaches only choices with one of these options, such as how many times a day
    (CA.11); a choice without an option counts as "1"; empty = all.
    """

    also: tuple[tuple[int, int, int], ...] = ()
    spares: tuple[int, ...] = ()
    options: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As it stands in the version; what is empty is left out, so that a plain rule reads as it always did."""
        found: dict[str, Any] = {"kind": "choices"}
        if self.also:
            found["also"] = [list(one) for one in self.also]
        if self.spares:
            found["spares"] = list(self.spares)
        if self.options:
            found["options"] = list(self.options)
        return found


def of_document(document: Mapping[str, Any]) -> Whom:
    """The rule of a stored version."""
    return Whom(
        also=tuple((int(c), int(a), int(level)) for c, a, level in document.get("also", ())),
        spares=tuple(int(one) for one in document.get("spares", ())),
        options=tuple(str(one) for one in document.get("options", ())),
    )
