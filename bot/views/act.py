"""What was done to a post besides answering it, in words."""

from bot.domain.mention import Act
from bot.domain.text import text
from bot.models import Act as ActRow
from bot.models import ActStatus
from bot.texts import Texts
from bot.views.block import View, literal, section

ACTS = {
    Act.HIDE: text("hide the post"),
    Act.SHOW: text("show the post again"),
    Act.LIKE: text("like the post"),
    Act.UNLIKE: text("take back the like"),
    Act.DELETE: text("remove our answer"),
}


def act_problem(act: ActRow, t: Texts) -> View:
    """Tell the thread how an act stands with which something was wrong."""
    agent, what, problem = f"<@{act.by}>", t(ACTS[act.kind]), literal(t.stored(act.problem), 500)
    match act.status:
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
        case ActStatus.DONE:
            words = t("Done after all: {act}.", act=what)
        case ActStatus.WITHDRAWN:
            words = t("Taken back: {act}.", act=what)
    return View(words.strip(), [section(words.strip())])
