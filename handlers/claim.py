"""Claim, release and assign: the moves that change the owner of a case."""

from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.domain.text import Refused, Wrong, text
from bot.models import Role
from bot.slack import messages
from bot.team import agents
from bot.views.modals import assign_modal
from handlers.bolt_args import Ack, Respond
from handlers.home import home_after
from handlers.lists import list_after
from handlers.modal import opened, values
from handlers.roles import Access, Person, admit
from handlers.submission import filled_as


async def claim(action: dict[str, Any], body: dict[str, Any], respond: Respond, desk: TeamDesk) -> None:
    """Claim the case whose button was clicked, for the agent who clicked it; the list with the button is updated."""
    async with home_after(desk, body), list_after(desk, action, body, respond):
        await claim_case(desk, body, int(action["value"]))


async def claim_case(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Give the case to the agent who clicked."""
    async with messages.changing(desk, case_id) as session:
        await cases.claim(session, case_id, by=body["user"]["id"], now=desk.now())


async def release(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Put the case back in the queue."""
    async with messages.changing(desk, case_id) as session:
        await cases.release(session, case_id, by=body["user"]["id"], now=desk.now())


async def release_by_button(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Put the case back in the queue; the button is in a reminder."""
    await release(desk, body, int(action["value"]))


async def open_assign(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Ask who gets the case."""
    async with opened(desk, body) as show:
        async with desk.reading() as session:
            file = await cases.read(session, case_id)
        cases.refuse_ended(file.case)
        await show(assign_modal(file, desk.t))


async def assign(ack: Ack, view: dict[str, Any], by: str, body: dict[str, Any], desk: TeamDesk) -> None:
    """Assign the case to the colleague chosen in the modal; if another took it meanwhile, it asks again first."""
    to = values(view)["assign_to"]
    number, known, owner = view["private_metadata"].partition(":")
    case_id, seen = int(number), owner if known else None
    try:
        await admit(desk, Access.AGENTS, {}, Person(to, [desk.team], await _roles(desk, to)))
    except Refused:
        raise Wrong({"assign_to": text("Choose a colleague who can answer.")}) from None
    try:
        async with messages.changing(desk, case_id, then=ack) as session:
            await cases.assign(session, case_id, to=to, by=by, now=desk.now(), seen=seen)
    except cases.Taken:
        async with desk.reading() as session:
            file = await cases.read(session, case_id)
        await ack(response_action="update", view=filled_as(assign_modal(file, desk.t, again=True), view))


async def _roles(desk: TeamDesk, slack_id: str) -> dict[int, Role]:
    async with desk.reading() as session:
        return await agents.roles(session, slack_id)
