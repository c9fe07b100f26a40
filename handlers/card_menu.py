"""The menu of a card, and the modal "More…" with all verbs that a case allows; bot/views/case_menu.py has both."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.views.block import Block
from bot.views.case_menu import CHOICES, MORE, more_modal
from handlers import answer, claim, close, details, escalate, hide, moderate, notes, others, snooze, transfer
from handlers.modal import going_on, in_modal, opened
from handlers.roles import Access, Person

Do = Callable[[TeamDesk, dict[str, Any], int], Awaitable[Block | None]]
Send = Callable[..., Awaitable[None]]

OPENS: dict[str, tuple[Do, Send | None]] = {
    "answer": (answer.ask_answer, answer.send),
    "to_private": (answer.ask_private, None),
    "escalate": (escalate.ask_escalate, escalate.escalate),
    "close": (close.open_close, close.close),
    "assign": (claim.open_assign, claim.assign),
    "transfer": (transfer.open_transfer, transfer.transfer),
    "note": (notes.open_note, notes.add_note),
    "snooze": (snooze.ask_snooze, snooze.snooze),
    "details": (details.open_details, None),
    "others": (others.open_others, None),
    "remove": (moderate.open_remove, moderate.remove),
    "hide": (hide.open_hide, hide.hide),
    "show_one": (moderate.open_show, moderate.show_one),
    "like_one": (moderate.open_like, moderate.like_one),
    "unlike_one": (moderate.open_unlike, moderate.unlike_one),
    "tell": (hide.tell, None),
}
"""Choices that open a modal, and what handles it when it is sent (`case:` with the verb); None if it has no modal of
its own that is sent. If chosen in a modal, they replace it."""

DOES: dict[str, Do] = {
    "claim": claim.claim_case,
    "no_answer": close.close_at_once,
    "release": claim.release,
    "reopen": close.reopen_case,
    "urgent": details.make_urgent,
    "not_urgent": details.make_not_urgent,
    "like": moderate.like,
    "unlike": moderate.unlike,
    "show": moderate.show,
}
"""Choices that act at once; one chosen in a modal shows there the view that it returns, or the menu again."""

OPEN = "open"
"""A link in the menus of older messages; Slack opens it itself."""
LOOKS = frozenset({MORE, OPEN, *(choice.verb for choice in CHOICES if choice.looks)})
"""The verbs that only show something."""


async def more(action: dict[str, Any], body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Handle a choice in the menu or in the modal "More…"."""
    verb, case_id = chosen(action)
    if verb == MORE:
        async with opened(desk, body) as show:
            await show(await _more(desk, person, case_id))
    elif verb in OPENS:
        show_modal, _ = OPENS[verb]
        await show_modal(desk, body, case_id)
    elif verb in DOES and in_modal(body):
        async with going_on(desk, body) as show:
            done = await DOES[verb](desk, body, case_id)
            await show(done or await _more(desk, person, case_id))
    elif verb in DOES:
        await DOES[verb](desk, body, case_id)


def chosen(action: dict[str, Any]) -> tuple[str, int]:
    """Return the verb and the case of a choice in a menu or a click on a button."""
    verb, case_id, *_ = (action.get("selected_option") or action)["value"].split(":")
    return verb, int(case_id)


def needs(body: dict[str, Any]) -> Access:
    """Return who may make a choice in the menu: readers may look too."""
    looks = all(chosen(action)[0] in LOOKS for action in body["actions"])
    return Access.READERS if looks else Access.AGENTS


async def _more(desk: TeamDesk, person: Person, case_id: int) -> Block:
    async with desk.reading() as session:
        file = await cases.read(session, case_id)
    return more_modal(file, desk.t, desk.now(), acts=bool(person.teams_with(Access.AGENTS)))


async def only_open() -> None:
    """Only acknowledge a button that is a link: Slack has opened it."""
