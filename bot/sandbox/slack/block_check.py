"""Collects the problems of a payload: small checks that add a JSON pointer and a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Check:
    """The problems so far, as (JSON pointer, reason) in Slack's words."""

    problems: list[tuple[str, str]] = field(default_factory=list)

    def wrong(self, at: str, reason: str) -> None:
        """Add one problem."""
        self.problems.append((at, reason))

    def has(self, holder: Json, name: str, at: str) -> bool:
        """Whether a required field is present; a problem if not."""
        if holder.get(name) is None:
            self.wrong(at, f"missing required field: {name}")
            return False
        return True

    def length(self, value: Any, at: str, *, most: int, least: int = 1) -> None:
        """Check that a value is a string of least..most characters."""
        if not isinstance(value, str):
            self.wrong(at, "must provide a string")
        elif len(value) < least:
            self.wrong(at, f"must be more than {least - 1} characters")
        elif len(value) > most:
            self.wrong(at, f"must be less than {most + 1} characters")

    def string(self, holder: Json, name: str, at: str, *, most: int, least: int = 1) -> None:
        """Check a required string field of least..most characters."""
        if self.has(holder, name, at):
            self.length(holder[name], f"{at}/{name}", most=most, least=least)

    def optional(self, holder: Json, name: str, at: str, *, most: int) -> None:
        """Check a string field that may be absent."""
        if holder.get(name) is not None:
            self.length(holder[name], f"{at}/{name}", most=most, least=0)

    def text(self, value: Any, at: str, *, most: int, kinds: Sequence[str] = ("plain_text", "mrkdwn")) -> None:
        """Check a text object: https://docs.slack.dev/reference/block-kit/composition-objects/text-object"""
        if not isinstance(value, dict):
            self.wrong(at, "must be an object")
            return
        if value.get("type") not in kinds:
            self.wrong(f"{at}/type", f"must be one of: {', '.join(kinds)}")
            return
        if value["type"] == "mrkdwn" and "emoji" in value:
            self.wrong(f"{at}/emoji", "additional property: emoji")
        if value["type"] == "plain_text" and "verbatim" in value:
            self.wrong(f"{at}/verbatim", "additional property: verbatim")
        self.string(value, "text", at, most=most)

    def items(self, holder: Json, name: str, at: str, *, least: int, most: int) -> list[Any]:
        """Check a required list field of least..most items and return it; [] when it is no list."""
        if not self.has(holder, name, at):
            return []
        value = holder[name]
        if not isinstance(value, list):
            self.wrong(f"{at}/{name}", "must be an array")
            return []
        if len(value) < least:
            self.wrong(f"{at}/{name}", f"no fewer than {least} items allowed")
        if len(value) > most:
            self.wrong(f"{at}/{name}", f"no more than {most} items allowed")
        return value

    def one_of(self, holder: Json, name: str, at: str, allowed: Sequence[str]) -> None:
        """Check a string field that may be absent and otherwise has one of these values."""
        if name in holder and holder[name] not in allowed:
            self.wrong(f"{at}/{name}", f"must be one of: {', '.join(allowed)}")
