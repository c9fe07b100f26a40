"""What a citizen and we wrote to one another: the newest part on a card, everything elsewhere, in order of time."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.case import Status
from bot.domain.mention import FOR_GOOD
from bot.models import CaseFile, Mention, Reply, ReplyKind, ReplyStatus
from bot.texts import Texts
from bot.views.block import Block, button, context, link, literal, quote, section
from bot.views.citizen import Room, head_line, mention_blocks, source_line
from bot.views.marks import private_mark

Turn = Mention | Reply
UNSAID = frozenset({ReplyStatus.WITHDRAWN, ReplyStatus.APPROVED, ReplyStatus.SENDING})
"""Replies that are not part of the exchange, or not yet."""

EARLIER = "case:earlier"
"""The action of the buttons that show another part of the exchange in the details."""


def exchange(
    file: CaseFile,
    t: Texts,
    now: datetime,
    *,
    most: int,
    skip: int = 0,
    limit: int = 2900,
    media: int = 4,
    besides: Mention | None = None,
    whole: bool = False,
) -> list[Block]:
    """Return `most` posts and answers, each under a line with who and when, and cut to `limit` characters.

    They are the newest before the last `skip`. `besides` is a post that is shown elsewhere; `whole`: posts are not cut,
    and what was left out of them and the text before an edit are shown too.
    """
    blocks: list[Block] = []
    said = [each for each in turns(file) if each is not besides]
    for turn in said[: len(said) - skip][-most:]:
        if isinstance(turn, Mention):
            blocks.append(context(source_line(file, turn, t, now)))
            blocks += mention_blocks(file, turn, t, now, limit=limit, media=media, whole=whole)
            if whole and turn.earlier_text:
                blocks += [context(t("Before the edit:")), quote(turn.earlier_text, min(limit, 1500))]
        else:
            blocks += [context(answer_line(turn, t, now)), quote(turn.text, min(limit, 1500))]
            blocks += [context(words) for words in image_words(turn, t)]
    return blocks


def earlier(file: CaseFile, t: Texts, *, most: int, skip: int = 0, besides: Mention | None = None) -> list[Block]:
    """Return how many posts and answers came before what `exchange` shows, with the button to them; nothing if none."""
    count = len([each for each in turns(file) if each is not besides]) - skip - most
    if count <= 0:
        return []
    words = t.plural("{n} earlier message is not shown.", "{n} earlier messages are not shown.", count)
    return [section(words) | {"accessory": button(t("Earlier"), EARLIER, f"{file.case.id}:{skip + most}")}]


def later(file: CaseFile, t: Texts, skip: int) -> list[Block]:
    """Return how many posts and answers came after what is shown, with the button to the newest; nothing if none."""
    if not skip:
        return []
    words = t.plural("{n} newer message is not shown.", "{n} newer messages are not shown.", skip)
    return [section(words) | {"accessory": button(t("Newest"), EARLIER, f"{file.case.id}:0")}]


def newest(file: CaseFile, t: Texts, now: datetime, room: Room) -> list[Block]:
    """Return whose case it is, the citizen's newest post, and lines with our last answer and what came before.

    What was said in public beside a private answer is no answer: it comes after it. A question that the citizen was
    asked is left out: the card quotes it. An older answer of which nobody knows whether it is there stays.
    """
    latest, replies = file.latest, [each for each in turns(file) if isinstance(each, Reply)]
    ours = next((each for each in reversed(replies) if each.kind is not ReplyKind.INVITATION), None)
    shown = replies[replies.index(ours) :] if ours is not None else []
    if file.case.status is Status.WITH_CITIZEN and ours is file.question:
        shown = shown[1:]
    post = mention_blocks(file, latest, t, now, limit=room.text, media=room.media, images=room.images)
    is_after = bool(shown) and _at(shown[0]) >= latest.published_at
    if file.doubted is not None and file.doubted not in shown:
        shown = [file.doubted, *shown]
    said: list[Block] = [context(*(line for each in shown for line in ours_in_short(each, t, now)))] if shown else []
    if earlier := len(file.mentions) - 1:
        more = t.plural("{n} earlier post: see Details", "{n} earlier posts: see Details", earlier)
        said = [context(*(element["text"] for block in said for element in block["elements"]), more)]
    head = context(head_line(file, t), source_line(file, latest, t, now))
    return [head, *post, *said] if is_after else [head, *said, *post]


def turns(file: CaseFile) -> Sequence[Turn]:
    """Return the posts of the citizen and what we answered, or tried to, the oldest first."""
    ours = [reply for reply in file.replies if reply.status not in UNSAID]
    return sorted([*file.mentions, *ours], key=_at)


def ours_in_short(reply: Reply, t: Texts, now: datetime) -> list[str]:
    """Return who of us answered, when and whether it arrived, with the beginning of the answer; then its image."""
    return [f"{answer_line(reply, t, now)}: {literal(reply.text, 150)}", *image_words(reply, t)]


def image_words(reply: Reply, t: Texts) -> list[str]:
    """Return that an answer has an image, and its description; nothing for an answer without one."""
    if reply.image is None:
        return []
    if not reply.image_description:
        return ["🖼️ " + t("With an image")]
    return ["🖼️ " + t("With an image: {description}", description=literal(reply.image_description, 300))]


def answer_line(reply: Reply, t: Texts, now: datetime) -> str:
    """Return who of us answered, who can read it, when, with the link; and whether it arrived."""
    who = {"agent": f"<@{reply.by}>"}
    match reply.status:
        case ReplyStatus.FAILED if reply.kind is ReplyKind.INVITATION:
            words = t("The platform refused our public words beside the private message ({agent})", **who)
        case ReplyStatus.UNCERTAIN if reply.kind is ReplyKind.INVITATION:
            words = t("Our public words beside the private message ({agent}), perhaps published", **who)
        case _ if reply.kind is ReplyKind.INVITATION:
            words = t("Our public words beside the private message ({agent})", **who)
        case ReplyStatus.FAILED:
            words = t("The platform refused our answer ({agent})", **who)
        case ReplyStatus.UNCERTAIN:
            words = t("Our answer ({agent}), perhaps not published", **who)
        case _:
            words = t("Our answer ({agent})", **who)
    parts = [f"↪ {words}"]
    if reply.private:
        parts.append(private_mark(t))
    parts.append(t.when(_at(reply), now))
    if reply.gone in FOR_GOOD:
        parts.append("🗑 " + t("removed from the platform"))
    elif reply.url:
        parts.append(link(reply.url, t("view the answer")))
    return " · ".join(parts)


def _at(turn: Turn) -> datetime:
    return turn.published_at if isinstance(turn, Mention) else turn.sent_at or turn.created_at
