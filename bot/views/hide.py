"""Hide a post: the modal, the question to a second colleague, and the review."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.mention import FOR_GOOD, Act
from bot.domain.reply import first_name
from bot.domain.words import folded
from bot.models import Act as ActRow
from bot.models import ActStatus, Asking, CaseFile, Hiding, Mention, edits_of, is_edited
from bot.texts import Texts
from bot.views.act import about_post, post_choice, to_choose
from bot.views.block import Block, View, actions, button, context, field_of, literal, modal, option, quote, section
from bot.views.citizen import head_line, wrote_again
from bot.views.marks import private_mark
from bot.views.modals import UNREAD, shows

_EDITS = "edits:"
"""Before the sign of what edits made of a post, in the id of the row of buttons of a question about it."""
COPIES = 4
"""Copies of hidden posts that the details show."""


def hide_modal(
    file: CaseFile, rules: Sequence[tuple[str, bool]], t: Texts, now: datetime, *, again: bool = False
) -> Block:
    """Ask which post to hide and why: `rules` are the titles of the house rules, and whether a second must agree.

    It remembers what it shows of the citizen's words; `again`: a post was edited since it was shown before.
    """
    posts = file.open_to(Act.HIDE)
    options = [option(t("{rule} (four eyes)", rule=title) if second else title, title) for title, second in rules]
    note = {"type": "plain_text_input", "max_length": 300}
    blocks = [
        context(head_line(file, t)),
        *post_choice(to_choose(posts), t("Post"), "hide_post", t, now),
        *(_read_first(posts, t, now) if again else []),
        field_of(t("House rule"), "hide_rule", {"type": "static_select", "options": options}),
        field_of(t("Note"), "hide_note", note, optional=True,
                 hint=t("For colleagues only, in the history of the case.")),
        context(
            t("Criticism, sarcasm and negative words are never a reason. We keep a copy of the post, and you can show "
              "it again at any time. Where the rule says so, a second colleague has to agree first."),
            t("After this you can tell the citizen why."),
        ),
    ]  # fmt: skip
    shows(blocks[0], file.seen)
    metadata = about_post(file, [each.id for each in posts])
    return modal("case:hide", t("Hide a post"), blocks, submit=t("Hide"), close=t("Cancel"), metadata=metadata)


def told_text(wanted: str, hiding: Hiding, name: str, t: Texts) -> str:
    """Return the text for the citizen whose post was hidden: the team's own (`wanted`), or the usual one."""
    usual = t("Hello {name}, we have hidden your post because of our house rule “{rule}”: {article} You are welcome to "
              "write a new post that keeps to our house rules; criticism is always allowed.",
              name="{name}", rule="{rule}", article="{article}")  # fmt: skip
    called = first_name(name)
    words = {"{rule}": hiding.rule, "{article}": hiding.article, "{name}": called}
    text = wanted.strip() or usual
    if not called:
        text = text.replace(" {name}", "")
    for mark, value in words.items():
        text = text.replace(mark, value)
    return text


def second_asked(file: CaseFile, act: ActRow, asking: Asking, t: Texts, *, is_moved: bool = False) -> View:
    """Ask a second colleague whether to hide a post; afterwards say who decided what.

    `is_moved`: the case went to another team, whose colleagues are asked in its thread.
    """
    hiding = file.hidings[act.id]
    agent, rule, second = f"<@{act.by}>", literal(hiding.rule, 60), f"<@{hiding.decided_by}>"
    if act.status is ActStatus.DECLINED:
        return _only(t("🚫 {second} declined what {agent} proposed: hide the post for “{rule}”.",
                       second=second, agent=agent, rule=rule))  # fmt: skip
    if act.status is ActStatus.WITHDRAWN:
        return _only(t("↩️ The proposal to hide the post for “{rule}” was withdrawn.", rule=rule))
    if act.status is not ActStatus.ASKED:
        return _only(t("✅ {second} agreed with {agent}: hide the post for “{rule}”.",
                       second=second, agent=agent, rule=rule))  # fmt: skip
    if is_moved:
        return _only(t("➡️ The case went to another team, which decides whether to hide the post for “{rule}”.",
                       rule=rule))  # fmt: skip
    names = "".join(f"<@{who}> " for who in asking.asked)
    words = names + t("👥 {agent} proposes to hide a post for “{rule}”. A second colleague has to agree.",
                      agent=agent, rule=rule)  # fmt: skip
    waits = [t.plural("It has waited for {n} working hour.", "It has waited for {n} working hours.", asking.hours)]
    about = [*(waits if asking.hours else []), literal(hiding.article, 300)]
    if act.note:
        about.append(t("Note: {text}", text=literal(act.note, 300)))
    value = f"{file.case.id}:{act.id}"
    buttons = actions(
        button(t("Agree"), "case:hide_agree", value, style="primary"),
        button(t("Decline"), "case:hide_decline", value),
        button(t("Details"), "case:details", str(file.case.id)),
    )
    _remember_edits(buttons, file, act)
    copy, now_says = _copy(hiding), _edited(file, act, hiding, t)
    spoken = "\n".join(each for each in (" ".join([words, *about]), copy.text, now_says.text) if each)
    return View(spoken, [section(words), *copy.blocks, *now_says.blocks, context(*about), *buttons])


