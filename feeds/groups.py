"""Which items of one telegram go into one mail: those of one category that are told to people."""

from collections.abc import Iterable
from dataclasses import dataclass

from feeds import kinds
from feeds.item import Item


@dataclass(frozen=True, slots=True)
class Group:
    category: str
    items: tuple[Item, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """Every area once, in the telegram's order."""
        return tuple(dict.fromkeys(area.code for item in self.items for area in item.areas))


def grouped(items: Iterable[Item]) -> tuple[Group, ...]:
    """Groups in the order in which their categories first appear; continuations are in none."""
    by_category: dict[str, list[Item]] = {}
    for item in items:
        if item.told:
            by_category.setdefault(kinds.category(item.phenomenon), []).append(item)
    return tuple(Group(category, tuple(members)) for category, members in by_category.items())
