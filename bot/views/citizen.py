"""How all surfaces show a citizen and their posts."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.mention import WROTE_AGAIN, Caution, Gone, also_to
from bot.domain.text import text
from bot.models import Author, CaseFile, Mention
from bot.texts import Texts
from bot.views.block import Block, View, context, escape, image, is_web, link, literal, quote, quotes, section
from bot.views.case_state import case_name
from bot.views.marks import private_mark

SIZE = 12_000
"""The most characters in all blocks of a message together; Slack fails near 13,200 (slackapi/bolt-js #2509)."""


@dataclass(frozen=True)
class Room:
    """How much a message shows: how many of the newest posts and answers, and how many characters and media of each.

    `images` is how many of the media it may show as pictures.
    """

    turns: int
    text: int
    media: int
    images: int = 3


MAIL_ADDRESS = re.compile(r"(?<![\w.+@-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
"""A mail address; a name such as @fatima@mastodon.example is none, and is public."""
PLATFORMS = 6
"""So many platforms are named of which something is counted."""

ROOMS = (Room(5, 2500, 4), Room(5, 800, 1), Room(3, 800, 1), Room(1, 400, 1))


def fitted(render: Callable[[Room], View]) -> View:
    """Return the fullest rendering that Slack accepts; the details show the rest.

    Slack refuses a message with a picture that it cannot fetch: then we send the same with a link instead.
    """
    views = ((room, render(room)) for room in ROOMS[:-1])
    fits = ((room, view) for room, view in views if len(json.dumps(view.blocks, ensure_ascii=False)) <= SIZE)
    room, view = next(fits, None) or (ROOMS[-1], render(ROOMS[-1]))
    if any(block["type"] == "image" for block in view.blocks):
        return replace(view, plain=render(replace(room, images=0)).blocks)
    return view


def name_of(author: Author, limit: int = 80) -> str:
    """Return what we call an author, inside mrkdwn."""
    return literal(author.called, limit)


def outside_name(author: Author) -> str:
    """Return what we call an author where others than the team may read it: not by their mail address."""
    return literal(without_mail_addresses(author.called), 80)


def without_mail_addresses(words: str) -> str:
    """Return words without the mail addresses in them: what somebody wrote privately told us these."""
    return MAIL_ADDRESS.sub("…@…", words)


def author_line(author: Author) -> str:
    """Return the author's name and handle; the handle (without one, the name) links to their page if we know it."""
    name = name_of(author)
    handle = literal("@" + author.handle.lstrip("@"), 80) if author.handle else ""
    if is_web(author.url or ""):
        label = (handle or name).replace("|", "∣")  # already escaped; a bar would end the address
        linked = f"<{escape(author.url or '')}|{label}>"
        return f"*{name}* {linked}" if handle else f"*{linked}*"
    return " ".join(part for part in (f"*{name}*", handle) if part)


def head_line(file: CaseFile, t: Texts) -> str:
    """Return whose case it is and its number: the line above the case on every surface."""
    return f"{author_line(file.author)} · {case_name(file.case, t)}"


def counted_sources(platforms: Mapping[str, int]) -> str:
    """Return from which platforms something comes, and how much from each; the first PLATFORMS, in the given order."""
    return " · ".join(f"{literal(name, 40)} {n}" for name, n in [*platforms.items()][:PLATFORMS])


def source_line(file: CaseFile, mention: Mention, t: Texts, now: datetime) -> str:
    """Return where and when a post was written, with the link to it."""
    parts = [f"*{literal(file.label.signed_platform, 60)}*"]
    if file.label.name:
        parts.append(literal(file.label.name, 80))
    if mention.private:
        parts.append(private_mark(t))
    if others := also_to(mention.place):
        parts.append(t.plural("also to {n} other", "also to {n} others", others))
    parts.append(t.when(mention.published_at, now))
    if mention.url:
        parts.append(link(mention.url, t("view the post")))
    return " · ".join(parts)


def mention_blocks(
    file: CaseFile,
    mention: Mention,
    t: Texts,
    now: datetime,
    *,
    limit: int = 2500,
    media: int = 4,
    images: int = 0,
    whole: bool = False,
) -> list[Block]:
    """Return one mention: the post it answers, its text, its media, and whether it was edited or removed.

    `images` is how many of the media are shown as pictures if the team wants that; the others are linked. `whole`: all
    of the text is shown, with what looked like a quotation, where others say that it is left out.
    """
    blocks: list[Block] = []
    if earlier := mention.replies_to or file.answered_posts.get(mention.in_reply_to or ""):
        author, words = literal(str(earlier.get("author", "")), 80), literal(str(earlier.get("text", "")), 200)
        blocks.append(context("↪ " + t("in reply to {author}: {text}", author=author, text=words)))
    if caution := _caution(mention, t):
        blocks.append(context(f"⚠️ {caution}"))
    if mention.redacted_at is None:
        blocks += quotes(mention.text, limit) if whole else [quote(mention.text, limit)]
        blocks += _left_out(file, mention, t, limit) if whole else shortened(file, mention, t)
    images = images if _may_show_pictures(file, mention) else 0
    for medium in mention.media[:media]:
        address, described = medium.get("url", ""), medium.get("alt", "")
        if medium.get("kind") not in WITHOUT_DESCRIPTION:
            described = described or t("without description")
        if images and medium.get("kind") == "image" and address.startswith("https://") and is_web(address):
            blocks.append(image(address, described))
            images -= 1
        else:
            parts = (link(address, _kind(medium, t)), literal(described, 300))
            blocks.append(context("🖼 " + ": ".join(part for part in parts if part)))
    if mention.gone_at:
        redacted = t("We deleted its words here too.") if mention.redacted_at else ""
        line = gone_line(mention.gone, t.when(mention.gone_at, now), t)
        blocks.append(context(f"🗑 {line} {redacted}".rstrip()))
    elif mention.edited_at:
        blocks.append(context("✏️ " + t("The author edited this post ({time}).", time=t.when(mention.edited_at, now))))
    return blocks


def as_it_was(mention: Mention, until: datetime) -> Mention:
    """Return a mention that was edited after that moment as it came in: its words between two edits are not kept."""
    if mention.edited_at is None or mention.edited_at <= until or mention.redacted_at is not None:
        return mention
    words = mention.text if mention.earlier_text is None else mention.earlier_text
    return Mention(**mention.model_dump() | {"text": words, "earlier_text": None, "edited_at": None, "media": []})


def shortened(file: CaseFile, mention: Mention, t: Texts) -> list[Block]:
    """Return the line that a text leaves out what may be the citizen's own words; nothing if it does not."""
    words = t("Shortened: what looks like a quotation or a signature is in Details.")
    return [context(f"✂️ {words}")] if file.unheard(mention) else []


def _left_out(file: CaseFile, mention: Mention, t: Texts, limit: int) -> list[Block]:
    words = t("This looks like a quotation or a signature, and is not on the card:")
    left_out = file.unheard(mention)
    return [context(f"✂️ {words}"), *quotes(left_out, limit)] if left_out else []


def _may_show_pictures(file: CaseFile, mention: Mention) -> bool:
    """Tell whether Slack may fetch the pictures of a post: its team wants that, and the pictures are public."""
    may_be_seen = not mention.private and mention.gone_at is None and not mention.cautions
    return bool((file.team.settings or {}).get("images")) and may_be_seen


def _caution(mention: Mention, t: Texts) -> str:
    """Return the warnings on a post or its author on the platform; "" without any."""
    marked = [t(CAUTIONS[caution]) for caution in Caution if caution in (mention.cautions or ())]
    return t("Take care: marked on the platform as {what}.", what=", ".join(marked)) if marked else ""


CAUTIONS = {
    Caution.SENSITIVE: text("sensitive"),
    Caution.ADULT: text("sexual"),
    Caution.NUDITY: text("nudity"),
    Caution.GRAPHIC: text("shocking images"),
    Caution.SELF_HARM: text("self-harm"),
    Caution.THREAT: text("threatening"),
    Caution.HATEFUL: text("hateful"),
    Caution.RUDE: text("rude"),
    Caution.MISLEADING: text("misleading"),
    Caution.SCAM: text("fraud"),
    Caution.SPAM: text("spam"),
    Caution.UNFIT: text("not to be shown"),
}


def gone_line(gone: Gone | None, time: str, t: Texts) -> str:
    """Return why a post can no longer be read; it names the author only with proof."""
    match gone:
        case Gone.REMOVED:
            return t("This post was removed; the platform does not tell by whom ({time}).", time=time)
        case Gone.HIDDEN:
            return t("The platform hid or removed this post ({time}).", time=time)
        case Gone.UNREACHABLE:
            return t("This post can no longer be seen on the platform ({time}).", time=time)
        case _:
            return t("The author removed this post ({time}).", time=time)


MEDIA = {
    "image": text("picture"),
    "video": text("video"),
    "gifv": text("video"),
    "audio": text("sound"),
    "sticker": text("sticker"),
    "share": text("shared post"),
    "story_reply": text("reaction to our story"),
    "story_mention": text("story that names us"),
    "edit": text("change of an earlier message, which the platform does not pass on"),
    "poll": text("poll, which the platform does not pass on"),
    "unsupported": text("something that the platform does not pass on"),
}
WITHOUT_DESCRIPTION = frozenset({"edit", "poll", "sticker", "share", "story_reply", "story_mention", "unsupported"})
"""The kinds to which nobody writes a description."""
ATTACHMENT = text("attachment")


def _kind(medium: Mapping[str, str], t: Texts) -> str:
    return t(MEDIA.get(medium.get("kind", ""), ATTACHMENT))


def words_of(mention: Mention, t: Texts, limit: int) -> str:
    """Return the first words of a mention on one line; of one without words, what it has instead: "(sticker)"."""
    kinds = ", ".join(dict.fromkeys(_kind(medium, t) for medium in mention.media))
    return literal(mention.text, limit) or (literal(f"({kinds})", limit) if kinds else t("(no text)"))


def excerpt(file: CaseFile, t: Texts, limit: int = 200) -> str:
    """Return the first words of the newest mention on one line, and that it is private if it is."""
    return privately(file.latest, t) + words_of(file.latest, t, limit)


def quoted(file: CaseFile, t: Texts, limit: int) -> list[Block]:
    """Return whose case it is and the newest post, for above the fields of a modal."""
    mark = [private_mark(t)] if file.latest.private else []
    words = quote(file.latest.text, limit)
    return [context(head_line(file, t), *mark), words, *shortened(file, file.latest, t)]


def wrote_again(t: Texts) -> Block:
    """Return the line above the fields of a modal that the citizen wrote or edited a post while it was open."""
    return section("⚠️ " + t(WROTE_AGAIN))


def privately(mention: Mention, t: Texts) -> str:
    """Return the mark before the words of a private message; "" for a public one."""
    return f"{private_mark(t)}: " if mention.private else ""
