"""The rules of rich text: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block"""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.block_check import Check, Json

PARTS = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
NEEDED = {
    "text": "text",
    "link": "url",
    "emoji": "name",
    "user": "user_id",
    "usergroup": "usergroup_id",
    "channel": "channel_id",
    "broadcast": "range",
    "color": "value",
}
"""What a part is made of, and the field that each of these needs."""
ANY_LENGTH = 1_000_000
"""Slack names no limit."""


def check_rich_text(check: Check, block: Json, at: str) -> None:
    """Check a block, or the cell of a table, of rich text."""
    _check_parts(check, block, at, PARTS, least=1)


def _check_parts(check: Check, holder: Json, at: str, kinds: tuple[str, ...], *, least: int = 0) -> None:
    for i, part in enumerate(check.items(holder, "elements", at, least=least, most=1000)):
        place = f"{at}/elements/{i}"
        kind = part.get("type") if isinstance(part, dict) else part
        if kind not in kinds:
            check.wrong(f"{place}/type", f"unsupported type: {kind}")
        elif kind == "rich_text_list":
            check.has(part, "style", place)
            check.one_of(part, "style", place, ("bullet", "ordered"))
            _check_parts(check, part, place, ("rich_text_section",))
        elif kind in PARTS:
            _check_parts(check, part, place, tuple(NEEDED))
        else:
            _check_piece(check, part, place)


def _check_piece(check: Check, piece: Json, at: str) -> None:
    check.string(piece, NEEDED[piece["type"]], at, most=ANY_LENGTH)
    styles: Any = piece.get("style", {})
    if not isinstance(styles, dict) or not all(isinstance(each, bool) for each in styles.values()):
        check.wrong(f"{at}/style", "must be an object of booleans")
