"""Hand a case over to another team."""

from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.domain.case import Move
from bot.domain.text import Refused
from bot.outgoing import hiding
from bot.slack import messages
from bot.staffing import duty
from bot.views.block import Block
from bot.views.transfer import transfer_modal
from handlers.bolt_args import Ack
from handlers.modal import SAY_WHY, opened, values, written


async def open_transfer(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Ask which team gets the case, and why."""
    async with opened(desk, body, then="transfer") as show:
        await show(await view_of(desk, case_id, body["user"]["id"]))


async def view_of(desk: TeamDesk, case_id: int, by: str) -> Block:
    """Return the modal that asks which team gets the case; raises Taken for a colleague's case."""
    async with desk.reading() as session:
        file = await cases.read(session, case_id)
    if len(file.teams) < 2:
        raise Refused("There is no other team.")
    cases.refuse_unless_allowed(file.case, Move.TRANSFER, by)
    return transfer_modal(file, desk.t)


async def transfer(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Hand the case over to the team chosen in the modal."""
    filled, (case_id, seen) = values(view), (int(each) for each in view["private_metadata"].split(":"))
    why = written(filled, "transfer_note", SAY_WHY)
    async with messages.changing(desk, case_id, then=ack) as session:
        await cases.transfer(
            session, case_id, seen=seen, to=int(filled["transfer_to"]), note=why, by=by, now=desk.now(),
            submission=view["id"],
        )  # fmt: skip
        await duty.call_to(session, case_id, desk.now())
        await hiding.ask_anew(session, case_id, desk.now())
