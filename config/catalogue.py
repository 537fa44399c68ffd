"""The catalogue: areas, categories, people, rules, routes, read together and checked against each other."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from config import areas, categories, people, routes, rules
from config.areas import AreasFile
from config.categories import CategoriesFile
from config.checked import Model, checked
from config.mistake import BadConfig, Mistake
from config.people import PeopleFile
from config.routes import Route, RoutesFile
from config.rules import RulesFile
from config.yamlfile import At, Document, load

One = TypeVar("One")

FILES = (areas.FILE, categories.FILE, people.FILE, rules.FILE, routes.FILE)


@dataclass(frozen=True)
class Catalogue:
    """What the town is made of; the documents are plain data for the store."""

    areas: AreasFile
    categories: CategoriesFile
    people: PeopleFile
    rules: RulesFile
    routes_file: RoutesFile

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes in order; the last takes everything."""
        return self.routes_file.routes

    def areas_document(self) -> list[dict[str, object]]:
        """`[{key, name, kana, tree, kind, parents, aliases, sort}]`."""
        return self.areas.document()

    def categories_document(self) -> dict[str, object]:
        """`{scales, categories}`; levels are ranks."""
        return self.categories.document()

    def people_document(self) -> dict[str, object]:
        """`{units, people}`; one right for each action and category."""
        return self.people.document()

    def rules_document(self) -> list[dict[str, object]]:
        """One entry a rule: key, category, origin, decision, stages, office_hours, the two limits."""
        return self.rules.document()

    def document(self) -> dict[str, object]:
        """What an empty ledger is filled from: areas, categories, people, rules."""
        return {
            "areas": self.areas_document(),
            "categories": self.categories_document(),
            "people": self.people_document(),
            "rules": self.rules_document(),
        }

    def route_for(self, domain: str) -> Route:
        """The route of a domain in lower case; the last one takes everything."""
        return next(route for route in self.routes if route.takes(domain))


@dataclass(frozen=True)
class Read(Generic[One]):
    """A file that could be read, with the lines for what is found wrong later."""

    name: str
    file: One
    document: Document

    def mistakes(self, problems: Iterable[tuple[At, str]]) -> list[Mistake]:
        """Problems told at their lines."""
        return [Mistake(self.name, self.document.line_of(at), message) for at, message in problems]


def load_catalogue(folder: Path) -> Catalogue:
    """The catalogue of a configuration folder. Raises BadConfig with every mistake in all five files."""
    catalogue, mistakes = examine(folder)
    if catalogue is None or mistakes:
        raise BadConfig(mistakes)
    return catalogue


def examine(folder: Path) -> tuple[Catalogue | None, list[Mistake]]:
    """The catalogue, None if a file could not be read at all, and every mistake; never stops at the first."""
    found: list[Mistake] = []
    read = partial(_read, folder, found)
    of_areas = read(AreasFile, areas.FILE)
    of_categories = read(CategoriesFile, categories.FILE)
    of_people = read(PeopleFile, people.FILE)
    of_rules = read(RulesFile, rules.FILE)
    of_routes = read(RoutesFile, routes.FILE)
    named = of_categories.file if of_categories else None
    if of_areas:
        found += of_areas.mistakes(areas.problems(of_areas.file))
    if of_categories:
        places = of_areas.file.keys() if of_areas else frozenset[str]()
        units = of_people.file.unit_keys() if of_people else frozenset[str]()
        found += of_categories.mistakes(categories.problems(of_categories.file, places, units))
    if of_people:
        found += of_people.mistakes(people.problems(of_people.file, named))
    if of_rules:
        found += of_rules.mistakes(rules.problems(of_rules.file, named))
    if of_routes:
        found += of_routes.mistakes(routes.problems(of_routes.file))
    if of_categories and of_people:
        found += of_categories.mistakes(people.too_few(of_people.file, of_categories.file))
    if of_categories and of_rules:
        found += of_categories.mistakes(rules.without_rule(of_rules.file, of_categories.file))
    if of_areas and of_categories and of_people and of_rules and of_routes:
        whole = Catalogue(of_areas.file, of_categories.file, of_people.file, of_rules.file, of_routes.file)
        return whole, found
    return None, found


def _read(folder: Path, found: list[Mistake], model: type[Model], name: str) -> Read[Model] | None:
    try:
        document = load(folder / name, name)
        return Read(name, checked(model, document, name), document)
    except BadConfig as bad:
        found += bad.mistakes
        return None
