"""What can be done with a case: the menu of its card, and the modal "More…" that lists everything.

A new choice is one line in CHOICES here and one in handlers/card_menu.py. An option's value is its verb and the case,
like `close:12`; one about a post names that too, like `like:12:34`. Old messages keep their options, so a verb never
gets another meaning.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.case import ONGOING, OPEN, CloseReason, Move, Status, moves_from
from bot.domain.mention import Act, Seen
from bot.domain.text import Text, text
from bot.models import CaseFile
from bot.texts import Texts
from bot.views.block import MENU_SIZE, Block, button, context, modal, option, overflow, section
from bot.views.case_state import state_line
from bot.views.citizen import head_line

ACTION = "case:more"
MORE = "more"
"""The verb that opens the modal."""


@dataclass(frozen=True)
class Choice:
    """One thing that can be done with a case: `does` explains it, `offered` tells whether the case allows it now.

    `on_card`: it has its own button on the card, so it is not in the menu. `looks`: it only shows something, so a
    reader may do it too. `about` is the id of the post that it is about, or what is shown of the citizen's words.
    """

    verb: str
    label: Text
    does: Text
    offered: Callable[[CaseFile], bool]
    on_card: bool = False
    looks: bool = False
    about: Callable[[CaseFile], int | str] | None = None

    def value(self, file: CaseFile) -> str:
        """The value of its option or button."""
        case = f"{self.verb}:{file.case.id}"
        return f"{case}:{self.about(file)}" if self.about else case


def about_of(action: Block) -> int | None:
    """Return the post that a choice in a menu or a click on a button is about; None if its value names none."""
    _, _, *about = (action.get("selected_option") or action)["value"].split(":")
    return int(about[0]) if about else None


def seen_by(action: Block) -> Seen | None:
    """Return what was shown of the citizen's words where this was chosen; None if its value does not say."""
    _, _, *seen = (action.get("selected_option") or action)["value"].split(":", 2)
    return Seen.of_text(seen[0]) if seen else None


def _move(move: Move) -> Callable[[CaseFile], bool]:
    return lambda file: not reply_under_way(file) and move in moves_from(file.case.status)


def _is_open(file: CaseFile) -> bool:
    return file.case.status in OPEN


def _needs_no_answer(file: CaseFile) -> bool:
    left_out = (file.team.settings or {}).get("reasons_left_out") or []
    return _is_open(file) and _move(Move.CLOSE)(file) and CloseReason.NO_ANSWER_NEEDED not in left_out


def _can_answer(file: CaseFile) -> bool:
    return _move(Move.ANSWER)(file) and file.takes_answer


def _can_go_private(file: CaseFile) -> bool:
    """Tell whether a citizen who wrote in public can be answered privately, or invited in public to write privately."""
    to = file.answerable
    if to is None or to.private or not _can_answer(file):
        return False
    acts = {permit.act for permit in to.permits()}
    return Act.ANSWER in acts and (Act.ANSWER_PRIVATELY in acts or bool((file.team.settings or {}).get("way_to_us")))


def _can_transfer(file: CaseFile) -> bool:
    return _move(Move.TRANSFER)(file) and len(file.teams) > 1


def _names_others(file: CaseFile) -> bool:
    """Tell whether the card names the citizen's other cases; the card of a case that has ended does not follow them."""
    return file.case.status in ONGOING and bool(file.others)


def reply_under_way(file: CaseFile) -> bool:
    """Tell whether a reply is being sent or its outcome is unknown; the case can only move once that is settled."""
    reply = file.reply
    if reply is None:
        return False
    if file.case.status is Status.ANSWERED:
        return reply.unsent
    return file.case.status is Status.CLAIMED and file.undecided


