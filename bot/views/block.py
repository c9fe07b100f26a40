"""The few Block Kit pieces that our views are made of, and hostile text made harmless.

Sizes are Slack's: https://docs.slack.dev/reference/block-kit/blocks and …/composition-objects.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import regex

Block = dict[str, Any]

SECTION = 2900
"""Characters for one section's text (Slack: 3,000), with room for what escaping adds at the end."""
CONTEXT = 1900
OPTION = 75
MENU_SIZE = 5
"""Choices in an overflow menu."""
ADDRESS = 1000
"""Characters of an address that is linked; a longer one would crowd out the words."""
FIRST_STRONG = "\u2068"
END = "\u2069"
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters (not tab and newline), and the overrides and isolates that turn text round."""
LOOKALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")


@dataclass(frozen=True)
class View:
    """A message: `text` is what notifications and screen readers get, `blocks` what is seen.

    `plain` says the same in older blocks, for a workspace that does not know the newer ones.
    """

    text: str
    blocks: list[Block] = field(default_factory=list)
    plain: list[Block] | None = None

    @property
    def forms(self) -> list[list[Block]]:
        """The blocks to try, one after the other until Slack takes them; at last none, so that the text is seen."""
        return [self.blocks, *([self.plain] if self.plain is not None else []), []]


def escape(text: str) -> str:
    """Make text literal in mrkdwn: `<!channel>` in a post must ping nobody (https://docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def literal(text: str, limit: int) -> str:
    """Return citizens' words for use inside mrkdwn: in one line, without markup, and escaped within the limit.

    Slack has no escape for its marks, so look-alikes take their places; _ inside a word (@jan_jansen) marks nothing.
    """
    words = EDGE_UNDERSCORE.sub("ˍ", " ".join(text.split()).translate(LOOKALIKES))
    return isolate(cut(words, limit, escape))


def isolate(text: str) -> str:
    """Keep right-to-left marks inside this text from turning round what follows (Unicode isolates, UAX #9)."""
    return f"{FIRST_STRONG}{text}{END}" if text else ""


def cut(text: str, limit: int, form: Callable[[str], str] = str) -> str:
    """Return at most `limit` characters as `form` writes them, ending in … when cut, never in the middle of a grapheme.

    What cannot be seen but can turn the text round or upset Slack is left out.
    """
    text = UNSEEN.sub("", text)
    whole = form(text)
    if len(whole) <= limit:
        return whole
    kept, size = [], 0
    for grapheme in regex.findall(r"\X", text[: limit + 1]):
        written = form(grapheme)
        size += len(written)
        if size > limit - 1:
            break
        kept.append(written)
    return "".join(kept).rstrip() + "…"


def plain(text: str, limit: int = OPTION) -> Block:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": cut(text, limit).strip() or "–", "emoji": True}


def mrkdwn(text: str, limit: int = SECTION) -> Block:
    """Return a mrkdwn object; whatever strangers wrote in it must have been made `literal` before."""
    return {"type": "mrkdwn", "text": text if len(text) <= limit else text[: limit - 1] + "…", "verbatim": True}


def section(text: str) -> Block:
    """Return a section of mrkdwn."""
    return {"type": "section", "text": mrkdwn(text)}


def context(*texts: str) -> Block:
    """Return a line of small print."""
    return {"type": "context", "elements": [mrkdwn(text, CONTEXT) for text in texts]}


def quote(text: str, limit: int = SECTION) -> Block:
    """Return strangers' words as a quotation: rich text is never parsed, so nothing in it can ping, link or format."""
    words = isolate(cut(text.strip(), limit)) or "—"
    element = {"type": "rich_text_quote", "elements": [{"type": "text", "text": words}]}
    return {"type": "rich_text", "elements": [element]}


def button(label: str, action_id: str, value: str, *, style: str | None = None, url: str | None = None) -> Block:
    """Return a button."""
    made: Block = {"type": "button", "text": plain(label), "action_id": action_id, "value": value}
    if style:
        made["style"] = style
    if url:
        made["url"] = url
    return made


def overflow(action_id: str, options: list[Block]) -> Block:
    """Return an overflow menu; raises ValueError when there are more choices than Slack takes."""
    if not 1 <= len(options) <= MENU_SIZE:
        raise ValueError(f"a menu of {len(options)} choices; Slack takes 1 to {MENU_SIZE}")
    return {"type": "overflow", "action_id": action_id, "options": options}


def option(label: str, value: str) -> Block:
    """Return one choice of a menu."""
    return {"text": plain(label), "value": value}


def actions(*elements: Block) -> list[Block]:
    """Return a row of buttons, or nothing when there are none (Slack refuses an empty row)."""
    return [{"type": "actions", "elements": list(elements)}] if elements else []


def field_of(label: str, block_id: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    """Return an input of a modal."""
    made: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, 2000),
        "element": {"action_id": block_id, **element},
        "optional": optional,
    }
    if hint:
        made["hint"] = plain(hint, 2000)
    return made


def modal(callback_id: str, title: str, blocks: list[Block], *, submit: str = "", close: str, keep: str = "") -> Block:
    """Return a modal; `keep` comes back with its submission (private_metadata)."""
    made: Block = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title, 24),
        "close": plain(close, 24),
        "blocks": blocks[:100],
        "private_metadata": keep,
    }
    if submit:
        made["submit"] = plain(submit, 24)
    return made


def is_web(url: str) -> bool:
    """Tell whether an address may be opened from Slack: of the web, and nothing in it that could be markup."""
    if len(escape(url)) > ADDRESS or not url.isprintable() or any(sign in url for sign in ' <>|"\\^`{}'):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def link(url: str, label: str) -> str:
    """Return a mrkdwn link, or only the label when the address is none that may be linked."""
    return f"<{escape(url)}|{escape(label)}>" if is_web(url) else escape(label)
