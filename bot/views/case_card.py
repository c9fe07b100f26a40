"""The card of a case in the team's channel: what was written, its state, and the buttons that its status allows."""

from collections.abc import Collection, Sequence
from datetime import datetime

from bot.domain.case import ONGOING, OPEN, Move, Status, moves_from
from bot.domain.mention import Act
from bot.domain.text import Text, text
from bot.models import CaseFile, Reply, ReplyStatus
from bot.texts import Texts, capital
from bot.views.act import act_lines, act_undo_button
from bot.views.block import (
    Block,
    View,
    about,
    actions,
    button,
    context,
    is_web,
    literal,
    quote,
    section,
)
from bot.views.case_menu import card_menu, reply_under_way
from bot.views.case_state import reply_line, spoken_state, state_line, writing_lines
from bot.views.citizen import Room, excerpt, fitted, head_line, name_of
from bot.views.exchange import image_words, newest, ours_in_short
from bot.views.marks import Mark, marks
from bot.views.others import others_words
from bot.views.transfer import came_from


def case_card(file: CaseFile, t: Texts, now: datetime, *, home: str = "") -> View:
    """Show everything that the team needs of a case; the same state always gives the same card.

    `home` is the address of the workspace in Slack, for links to other cards.
    """
    return fitted(lambda room: _card(file, t, now, room, home))


def _card(file: CaseFile, t: Texts, now: datetime, room: Room, home: str) -> View:
    words = t("{name}: {text}", name=literal(file.label.platform, 60), text=excerpt(file, t))
    writing = writing_lines(file, t) if file.case.status in ONGOING else []
    done = is_done(file)
    blocks = _done(file, t, now) if done else _open(file, t, now, room, writing, others_words(file, t, home))
    # the first line has the words only for a new case: a screen reader reads it at every change
    between = " – " if file.case.status is Status.NEW else ".\n"
    spoken = [*writing, f"{spoken_state(file, t, now)}{between}{words}"]
    ours = file.reply if file.case.status is Status.ANSWERED else None
    if ours is not None:
        spoken += [t("Our answer: {text}", text=literal(ours.text, 200)), *image_words(ours, t)]
    if file.doubted is not None and file.doubted is not ours:
        spoken += [reply_line(file, t, now), *ours_in_short(file.doubted, t, now)]
    spoken += act_lines(file, t, now)
    spoken += [] if done else [capital(words) for words in others_words(file, t)]
    name = name_of(file.author, 40)
    return View("\n".join(spoken), about(blocks, t("Case {number} of {name}", number=file.case.number, name=name)))


def is_done(file: CaseFile) -> bool:
    """Tell whether nothing is left to do: the card is short then, so that waiting cases fill the channel."""
    return file.case.status not in ONGOING and not reply_under_way(file)


def _open(
    file: CaseFile, t: Texts, now: datetime, room: Room, writing: Sequence[str], person: Sequence[str]
) -> list[Block]:
    """Return the card of a case that waits for us, or whose reply is being sent."""
    stands = [state_line(file, t, now), *_noticed(file, t, now), *person]
    beside = [words for words in (reply_line(file, t, now), *writing) if words]
    blocks = [*newest(file, t, now, room), context(" · ".join(stands)), *([context(*beside)] if beside else [])]
    return [*blocks, *_acts(file, t, now), *came_from(file, t), *_unsent(file, t), *_buttons(file, t)]


def _acts(file: CaseFile, t: Texts, now: datetime) -> list[Block]:
    """Return what was done to posts besides answering them."""
    done = act_lines(file, t, now)
    return [context("\n".join(done))] if done else []


def _noticed(file: CaseFile, t: Texts, now: datetime) -> list[str]:
    """Return what the card does not say elsewhere: the marks and the topic."""
    topic = [t("Topic: {topic}", topic=literal(file.case.topic, 60))] if file.case.topic else []
    return [*marks(file, t, now, without={Mark.PRIVATE, Mark.ADVICE, Mark.CITIZEN}), *_ends(file, t, now), *topic]


ENDS = {
    Act.ANSWER: (text("can be answered until {time}"), text("can no longer be answered")),
    Act.ANSWER_PRIVATELY: (text("privately until {time}"), text("no longer privately")),
}
"""The words before and after the end, for answers that a platform takes for a limited time only."""


BY_TEMPLATE = text("by template only")


