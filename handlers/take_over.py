"""Take a case over from the colleague who has it, when that blocked an action, and continue with that action."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.domain.text import Refused
from bot.slack import messages
from bot.views.block import Block
from bot.views.modals import said
from handlers import answer, close, escalate, hide, transfer
from handlers.bolt_args import Ack
from handlers.home import filter_of, publish
from handlers.modal import asked_to_take_over, in_modal, opened, pushed
from handlers.origin import Origin

OPENS: Mapping[str, Callable[[TeamDesk, int, str], Awaitable[Block]]] = {
    "close": close.view_of,
    "escalate": escalate.view_of,
    "transfer": transfer.view_of,
}
"""The modals that follow a take-over, by what the agent wanted."""
ANSWERS: Mapping[str, Callable[[TeamDesk, int, str, str, str], Awaitable[Block]]] = {
    "answer": answer.answering_view,
    "to_private": answer.private_view,
    "tell": hide.telling_view,
}
"""The answer modals, which also know their own id; who has the case by now is asked there again."""
BACK = "back"
"""The question is on top of a modal, which is shown again as it was."""


async def ask(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Ask whether to take over the case whose button was clicked; in a modal the question is on top of it."""
    case_id, on_top = int(action["value"].partition(":")[0]), in_modal(body)
    async with pushed(desk, body) if on_top else opened(desk, body) as show:
        home = Origin.of(body["view"]).home if on_top else ""
        await show(await asked_to_take_over(desk, case_id, BACK if on_top else "", home))


async def take_over(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Take the case over from the colleague whom the modal named, and continue.

    When someone else has the case now, ask again with their name. The Home from which that was asked is shown again.
    """
    number, then, owner, *rest = view["private_metadata"].split(":", 3)
    case_id, home = int(number), "".join(rest)
    async with desk.session() as session:
        with suppress(Refused):
            await cases.take_over(session, case_id, owner=owner, by=by, now=desk.now())
        case = await cases.get(session, case_id)
    cases.refuse_ended(case)
    if then in ANSWERS:
        await ack(response_action="update", view=await ANSWERS[then](desk, case_id, by, view["id"], home))
    elif case.assignee and case.assignee != by:
        await ack(response_action="update", view=await asked_to_take_over(desk, case_id, then, home))
    elif then == BACK:
        await ack()
    else:
        await ack(response_action="update", view=await _next(desk, case_id, by, then))
    await messages.sync(desk, case_id)
    if home:
        await publish(desk, by, filter_of(home))


async def _next(desk: TeamDesk, case_id: int, by: str, then: str) -> Block:
    if then in OPENS:
        return await OPENS[then](desk, case_id, by)
    return said(desk.t("The case is with you now."), desk.t)
