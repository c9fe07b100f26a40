"""A citizen who does not answer our question: what to do with the case, with a button for each choice."""

from collections.abc import Sequence
from datetime import datetime

from bot.models import CaseFile
from bot.texts import Texts
from bot.views.block import View, actions, button, context, section
from bot.views.case_list import card_link
from bot.views.case_menu import ACTION
from bot.views.case_state import case_name, state_line
from bot.views.citizen import excerpt, name_of
from bot.views.marks import Mark, marks


def unanswered(file: CaseFile, days: int, asked: Sequence[str], t: Texts, now: datetime, *, card_url: str = "") -> View:
    """Ask these people to remind the citizen, to close the case, or to wait on; `card_url` links the card elsewhere."""
    names = "".join(f"<@{who}> " for who in asked)
    words = names + t.plural(
        "💬 The citizen has not answered our question for {n} working day. What now?",
        "💬 The citizen has not answered our question for {n} working days. What now?",
        days,
    )
    value = str(file.case.id)
    remind = [button(t("Remind the citizen"), "case:answer", value, style="primary")] if file.takes_answer else []
    rest = [button(t("Close…"), ACTION, f"close:{value}"), button(t("Wait on"), "case:wait_on", value)]
    about = _about(file, t, now, card_url)
    return View(f"{words} {about}", [section(words), context(about), *actions(*remind, *rest)])


def went_on(file: CaseFile, t: Texts, now: datetime, *, card_url: str = "", is_moved: bool = False) -> View:
    """Show how a case went on after this question; `is_moved`: another team or colleague has it since then."""
    words = f"✓ {_about(file, t, now, card_url, outside=is_moved)}"
    return View(words, [context(words)])


def _about(file: CaseFile, t: Texts, now: datetime, card_url: str, *, outside: bool = False) -> str:
    """Return the case, who wrote what, and its state; nothing private, as the thread has more readers.

    `outside`: the case is another's, so its words of since then are left out, also why it goes first.
    """
    words = name_of(file.author)
    if not file.latest.private and not outside:
        words = t("{name}: {text}", name=words, text=excerpt(file, t))
    unsaid = {Mark.CITIZEN, *([Mark.FIRST] if outside else [])}
    state = [*marks(file, t, now, without=unsaid), state_line(file, t, now, outside=outside)]
    return " · ".join([case_name(file.case, t), words, *state, *card_link(card_url, t)])