def _ends(file: CaseFile, t: Texts, now: datetime) -> list[str]:
    """Return until when the platform takes an answer, if it sets an end."""
    if file.case.status not in OPEN or file.answerable is None:
        return []
    by_length = sorted(file.permits(file.answerable), key=lambda each: (each.until is None, each.until or now))
    until = {permit.act: permit.until for permit in by_length}  # of each act the one that holds longest
    ends = [(said, end) for act, said in ENDS.items() if (end := until.get(act)) is not None]
    over = [BY_TEMPLATE if file.templates else after for (_, after), end in ends if end <= now]
    return [*(t(Text(said.message, {"time": t.when(end, now)})) for (said, _), end in ends if end > now), *map(t, over)]


def _unsent(file: CaseFile, t: Texts) -> list[Block]:
    """Return the answer that is being sent or was refused, or the question that waits for its answer."""
    reply = file.reply
    if file.case.status is Status.WITH_CITIZEN and file.question is not None:
        return [context(t("Our question:")), quote(file.question.text, 600)]
    if reply is None or reply.status is ReplyStatus.SENT or file.case.status not in {Status.ANSWERED, Status.CLAIMED}:
        return []
    blocks = [context(t("Our answer:"), *image_words(reply, t)), quote(reply.text, 600)]
    if reply.invitation and reply.status is not ReplyStatus.FAILED:
        blocks += [context(t("After that, in public:")), quote(reply.invitation["text"], 600)]
    return blocks


def _done(file: CaseFile, t: Texts, now: datetime) -> list[Block]:
    """Return two lines and a menu: how the case ended, and who had it; Details has the rest.

    Whoever must say whether an answer is there sees what to look for.
    """
    about = [head_line(file, t), literal(file.label.signed_platform, 60), excerpt(file, t, 60)]
    stands = [state_line(file, t, now), *_noticed(file, t, now)]
    ended = section(f"{' · '.join(stands)}\n{' · '.join(about)}")
    beside = [words] if (words := reply_line(file, t, now)) else []
    beside += ours_in_short(file.doubted, t, now) if file.doubted is not None else []
    return [
        ended | {"accessory": card_menu(file, t)},
        *([context(*beside)] if beside else []),
        *_acts(file, t, now),
        *actions(*_reply_buttons(file, t), *act_undo_button(file, t)),
    ]


def _buttons(file: CaseFile, t: Texts) -> list[Block]:
    """Return the buttons: those for an unsettled reply come first, in any state of the case."""
    about_reply = [*_reply_buttons(file, t), *act_undo_button(file, t)]
    if reply_under_way(file):
        return actions(*about_reply)
    return actions(*about_reply) + actions(*_row(file, moves_from(file.case.status), t), card_menu(file, t))


def _reply_buttons(file: CaseFile, t: Texts) -> list[Block]:
    if file.undoable is not None:
        return [button(t("Undo"), "case:undo", f"{file.case.id}:{file.undoable.id}", style="danger")]
    return _settle_buttons(file, file.doubted, t) if file.doubted is not None else []


def _row(file: CaseFile, moves: Collection[Move], t: Texts) -> list[Block]:
    """Return the buttons for the main moves; a post that cannot be answered from here is opened on its platform."""
    value, row = str(file.case.id), []
    if Move.CLAIM in moves:
        row.append(button(t("Claim"), "case:claim", value, style="primary"))
    may_answer = Move.ANSWER in moves and not file.undecided
    if may_answer and file.answerable is not None:
        style = None if Move.CLAIM in moves else "primary"
        row.append(button(t("Answer"), "case:answer", value, style=style))
    elif may_answer and is_web(file.latest.url):
        row.append(button(t("Open"), "case:open", value, url=file.latest.url))
    if Move.ESCALATE in moves:
        row.append(button(t("Escalate"), "case:escalate", value))
    return row


def _settle_buttons(file: CaseFile, doubted: Reply, t: Texts) -> list[Block]:
    """Return the buttons that say whether a reply is there, and the one that opens the post that it answers."""
    value = f"{file.case.id}:{doubted.id}"
    answered = next((each for each in file.mentions if each.id == doubted.mention_id), file.latest)
    there = button(t("Yes, it is there"), "case:settle_sent", value, style="primary")
    absent = button(t("No, it is not there"), "case:settle_absent", value)
    if is_web(answered.url):
        return [button(t("Open"), "case:open", str(file.case.id), url=answered.url), there, absent]
    return [there, absent]
