"""YAML text as plain data in which every scalar stays text, with the line of every value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml

from config.mistake import BadConfig, Mistake

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"
At: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 2_000_000
MAX_DEPTH = 12
NOTHING = frozenset({"", "null", "~"})
HINTS = {
    "mapping values are not allowed": "コロン「:」の使い方か、字下げが正しくありません",
    "could not find expected ':'": "項目名の後のコロン「:」がありません",
    "expected <block end>": "字下げがそろっていません。同じ段の項目は左端をそろえてください",
    "expected ',' or": "括弧の中の区切り「,」か、閉じ括弧がありません",
    "found unexpected end of stream": "引用符か括弧が閉じていません",
    "that cannot start any token": 'この記号で値を始めるときは、値全体を引用符「"」で囲んでください',
    "special characters are not allowed": "使えない制御文字があります",
}


@dataclass(frozen=True)
class Document:
    """What a file says: `data` of dict, list, str and None only; lines count from 1."""

    path: Path
    data: Value
    lines: Mapping[At, int] = field(repr=False)

    def line_of(self, at: At) -> int:
        """The line of the value at `at`, or of the nearest thing around it that is written in the file."""
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at, 1)


def load(path: Path, name: str | None = None) -> Document:
    """Read one YAML file, called `name` in messages. Raises BadConfig with file and line, no YAML error."""
    name = name or path.name
    return parse(_text(path, name), path, name)


def parse(text: str, path: Path, name: str) -> Document:
    """The same for text already read."""
    _refuse_strange_blanks(text, name)
    builder = _Builder(name)
    try:
        data = builder.document(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise _plain(error, text, name) from error
    return Document(path, data, builder.lines)


def _text(path: Path, name: str) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _bad(name, None, f"大きすぎます（{size:,}バイト）。{MAX_BYTES:,}バイトまでにしてください")
        return path.read_bytes().decode("utf-8-sig")  # Windows のメモ帳が付ける BOM は黙って読む
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        message = "UTF-8 ではない文字があります。エディターで文字コードを UTF-8 にして保存し直してください"
        raise _bad(name, line, message) from error
    except FileNotFoundError as error:
        message = "ファイルがありません。hansho init で見本を作れます"
        raise _bad(name, None, message) from error
    except OSError as error:
        raise _bad(name, None, f"読めません（{error.strerror}）") from error


def _refuse_strange_blanks(text: str, name: str) -> None:
    mistakes = []
    for number, line in enumerate(text.splitlines(), start=1):
        if "\t" in line:
            mistakes.append(Mistake(name, number, "タブは使えません。半角の空白に置き換えてください"))
        elif "　" in line[: len(line) - len(line.lstrip())]:
            mistakes.append(Mistake(name, number, "字下げに全角の空白があります。半角の空白にしてください"))
    if mistakes:
        raise BadConfig(mistakes)


class _Builder:
    """Builds data from the parser's events: depth, aliases and tags are refused before they cost anything."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[At, int] = {}

    def document(self, events: Iterator[yaml.Event]) -> Value:
        data: Value = None
        seen = False
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    raise self._bad(
                        event,
                        "「---」で区切った二つ目の文書は置けません。一つのファイルに一つだけ書いてください",
                    )
                seen = True
                data = self._value(next(events), events, ())
        return data

    def _value(self, event: yaml.Event, events: Iterator[yaml.Event], at: At) -> Value:
        self._refuse(event, at)
        self.lines.setdefault(at, _line(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, at)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, at)
        assert isinstance(event, yaml.ScalarEvent)  # noqa: S101  the parser knows no fifth kind of node
        return None if event.style is None and event.value in NOTHING else event.value

    def _mapping(self, events: Iterator[yaml.Event], at: At) -> dict[str, Value]:
        data: dict[str, Value] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            self._refuse(event, at)
            if not isinstance(event, yaml.ScalarEvent):
                raise self._bad(event, "項目名には文字だけを書いてください")
            key, line = event.value, _line(event)
            if key in data:
                first = self.lines[(*at, key)]
                raise self._bad(
                    event, f"項目 {key} が二度書かれています（一度目は{first}行目）。どちらかを消してください"
                )
            self.lines[(*at, key)] = line
            data[key] = self._value(next(events), events, (*at, key))
        return data

    def _sequence(self, events: Iterator[yaml.Event], at: At) -> list[Value]:
        data: list[Value] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            data.append(self._value(event, events, (*at, len(data))))
        return data

    def _refuse(self, event: yaml.Event, at: At) -> None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._bad(
                event, 'YAML の参照（& と *）は使えません。値をそのまま書くか、引用符「"」で囲んでください'
            )
        if getattr(event, "tag", None):
            raise self._bad(event, 'YAML のタグ（!）は使えません。値を引用符「"」で囲んでください')
        if len(at) > MAX_DEPTH:
            raise self._bad(event, f"入れ子が深すぎます（{MAX_DEPTH}段まで）")

    def _bad(self, event: yaml.Event, message: str) -> BadConfig:
        return _bad(self.name, _line(event), message)


def _plain(error: yaml.YAMLError, text: str, name: str) -> BadConfig:
    """A sentence an operator understands, for an error of the YAML library."""
    words = f"{getattr(error, 'problem', '')} {getattr(error, 'reason', '')}"
    # An open quotation is noticed at the end of the file; it is told where it began.
    mark = getattr(error, "context_mark" if "end of stream" in words else "problem_mark", None)
    position = getattr(error, "position", None)
    line = mark.line + 1 if mark is not None else None
    if line is None and isinstance(position, int):
        line = text[:position].count("\n") + 1
    message = next(
        (told for found, told in HINTS.items() if found in words), "YAML の書き方が正しくありません"
    )
    lines = text.splitlines()
    for near in (line or 0, (line or 0) - 1):
        if 1 <= near <= len(lines) and "：" in lines[near - 1]:
            return _bad(name, near, "全角のコロン「：」があります。半角の「:」と空白にしてください")
    return _bad(name, line, message)


def _line(event: yaml.Event) -> int:
    return 1 if event.start_mark is None else event.start_mark.line + 1


def _bad(name: str, line: int | None, message: str) -> BadConfig:
    return BadConfig([Mistake(name, line, message)])
