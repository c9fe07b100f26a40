"""A list of cases, as one agent asked for it or shared it with the channel."""

from bot.texts import Texts
from bot.views.block import View, actions, button, section


def case_list(told: str, t: Texts, *, share: str = "") -> View:
    """Return the list; with `share`, which says what was asked for, also the button that shows it to all."""
    return View(told, [section(told), *(actions(button(t("Share in channel"), "list:share", share)) if share else [])])
