"""The questions to an agent who is away: what should happen with their cases?"""

from bot.texts import Texts
from bot.views.block import View, actions, button, section
from bot.views.handing_over import QUESTION, hand_over_button


def away_question(user: str, waiting: int, t: Texts, *, on_duty: bool = False) -> View:
    """Confirm to an agent that they are away, and ask about their waiting cases, if any. `on_duty`: until now."""
    words = t("You are away. Reminders go to your colleagues until you type `/webcare away back`.")
    if on_duty:
        words += " " + t("That ended your duty: type `/webcare duty` once you are back, if you take it on again.")
    return _ask(user, words, waiting, t) if waiting else View(words, [section(words)])


def seen_away_question(user: str, waiting: int, t: Texts) -> View:
    """Notify an agent that Slack shows them as away, and ask about their waiting cases."""
    words = t("Your status in Slack is away or “do not disturb”. Reminders go to your colleagues meanwhile.")
    return _ask(user, words, waiting, t)


def nothing_left(t: Texts) -> View:
    """Replace the question when an agent who is away has no cases any more."""
    words = t("Nothing waits with you any more.")
    return View(words, [section(words)])


def back_again(t: Texts) -> View:
    """Replace the question once the agent is back."""
    words = t("You are back, so your cases stay with you.")
    return View(words, [section(words)])


def kept(count: int, t: Texts) -> View:
    """Replace the question when the agent chose to keep their cases."""
    words = t("They stay with you.")
    return View(words, [section(words)]) if count else nothing_left(t)


def handed_back(count: int, t: Texts) -> View:
    """Replace the question when the agent chose to put their cases back in the queue."""
    words = t.plural("{n} case is back in the queue.", "{n} cases are back in the queue.", count)
    return View(words, [section(words)])


def returned_unanswered(count: int, t: Texts) -> View:
    """Notify an agent who did not answer that their cases went back to the queue."""
    words = t.plural(
        "You were away and did not answer, so {n} case is back in the queue.",
        "You were away and did not answer, so {n} cases are back in the queue.",
        count,
    )
    return View(words, [section(words)])


def _ask(user: str, words: str, waiting: int, t: Texts) -> View:
    ask = t.plural(
        "You still have {n} case. Put it back in the queue?",
        "You still have {n} cases. Put them back in the queue?",
        waiting,
    )
    later = t("Without an answer from you that happens by itself, after a while.")
    row = actions(
        button(t("Yes, put back"), "agent:hand_back", user, style="primary"),
        hand_over_button(QUESTION, t),
        button(t("No, I keep them"), "agent:keep", user),
    )
    return View(f"{words} {ask} {later}", [section(f"{words}\n{ask} {later}"), *row])
