"""The values of the inputs of a view or message: Slack's `state.values`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

VALUES = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "file_input": ("files", ""),
}
"""Element type: the field that its value is sent in, and the field with its initial value."""

LISTS = {"checkboxes", "file_input"} | {name for name in VALUES if name.startswith("multi_")}


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every interactive element of the blocks, with its block."""
    for block in blocks:
        kind = block.get("type")
        if kind in ("actions", "context_actions", "card"):
            inside: list[Json] = block.get("elements") or block.get("actions") or []
            yield from ((block, each) for each in inside)
        elif kind == "section" and "accessory" in block:
            yield block, block["accessory"]
        elif kind == "input":
            yield block, block["element"]
        elif kind in ("container", "carousel"):
            yield from elements(block.get("child_blocks") or block.get("elements") or [])


def field(element: Json) -> str:
    """The field in which an element sends what was chosen; "" for an element that is only clicked."""
    if element["type"] == "overflow":
        return "selected_option"
    return VALUES[element["type"]][0] if element["type"] in VALUES else ""


def choice(element: Json, chosen: Any) -> Json:
    """The field that choosing or typing sends: `chosen` is a text, an id, an option's value or a list of those.

    Raises LookupError when the element has no such option.
    """
    name = field(element)
    if not name or element["type"].endswith("external_select"):
        return {name: chosen} if name else {}
    if name == "selected_option":
        return {name: None if chosen is None else _option(element, chosen)}
    if name == "selected_options":
        return {name: [_option(element, each) for each in chosen]}
    return {name: chosen}


def action(block: Json, element: Json, chosen: Json) -> Json:
    """The action that Slack sends for this element, with what was `chosen` in it (see `choice`)."""
    sent = {"type": element["type"], "action_id": element["action_id"], "block_id": block["block_id"]}
    for name in ("text", "value", "style", "placeholder", "confirm"):
        if name in element:
            sent[name] = element[name]
    return sent | chosen


def _option(element: Json, value: Any) -> Json:
    options: list[Json] = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options += group["options"]
    for option in options:
        if option["value"] == value:
            return option
    raise LookupError(f"{element.get('action_id')} has no option {value!r}")


def initial(element: Json) -> Json:
    """The entry of an element that nobody has touched."""
    name, first = VALUES[element["type"]]
    value = element.get(first, [] if element["type"] in LISTS else None)
    return {"type": element["type"], name: value}


def values(blocks: list[Json], before: Json | None = None) -> Json:
    """The state of these blocks: the entry in `before` of the same block and action, else the initial value."""
    state: Json = {}
    for block, element in elements(blocks):
        if element.get("type") not in VALUES or "action_id" not in element:
            continue
        old = (before or {}).get(block["block_id"], {}).get(element["action_id"])
        same = isinstance(old, dict) and old.get("type") == element["type"]
        state.setdefault(block["block_id"], {})[element["action_id"]] = old if same else initial(element)
    return state


def problems(blocks: list[Json], state: Json) -> dict[str, str]:
    """Why Slack itself refuses to send, per block_id: a required input is empty, a text too short or too long."""
    sentences: dict[str, str] = {}
    for block, element in elements(blocks):
        if block["type"] != "input" or element["type"] not in VALUES:
            continue
        value = state[block["block_id"]][element["action_id"]].get(VALUES[element["type"]][0])
        text = _problem(block, element, value)
        if text:
            sentences[block["block_id"]] = text
    return sentences


def _problem(block: Json, element: Json, value: Any) -> str:
    if value in (None, "", []):
        return "" if block.get("optional") else "Vul dit verplichte veld in."
    if isinstance(value, str):
        if len(value) > int(element.get("max_length", 3000)):
            return f"Gebruik niet meer dan {element.get('max_length', 3000)} tekens."
        if len(value) < int(element.get("min_length", 0)):
            return f"Gebruik ten minste {element['min_length']} tekens."
    return ""
