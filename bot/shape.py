"""Reads untyped JSON as the shape one expects, giving an empty value where the shape is another."""

from collections.abc import Mapping

Json = dict[str, object]


def mapping(value: object) -> Json:
    """The value if it is an object with text keys, else an empty one."""
    if not isinstance(value, Mapping):
        return {}
    return {key: each for key, each in value.items() if isinstance(key, str)}


def items(value: object) -> list[object]:
    """The value if it is a list, else an empty one."""
    return list(value) if isinstance(value, list | tuple) else []


def mappings(value: object) -> list[Json]:
    """The objects in a list; whatever else stands there is left out."""
    return [mapping(each) for each in items(value) if isinstance(each, Mapping)]


def text(value: object, otherwise: str = "") -> str:
    """The value if it is text, else `otherwise`."""
    return value if isinstance(value, str) else otherwise


def text_or_none(value: object) -> str | None:
    """The value if it is text with something in it, else None."""
    return value if isinstance(value, str) and value else None


def number(value: object, otherwise: int) -> int:
    """A whole number, also where it was written as text (query strings), else `otherwise`."""
    if isinstance(value, bool):
        return otherwise
    if isinstance(value, int):
        return value
    try:
        return int(value) if isinstance(value, str) else otherwise
    except ValueError:
        return otherwise


def dig(value: object, *path: str) -> object:
    """What lies at the end of a path of keys, or None."""
    for key in path:
        value = mapping(value).get(key)
    return value
