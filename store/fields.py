"""Column types that mean the same on SQLite and PostgreSQL."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from peewee import BigIntegerField, TextField

V = TypeVar("V")

if TYPE_CHECKING:
    _Integer = BigIntegerField
    _Text = TextField
else:  # peewee's classes are generic in its stubs only

    class _Integer(BigIntegerField):
        def __class_getitem__(cls, _value_type):
            return cls

    class _Text(TextField):
        def __class_getitem__(cls, _value_type):
            return cls


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Integer microseconds since 1970 in UTC. Raises ValueError for a naive datetime (MODEL.md, time)."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without its zone: {moment!r}")
    return (moment - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC datetime of integer microseconds since 1970."""
    return EPOCH + timedelta(microseconds=micros)


class UtcField(_Integer[V]):
    """A moment: aware datetimes in Python, integer microseconds UTC in the database."""

    if TYPE_CHECKING:  # a nullable column reads as `… | None`

        @overload
        def __new__(cls, *, null: Literal[True]) -> "UtcField[datetime | None]": ...
        @overload
        def __new__(cls, *, null: Literal[False] = ...) -> "UtcField[datetime]": ...
        def __new__(cls, **kwargs: Any) -> Any: ...

    def db_value(self, value: Any) -> int | None:
        if value is None or isinstance(value, int):
            return value
        return to_micros(value)

    def python_value(self, value: Any) -> datetime | None:
        return None if value is None else from_micros(int(value))


class JsonField(_Text[Any]):
    """A small JSON value, kept as text (peewee's own JSON type differs between databases)."""

    def db_value(self, value: Any) -> str | None:
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def python_value(self, value: Any) -> Any:
        return None if value is None else json.loads(value)


class BooleanNumber(_Integer[V]):
    """True and False as 1 and 0, so that one partial index serves both databases."""

    if TYPE_CHECKING:  # a nullable column reads as `… | None`

        @overload
        def __new__(cls, *, null: Literal[True]) -> "BooleanNumber[bool | None]": ...
        @overload
        def __new__(cls, *, null: Literal[False] = ...) -> "BooleanNumber[bool]": ...
        def __new__(cls, **kwargs: Any) -> Any: ...

    def db_value(self, value: Any) -> int | None:
        return None if value is None else int(bool(value))

    def python_value(self, value: Any) -> bool | None:
        return None if value is None else bool(value)
