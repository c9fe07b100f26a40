"""A Web API method, its errors, and how its arguments are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


class SlackError(Exception):
    """Slack's `{"ok": false, "error": code}`; `answer` are its other fields."""

    def __init__(self, code: str, **answer: Any) -> None:
        super().__init__(code)
        self.code = code
        self.answer = answer


class Invalid(SlackError):
    """A payload that breaks a schema: reasons with the JSON pointer of each.

    `problems` are (pointer, reason) pairs; Slack lists them in response_metadata.messages.
    """

    def __init__(self, code: str, problems: list[tuple[str, str]]) -> None:
        errors = [f"{reason} [json-pointer:{pointer}]" for pointer, reason in problems]
        super().__init__(code, errors=errors, response_metadata={"messages": [f"[ERROR] {text}" for text in errors]})


@dataclass(frozen=True)
class Method:
    """One method: its function, its scopes (one is enough), its rate tier and its kind of token.

    A method that `reads` takes its arguments from the query or a form and ignores a JSON body.
    https://docs.slack.dev/apis/web-api/#methods_supporting_json
    """

    run: Callable[..., Json]
    scopes: tuple[str, ...] = ()
    tier: int | None = 3
    app_token: bool = False
    reads: bool = False


def parsed(args: Mapping[str, Any], name: str) -> Any:
    """A JSON argument, sent as JSON or as a string in a form. None when absent."""
    value = args.get(name)
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return json.loads(value)
    except ValueError:
        raise SlackError(
            "invalid_arguments", response_metadata={"messages": [f"[ERROR] must be valid JSON [json-pointer:/{name}]"]}
        ) from None


def flag(args: Mapping[str, Any], name: str) -> bool:
    """A boolean argument, as JSON or as a form's string."""
    return str(args.get(name, "")).lower() in ("true", "1")


def required(args: Mapping[str, Any], name: str) -> str:
    """A required string argument. Raises invalid_arguments."""
    value = args.get(name)
    if value is None or value == "":
        raise Invalid("invalid_arguments", [(f"/{name}", f"missing required field: {name}")])
    return str(value)


def page(items: list[Any], args: Mapping[str, Any], *, default: int, most: int) -> tuple[list[Any], str]:
    """One page of a list and the cursor of the next page ("" after the last). Raises invalid_cursor."""
    try:
        limit = int(args.get("limit") or default)
        start = int(str(args.get("cursor") or "cursor:0").removeprefix("cursor:"))
    except ValueError:
        raise SlackError("invalid_cursor") from None
    end = start + max(1, min(limit, most))
    return items[start:end], f"cursor:{end}" if end < len(items) else ""