CHOICES = (
    Choice("claim", text("Claim"), text("The case becomes yours."), _move(Move.CLAIM), on_card=True),
    Choice("answer", text("Answer"), text("Write to the citizen."), _can_answer, on_card=True),
    Choice("escalate", text("Escalate"), text("Ask someone for advice."), _move(Move.ESCALATE), on_card=True),
    Choice("reopen", text("Reopen"), text("Take the case up again."), _move(Move.REOPEN)),
    Choice("no_answer", text("No answer needed"), text("Close the case at once for that reason."), _needs_no_answer,
           about=lambda file: file.seen_to_close.to_text()),
    Choice("close", text("Close…"), text("End the case without an answer."), _move(Move.CLOSE)),
    Choice("assign", text("Assign…"), text("Give the case to a colleague."), _move(Move.ASSIGN)),
    Choice("details", text("Details"), text("See everything that was written and done."), lambda _: True, looks=True),
    Choice("others", text("Other cases…"), text("See the citizen's other cases."), _names_others, looks=True),
    Choice("to_private", text("Go on in private…"),
           text("Write a private message, or say where the citizen can reach you."), _can_go_private),
    Choice("tell", text("Tell the citizen…"), text("Write why the post was hidden."),
           lambda file: file.unexplained is not None and _can_answer(file)),
    Choice("hide", text("Hide a post…"), text("Hide a post that breaks a house rule."),
           lambda file: bool(file.open_to(Act.HIDE))),
    Choice("show", text("Show the post again"), text("Make the hidden post visible again."),
           lambda file: len(file.open_to(Act.SHOW)) == 1, about=lambda file: file.open_to(Act.SHOW)[0].id),
    Choice("show_one", text("Show a post again…"), text("Choose which hidden post becomes visible again."),
           lambda file: len(file.open_to(Act.SHOW)) > 1),
    Choice("like", text("Like"), text("Like the post on the platform."),
           lambda file: len(file.open_to(Act.LIKE)) == 1, about=lambda file: file.open_to(Act.LIKE)[0].id),
    Choice("like_one", text("Like a post…"), text("Choose which post is liked on the platform."),
           lambda file: len(file.open_to(Act.LIKE)) > 1),
    Choice("unlike", text("Take the like back"), text("The like disappears from the platform."),
           lambda file: len(file.open_to(Act.UNLIKE)) == 1, about=lambda file: file.open_to(Act.UNLIKE)[0].id),
    Choice("unlike_one", text("Take a like back…"), text("Choose of which post the like disappears."),
           lambda file: len(file.open_to(Act.UNLIKE)) > 1),
    Choice("remove", text("Remove our answer…"), text("Remove an answer of ours from the platform."),
           lambda file: bool(file.removable)),
    Choice("release", text("Release"), text("Put the case back in the queue."), _move(Move.RELEASE)),
    Choice("transfer", text("To another team…"), text("Hand the case over to another team."), _can_transfer),
    Choice("note", text("Add a note…"), text("Write a note for colleagues."), lambda _: True),
    Choice("snooze", text("Remind me later…"), text("Postpone the reminders."), _is_open),
    Choice("urgent", text("Make urgent"), text("Use the shorter norm for urgent cases."),
           lambda file: _is_open(file) and not file.case.urgent),
    Choice("not_urgent", text("No longer urgent"), text("Use the usual norm again."),
           lambda file: _is_open(file) and file.case.urgent),
)  # fmt: skip
"""In the order of the menu and the modal."""


def card_menu(file: CaseFile, t: Texts) -> Block:
    """Return the menu of a card; choices that do not fit are in the modal behind "More…"."""
    choices = [choice for choice in _offered(file) if not choice.on_card]
    fits = choices if len(choices) <= MENU_SIZE else choices[: MENU_SIZE - 1]
    options = [option(t(choice.label), choice.value(file)) for choice in fits]
    if len(fits) < len(choices):
        options.append(option(t("More…"), f"{MORE}:{file.case.id}"))
    return overflow(ACTION, options)


def more_modal(file: CaseFile, t: Texts, now: datetime, *, acts: bool) -> Block:
    """Return the modal that lists everything a case allows now; without `acts` only choices that show something."""
    blocks = [context(head_line(file, t)), section(state_line(file, t, now))]
    for choice in _offered(file):
        if acts or choice.looks:
            row = section(t(choice.does))
            row["accessory"] = button(t(choice.label), ACTION, choice.value(file))
            blocks.append(row)
    return modal("more", t("What you can do"), blocks, close=t("Close"), metadata=str(file.case.id))


def _offered(file: CaseFile) -> Sequence[Choice]:
    return [choice for choice in CHOICES if choice.offered(file)]
