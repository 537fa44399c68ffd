"""The areas a resident may choose from, as a page shows them: a few to tick, the many folded by ward or prefecture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from store import areas
from store.areas import Place

# From the widest to the narrowest; what is related to an area and narrower lies in it.
_WIDTH = {
    kind: n
    for n, kind in enumerate(
        ("nation", "prefecture", "block", "municipality", "region", "ward", "station", "town")
    )
}
_FINE = ("town", "station")


@dataclass(frozen=True)
class Spot:
    """One area to tick."""

    key: str
    name: str


@dataclass(frozen=True)
class Fold:
    """Areas behind one heading: 花見川区 and its towns, 千葉県 and its municipalities."""

    name: str
    spots: tuple[Spot, ...]


@dataclass(frozen=True)
class Offer:
    """All areas of one category: those always in sight, and the folded ones."""

    spots: tuple[Spot, ...]
    folds: tuple[Fold, ...]

    def keys(self) -> frozenset[str]:
        """Every key that may be chosen."""
        return frozenset(spot.key for part in (self.spots, *(f.spots for f in self.folds)) for spot in part)


class Ground:
    """The town's areas, read once for a page; every method is a question to the ledger or to what was read."""

    def __init__(self, town: tuple[str, str]) -> None:
        """`town`: key and name of the settings; the area of that key, or else of that name, is the city itself."""
        self._places = areas.listed()
        self._below: dict[int, list[Place]] = {}
        key, name = town
        self.city = next((p for p in self._places if p.key == key), None) or next(
            (p for p in self._places if p.name == name and p.kind == "municipality"), None
        )

    def below(self, place: Place) -> list[Place]:
        """What lies in an area, in the town's order."""
        if place.id not in self._below:
            related = areas.related([place.id])
            self._below[place.id] = [
                one for one in self._places if one.id in related and _WIDTH[one.kind] > _WIDTH[place.kind]
            ]
        return self._below[place.id]

    def offer(self, span: Mapping[str, Any]) -> Offer:
        """The areas of a category's range of change (categories.yaml, range)."""
        kinds = frozenset(span.get("kinds") or ())
        if span.get("areas") == "list":
            roots = [place for key in span["list"] for place in self._places if place.key == key]
            return self._listed(roots, kinds)
        if span.get("areas") == "any" or self.city is None:
            inside = {one.id for place in self._places for one in self.below(place)}
            return self._listed([place for place in self._places if place.id not in inside], kinds)
        return self._of_city(self.city, kinds or frozenset(_WIDTH))

    def _listed(self, roots: list[Place], kinds: frozenset[str]) -> Offer:
        """What stands in the list in sight where nothing lies in it; else folded, and down to wards unless `kinds` says."""
        shown = {place.key for place in roots}
        spots, folds = [], []
        for root in roots:
            inside = [
                one
                for one in self.below(root)
                if one.key not in shown and (one.kind in kinds if kinds else one.kind not in _FINE)
            ]
            if inside:
                folds.append(Fold(root.name, (_whole(root), *map(_spot, inside))))
            else:
                spots.append(_spot(root))
        return Offer(tuple(spots), tuple(folds))

    def _of_city(self, city: Place, kinds: frozenset[str]) -> Offer:
        inside = self.below(city)
        wards = [one for one in inside if one.kind == "ward"] if "ward" in kinds else []
        stations = [one for one in inside if one.kind == "station"] or [
            one for one in self._places if one.kind == "station"
        ]
        spots, folds = [_whole(city)], []
        for ward in wards:
            towns = [one for one in self.below(ward) if one.kind == "town"] if "town" in kinds else []
            if towns:
                folds.append(Fold(ward.name, (_whole(ward), *map(_spot, towns))))
            else:
                spots.append(_spot(ward))
        if "station" in kinds and stations:
            folds.append(Fold("警察署の区域で選ぶ", tuple(map(_spot, stations))))
        return Offer(tuple(spots), tuple(folds))


def _spot(place: Place) -> Spot:
    return Spot(place.key, place.name)


def _whole(place: Place) -> Spot:
    return Spot(place.key, f"{place.name}の全体")
