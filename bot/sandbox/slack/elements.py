"""The limits of Block Kit's elements: https://docs.slack.dev/reference/block-kit/block-elements"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from bot.sandbox.slack.block_check import Check, Json

SELECTS = frozenset(
    f"{many}{kind}_select"
    for many in ("", "multi_")
    for kind in ("static", "external", "users", "conversations", "channels")
)
PLAIN = ("plain_text",)
NOWHERE = (".invalid", ".localhost", "localhost", "127.0.0.1")
"""Hosts from which Slack cannot fetch pictures; it refuses messages with a picture from them."""


def check_element(check: Check, element: Any, at: str, allowed: frozenset[str]) -> None:
    """Check one element, which must be of an allowed type."""
    if not isinstance(element, dict):
        check.wrong(at, "must be an object")
        return
    kind = element.get("type")
    if not isinstance(kind, str) or kind not in allowed:
        check.wrong(f"{at}/type", f"unsupported type: {kind}")
        return
    check.optional(element, "action_id", at, most=255)
    if "placeholder" in element:
        check.text(element["placeholder"], f"{at}/placeholder", most=150, kinds=PLAIN)
    if "confirm" in element:
        _check_confirm(check, element["confirm"], f"{at}/confirm")
    rule = ELEMENTS.get(kind)
    if rule:
        rule(check, element, at)


def check_image(check: Check, image: Json, at: str) -> None:
    """Check an image block or element: an address and an alternative text."""
    check.string(image, "alt_text", at, most=2000)
    if "slack_file" in image:
        return
    check.string(image, "image_url", at, most=3000)
    if not isinstance(image.get("image_url"), str):
        return
    address = urlsplit(image["image_url"])
    if address.scheme not in ("http", "https") or not address.hostname:
        check.wrong(f"{at}/image_url", "must be a valid URL")
    elif address.hostname.endswith(NOWHERE):
        check.wrong(f"{at}/image_url", "downloading image failed")


def check_url(check: Check, holder: Json, at: str) -> None:
    """Check an absolute web link of at most 3,000 characters."""
    check.optional(holder, "url", at, most=3000)
    url = holder.get("url")
    if isinstance(url, str) and urlsplit(url).scheme not in ("http", "https", "mailto", "slack"):
        check.wrong(f"{at}/url", "must be a valid URL")


def _button(check: Check, element: Json, at: str) -> None:
    if check.has(element, "text", at):
        check.text(element["text"], f"{at}/text", most=75, kinds=PLAIN)
    check.optional(element, "value", at, most=2000)
    check.optional(element, "accessibility_label", at, most=75)
    check.one_of(element, "style", at, ("primary", "danger"))
    check_url(check, element, at)


def _static_select(check: Check, element: Json, at: str) -> None:
    if "option_groups" in element:
        for i, group in enumerate(check.items(element, "option_groups", at, least=1, most=100)):
            place = f"{at}/option_groups/{i}"
            if not isinstance(group, dict):
                check.wrong(place, "must be an object")
                continue
            if check.has(group, "label", place):
                check.text(group["label"], f"{place}/label", most=75, kinds=PLAIN)
            _check_options(check, group, place, most=100)
    else:
        _check_options(check, element, at, most=100)
    _check_initial(check, element, at)


def _overflow(check: Check, element: Json, at: str) -> None:
    _check_options(check, element, at, most=5)


def _choices(check: Check, element: Json, at: str) -> None:
    _check_options(check, element, at, most=10, kinds=("plain_text", "mrkdwn"))
    _check_initial(check, element, at)


def _text_input(check: Check, element: Json, at: str) -> None:
    most = element.get("max_length", 3000)
    if not isinstance(most, int) or not 1 <= most <= 3000:
        check.wrong(f"{at}/max_length", "must be between 1 and 3000")
        return
    least = element.get("min_length", 0)
    if not isinstance(least, int) or not 0 <= least <= most:
        check.wrong(f"{at}/min_length", "must be between 0 and max_length")
    check.optional(element, "initial_value", at, most=most)


def _file_input(check: Check, element: Json, at: str) -> None:
    """https://docs.slack.dev/reference/block-kit/block-elements/file-input-element"""
    most = element.get("max_files", 10)
    if not isinstance(most, int) or not 1 <= most <= 10:
        check.wrong(f"{at}/max_files", "must be between 1 and 10")
    kinds = element.get("filetypes", ["any"])
    if not isinstance(kinds, list) or not kinds or not all(isinstance(each, str) for each in kinds):
        check.wrong(f"{at}/filetypes", "must be an array of file extensions")


def _number_input(check: Check, element: Json, at: str) -> None:
    if not isinstance(element.get("is_decimal_allowed"), bool):
        check.wrong(at, "missing required field: is_decimal_allowed")


def _icon_button(check: Check, element: Json, at: str) -> None:
    check.string(element, "icon", at, most=50)
    if check.has(element, "text", at):
        check.text(element["text"], f"{at}/text", most=75, kinds=PLAIN)


ELEMENTS: Mapping[str, Callable[[Check, Json, str], None]] = {
    "button": _button,
    "workflow_button": _button,
    "image": check_image,
    "overflow": _overflow,
    "static_select": _static_select,
    "multi_static_select": _static_select,
    "radio_buttons": _choices,
    "checkboxes": _choices,
    "plain_text_input": _text_input,
    "number_input": _number_input,
    "file_input": _file_input,
    "icon_button": _icon_button,
}


def _check_options(check: Check, holder: Json, at: str, *, most: int, kinds: tuple[str, ...] = PLAIN) -> None:
    values: set[str] = set()
    for i, option in enumerate(check.items(holder, "options", at, least=1, most=most)):
        place = f"{at}/options/{i}"
        if not isinstance(option, dict):
            check.wrong(place, "must be an object")
            continue
        if check.has(option, "text", place):
            check.text(option["text"], f"{place}/text", most=75, kinds=kinds)
        check.string(option, "value", place, most=150)
        if "description" in option:
            check.text(option["description"], f"{place}/description", most=75, kinds=kinds)
        check_url(check, option, place)
        value = option.get("value")
        if isinstance(value, str) and value in values:
            check.wrong(f"{place}/value", f"duplicate option value: {value}")
        values.add(str(value))


def _check_initial(check: Check, element: Json, at: str) -> None:
    """Check that the initial choice equals one of the options."""
    options = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options.extend(group.get("options", []) if isinstance(group, dict) else [])
    if "initial_option" in element and element["initial_option"] not in options:
        check.wrong(f"{at}/initial_option", "must match one of the options")
    if "initial_options" in element:
        for i, each in enumerate(check.items(element, "initial_options", at, least=1, most=len(options))):
            if each not in options:
                check.wrong(f"{at}/initial_options/{i}", "must match one of the options")


def _check_confirm(check: Check, confirm: Any, at: str) -> None:
    if not isinstance(confirm, dict):
        check.wrong(at, "must be an object")
        return
    for name, most in (("title", 100), ("confirm", 30), ("deny", 30)):
        if name in confirm:
            check.text(confirm[name], f"{at}/{name}", most=most, kinds=PLAIN)
    if check.has(confirm, "text", at):
        check.text(confirm["text"], f"{at}/text", most=300)
    check.one_of(confirm, "style", at, ("primary", "danger"))
