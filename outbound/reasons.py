"""The reason line of a mail: which choice brought it (花見川区・不審者情報 を選択)."""

from collections.abc import Iterable

from store import areas, categories
from store.db import Store


class Reasons:
    """Remembers the names of categories and areas; a town has few of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lines: dict[tuple[int, int], str] = {}

    async def learn(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Look up the pairs (category, area) not known yet."""
        missing = [pair for pair in pairs if pair not in self._lines]
        if missing:
            self._lines.update(await self._store.run(_lines, missing))

    def line(self, category: int, area: int) -> str:
        return self._lines[category, area]


def _lines(pairs: list[tuple[int, int]]) -> dict[tuple[int, int], str]:
    names = areas.names({area for _, area in pairs})
    return {
        (category, area): _line(names.get(area), categories.by_id(category).name) for category, area in pairs
    }


def _line(area: str | None, category: str) -> str:
    chosen = f"「{area}・{category}」" if area is not None else f"「{category}」"
    return f"このメールは{chosen}を選択した方にお送りしています。"
