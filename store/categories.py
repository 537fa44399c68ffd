"""Categories of information: a tree, each leaf with its ordered levels, defaults and range of change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from store.errors import Refused
from store.models import Category, CategoryClosure, ScaleLevel, Unit, tuples


@dataclass(frozen=True)
class Kind:
    """A category as others see it. `urgency` is life, immediate or routine (the lane of its bulletins)."""

    id: int
    key: str
    name: str
    parent_id: int | None
    scale: str
    urgency: str
    unit_id: int | None
    defaults: tuple[Mapping[str, Any], ...]
    range: Mapping[str, Any]
    phenomenon: str | None


def apply(document: Mapping[str, Any]) -> int:
    """Make scales and categories say what the document says (brief: categories); gone ones stay, inactive.

    Parents stand before children in the document. Units must be there already. Returns the number of categories.
    """
    ScaleLevel.delete().execute()
    for scale, levels in document["scales"].items():
        for level in levels:
            ScaleLevel.create(scale=scale, rank=int(level["rank"]), code=level["code"], name=level["name"])
    units = {row.key: row.id for row in Unit.select(Unit.id, Unit.key)}
    Category.update(active=False).execute()
    ids: dict[str, int] = {row.key: row.id for row in Category.select(Category.id, Category.key)}
    for entry in document["categories"]:
        values = _values(entry, ids, units)
        if not Category.update(**values).where(Category.key == entry["key"]).execute():
            ids[entry["key"]] = Category.create(key=entry["key"], **values).id
    _write_closure()
    return len(document["categories"])


def _values(entry: Mapping[str, Any], ids: Mapping[str, int], units: Mapping[str, int]) -> dict[str, Any]:
    parent, unit = entry.get("parent"), entry.get("unit")
    if parent is not None and parent not in ids:
        raise Refused("category-unknown-parent", category=entry["key"], parent=parent)
    if unit is not None and unit not in units:
        raise Refused("unit-unknown", unit=unit)
    return {
        "name": entry["name"],
        "parent_id": ids[parent] if parent is not None else None,
        "scale": entry["scale"],
        "urgency": entry["urgency"],
        "unit_id": units[unit] if unit is not None else None,
        "defaults": list(entry.get("default") or ()),
        "range": dict(entry.get("range") or {}),
        "phenomenon": entry.get("phenomenon"),
        "sort": int(entry.get("sort") or 0),
        "active": True,
    }


def _write_closure() -> None:
    parents = {row.id: row.parent_id for row in Category.select(Category.id, Category.parent_id)}
    CategoryClosure.delete().execute()
    rows: list[dict[str, int]] = []
    for category in parents:
        ancestor: int | None = category
        depth = 0
        while ancestor is not None:
            if depth > len(parents):
                raise Refused("category-cycle", category=str(category))
            rows.append({"ancestor_id": ancestor, "descendant_id": category, "depth": depth})
            ancestor, depth = parents[ancestor], depth + 1
    for start in range(0, len(rows), 500):
        CategoryClosure.insert_many(rows[start : start + 500]).execute()


def _kind(row: Category) -> Kind:
    return Kind(
        row.id,
        row.key,
        row.name,
        row.parent_id,
        row.scale,
        row.urgency,
        row.unit_id,
        tuple(row.defaults),
        row.range,
        row.phenomenon,
    )


def by_key(key: str) -> Kind:
    """Raises Refused("category-unknown")."""
    row = Category.get_or_none(Category.key == key)
    if row is None:
        raise Refused("category-unknown", category=key)
    return _kind(row)


def by_id(category: int) -> Kind:
    """The category of this row."""
    return _kind(Category.get_by_id(category))


def by_name(name: str) -> Kind | None:
    """An active category by its Japanese name, as drafts say it; None when there is none."""
    row = Category.get_or_none((Category.name == name) & (Category.active == True))  # noqa: E712
    return _kind(row) if row is not None else None


def listed() -> list[Kind]:
    """Every active category in the town's order, parents before children."""
    query = Category.select().where(Category.active == True)  # noqa: E712
    return [_kind(row) for row in query.order_by(Category.sort, Category.id)]


def above(category: int) -> list[int]:
    """The category and its ancestors, nearest first: a choice of any of them covers it (MODEL.md, match)."""
    query = (
        CategoryClosure.select(CategoryClosure.ancestor_id)
        .where(CategoryClosure.descendant_id == category)
        .order_by(CategoryClosure.depth)
    )
    return [ancestor for (ancestor,) in tuples(query)]


def levels(scale: str) -> list[tuple[int, str, str]]:
    """(rank, code, name) of a scale, weakest first."""
    query = ScaleLevel.select().where(ScaleLevel.scale == scale).order_by(ScaleLevel.rank)
    return [(row.rank, row.code, row.name) for row in query]


def level_name(scale: str, rank: int) -> str | None:
    """The JMA's name of a rank, or None for a rank the scale does not have."""
    row = ScaleLevel.get_or_none((ScaleLevel.scale == scale) & (ScaleLevel.rank == rank))
    return row.name if row is not None else None
