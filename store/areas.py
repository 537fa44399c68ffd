"""Areas: several trees over the same ground, their closure, and the codes other systems call them by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.errors import Refused
from store.models import Area, AreaAlias, AreaClosure, AreaParent, tuples

# The JMA's own name of a code space is part of the key: tsunami 220 is not intensity region 220 (JMA.md 2.12).
Alias = tuple[str, str]


@dataclass(frozen=True)
class Place:
    """An area as others see it."""

    id: int
    key: str
    name: str
    tree: str
    kind: str


def apply(document: Sequence[Mapping[str, Any]]) -> int:
    """Make the area list say what the document says (brief: areas). Areas that are gone are kept, inactive.

    Nobody's choice is lost when towns are created, merged or abolished (C5.4): rows are never deleted, an abolished
    town stays where it stood in its trees, and `replaces` (keys) puts it under the area that took its place. Returns
    the number of active areas. Raises Refused("area-unknown-parent") or Refused("area-cycle").
    """
    Area.update(active=False).execute()
    for entry in document:
        values = {
            "name": entry["name"],
            "kana": entry.get("kana") or "",
            "tree": entry["tree"],
            "kind": entry["kind"],
            "sort": int(entry.get("sort") or 0),
            "active": True,
        }
        known = Area.update(**values).where(Area.key == entry["key"]).execute()
        if not known:
            Area.create(key=entry["key"], **values)
    ids = {row.key: row.id for row in Area.select(Area.id, Area.key)}
    parents = _parents(document, ids)
    for area, above in _former(document, ids).items():
        parents[area] = list(dict.fromkeys(parents.get(area, []) + above))
    AreaParent.delete().execute()
    _insert(AreaParent, [{"area_id": a, "parent_id": p} for a, above in parents.items() for p in above])
    _write_closure(parents, list(ids.values()))
    AreaAlias.delete().execute()
    aliases = {(*alias.split(":", 1), ids[e["key"]]) for e in document for alias in e.get("aliases") or ()}
    _insert(AreaAlias, [{"system": s, "code": c, "area_id": a} for s, c, a in sorted(aliases)])
    return len(document)


def _parents(document: Sequence[Mapping[str, Any]], ids: Mapping[str, int]) -> dict[int, list[int]]:
    parents: dict[int, list[int]] = {}
    for entry in document:
        for parent in entry.get("parents") or ():
            if parent not in ids:
                raise Refused("area-unknown-parent", area=entry["key"], parent=parent)
            parents.setdefault(ids[entry["key"]], []).append(ids[parent])
    return parents


def _former(document: Sequence[Mapping[str, Any]], ids: Mapping[str, int]) -> dict[int, list[int]]:
    """The parents of areas that are gone: those they had, and what replaced them."""
    gone = set(ids.values()) - {ids[entry["key"]] for entry in document}
    former: dict[int, list[int]] = {}
    for row in AreaParent.select():
        if row.area_id in gone:
            former.setdefault(row.area_id, []).append(row.parent_id)
    for entry in document:
        for old in entry.get("replaces") or ():
            if old in ids and ids[old] in gone:
                former.setdefault(ids[old], []).append(ids[entry["key"]])
    return former


def _write_closure(parents: Mapping[int, Sequence[int]], ids: Iterable[int]) -> None:
    rows: list[dict[str, int]] = []
    for area in ids:
        depths = {area: 0}
        frontier = [area]
        while frontier:
            child = frontier.pop(0)
            for parent in parents.get(child, ()):
                if parent == area:
                    raise Refused("area-cycle", area=str(area))
                if parent not in depths:
                    depths[parent] = depths[child] + 1
                    frontier.append(parent)
        rows += [{"ancestor_id": a, "descendant_id": area, "depth": d} for a, d in depths.items()]
    AreaClosure.delete().execute()
    _insert(AreaClosure, rows)


def _insert(table: Any, rows: Sequence[Mapping[str, Any]], at_once: int = 500) -> None:
    for start in range(0, len(rows), at_once):
        table.insert_many(rows[start : start + at_once]).execute()


def _place(row: Area) -> Place:
    return Place(row.id, row.key, row.name, row.tree, row.kind)


def by_key(key: str) -> Place:
    """Raises Refused("area-unknown")."""
    row = Area.get_or_none(Area.key == key)
    if row is None:
        raise Refused("area-unknown", area=key)
    return _place(row)


def by_name(name: str) -> list[Place]:
    """Active areas of that name in any tree; 花見川区 and 千葉中央署 are said by name in drafts and replies."""
    rows = Area.select().where((Area.name == name) & (Area.active == True)).order_by(Area.sort, Area.id)  # noqa: E712
    return [_place(row) for row in rows]


def by_alias(system: str, code: str) -> list[Place]:
    """The areas another system means by `system:code`; empty when we have none (a neighbour's town)."""
    rows = (
        Area.select()
        .join(AreaAlias, on=(AreaAlias.area_id == Area.id))
        .where((AreaAlias.system == system) & (AreaAlias.code == code))
        .order_by(Area.sort, Area.id)
    )
    return [_place(row) for row in rows]


def by_codes(codes: Iterable[str]) -> dict[str, list[int]]:
    """Area ids by `system:code`, of those among `codes` that we have: a telegram names half of Japan."""
    wanted = set(codes)
    systems = {code.partition(":")[0] for code in wanted}
    query = AreaAlias.select(AreaAlias.system, AreaAlias.code, AreaAlias.area_id)
    found: dict[str, list[int]] = {}
    for system, code, area in tuples(query.where(AreaAlias.system.in_(systems)).order_by(AreaAlias.area_id)):
        if (key := f"{system}:{code}") in wanted:
            found.setdefault(key, []).append(area)
    return found


def trees(ids: Iterable[int]) -> dict[int, str]:
    """The tree of each of these areas, by id."""
    return {row.id: row.tree for row in Area.select(Area.id, Area.tree).where(Area.id.in_(list(ids)))}


def listed(tree: str | None = None) -> list[Place]:
    """Every active area, of one tree or of all, in the town's order."""
    query = Area.select().where(Area.active == True)  # noqa: E712
    if tree is not None:
        query = query.where(Area.tree == tree)
    return [_place(row) for row in query.order_by(Area.sort, Area.id)]


def related(ids: Iterable[int]) -> set[int]:
    """Ancestors, selves and descendants of these areas: the areas whose choices a bulletin reaches (MODEL.md, match)."""
    wanted = list(ids)
    up = AreaClosure.select(AreaClosure.ancestor_id).where(AreaClosure.descendant_id.in_(wanted))
    down = AreaClosure.select(AreaClosure.descendant_id).where(AreaClosure.ancestor_id.in_(wanted))
    return {area for (area,) in tuples(up)} | {area for (area,) in tuples(down)}


def names(ids: Iterable[int]) -> dict[int, str]:
    """The names of these areas, by id."""
    return {row.id: row.name for row in Area.select(Area.id, Area.name).where(Area.id.in_(list(ids)))}
