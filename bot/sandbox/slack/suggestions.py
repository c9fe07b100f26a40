"""The options that an app offers for a text typed in an external select.

https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element#external_select
"""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.block_check import Check
from bot.sandbox.slack.elements import ELEMENTS

Json = dict[str, Any]


def options_of(answer: Json | None) -> list[Json]:
    """Return the options of an acknowledgement, without their groups; none when Slack would refuse them."""
    if not answer or not (answer.get("options") or answer.get("option_groups")):
        return []
    check = Check()
    ELEMENTS["static_select"](check, answer, "")
    if check.problems:
        return []
    groups: list[Json] = answer.get("option_groups") or [answer]
    return [option for group in groups for option in group["options"]]
