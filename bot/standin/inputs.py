"""The fields of a dialog: what was filled in, as Slack reports it, and what Slack's client would refuse."""

from bot.shape import Json, dig, items, mapping, mappings, text

MISSING = "入力してください。"
TOO_LONG = "{most}文字以内で入力してください（いま{now}文字）。"

_VALUE_KEY = {
    "plain_text_input": "value",
    "static_select": "selected_option",
    "radio_buttons": "selected_option",
    "multi_static_select": "selected_options",
    "checkboxes": "selected_options",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
}
_START_KEY = {
    "value": "initial_value",
    "selected_option": "initial_option",
    "selected_options": "initial_options",
    "selected_date": "initial_date",
    "selected_time": "initial_time",
}


def filled(blocks: list[Json], values: Json) -> Json:
    """The `state.values` of a submission: block id, action id, then a value in the shape of its input."""
    state: Json = {}
    for index, block in enumerate(blocks):
        if block.get("type") != "input":
            continue
        element = mapping(block.get("element"))
        kind, action = text(element.get("type")), text(element.get("action_id"))
        name = text(block.get("block_id"), f"b{index}")
        given = values.get(name)
        if isinstance(given, dict):
            given = given.get(action)
        key = _VALUE_KEY[kind]
        value = element.get(_START_KEY[key]) if given is None else _value(element, key, given)
        state[name] = {action: {"type": kind, key: value}}
    return state


def missing(blocks: list[Json], state: Json) -> dict[str, str]:
    """Errors by block id which Slack's client shows by itself: something required is empty, or too long."""
    errors: dict[str, str] = {}
    for index, block in enumerate(blocks):
        if block.get("type") != "input":
            continue
        element = mapping(block.get("element"))
        name = text(block.get("block_id"), f"b{index}")
        entry = mapping(dig(state, name, text(element.get("action_id"))))
        value = entry.get(_VALUE_KEY[text(element.get("type"))])
        if not value and block.get("optional") is not True:
            errors[name] = MISSING
        most = element.get("max_length")
        if isinstance(value, str) and isinstance(most, int) and len(value) > most:
            errors[name] = TOO_LONG.format(most=most, now=len(value))
    return errors


def _value(element: Json, key: str, given: object) -> object:
    options = {text(option.get("value")): option for option in mappings(element.get("options"))}
    if key == "selected_option":
        return options.get(text(given))
    if key == "selected_options":
        return [options[one] for one in map(text, items(given)) if one in options]
    return text(given) or None
