"""Slack's interaction payloads, read into plain gestures; anything missing becomes an empty value."""

from bot.gestures import Click, Command, FormValue, Submission, Who
from bot.shape import Json, dig, items, mapping, mappings, text


def read_click(body: Json) -> Click:
    """The first action of a `block_actions` payload."""
    action = next(iter(mappings(body.get("actions"))), {})
    chosen = text(action.get("value")) or text(dig(action, "selected_option", "value"))
    return Click(
        who=_who(body),
        action=text(action.get("action_id")),
        value=chosen,
        channel=text(dig(body, "channel", "id")),
        ts=text(dig(body, "container", "message_ts")),
        trigger=text(body.get("trigger_id")),
        response=text(body.get("response_url")),
    )


def read_command(body: Json) -> Command:
    """A slash command."""
    return Command(
        who=Who(text(body.get("team_id")), text(body.get("user_id"))),
        name=text(body.get("command")),
        text=text(body.get("text")).strip(),
        channel=text(body.get("channel_id")),
        trigger=text(body.get("trigger_id")),
        response=text(body.get("response_url")),
    )


def read_submission(body: Json) -> Submission:
    """A `view_submission` payload; each block of a form holds one input, so block ids name the values."""
    values: dict[str, FormValue] = {}
    for block, actions in mapping(dig(body, "view", "state", "values")).items():
        for entry in mapping(actions).values():
            values[block] = form_value(mapping(entry))
    return Submission(
        who=_who(body),
        form=text(dig(body, "view", "callback_id")),
        about=text(dig(body, "view", "private_metadata")),
        values=values,
        view=text(dig(body, "view", "id")),
    )


def form_value(entry: Json) -> FormValue:
    """One input's value, whatever kind of input it is."""
    for key in ("value", "selected_date", "selected_time"):
        if isinstance(entry.get(key), str):
            return text(entry[key])
    if "selected_options" in entry:
        chosen = mappings(items(entry["selected_options"]))
        return tuple(text(option.get("value")) for option in chosen)
    return text(dig(entry, "selected_option", "value")) or None


def _who(body: Json) -> Who:
    # In a channel shared between organisations the person's workspace differs from the app's: his own counts.
    team = text(dig(body, "user", "team_id")) or text(dig(body, "team", "id"))
    return Who(team, text(dig(body, "user", "id")))
