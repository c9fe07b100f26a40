"""Block Kit's limits: https://docs.slack.dev/reference/block-kit/blocks

Each problem is a (JSON pointer, reason) pair, as Slack reports it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.slack import data_blocks, elements
from bot.sandbox.slack.block_check import Check, Json
from bot.sandbox.slack.rich_text import check_rich_text

MESSAGE, MODAL, HOME = "message", "modal", "home"
MAX_BLOCKS = {MESSAGE: 50, MODAL: 100, HOME: 100}

INPUTS = frozenset(
    {
        "plain_text_input",
        "email_text_input",
        "url_text_input",
        "number_input",
        "rich_text_input",
        "file_input",
        "checkboxes",
        "radio_buttons",
        "datepicker",
        "timepicker",
        "datetimepicker",
        *elements.SELECTS,
    }
)
IN_ACTIONS = frozenset(
    {
        "button",
        "workflow_button",
        "overflow",
        "checkboxes",
        "radio_buttons",
        "datepicker",
        "timepicker",
        "datetimepicker",
        "rich_text_input",
        "icon_button",
        *elements.SELECTS,
    }
)
IN_SECTION = frozenset(
    {
        "button",
        "workflow_button",
        "overflow",
        "checkboxes",
        "radio_buttons",
        "datepicker",
        "timepicker",
        "image",
        *elements.SELECTS,
    }
)


def _section(check: Check, block: Json, at: str) -> None:
    if "text" not in block and "fields" not in block:
        check.wrong(at, "must define either `text` or `fields`")
    if "text" in block:
        check.text(block["text"], f"{at}/text", most=3000)
    if "fields" in block:
        for i, each in enumerate(check.items(block, "fields", at, least=1, most=10)):
            check.text(each, f"{at}/fields/{i}", most=2000)
    if "accessory" in block:
        elements.check_element(check, block["accessory"], f"{at}/accessory", IN_SECTION)


def _header(check: Check, block: Json, at: str) -> None:
    if check.has(block, "text", at):
        check.text(block["text"], f"{at}/text", most=150, kinds=("plain_text",))


def _context(check: Check, block: Json, at: str) -> None:
    for i, each in enumerate(check.items(block, "elements", at, least=1, most=10)):
        if isinstance(each, dict) and each.get("type") == "image":
            elements.check_image(check, each, f"{at}/elements/{i}")
        else:
            check.text(each, f"{at}/elements/{i}", most=3000)


def _actions(check: Check, block: Json, at: str) -> None:
    for i, each in enumerate(check.items(block, "elements", at, least=1, most=25)):
        elements.check_element(check, each, f"{at}/elements/{i}", IN_ACTIONS)


def _context_actions(check: Check, block: Json, at: str) -> None:
    kinds = frozenset({"feedback_buttons", "icon_button"})
    for i, each in enumerate(check.items(block, "elements", at, least=1, most=5)):
        elements.check_element(check, each, f"{at}/elements/{i}", kinds)


def _input(check: Check, block: Json, at: str) -> None:
    if check.has(block, "label", at):
        check.text(block["label"], f"{at}/label", most=2000, kinds=("plain_text",))
    if "hint" in block:
        check.text(block["hint"], f"{at}/hint", most=2000, kinds=("plain_text",))
    for name in ("optional", "dispatch_action"):
        if not isinstance(block.get(name, False), bool):
            check.wrong(f"{at}/{name}", "must be a boolean")
    if check.has(block, "element", at):
        # Slack reports a file only when the view is sent: https://docs.slack.dev/reference/block-kit/blocks/input-block
        allowed = INPUTS - {"file_input"} if block.get("dispatch_action") else INPUTS
        elements.check_element(check, block["element"], f"{at}/element", allowed)


def _image(check: Check, block: Json, at: str) -> None:
    elements.check_image(check, block, at)
    if "title" in block:
        check.text(block["title"], f"{at}/title", most=2000, kinds=("plain_text",))


def _markdown(check: Check, block: Json, at: str) -> None:
    check.string(block, "text", at, most=12_000)


def _table(check: Check, block: Json, at: str) -> None:
    data_blocks.check_rows(check, check.items(block, "rows", at, least=1, most=100), at)


def _card(check: Check, block: Json, at: str) -> None:
    if not any(block.get(name) for name in ("hero_image", "title", "actions", "body")):
        check.wrong(at, "must define at least one of `hero_image`, `title`, `actions` or `body`")
    for name, most in (("title", 150), ("subtitle", 150), ("body", 200)):
        if name in block:
            check.text(block[name], f"{at}/{name}", most=most)
    if "actions" in block:
        for i, each in enumerate(check.items(block, "actions", at, least=1, most=5)):
            elements.check_element(check, each, f"{at}/actions/{i}", frozenset({"button"}))


def _carousel(check: Check, block: Json, at: str) -> None:
    for i, each in enumerate(check.items(block, "elements", at, least=1, most=10)):
        _check_block(check, each, f"{at}/elements/{i}", {"card": _card})


def _container(check: Check, block: Json, at: str) -> None:
    inside = {name: rule for name, (rule, _) in BLOCKS.items() if name not in ("container", "carousel", "input")}
    for i, each in enumerate(check.items(block, "child_blocks", at, least=1, most=10)):
        _check_block(check, each, f"{at}/child_blocks/{i}", inside)


def _alert(check: Check, block: Json, at: str) -> None:
    if check.has(block, "text", at):
        check.text(block["text"], f"{at}/text", most=3000)
    check.one_of(block, "level", at, ("default", "info", "warning", "error", "success"))


def _video(check: Check, block: Json, at: str) -> None:
    for name, most in (("alt_text", 2000), ("thumbnail_url", 3000), ("video_url", 3000)):
        check.string(block, name, at, most=most)
    if check.has(block, "title", at):
        check.text(block["title"], f"{at}/title", most=200, kinds=("plain_text",))


def _file(check: Check, block: Json, at: str) -> None:
    check.string(block, "external_id", at, most=255)
    check.string(block, "source", at, most=255)


def _divider(check: Check, block: Json, at: str) -> None:
    """A divider has no fields to check."""


Rule = Callable[[Check, Json, str], None]
EVERYWHERE = frozenset({MESSAGE, MODAL, HOME})
BLOCKS: Mapping[str, tuple[Rule, frozenset[str]]] = {
    "section": (_section, EVERYWHERE),
    "header": (_header, EVERYWHERE),
    "context": (_context, EVERYWHERE),
    "actions": (_actions, EVERYWHERE),
    "divider": (_divider, EVERYWHERE),
    "image": (_image, EVERYWHERE),
    "input": (_input, EVERYWHERE),
    "rich_text": (check_rich_text, EVERYWHERE),
    "video": (_video, EVERYWHERE),
    "card": (_card, EVERYWHERE),
    "carousel": (_carousel, frozenset({MESSAGE, HOME})),
    "markdown": (_markdown, frozenset({MESSAGE})),
    "table": (_table, frozenset({MESSAGE})),
    "file": (_file, frozenset({MESSAGE})),
    "container": (_container, frozenset({MESSAGE})),
    "context_actions": (_context_actions, frozenset({MESSAGE})),
    "alert": (_alert, frozenset({MODAL})),
    # Slack's documentation does not say which surfaces accept these two; we know none that refuses them.
    "data_table": (data_blocks.check_table, EVERYWHERE),
    "data_visualization": (data_blocks.check_chart, EVERYWHERE),
}
"""Block type: its rule, and the surfaces that accept it (https://docs.slack.dev/blocks.json)."""


def problems(blocks: Any, surface: str, *, modern: bool = True, at: str = "/blocks") -> list[tuple[str, str]]:
    """All problems of these blocks on this surface, as (JSON pointer, reason).

    Without `modern` the blocks of 2026 (data_table, data_visualization) are unknown.
    """
    check = Check()
    if not isinstance(blocks, list):
        return [(at, "must be an array")]
    if len(blocks) > MAX_BLOCKS[surface]:
        check.wrong(at, f"no more than {MAX_BLOCKS[surface]} items allowed")
    rules = {
        name: rule
        for name, (rule, surfaces) in BLOCKS.items()
        if surface in surfaces and (modern or not name.startswith("data_"))
    }
    for i, block in enumerate(blocks):
        _check_block(check, block, f"{at}/{i}", rules)
    data_blocks.check_together(check, blocks, at)
    _check_unique(check, blocks, at)
    return check.problems


def _check_block(check: Check, block: Any, at: str, rules: Mapping[str, Rule]) -> None:
    if not isinstance(block, dict):
        check.wrong(at, "must be an object")
        return
    kind = block.get("type")
    if kind is None:
        check.wrong(at, "missing required field: type")
    elif not isinstance(kind, str) or kind not in rules:
        check.wrong(f"{at}/type", f"unsupported type: {kind}")
    else:
        if "block_id" in block:
            check.string(block, "block_id", at, most=255)
        rules[kind](check, block, at)


def _check_unique(check: Check, blocks: list[Any], at: str) -> None:
    """Check that a block_id is unique in its surface and an action_id in its block."""
    seen: set[str] = set()
    for i, block in enumerate(blocks):
        if not isinstance(block, dict):
            continue
        name = block.get("block_id")
        if isinstance(name, str):
            if name in seen:
                check.wrong(f"{at}/{i}/block_id", f"`block_id` must be unique: {name} already exists")
            seen.add(name)
        actions: set[str] = set()
        parts = block.get("elements", [])
        for j, each in enumerate(parts if isinstance(parts, list) else []):
            action = each.get("action_id") if isinstance(each, dict) else None
            if isinstance(action, str):
                if action in actions:
                    check.wrong(
                        f"{at}/{i}/elements/{j}/action_id", f"`action_id` must be unique: {action} already exists"
                    )
                actions.add(action)


def with_ids(blocks: list[Json]) -> list[Json]:
    """The same blocks, each with a block_id and each element with an action_id, as Slack stores them."""
    copies = [{"block_id": secrets.token_urlsafe(4), **block} for block in blocks]
    for i, block in enumerate(copies):
        for key in ("elements", "actions"):
            if block["type"] not in ("rich_text", "carousel") and isinstance(block.get(key), list):
                copies[i][key] = [_with_action_id(each) for each in block[key]]
        for key in ("child_blocks", "elements"):
            if block["type"] in ("container", "carousel") and key in block:
                copies[i][key] = with_ids(block[key])
        for key in ("accessory", "element"):
            if key in block:
                copies[i][key] = _with_action_id(block[key])
    return copies


def _with_action_id(element: Json) -> Json:
    if element.get("type") in ("mrkdwn", "plain_text", "image"):
        return element
    return {"action_id": secrets.token_urlsafe(4), **element}
