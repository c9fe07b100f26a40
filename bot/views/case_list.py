"""Lists of cases: the row that every list shows, and the list that one agent asked for or shared with the channel."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.case import OPEN
from bot.models import CaseLine
from bot.texts import Texts
from bot.views.block import View, actions, button, context, link, literal, section
from bot.views.case_state import ENDED
from bot.views.marks import marks


def case_row(line: CaseLine, t: Texts, now: datetime, *, card_url: str = "") -> str:
    """Return a case in two lines: who wrote what where, and its marks, how long it has waited and who has it."""
    said = t("{name} via {platform}: {text}", name=f"*{literal(line.author.name, 80)}*",
             platform=literal(line.platform, 60), text=literal(line.latest.text, 150) or t("(no text)"))  # fmt: skip
    at = t.when(line.case.opened_at, now)
    if line.case.status in OPEN:
        stands = [t("waiting since {time}", time=at)]
    else:
        stands = [t(ENDED[line.case.status]), t("came in {time}", time=at)]
    who = f"<@{line.case.assignee}>" if line.case.assignee else t("nobody yet")
    card = [link(card_url, t("card"))] if card_url else []
    return said + "\n" + " · ".join([*marks(line, t, now), *stands, who, *card])


def case_list(head: str, rows: Sequence[str], t: Texts, *, more: Sequence[str] = (), share: str = "") -> View:
    """Return a list; `more` is what there is to say of what it does not show.

    With `share`, which says what was asked for, it has the button that shows it to all.
    """
    blocks = [section(head), *map(section, rows), *map(context, more)]
    buttons = actions(button(t("Share in channel"), "list:share", share)) if share else []
    return View("\n".join([head, *rows, *more]), [*blocks, *buttons])
