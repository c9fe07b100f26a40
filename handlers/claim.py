"""Claim, release and assign: the moves that change the owner of a case."""

from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.slack import messages
from bot.views.modals import assign_modal
from handlers.bolt_args import Ack
from handlers.home import home_after
from handlers.modal import opened, values


async def claim(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Claim the case whose button was clicked, for the agent who clicked it."""
    async with home_after(desk, body):
        await claim_case(desk, body, int(action["value"]))


async def claim_case(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Give the case to the agent who clicked."""
    async with desk.session() as session:
        await cases.claim(session, case_id, by=body["user"]["id"], now=desk.now())
    await messages.sync(desk, case_id)


async def release(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Put the case back in the queue."""
    async with desk.session() as session:
        await cases.release(session, case_id, by=body["user"]["id"], now=desk.now())
    await messages.sync(desk, case_id)


async def release_by_button(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Put the case back in the queue; the button is in a reminder."""
    await release(desk, body, int(action["value"]))


async def open_assign(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Ask to whom to assign the case."""
    async with opened(desk, body) as show, desk.reading() as session:
        file = await cases.read(session, case_id)
        cases.refuse_ended(file.case)
        await show(assign_modal(file, desk.t))


async def assign(ack: Ack, view: dict[str, Any], by: str, body: dict[str, Any], desk: TeamDesk) -> None:
    """Assign the case to the colleague chosen in the modal."""
    to = values(view)["assign_to"]
    person = await desk.slack.users_info(user=to)
    if person["user"].get("is_bot") or person["user"].get("deleted"):
        await ack(response_action="errors", errors={"assign_to": desk.t("Choose a colleague who can answer.")})
        return
    case_id = int(view["private_metadata"])
    async with desk.session() as session:
        await cases.assign(session, case_id, to=to, by=by, now=desk.now())
    await ack()
    await messages.sync(desk, case_id)