def _remember_edits(buttons: list[Block], file: CaseFile, act: ActRow) -> None:
    buttons[0]["block_id"] = f"{_EDITS}{edits_of(each for each in file.mentions if each.id == act.mention_id)}"


def edits_seen(action: Block) -> str | None:
    """Return what edits made of a post when a question about it was shown, as `edits_of`; None if unknown."""
    block_id: str = action["block_id"]
    return block_id.removeprefix(_EDITS) if block_id.startswith(_EDITS) else None


def _copy(hiding: Hiding) -> View:
    """Show the copy of a post as it was when it was proposed to hide it; nothing of a private one."""
    return View("", []) if hiding.private else View(literal(hiding.text, 300), [quote(hiding.text, 600)])


def _edited(file: CaseFile, act: ActRow, hiding: Hiding, t: Texts) -> View:
    """Say that a post has other words by now than its copy, and which, unless it is private; nothing if it has not."""
    mention = next((each for each in file.mentions if each.id == act.mention_id), None)
    if mention is None or mention.redacted_at is not None or folded(mention.text) == folded(hiding.text):
        return View("", [])
    if mention.private:
        words = "✏️ " + t("The citizen edited the post since: Details has its words.")
        return View(words, [context(words)])
    words = "✏️ " + t("The citizen edited the post since. It says now:")
    return View(f"{words} {literal(mention.text, 300)}", [context(words), quote(mention.text, 600)])


def copies(file: CaseFile, t: Texts, now: datetime) -> list[Block]:
    """Return the copies of the posts that were hidden or proposed for it, each with the rule as it read then.

    A copy whose words were deleted has no author either, and is left out.
    """
    blocks: list[Block] = []
    kept = [hiding for act in file.acts if (hiding := file.hidings.get(act.id)) and (hiding.text or hiding.author)]
    for hiding in kept[-COPIES:]:
        rule, article, author = literal(hiding.rule, 60), literal(hiding.article, 300), literal(hiding.author, 80)
        about = t("Copy of {time} of the post of {author} – {rule}: {article}",
                  time=t.when(hiding.seen_at, now), author=author, rule=rule, article=article)  # fmt: skip
        blocks += [context(about, *([private_mark(t)] if hiding.private else [])), quote(hiding.text, 600)]
    if (before := len(kept) - COPIES) > 0:
        words = t.plural("{n} earlier copy is not shown.", "{n} earlier copies are not shown.", before)
        return [context(words), *blocks]
    return blocks


def _read_first(posts: Sequence[Mention], t: Texts, now: datetime) -> list[Block]:
    """Say that a post was edited; a choice of several shows few of their words, so the edited ones are quoted."""
    blocks = [wrote_again(t)]
    for post in [each for each in posts if is_edited(each)][:UNREAD] if len(posts) > 1 else []:
        mark = [private_mark(t)] if post.private else []
        blocks += [context(t.when(post.published_at, now), *mark), quote(post.text, 1500)]
    return blocks


def _only(words: str) -> View:
    return View(words, [section(words)])


def review(file: CaseFile, act: ActRow, asking: Asking, t: Texts, *, is_moved: bool = False) -> View:
    """Ask whether a post must stay hidden; afterwards show the decision.

    `is_moved`: the case went to another team, whose coordinators are asked.
    """
    hiding, since = file.hidings[act.id], file.decided_since(act)
    rule, mention = literal(hiding.rule, 60), next((each for each in file.mentions if each.id == act.mention_id), None)
    if mention is None or mention.gone in FOR_GOOD:
        return _only(t("The hidden post (“{rule}”) is no longer there.", rule=rule))
    if since is not None and since.kind is Act.SHOW and not since.by:
        return _only(t("👁 The post that was hidden for “{rule}” was shown again on the platform itself.", rule=rule))
    if since is not None and since.kind is Act.SHOW:
        return _only(
            t("👁 {agent} shows the post again that was hidden for “{rule}”.", agent=f"<@{since.by}>", rule=rule)
        )
    if hiding.review_at is not None and hiding.review_at.isoformat() != asking.at:
        return _only(t("🙈 {agent}: the post stays hidden for “{rule}”. We ask again on {date}.",
                       agent=f"<@{hiding.kept_by}>", rule=rule, date=t.date(hiding.review_at)))  # fmt: skip
    if is_moved:
        return _only(t("➡️ The case went to another team, which decides whether the post stays hidden for “{rule}”.",
                       rule=rule))  # fmt: skip
    words = t("🗓 Is it still needed that this post is hidden? {agent} hid it on {date} for “{rule}”.",
              agent=f"<@{act.by}>", date=t.date(act.done_at or act.created_at), rule=rule)  # fmt: skip
    value = f"{file.case.id}:{act.id}"
    buttons = actions(
        button(t("Keep hidden"), "case:hide_keep", f"{value}:{asking.at}"),
        button(t("Show again"), "case:hide_show", value),
        button(t("Details"), "case:details", str(file.case.id)),
    )
    _remember_edits(buttons, file, act)
    copy, now_says = _copy(hiding), _edited(file, act, hiding, t)
    spoken = "\n".join(each for each in (words, copy.text, now_says.text) if each)
    return View(spoken, [section(words), *copy.blocks, *now_says.blocks, *buttons])
