"""The town's areas that a telegram speaks of; a code that stands in two trees means the one its subject is chosen by."""

from collections.abc import Iterable
from typing import Final

from store import areas

# 一次細分区域 and 府県予報区 carry forecasts, which residents choose by region, and flashes, which they choose by
# municipality: the same number, two trees.
_SHARED: Final = ("class10:", "pref:")
_FORECASTS: Final = ("VPFD", "VPFW", "VPFG")
_TREE: Final = "forecast"


def ours(type_: str | None, codes: Iterable[str]) -> dict[str, list[int]]:
    """Area ids by `system:code`, of those codes that the town has; runs inside a verb."""
    found = areas.by_codes(codes)
    shared = {area for code, ids in found.items() if code.startswith(_SHARED) for area in ids}
    if not shared:
        return found
    trees = areas.trees(shared)
    forecast = (type_ or "").startswith(_FORECASTS)
    cut = {
        code: [area for area in ids if area not in trees or (trees[area] == _TREE) is forecast]
        for code, ids in found.items()
    }
    return {code: ids for code, ids in cut.items() if ids}
