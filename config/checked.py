"""One YAML document as one pydantic model, or every mistake in it as a Japanese sentence with its line."""

import difflib
import types
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from config.mistake import BadConfig, Mistake
from config.yamlfile import At, Document


class Frozen(BaseModel):
    """The base of all our models: immutable, and an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, populate_by_name=True)


Model = TypeVar("Model", bound=BaseModel)

SENTENCES = {
    "missing": "項目 {name} がありません。書き足してください",
    "int_parsing": "{name} は整数で書いてください（いまの値: {input}）",
    "int_from_float": "{name} は整数で書いてください（いまの値: {input}）",
    "int_type": "{name} に整数を書いてください",
    "bool_parsing": "{name} は true か false で書いてください（いまの値: {input}）",
    "bool_type": "{name} に true か false を書いてください",
    "string_type": "{name} に値を書いてください",
    "string_too_short": "{name} に値を書いてください",
    "string_too_long": "{name} が長すぎます（{max_length}文字まで）",
    "string_pattern_mismatch": "{name} は「{example}」のように、半角で書いてください（いまの値: {input}）",
    "greater_than_equal": "{name} は {ge} 以上にしてください（いまの値: {input}）",
    "less_than_equal": "{name} は {le} 以下にしてください（いまの値: {input}）",
    "too_short": "{name} に少なくとも {min_length} 件を書いてください",
    "too_long": "{name} は {max_length} 件までにしてください",
    "model_type": "{name} の下に項目を「名前: 値」の形で書いてください",
    "tuple_type": "{name} は「- 」で始まる一覧か [ ] の形で書いてください",
    "time_parsing": '{name} は "08:30" のように書いてください（いまの値: {input}）',
}
for _date_error in (
    "date_parsing",
    "date_from_datetime_parsing",
    "datetime_parsing",
    "datetime_from_date_parsing",
):
    SENTENCES[_date_error] = "{name} は 2026-04-01 のように書いてください（いまの値: {input}）"


def checked(model: type[Model], document: Document, name: str) -> Model:
    """The document as `model`. Raises BadConfig with every mistake, in the order of the file."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        found = [_mistake(model, document, name, one) for one in details if not _follows(one, details)]
        raise BadConfig(
            sorted(set(found), key=lambda mistake: (mistake.line or 0, mistake.message))
        ) from error


def perhaps(wrong: str, known: Iterable[str]) -> str:
    """「（もしかして …）」 if something known looks like `wrong`, else nothing."""
    near = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.6)
    return f"（もしかして {near[0]}）" if near else ""


def _follows(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Whether a list is called too short only because what stands in it is wrong."""
    at = detail["loc"]
    below = (one for one in details if len(one["loc"]) > len(at) and one["loc"][: len(at)] == at)
    return detail["type"] == "too_short" and any(below)


def _mistake(model: type[BaseModel], document: Document, name: str, detail: ErrorDetails) -> Mistake:
    at: At = tuple(part for part in detail["loc"] if part != "[key]")
    return Mistake(name, document.line_of(at), _sentence(model, at, detail))


def _sentence(model: type[BaseModel], at: At, detail: ErrorDetails) -> str:
    kind = detail["type"]
    name = next((str(part) for part in reversed(at) if isinstance(part, str)), "この文書")
    context: Mapping[str, Any] = detail.get("ctx", {})
    if kind == "extra_forbidden":
        return f"知らない項目 {name} です{perhaps(name, _fields(model, at[:-1]))}"
    if kind in ("literal_error", "enum"):
        choices = _choices(model, at)
        wrong = _short(detail["input"])
        hint = perhaps(wrong, choices)
        return f"{name} に {wrong} は使えません{hint}。{'・'.join(choices)} のどれかにしてください"
    if kind == "value_error":
        return str(context["error"])
    template = SENTENCES.get(kind, "{name} の値が正しくありません（いまの値: {input}）")
    told = {"name": name, "input": _short(detail["input"]), "example": _example(model, at)}
    return template.format(**{**context, **told})


def _short(value: object) -> str:
    text = "なし" if value is None else str(value)
    return text if len(text) <= 40 else text[:40] + "…"


def _example(model: type[BaseModel], at: At) -> str:
    """What the model's own field gives as an example."""
    around = _type_at(model, at[:-1])
    if isinstance(around, type) and issubclass(around, BaseModel):
        for name, field in around.model_fields.items():
            if (field.alias or name) == at[-1] and field.examples:
                return str(field.examples[0])
    return "abc-123"


def _fields(model: type[BaseModel], at: At) -> list[str]:
    found = _type_at(model, at)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        return []
    return [field.alias or name for name, field in found.model_fields.items()]


def _choices(model: type[BaseModel], at: At) -> list[str]:
    found = _type_at(model, at)
    if get_origin(found) is Literal:
        return [str(choice) for choice in get_args(found)]
    return [str(member) for member in found] if isinstance(found, Iterable) else []


def _type_at(model: type[BaseModel], at: At) -> object:
    """The type a model gives to the value at `at`, looking through optional, tuple and alias."""
    found: object = model
    for part in at:
        found = _inner(found)
        if isinstance(part, int):
            continue
        if not (isinstance(found, type) and issubclass(found, BaseModel)):
            return None
        by_name = {field.alias or name: field.annotation for name, field in found.model_fields.items()}
        found = by_name.get(part)
    return _inner(found)


def _inner(found: object) -> object:
    while get_origin(found) in (Union, types.UnionType, tuple):
        found = next((arg for arg in get_args(found) if arg not in (type(None), Ellipsis)), None)
    return found
