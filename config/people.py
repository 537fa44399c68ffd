"""people.yaml: sections, the people in them, and what each may do (C6.5)."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.categories import CategoriesFile
from config.checked import Frozen, perhaps
from config.forms import Domain, Key, Phone, Text, mail_address
from config.yamlfile import At

FILE = "people.yaml"
Action = Literal["edit", "approve", "send", "adjust", "operate", "admin", "stop"]
DECIDING = frozenset({"approve", "send", "adjust"})

Address = Annotated[str, AfterValidator(mail_address)]


class Unit(Frozen):
    """A section (課・署); its telephone stands in every mail it answers for (K5)."""

    key: Key
    name: Text
    phone: Phone
    mail: Address


class Right(Frozen):
    """Actions on categories; a category covers those below it, `*` is all. Days are inclusive, Japan time."""

    actions: Annotated[tuple[Action, ...], Field(min_length=1)]
    categories: Annotated[tuple[str, ...], Field(min_length=1)]
    start: Annotated[date | None, Field(alias="from")] = None
    until: date | None = None
    order: Annotated[int, Field(ge=1, le=99)] = 1

    def document(self) -> list[dict[str, object]]:
        """One entry for each action and category; moments as ISO 8601 with +09:00."""
        start = f"{self.start}T00:00:00+09:00" if self.start else None
        until = f"{self.until + timedelta(days=1)}T00:00:00+09:00" if self.until else None
        return [
            {"action": action, "category": category, "from": start, "until": until, "order": self.order}
            for action in self.actions
            for category in self.categories
        ]


class Person(Frozen):
    """Somebody who may write to Hansho as staff; believed by `proof` (MAIL.md 8)."""

    key: Key
    name: Text
    address: Address
    unit: str
    slack: Annotated[str | None, Field(pattern=r"^T[A-Z0-9]+/[UW][A-Z0-9]+$", examples=["T01/U01"])] = None
    proof: Literal["dkim", "dkim+smime"] = "dkim"
    domains: tuple[Domain, ...] = ()
    pin_hash: Annotated[
        str | None, Field(pattern=r"^scrypt\$[0-9a-f]+\$[0-9a-f]+$", examples=["scrypt$…$…"])
    ] = None
    rights: tuple[Right, ...] = ()


class PeopleFile(Frozen):
    """All of people.yaml."""

    units: Annotated[tuple[Unit, ...], Field(min_length=1)]
    people: Annotated[tuple[Person, ...], Field(min_length=1)]

    def document(self) -> dict[str, object]:
        """Units and people as the store takes them."""
        people = []
        for person in self.people:
            entry = person.model_dump(mode="json", exclude={"rights"})
            entry["rights"] = [row for right in person.rights for row in right.document()]
            people.append(entry)
        return {"units": [unit.model_dump(mode="json") for unit in self.units], "people": people}

    def unit_keys(self) -> frozenset[str]:
        """Every section's key."""
        return frozenset(unit.key for unit in self.units)

    def holding(self, actions: frozenset[str], covering: frozenset[str]) -> set[str]:
        """Keys of people with one of the actions on one of the categories or on `*`."""
        return {
            person.key
            for person in self.people
            for right in person.rights
            if actions & set(right.actions) and (covering | {"*"}) & set(right.categories)
        }


def problems(file: PeopleFile, categories: CategoriesFile | None) -> Iterator[tuple[At, str]]:
    """Repeated keys, addresses and Slack ids, unknown names, rights that end before they begin."""
    yield from _repeated(file)
    units = file.unit_keys()
    known = categories.keys() | {"*"} if categories is not None else None
    for i, person in enumerate(file.people):
        if person.unit not in units:
            yield ("people", i, "unit"), f"知らない課 {person.unit} です{perhaps(person.unit, units)}"
        for n, right in enumerate(person.rights):
            at: At = ("people", i, "rights", n)
            if right.start and right.until and right.until < right.start:
                yield (*at, "until"), "until は from より後の日にしてください"
            for m, category in enumerate(right.categories):
                if known is not None and category not in known:
                    yield (
                        (*at, "categories", m),
                        f"知らない情報種別 {category} です{perhaps(category, known)}",
                    )
    if len(file.holding(frozenset({"admin"}), frozenset())) < 2:
        message = (
            '管理者（actions: [admin]、categories: ["*"]）を二人以上にしてください。'
            "設定の変更には二人目の承認がいります"
        )
        yield ("people",), message


def too_few(file: PeopleFile, categories: CategoriesFile) -> Iterator[tuple[At, str]]:
    """Categories for which fewer than two people could decide (Y10); told at the category's line."""
    for i, category in categories.leaves():
        deciding = file.holding(DECIDING, frozenset(categories.above(category.key)))
        if len(deciding) < 2:
            message = (
                f"{category.name} を承認できる人が{len(deciding)}人です。people.yaml で "
                "approve か send か adjust の権限を持つ人を二人以上にしてください"
            )
            yield ("categories", i), message


def _repeated(file: PeopleFile) -> Iterator[tuple[At, str]]:
    units: set[str] = set()
    for i, unit in enumerate(file.units):
        if unit.key in units:
            yield ("units", i, "key"), f"課 {unit.key} が二度書かれています。どちらかの key を変えてください"
        units.add(unit.key)
    words = {"key": "key", "address": "メールアドレス", "slack": "Slack の ID"}
    seen: dict[tuple[str, str], int] = {}
    for i, person in enumerate(file.people):
        for field, word in words.items():
            value = getattr(person, field)
            if value is None:
                continue
            first = seen.setdefault((field, value), i)
            if first != i:
                name = file.people[first].name
                yield (
                    ("people", i, field),
                    f"{word} {value} は {name} さんと同じです。一人に一つにしてください",
                )
