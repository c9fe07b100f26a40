"""The small modals: loading, a sentence for the agent, take over, close, assign, note, snooze, advise."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.mention import Seen
from bot.models import CaseFile, Escalation, Mention, is_edited
from bot.texts import Texts
from bot.views.ask import for_advisers, left_out
from bot.views.block import Block, button, context, field_of, modal, option, plain, quote, section
from bot.views.case_state import reason_words, writing_lines
from bot.views.citizen import head_line, quoted, shortened, wrote_again
from bot.views.topic import option_of, shows_topic, topic_field


def loading(t: Texts) -> Block:
    """Return the modal that is shown while we read data: Slack lets us open one only within 3 seconds of a click."""
    return modal("loading", t("One moment…"), [section(t("Loading…"))], close=t("Cancel"))


def said(words: str, t: Texts) -> Block:
    """Return a modal with one sentence."""
    return modal("said", t("Webcare"), [section(words)], close=t("Close"))


def take_over_button(case_id: int, owner: str, t: Texts, *, of: str = "") -> Block:
    """Return the button that asks whether to take a case over from this colleague; `of` is its name among others."""
    return button(t("Take over"), "case:take_over", f"{case_id}:{owner}", of=of)


def take_over_modal(file: CaseFile, t: Texts, *, then: str = "", home: str = "") -> Block:
    """Ask whether to take over a colleague's case; `then` is what the agent wanted to do with it, if we can continue.

    The modal remembers the owner that it named: nobody else loses the case by it. `home`: what the Home showed, if the
    modal was opened there.
    """
    words = t("{agent} has this case. Take it over? They will get a message.", agent=f"<@{file.case.assignee}>")
    blocks = [section(words), *(context(line) for line in writing_lines(file, t)), *quoted(file, t, 500)]
    metadata = f"{file.case.id}:{then}:{file.case.assignee}:{home}"
    return modal("case:take_over", t("Take over"), blocks, submit=t("Take over"), close=t("Cancel"), metadata=metadata)


RADIO_BUTTONS = 10
"""The most radio buttons that Slack takes; more choices become a menu."""


UNREAD = 5
"""So many of the posts that came in meanwhile are shown, the newest."""
_SEEN, _AGAIN = "seen:", ":again"


def close_modal(
    file: CaseFile,
    reasons: Sequence[str],
    topics: Sequence[str],
    t: Texts,
    *,
    seen: Seen | None = None,
    topic: str = "",
) -> Block:
    """Ask why the case is closed, with the team's reasons, and what it is about.

    `seen`: what this modal showed of the citizen's words and our answers before; it remembers what it shows (`shows`).
    `topic`: the option with which it opened before, if it did.
    """
    unread = [each for each in file.mentions if seen is not None and _is_unread(file, each, seen)]
    shown = [block for each in unread[-UNREAD:] for block in (quote(each.text, 1500), *shortened(file, each, t))]
    blocks = [
        *(quoted(file, t, 300) if not shown else [*quoted(file, t, 300)[:1], *shown, wrote_again(t)]),
        *(_answered(file, t) if seen is not None and seen.answer < file.seen_to_close.answer else ()),
        *reason_fields(reasons, t),
        *topic_field(file, topics, t),
    ]
    shows(blocks[0], file.seen_to_close)
    shows_topic(blocks[1], topic or option_of(file.case.topic))
    metadata = str(file.case.id)
    return modal("case:close", t("Close case"), blocks, submit=t("Close case"), close=t("Cancel"), metadata=metadata)


def _answered(file: CaseFile, t: Texts) -> list[Block]:
    """Say, above the fields, which answer the citizen got last, and from whom."""
    reply = next(each for each in reversed(file.replies) if each.reached)
    words = t("{agent} answered this citizen. Read that first: what you filled in is kept.", agent=f"<@{reply.by}>")
    return [section("⚠️ " + words), quote(reply.text, 1500)]


def _is_unread(file: CaseFile, mention: Mention, seen: Seen) -> bool:
    """Tell whether a mention came in since `seen`; after an edit since then, those that were edited count too."""
    is_new = mention.id > seen.newest or (file.seen.edits != seen.edits and is_edited(mention))
    return is_new and not mention.gone_at


def seen_in(view: Block) -> Seen | None:
    """Return what a modal showed of the citizen's words; None for one of an earlier version, which does not say."""
    shown = (each.removeprefix(_SEEN).removesuffix(_AGAIN) for each in _seen_ids(view))
    return next((Seen.of_text(each) for each in shown), None)


def shown_again(view: Block) -> bool:
    """Tell whether a modal says that the citizen wrote or edited a post while it was open."""
    return any(each.endswith(_AGAIN) for each in _seen_ids(view))


