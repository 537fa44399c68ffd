"""Block Kit as Slack would check it, coarsely: what the stand-in refuses, Slack would refuse as well.

Lengths and keys are those of Slack's published reference for blocks, elements, composition objects and
views; the limit on a whole message is not published, `WHOLE_LIMIT` is what developers report (about 13,200).
"""

import json
from collections.abc import Callable, Iterator

from bot.shape import Json, items, mapping, mappings, text

WHOLE_LIMIT = 13_200
MESSAGE_BLOCKS = 50
MODAL_BLOCKS = 100

_COMMON = {"type", "block_id"}
_KEYS: dict[str, set[str]] = {
    "header": {"text"},
    "section": {"text", "fields", "accessory", "expand"},
    "context": {"elements"},
    "divider": set(),
    "actions": {"elements"},
    "input": {"label", "element", "hint", "optional", "dispatch_action"},
    "rich_text": {"elements"},
}
_ELEMENT_KEYS: dict[str, set[str]] = {
    "button": {"text", "value", "url", "style", "confirm", "accessibility_label"},
    "plain_text_input": {"placeholder", "initial_value", "multiline", "min_length", "max_length"},
    "static_select": {"placeholder", "options", "initial_option", "confirm"},
    "multi_static_select": {"placeholder", "options", "initial_options", "max_selected_items"},
    "radio_buttons": {"options", "initial_option"},
    "checkboxes": {"options", "initial_options"},
    "datepicker": {"placeholder", "initial_date"},
    "timepicker": {"placeholder", "initial_time", "timezone"},
}
_ELEMENT_COMMON = {"type", "action_id", "focus_on_load"}
_MOST_OPTIONS = {"radio_buttons": 10, "checkboxes": 10}

Problems = Iterator[str]


def message_problems(blocks: list[Json]) -> list[str]:
    """Everything wrong with the blocks of a message, in words; empty when Slack would take them."""
    return list(_blocks(blocks, MESSAGE_BLOCKS))


def too_long(blocks: list[Json]) -> bool:
    """Whether the whole message is more than Slack takes (`msg_blocks_too_long`)."""
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))) > WHOLE_LIMIT


def view_problems(view: Json) -> list[str]:
    """Everything wrong with a modal or home view, in words."""
    return list(_view(view))


def _view(view: Json) -> Problems:
    blocks = mappings(view.get("blocks"))
    if view.get("type") == "modal":
        yield from _plain(view.get("title"), 24, "title")
        if any(block.get("type") == "input" for block in blocks) and "submit" not in view:
            yield "submit: a modal with inputs needs one"
        for key in ("submit", "close"):
            if key in view:
                yield from _plain(view[key], 24, key)
    elif view.get("type") != "home":
        yield "type: modal or home"
    yield from _length(view.get("private_metadata", ""), 0, 3000, "private_metadata")
    yield from _length(view.get("callback_id", ""), 0, 255, "callback_id")
    yield from _blocks(blocks, MODAL_BLOCKS)


def _blocks(blocks: list[Json], most: int) -> Problems:
    if len(blocks) > most:
        yield f"blocks: no more than {most}"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(map(str, ids))):
        yield "block_id: not unique"
    for index, block in enumerate(blocks):
        yield from (f"blocks[{index}].{problem}" for problem in _block(block))


def _block(block: Json) -> Problems:
    kind = text(block.get("type"))
    if kind not in _KEYS:
        yield f"type: unknown {kind!r}"
        return
    yield from _strangers(block, _KEYS[kind] | _COMMON)
    yield from _length(block.get("block_id", "x"), 1, 255, "block_id")
    yield from _BLOCK_CHECKS[kind](block)


def _header(block: Json) -> Problems:
    yield from _plain(block.get("text"), 150, "text")


def _section(block: Json) -> Problems:
    fields = mappings(block.get("fields"))
    if "text" not in block and not fields:
        yield "section: needs text or fields"
    if "text" in block:
        yield from _words(block["text"], 3000, "text")
    if len(fields) > 10:
        yield "fields: no more than 10"
    for field in fields:
        yield from _words(field, 2000, "fields")
    if "accessory" in block:
        yield from _element(mapping(block["accessory"]))


