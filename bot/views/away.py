"""What one who leaves is asked: whether their cases go back to the queue."""

from bot.texts import Texts
from bot.views.block import View, actions, button, section


def away_question(user: str, waiting: int, t: Texts) -> View:
    """Tell an agent that they are away now, and ask about the cases that still wait with them, if any."""
    words = t("You are away: reminders go to your colleagues until `/webcare weg terug`.")
    if not waiting:
        return View(words, [section(words)])
    ask = t.plural(
        "You still have {n} case. Put it back in the queue?",
        "You still have {n} cases. Put them back in the queue?",
        waiting,
    )
    row = actions(
        button(t("Yes, put back"), "agent:hand_back", user, style="primary"),
        button(t("No, I keep them"), "agent:keep", user),
    )
    return View(f"{words} {ask}", [section(f"{words}\n{ask}"), *row])
