"""rules.yaml: how each category may be decided, for each origin (MODEL.md, decisions)."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from config.categories import CategoriesFile
from config.checked import Frozen, perhaps
from config.forms import Key
from config.yamlfile import At

FILE = "rules.yaml"


class Rule(Frozen):
    """A category's rule covers those below it that have none of their own."""

    key: Key
    category: str
    origin: Literal["staff", "feed", "partner"]
    decision: Literal["two-person", "adjust-and-confirm", "standing", "automatic"] = "two-person"
    stages: tuple[str, ...] = ()
    office_hours: bool = False
    ceiling_per_hour: Annotated[int | None, Field(ge=1, le=1000)] = None
    not_after_minutes: Annotated[int | None, Field(ge=1, le=10080)] = None


class RulesFile(Frozen):
    """All of rules.yaml."""

    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]

    def document(self) -> list[dict[str, object]]:
        """The rules as the store takes them."""
        return [rule.model_dump(mode="json") for rule in self.rules]


def problems(file: RulesFile, categories: CategoriesFile | None) -> Iterator[tuple[At, str]]:
    """Repeated rules, unknown categories, automatic rules without their limits or for what people write."""
    keys: set[str] = set()
    pairs: dict[tuple[str, str], str] = {}
    for i, rule in enumerate(file.rules):
        at: At = ("rules", i)
        if rule.key in keys:
            yield (*at, "key"), f"規則 {rule.key} が二度書かれています。どちらかの key を変えてください"
        keys.add(rule.key)
        first = pairs.setdefault((rule.category, rule.origin), rule.key)
        if first != rule.key:
            message = f"{rule.category} の {rule.origin} の規則は {first} にもあります。一つにしてください"
            yield (*at, "category"), message
        known = categories.keys() if categories is not None else frozenset[str]()
        if known and rule.category not in known:
            hint = perhaps(rule.category, known)
            yield (*at, "category"), f"知らない情報種別 {rule.category} です{hint}"
        yield from _automatic(rule, at)


def without_rule(file: RulesFile, categories: CategoriesFile) -> Iterator[tuple[At, str]]:
    """Categories nobody may decide: no rule of their own nor above them."""
    ruled = {rule.category for rule in file.rules}
    for i, category in categories.leaves():
        if not ruled & set(categories.above(category.key)):
            message = (
                f"{category.name} を決める規則がありません。"
                f"rules.yaml に category: {category.key} の規則を書き足してください"
            )
            yield ("categories", i), message


def _automatic(rule: Rule, at: At) -> Iterator[tuple[At, str]]:
    if rule.decision != "automatic":
        return
    if rule.origin == "staff":  # Y5, R3: what a person writes never leaves by itself
        yield (
            (*at, "decision"),
            "人が書いたもの（origin: staff）は automatic にできません。two-person にしてください",
        )
    if rule.ceiling_per_hour is None:  # R8
        yield at, "automatic の規則には ceiling_per_hour（1時間の上限件数）を書いてください"
    if rule.not_after_minutes is None:  # R6
        yield at, "automatic の規則には not_after_minutes（何分より古い情報は送らないか）を書いてください"