def shows(block: Block, seen: Seen, *, again: bool = False) -> None:
    """Let a modal remember what it shows of the citizen's words, in the id of this block.

    In its `private_metadata` an earlier version of this program, beside which this one runs for a while, expects
    nothing more than it wrote there itself.
    """
    block["block_id"] = f"{_SEEN}{seen.to_text()}{_AGAIN if again else ''}"


def _seen_ids(view: Block) -> list[str]:
    ids = (str(block.get("block_id", "")) for block in view.get("blocks", []))
    return [each for each in ids if each.startswith(_SEEN)]


def reason_fields(reasons: Sequence[str], t: Texts) -> list[Block]:
    """Return the fields that ask why cases are closed."""
    options = [option(_capital(reason_words(reason, t)), reason) for reason in reasons]
    kind = "radio_buttons" if len(options) <= RADIO_BUTTONS else "static_select"
    return [
        field_of(t("Reason"), "close_reason", {"type": kind, "options": options}),
        field_of(
            t("Explanation"),
            "close_text",
            {"type": "plain_text_input", "max_length": 300},
            optional=True,
            hint=t("Required with “other”. For colleagues only. Do not put personal details here."),
        ),
    ]


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def assign_modal(file: CaseFile, t: Texts, *, again: bool = False) -> Block:
    """Ask who gets the case; `again`: a colleague took it meanwhile, and the modal says who.

    It remembers the owner that it shows: nobody else loses the case by it.
    """
    picker: Block = {"type": "users_select"}
    if file.case.assignee:
        picker["initial_user"] = file.case.assignee
    blocks = [field_of(t("Colleague"), "assign_to", picker, hint=t("They get a message in the thread."))]
    if again and file.case.assignee:
        words = t("{agent} has this case by now. Assign it all the same? They will get a message.",
                  agent=f"<@{file.case.assignee}>")  # fmt: skip
        blocks = [section(words), *blocks]
    metadata = f"{file.case.id}:{file.case.assignee or ''}"
    return modal("case:assign", t("Assign"), blocks, submit=t("Assign"), close=t("Cancel"), metadata=metadata)


def note_modal(file: CaseFile, t: Texts) -> Block:
    """Ask for a note; it is posted in the thread."""
    blocks = [
        field_of(
            t("Note"),
            "note_text",
            {"type": "plain_text_input", "multiline": True, "max_length": 2900},
            hint=t("For colleagues only: notes and replies in the thread are never sent to the citizen."),
        )
    ]
    return modal("case:note", t("Add a note"), blocks, submit=t("Save"), close=t("Cancel"), metadata=str(file.case.id))


SNOOZES = (30, 60, 120, 240)
"""Working minutes for which reminders of a case can be put off."""


def snooze_modal(file: CaseFile, t: Texts) -> Block:
    """Ask for how long and why to put off reminders of a case."""
    options = [option(t.plural("{n} working minute", "{n} working minutes", n), str(n)) for n in SNOOZES]
    choice = {"type": "radio_buttons", "options": options, "initial_option": options[0]}
    why = {"type": "plain_text_input", "max_length": 300}
    blocks = [
        *quoted(file, t, 300),
        field_of(t("Remind again after"), "snooze_minutes", choice),
        field_of(t("Why it has to wait"), "snooze_reason", why, hint=t("Colleagues see this in the thread.")),
    ]
    metadata = str(file.case.id)
    return modal("case:snooze", t("Remind me later"), blocks, submit=t("Save"), close=t("Cancel"), metadata=metadata)


def advise_modal(file: CaseFile, escalation: Escalation, t: Texts, *, over: datetime | None = None) -> Block:
    """Show the question and what its advisers may see of the case, and ask for advice; `over` as for the question."""
    seen = for_advisers(file, escalation, over)
    blocks = [
        section(t("{agent} asks:", agent=f"<@{escalation.by}>")),
        quote(escalation.question, 1500),
        *(quoted(seen, t, 1500) if seen.mentions else [context(head_line(file, t))]),
        *left_out(file, escalation, over, t),
        field_of(
            t("Your advice"),
            "advice_text",
            {"type": "plain_text_input", "multiline": True, "max_length": 2900},
            hint=t("Goes to the webcare team only, not to the citizen."),
        ),
    ]
    metadata = str(escalation.id)
    return modal("case:advise", t("Advise"), blocks, submit=t("Send advice"), close=t("Cancel"), metadata=metadata)


def initials_field(t: Texts, proposal: str) -> Block:
    """Ask an agent's initials, once."""
    element = {"type": "plain_text_input", "initial_value": proposal, "min_length": 1, "max_length": 4}
    if not proposal:
        del element["initial_value"]
    hint = t(
        "These letters come under your answers (^{initials}). We ask once; no colleague can use the same.",
        initials=proposal or "AB",
    )
    return field_of(t("Your initials"), "initials", element, hint=hint)


def placeholder(words: str) -> Block:
    """Return a hint inside an empty field."""
    return plain(words, 150)
