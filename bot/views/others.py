"""A citizen's other cases: their number and the open ones on the card, and the list of all."""

from collections.abc import Sequence

from bot.models import COUNTED, FEW, CaseFile, OtherCase
from bot.texts import Texts
from bot.views.block import Block, button, context, link, literal, message_url, modal, section
from bot.views.case_state import number_name
from bot.views.citizen import author_line

ACTION = "case:others"
NAMED = 3
"""How many open cases a card names."""


def others_words(file: CaseFile, t: Texts, home: str = "") -> list[str]:
    """Return how many cases the author had before, and which cases are open now, linked to their cards.

    `home` is the address of the workspace in Slack, "" while we do not know it.
    """
    words = [t.plural("{n} earlier case", "{n} earlier cases", file.earlier)] if file.earlier else []
    if file.earlier >= COUNTED:
        words = [t("{n} earlier cases or more", n=COUNTED)]
    if len(file.also_open) > FEW:
        words.append(t("more than {n} others open", n=FEW))
    elif file.also_open:
        names = [_named(other, t, home) for other in file.also_open[:NAMED]]
        left = len(file.also_open) - NAMED
        more = [t("{n} more", n=left)] if left > 0 else []
        words.append(t("also open: {cases}", cases=", ".join([*names, *more])))
    return words


def _named(other: OtherCase, t: Texts, home: str) -> str:
    name = link(message_url(home, other.channel, other.ts), number_name(other.number, t).lower())
    return f"{name} ({literal(other.team, 60)})" if other.team else name


def others_button(file: CaseFile, t: Texts) -> list[Block]:
    """Return the button that opens the list; none if the list would be empty."""
    return [button(t("Other cases"), ACTION, str(file.case.id))] if file.others else []


def others_modal(file: CaseFile, rows: Sequence[Block], left: int, months: int, t: Texts) -> Block:
    """Return the list; `left` is how many older cases it does not show, `months` how far back the team looks."""
    about = t.plural("Other cases that came in at most {n} month before this one, and those that are open.",
                     "Other cases that came in at most {n} months before this one, and those that are open.",
                     months)  # fmt: skip
    more = [context(t("… and {n} more", n=left))] if left > 0 else []
    blocks = [section(author_line(file.author)), context(about), *(rows or [section(t("Nothing here."))]), *more]
    return modal("others", t("Other cases"), blocks, close=t("Close"), metadata=str(file.case.id))
