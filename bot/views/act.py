"""Acts on a post besides answering it: their state in words, and the modal that removes our answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.mention import Act
from bot.domain.text import text
from bot.models import Account, ActStatus, CaseFile, Hiding, Mention
from bot.models import Act as ActRow
from bot.texts import Texts
from bot.views.block import (
    OPTION,
    Block,
    View,
    actions,
    button,
    context,
    cut,
    field_of,
    literal,
    modal,
    offered,
    option,
    quote,
    section,
)
from bot.views.citizen import head_line, privately, words_of
from bot.views.marks import private_mark

ACTS = {
    Act.HIDE: text("hide the post"),
    Act.SHOW: text("show the post again"),
    Act.LIKE: text("like the post"),
    Act.UNLIKE: text("take back the like"),
    Act.DELETE: text("remove our answer"),
}
SHOWN = 3
"""Acts that a card names; Details has all of them."""


def act_problem(act: ActRow, account: Account, t: Texts, *, agreed: str | None = None) -> View:
    """Show in the thread the state of an act that had a problem, or that waits for its stopped account.

    With the buttons that say whether one was done of which nobody knows that. It notifies who proposed it, and the
    second colleague who `agreed`, if any: by then the first may be away.
    """
    value, settles = f"{act.case_id}:{act.id}", list[Block]()
    agent = " ".join(f"<@{who}>" for who in (act.by, agreed) if who)
    what, problem = t(ACTS[act.kind]), literal(t.stored(act.problem), 500)
    match act.status:
        case ActStatus.APPROVED | ActStatus.SENDING if account.stopped_at is not None:
            words = t(
                "{agent}, not done yet: {act}. The account is stopped, so it is done once that is started again. "
                "{problem}", agent=agent, act=what, problem=literal(t.stored(account.problem), 500),
            )  # fmt: skip
        case ActStatus.APPROVED | ActStatus.SENDING:
            words = t(
                "{agent}, not done yet, and we keep trying: {act}. {problem}", agent=agent, act=what, problem=problem
            )
        case ActStatus.FAILED:
            words = t("{agent}, not done: {act}. {problem}", agent=agent, act=what, problem=problem)
        case ActStatus.UNCERTAIN:
            words = t(
                "{agent}, it is not certain whether this was done: {act}. Please look at the platform. {problem}",
                agent=agent, act=what, problem=problem,
            )  # fmt: skip
            settles.append(button(t("Yes, it was done"), "case:act_done", value, style="primary"))
            settles.append(button(t("No, it was not done"), "case:act_not_done", value))
        case ActStatus.DONE:
            words = t("Done after all: {act}.", act=what)
        case ActStatus.WITHDRAWN:
            words = t("Taken back: {act}.", act=what)
        case ActStatus.ASKED:
            words = t("Waits for a second colleague: {act}.", act=what)
        case ActStatus.DECLINED:
            words = t("Declined: {act}.", act=what)
    return View(words.strip(), [section(words.strip()), *actions(*settles)])


def act_lines(file: CaseFile, t: Texts, now: datetime) -> list[str]:
    """Return what was or will be done to the posts of a case and to our answers; the newest first."""
    acts = [file.last_act(kind, mention.id) for mention in file.mentions for kind in (Act.HIDE, Act.LIKE)]
    acts += [file.last_act(Act.DELETE, reply.mention_id, reply.id) for reply in file.replies]
    newest = sorted((act for act in acts if act is not None), key=lambda act: act.id, reverse=True)
    said = [_about(file, act, words, t) for act in newest if (words := _stands(file, act, t, now))]
    more = [t("… and {n} more: see Details", n=len(said) - SHOWN)] if len(said) > SHOWN else []
    return [*said[:SHOWN], *more, *_untold(file, t)]


def _untold(file: CaseFile, t: Texts) -> list[str]:
    """Return that a citizen does not know why their post is hidden, once it is."""
    if file.unexplained is None or file.unexplained.status is not ActStatus.DONE:
        return []
    return ["📣 " + t("The citizen has not been told why the post was hidden.")]


def act_words(act: ActRow, hiding: Hiding | None, t: Texts) -> str:
    """Return the act in words, with its house rule."""
    return f"{t(ACTS[act.kind])}: {literal(hiding.rule, 60)}" if hiding else t(ACTS[act.kind])


def _stands(file: CaseFile, act: ActRow, t: Texts, now: datetime) -> str:
    """Return the state of an act; "" when the card says it elsewhere, or there is nothing to notice any more."""
    hiding, agent, problem = file.hidings.get(act.id), f"<@{act.by}>", literal(t.stored(act.problem), 300)
    what = act_words(act, hiding, t)
    match act.status:
        case ActStatus.ASKED:
            since = t.when(act.created_at, now)
            words = t("*Waits for a second colleague* since {time} – {agent}: {act}", agent=agent, act=what, time=since)
            return f"👥 {words}"
        case ActStatus.DECLINED:
            who = f"<@{hiding.decided_by}>" if hiding else ""
            return "🚫 " + t("*Declined* by {agent} – {act}", agent=who, act=what)
        case ActStatus.APPROVED | ActStatus.SENDING if file.account.stopped_at is not None:
            words = t("*Waits* – {agent}: {act}. The account is stopped, so it is done once that is started again. "
                      "{problem}",
                      agent=agent, act=what, problem=literal(t.stored(file.account.problem), 300))  # fmt: skip
            return f"⏳ {words}".strip()
        case ActStatus.APPROVED if not problem:
            time = t.seconds(act.send_at, now)
            return "⏳ " + t("*Soon* – {agent}: {act}, at {time}", agent=agent, act=what, time=time)
        case ActStatus.APPROVED | ActStatus.SENDING:
            words = t("*Being done* – {agent}: {act}. {problem}", agent=agent, act=what, problem=problem)
            return "⏳ " + words.strip()
        case ActStatus.FAILED:
            return "⚠️ " + t("*Not done* – {agent}: {act}. {problem}", agent=agent, act=what, problem=problem).strip()
        case ActStatus.UNCERTAIN:
            words = t("*Perhaps done* – {agent}, please look at the platform: {act}.", agent=agent, act=what)
            return f"⚠️ {words}"
        case ActStatus.DONE if act.kind is Act.HIDE:
            return "🙈 " + _hidden(act, hiding, agent, t)
        case ActStatus.DONE if act.kind is Act.LIKE:
            return "♥ " + t("*Liked* by {agent}", agent=agent)
        case _:
            return ""


def _hidden(act: ActRow, hiding: Hiding | None, agent: str, t: Texts) -> str:
    if not act.by:
        return t("*Hidden* on the platform itself")
    if hiding is None:
        return t("*Hidden* by {agent}", agent=agent)
    rule = literal(hiding.rule, 60)
    if hiding.decided_by:
        second = f"<@{hiding.decided_by}>"
        return t("*Hidden* by {agent} and {second}: {rule}", agent=agent, second=second, rule=rule)
    return t("*Hidden* by {agent}: {rule}", agent=agent, rule=rule)


def _about(file: CaseFile, act: ActRow, words: str, t: Texts) -> str:
    """Add which post it is about, if there are several."""
    if act.reply_id is not None or len(file.mentions) == 1:
        return words
    mention = next(each for each in file.mentions if each.id == act.mention_id)
    return f"{words} ({privately(mention, t)}{words_of(mention, t, 40)})"


def act_undo_button(file: CaseFile, t: Texts) -> list[Block]:
    """Return the button that takes back the newest act that has not been carried out, if any."""
    act = file.undoable_act
    if act is None:
        return []
    return [button(t("Undo: {act}", act=t(ACTS[act.kind])), "case:undo_act", f"{file.case.id}:{act.id}")]


def remove_modal(file: CaseFile, t: Texts, now: datetime) -> Block:
    """Ask which of our answers to remove from the platform, and why."""
    removable = file.removable
    why = {"type": "plain_text_input", "max_length": 300}
    ours = [Post(each.id, each.sent_at or each.created_at, each.text, each.private) for each in removable]
    blocks = [context(head_line(file, t)), *post_choice(ours, t("Answer"), "remove_reply", t, now)]
    blocks += [
        field_of(t("Why"), "remove_why", why, hint=t("For colleagues only, in the history of the case.")),
        section(t("The citizen can then no longer read this answer. That cannot be undone later. "
                  "We keep the answer here, marked as removed.")),
    ]  # fmt: skip
    metadata = about_post(file, [each.id for each in removable])
    return modal(
        "case:remove", t("Remove our answer"), blocks, submit=t("Remove"), close=t("Cancel"), metadata=metadata
    )


def show_modal(file: CaseFile, t: Texts, now: datetime) -> Block:
    """Ask which of the hidden posts becomes visible again."""
    everyone = section(t("Everyone who could read it before can read it again."))
    return _which(Act.SHOW, t("Show a post again"), t("Show again"), file, t, now, everyone)


def like_modal(file: CaseFile, t: Texts, now: datetime) -> Block:
    """Ask which of several posts is liked."""
    return _which(Act.LIKE, t("Like a post"), t("Like"), file, t, now)


def unlike_modal(file: CaseFile, t: Texts, now: datetime) -> Block:
    """Ask of which of the liked posts the like is taken back."""
    return _which(Act.UNLIKE, t("Take a like back"), t("Take back"), file, t, now)


def _which(kind: Act, title: str, submit: str, file: CaseFile, t: Texts, now: datetime, *below: Block) -> Block:
    """Ask to which of the posts that allow it an act is done; `chosen_post` reads which."""
    posts = to_choose(file.open_to(kind))
    blocks = [context(head_line(file, t)), *post_choice(posts, t("Post"), f"{kind}_post", t, now), *below]
    metadata = about_post(file, [each.id for each in posts])
    return modal(f"case:{kind}_one", title, blocks, submit=submit, close=t("Cancel"), metadata=metadata)


@dataclass(frozen=True)
class Post:
    """A post or answer to choose: when it was written, its words, and whether it is private."""

    id: int
    at: datetime
    words: str
    private: bool


def to_choose(mentions: Sequence[Mention]) -> list[Post]:
    """Return these mentions as posts to choose from."""
    return [Post(each.id, each.published_at, each.text, each.private) for each in mentions]


def post_choice(posts: Sequence[Post], label: str, block_id: str, t: Texts, now: datetime) -> list[Block]:
    """Return the post that it is about, or a choice of posts; it says which are private."""
    if len(posts) == 1:
        [post] = posts
        return [*([context(private_mark(t))] if post.private else []), quote(post.words, 1500)]
    options = [option(_named(post, t, now), str(post.id)) for post in posts]
    return [field_of(label, block_id, {"type": "static_select", **offered(options)})]


def _named(post: Post, t: Texts, now: datetime) -> str:
    """Return a post as an option, in which as many of its words as fit."""
    about = f"{t.when(post.at, now)}: {f'{private_mark(t)}: ' if post.private else ''}"
    return about + t.quoted(cut(" ".join(post.words.split()), min(45, OPTION - len(about) - 2)))


def about_post(file: CaseFile, posts: Sequence[int]) -> str:
    """Return the metadata of a modal about a post: the case, and the post if it is the only one."""
    return f"{file.case.id}:{posts[0]}" if len(posts) == 1 else str(file.case.id)


def chosen_post(view: Block, filled: Mapping[str, Any], field: str) -> tuple[int, int]:
    """Return the case of a modal about a post, and that post: the only one, or the one chosen in this field."""
    case_id, _, only = view["private_metadata"].partition(":")
    return int(case_id), int(only or filled[field])
