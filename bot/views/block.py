"""The Block Kit pieces of our views, and functions that make hostile text harmless.

Sizes are Slack's: https://docs.slack.dev/reference/block-kit/blocks and …/composition-objects.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import regex

from bot.domain.address import is_http
from bot.domain.reply import MAX_TYPED

Block = dict[str, Any]

SECTION = 2900
"""Characters in the text of one section (Slack: 3,000); the rest is room for what escaping adds."""
CONTEXT = 1900
OPTION = 75
LISTED = 100
"""Options in a menu, or in one group of its options."""
EDITED = 4000
"""Bytes in the text of a message that is edited: Slack refuses a longer one, also if it took that as a new message
(https://docs.slack.dev/reference/methods/chat.update, msg_too_long)."""
ALT = 2000
"""Characters in the description of a picture."""
MENU_SIZE = 5
"""Choices in an overflow menu."""
ADDRESS = 1000
"""The longest address that we link; a longer one would leave no room for the text."""
MODAL = 100
"""Blocks of a modal (https://docs.slack.dev/reference/views/modal-views)."""
MODAL_SIZE = 240_000
"""Characters of a modal as it is sent; Slack takes 250 kB."""
FIRST_STRONG = "\u2068"
END = "\u2069"
BY_EYE = re.compile(r"[*~`]|<[^>]*>")
"""What a screen reader need not say: signs of mrkdwn, and mentions, of which it would say the id."""
UNHEARD = str.maketrans("<>", "  ")
"""Signs of a name that a screen reader says nothing of, so that no name looks like a call to everyone there."""
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters (except tab and newline), and the marks that reverse the direction of text."""
LOOKALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
OPENING = re.compile(r"^[^\w<(\u2068]+")
"""The symbols before our own lines; a citizen's words begin with an isolate."""
CLOSED = re.compile(r"[.!?…:]\W*$")
HALF = re.compile(r"(?:<[^>]*|&\w*)$")
"""The beginning of a mention, link or escaped sign at the end of a text that was cut."""
EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")


@dataclass(frozen=True)
class View:
    """A message: `text` is for notifications and screen readers (as `spoken`), `blocks` are for the screen.

    `plain` shows the same in older blocks, for a workspace that does not support the newer ones.
    """

    text: str
    blocks: list[Block] = field(default_factory=list)
    plain: list[Block] | None = None

    @property
    def spoken(self) -> str:
        """The text as sentences: each line without bold and the symbol or bullet before it, with a full stop."""
        lines = (OPENING.sub("", line.replace("*", "")).strip() for line in self.text.splitlines())
        return "\n".join(line if CLOSED.search(line) else f"{line}." for line in lines if line)

    @property
    def digest(self) -> str:
        """A short hash of everything that is sent to Slack for it."""
        sent = json.dumps([self.text, self.blocks, self.plain], sort_keys=True)
        return hashlib.sha256(sent.encode()).hexdigest()[:32]

    @property
    def forms(self) -> list[list[Block]]:
        """The blocks to try in turn until Slack accepts them; the last form has none, so Slack shows the text."""
        return [self.blocks, *([self.plain] if self.plain is not None else []), []]


def escape(text: str) -> str:
    """Escape text for mrkdwn: `<!channel>` in a post must ping nobody (https://docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def literal(text: str, limit: int) -> str:
    """Return a citizen's text for use inside mrkdwn: on one line, without markup, escaped, and within the limit.

    Slack has no escape for *, ~, ` and _, so they become look-alikes; _ inside a word (@jan_jansen) is harmless.
    """
    words = cut(" ".join(text.split()).translate(LOOKALIKES), limit, escape)
    return isolate(EDGE_UNDERSCORE.sub("ˍ", words))  # after the cut, which may end a word at its underscore


def isolate(text: str) -> str:
    """Stop right-to-left marks in this text from reversing the text after it (Unicode isolates, UAX #9)."""
    return f"{FIRST_STRONG}{text}{END}" if text else ""


def cut(text: str, limit: int, form: Callable[[str], str] = str) -> str:
    """Return `form(text)` in at most `limit` characters; a longer text is cut between two graphemes and ends in ….

    Invisible characters that reverse the text or break Slack are removed.
    """
    text = UNSEEN.sub("", text)
    whole = form(text)
    if len(whole) <= limit:
        return whole
    parts, size = [], 0
    for grapheme in regex.findall(r"\X", text[: limit + 1]):
        written = form(grapheme)
        size += len(written)
        if size > limit - 1:
            break
        parts.append(written)
    return "".join(parts).rstrip() + "…"


def for_edit(text: str) -> str:
    """Return as many lines of a message's text as Slack takes when it is edited; … stands for the rest."""
    written = text.encode()
    if len(written) <= EDITED:
        return text
    kept = written[: EDITED - len("\n…".encode())].decode(errors="ignore")
    lines = kept.rpartition("\n")[0]
    return f"{lines or HALF.sub('', kept)}\n…"


def plain(text: str, limit: int = OPTION) -> Block:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": cut(text, limit).strip() or "–", "emoji": True}


def mrkdwn(text: str, limit: int = SECTION) -> Block:
    """Return a mrkdwn object; pass strangers' text through `literal` first. A longer text is cut before a half sign."""
    shown = text if len(text) <= limit else HALF.sub("", text[: limit - 1]) + "…"
    return {"type": "mrkdwn", "text": shown, "verbatim": True}


def section(text: str) -> Block:
    """Return a section of mrkdwn."""
    return {"type": "section", "text": mrkdwn(text)}


def sections(text: str) -> list[Block]:
    """Return lines of mrkdwn in as few sections as hold them; a text that is too long is divided between two lines."""
    parts: list[str] = []
    for line in text.split("\n"):
        if parts and len(parts[-1]) + len(line) < SECTION:
            parts[-1] += f"\n{line}"
        else:
            parts.append(line)
    return [section(part) for part in parts]


def context(*texts: str) -> Block:
    """Return a line of small print."""
    return {"type": "context", "elements": [mrkdwn(text, CONTEXT) for text in texts]}


def quote(text: str, limit: int = SECTION) -> Block:
    """Return a stranger's text as a quotation: Slack does not parse rich text, so it cannot ping, link or format."""
    words = isolate(cut(text.strip(), limit)) or "—"
    element = {"type": "rich_text_quote", "elements": [{"type": "text", "text": words}]}
    return {"type": "rich_text", "elements": [element]}


def quotes(text: str, limit: int) -> list[Block]:
    """Return a stranger's whole text as quotations of at most `limit` characters, parted between lines or words."""
    parts, rest = [], text.strip()
    while len(rest) > limit:
        at = max(rest.rfind("\n", limit // 2, limit), 0) or max(rest.rfind(" ", limit // 2, limit), 0) or limit
        parts.append(quote(rest[:at], limit))
        rest = rest[at:].strip()
    return [*parts, quote(rest, limit)]


def image(url: str, alt: str) -> Block:
    """Return a picture that Slack fetches, with a stranger's description of it."""
    return {"type": "image", "image_url": url, "alt_text": cut(" ".join(alt.split()), ALT, escape).strip() or "–"}


def button(
    label: str, action_id: str, value: str, *, of: str = "", style: str | None = None, url: str | None = None
) -> Block:
    """Return a button; `of` is what it is about, for a screen reader, where others have the same label."""
    block: Block = {"type": "button", "text": plain(label), "action_id": action_id, "value": value}
    if of:
        block = _heard(block, of)
    if style:
        block["style"] = style
    if url:
        block["url"] = url
    return block


def about(blocks: Sequence[Block], of: str) -> list[Block]:
    """Return the blocks with, for a screen reader, what their rows of buttons are about, as `of` of `button`."""
    return [
        block | {"elements": [_heard(each, of) for each in block["elements"]]} if block["type"] == "actions" else block
        for block in blocks
    ]


def _heard(element: Block, of: str) -> Block:
    """Return a button with what it is about; a menu as it is, because Slack has no such words for it."""
    if element["type"] != "button":
        return element
    said = " ".join(unescape(BY_EYE.sub("", of)).translate(UNHEARD).split())
    return element | {"accessibility_label": plain(f"{element['text']['text']}: {said}")["text"]}


def overflow(action_id: str, options: list[Block]) -> Block:
    """Return an overflow menu; raises ValueError for more choices than Slack accepts."""
    if not 1 <= len(options) <= MENU_SIZE:
        raise ValueError(f"a menu of {len(options)} choices; Slack takes 1 to {MENU_SIZE}")
    return {"type": "overflow", "action_id": action_id, "options": options}


def option(label: str, value: str) -> Block:
    """Return one choice of a menu."""
    return {"text": plain(label), "value": value}


def offered(options: Sequence[Block]) -> Block:
    """Return the part of a menu with what it offers: more than Slack takes in one list become groups, at most ten.

    https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element
    """
    if len(options) <= LISTED:
        return {"options": list(options)}
    parts = [options[start : start + LISTED] for start in range(0, min(len(options), 10 * LISTED), LISTED)]
    labels = [plain(f"{n * LISTED + 1} – {n * LISTED + len(part)}") for n, part in enumerate(parts)]
    return {"option_groups": [{"label": label, "options": part} for label, part in zip(labels, parts, strict=True)]}


def actions(*elements: Block) -> list[Block]:
    """Return a row of buttons, or nothing when there are none (Slack refuses an empty row)."""
    return [{"type": "actions", "elements": list(elements)}] if elements else []


def named(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks with an id each, which stays the same as long as the block does.

    A view that opens is published again, and Slack gives new ids to blocks without: what somebody clicked just before
    would be gone.
    """
    seen, ided = Counter[str](), list[Block]()
    for block in blocks:
        name = hashlib.sha256(json.dumps(block, sort_keys=True).encode()).hexdigest()[:16]
        seen[name] += 1
        ided.append({"block_id": f"{name}:{seen[name]}", **block})
    return ided


def field_of(label: str, block_id: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    """Return an input of a modal."""
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, 2000),
        "element": {"action_id": block_id, **element},
        "optional": optional,
    }
    if hint:
        block["hint"] = plain(hint, 2000)
    return block


def modal(
    callback_id: str, title: str, blocks: list[Block], *, submit: str = "", close: str, metadata: str = ""
) -> Block:
    """Return a modal; `metadata` comes back with its submission (private_metadata)."""
    view: Block = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title, 24),
        "close": plain(close, 24),
        "blocks": blocks[:MODAL],
        "private_metadata": metadata,
    }
    if submit:
        view["submit"] = plain(submit, 24)
    return view


def fits_modal(blocks: Sequence[Block]) -> bool:
    """Tell whether Slack takes a modal with all these blocks: emoji and some scripts take 12 times the room.

    One block is kept free, for what is wrong with what is filled in (handlers/submission.py), and room for as much as
    may be typed: they are shown together.
    """
    fields = [block["element"] for block in blocks if block["type"] == "input"]
    typed = sum(each.get("max_length", MAX_TYPED) for each in fields if each["type"] == "plain_text_input")
    return len(blocks) < MODAL and len(json.dumps(blocks)) + 12 * typed <= MODAL_SIZE


def is_web(url: str) -> bool:
    """Tell whether Slack may open an address: http(s), and no characters that could be markup."""
    if len(escape(url)) > ADDRESS or not url.isprintable() or any(sign in url for sign in ' <>|"\\^`{}'):
        return False
    return is_http(url)


def message_url(home: str, channel: str, ts: str) -> str:
    """Return the address of a message in the workspace at `home`; "" while we do not know one of the three.

    It is what Slack itself says, at https://docs.slack.dev/reference/methods/chat.getPermalink.
    """
    return f"{home}archives/{channel}/p{ts.replace('.', '')}" if home and channel and ts else ""


def link(url: str, label: str) -> str:
    """Return a mrkdwn link, or only the label when we may not link the address."""
    return f"<{escape(url)}|{escape(label)}>" if is_web(url) else escape(label)
