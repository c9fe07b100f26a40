"""Close a case with a reason, and reopen it."""

from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.domain.case import CloseReason, Status
from bot.domain.text import Refused, Wrong, text
from bot.slack import messages
from bot.team.settings import TeamSettings
from bot.views.modals import close_modal
from bot.views.topic import chosen_topic
from handlers.bolt_args import Ack
from handlers.modal import opened, values


async def open_close(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Ask for the reason to close the case."""
    async with opened(desk, body) as show:
        async with desk.reading() as session:
            file = await cases.read(session, case_id)
        if file.case.status is Status.CLOSED:
            cases.refuse_ended(file.case)
        if file.case.status in {Status.CLAIMED, Status.ESCALATED} and file.case.assignee != body["user"]["id"]:
            raise Refused("This case is already with {agent}.", agent=f"<@{file.case.assignee}>")
        settings = TeamSettings.of(file.team.settings)
        await show(close_modal(file, settings.reasons(), settings.topics, desk.t))


async def close(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Close the case."""
    filled, case_id = values(view), int(view["private_metadata"])
    reason, why = filled["close_reason"], (filled.get("close_text") or "").strip()
    if reason == CloseReason.OTHER and not why:
        raise Wrong({"close_text": text("Say in a few words why.")})
    async with desk.session() as session:
        case = await cases.close(session, case_id, by=by, now=desk.now(), reason=reason, text=why)
        await cases.set_topic(session, case_id, topic=chosen_topic(filled, case.topic), by=by, now=desk.now())
    await ack()
    await messages.sync(desk, case_id)


async def reopen(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Reopen the case whose button was clicked."""
    await reopen_case(desk, body, int(action["value"]))


async def reopen_case(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Reopen the case for the agent who clicked."""
    async with desk.session() as session:
        await cases.reopen(session, case_id, by=body["user"]["id"], now=desk.now())
    await messages.sync(desk, case_id)