def _context(block: Json) -> Problems:
    elements = mappings(block.get("elements"))
    if not 1 <= len(elements) <= 10:
        yield "elements: 1 to 10"
    for element in elements:
        yield from _words(element, 3000, "elements")


def _actions(block: Json) -> Problems:
    elements = mappings(block.get("elements"))
    if not 1 <= len(elements) <= 25:
        yield "elements: 1 to 25"
    ids = [text(element.get("action_id")) for element in elements]
    if len(ids) != len(set(ids)):
        yield "action_id: not unique"
    for element in elements:
        yield from _element(element)


def _input(block: Json) -> Problems:
    yield from _plain(block.get("label"), 2000, "label")
    if "hint" in block:
        yield from _plain(block["hint"], 2000, "hint")
    if mapping(block.get("element")).get("type") == "button":
        yield "element: a button is no input"
    yield from _element(mapping(block.get("element")))


def _nothing(block: Json) -> Problems:
    yield from ()


_BLOCK_CHECKS: dict[str, Callable[[Json], Problems]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "divider": _nothing,
    "actions": _actions,
    "input": _input,
    "rich_text": _nothing,
}


def _element(element: Json) -> Problems:
    kind = text(element.get("type"))
    if kind not in _ELEMENT_KEYS:
        yield f"element type: unknown {kind!r}"
        return
    yield from _strangers(element, _ELEMENT_KEYS[kind] | _ELEMENT_COMMON)
    yield from _length(element.get("action_id"), 1, 255, "action_id")
    if "placeholder" in element:
        yield from _plain(element["placeholder"], 150, "placeholder")
    if kind == "button":
        yield from _button(element)
    if kind == "plain_text_input":
        yield from _length(element.get("initial_value", ""), 0, 3000, "initial_value")
    if "options" in _ELEMENT_KEYS[kind]:
        yield from _options(element, _MOST_OPTIONS.get(kind, 100))


def _button(button: Json) -> Problems:
    yield from _plain(button.get("text"), 75, "button text")
    yield from _length(button.get("value", ""), 0, 2000, "value")
    yield from _length(button.get("url", ""), 0, 3000, "url")
    if button.get("style", "primary") not in ("primary", "danger"):
        yield "style: primary or danger"
    if "confirm" in button:
        confirm = mapping(button["confirm"])
        yield from _strangers(confirm, {"title", "text", "confirm", "deny", "style"})
        yield from _plain(confirm.get("title"), 100, "confirm.title")
        yield from _words(confirm.get("text"), 300, "confirm.text")
        yield from _plain(confirm.get("confirm"), 30, "confirm.confirm")
        yield from _plain(confirm.get("deny"), 30, "confirm.deny")


def _options(element: Json, most: int) -> Problems:
    options = mappings(element.get("options"))
    if not 1 <= len(options) <= most:
        yield f"options: 1 to {most}"
    for option in options:
        yield from _words(option.get("text"), 75, "option text")
        yield from _length(option.get("value"), 1, 150, "option value")
    start = items(element.get("initial_options"))
    if "initial_option" in element:
        start.append(element["initial_option"])
    if any(option not in options for option in start):
        yield "initial_option: not one of the options"


def _words(value: object, most: int, where: str) -> Problems:
    given = mapping(value)
    if given.get("type") not in ("plain_text", "mrkdwn"):
        yield f"{where}: not a text object"
    yield from _strangers(given, {"type", "text", "emoji", "verbatim"})
    yield from _length(given.get("text"), 1, most, where)


def _plain(value: object, most: int, where: str) -> Problems:
    if mapping(value).get("type") != "plain_text":
        yield f"{where}: not plain_text"
    yield from _words(value, most, where)


def _length(value: object, least: int, most: int, where: str) -> Problems:
    if not isinstance(value, str):
        yield f"{where}: no text"
    elif not least <= len(value) <= most:
        yield f"{where}: {len(value)} characters, {least} to {most} allowed"


def _strangers(value: Json, known: set[str]) -> Problems:
    yield from (f"{key}: unknown property" for key in sorted(set(value) - known))
