"""The details of a case: its whole history, its urgency, and its topic."""

from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.slack import messages
from bot.slack.calls import home_of
from bot.slack.places import links_of
from bot.staffing import duty
from bot.team.settings import TeamSettings
from bot.views.answer_modal import ModalState
from bot.views.block import Block
from bot.views.details_modal import came_from_in, details_modal
from bot.views.topic import topic_of
from handlers.home import filter_of, publish
from handlers.modal import going_on, opened, pushed


async def open_details(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Show the whole history of the case."""
    async with opened(desk, body) as show:
        await show(await _details(desk, case_id))


async def by_button(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Show the whole history of the case that a reminder is about."""
    await open_details(desk, body, int(action["value"]))


async def earlier(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Show another part of what was written: in the details, or on top of the answer, where what was typed stays."""
    case_id, skip = map(int, action["value"].split(":"))
    on_top = body["view"]["callback_id"] == "case:answer"
    came_from = ModalState.of(body["view"]).home if on_top else came_from_in(body["view"])
    async with pushed(desk, body) if on_top else going_on(desk, body) as show:
        await show(await _details(desk, case_id, skip, came_from=came_from))


async def _show_home(desk: TeamDesk, body: dict[str, Any]) -> None:
    """Show the Home again from which the details were opened, if it was from there."""
    if came_from := came_from_in(body["view"]):
        await publish(desk, body["user"]["id"], filter_of(came_from))


async def _details(desk: TeamDesk, case_id: int, skip: int = 0, *, came_from: str = "") -> Block:
    async with desk.reading() as session:
        file = await cases.read(session, case_id)
        events = await cases.history(session, case_id)
        url = (await links_of(session, desk.slack, [case_id])).get(case_id, "")
    topics = TeamSettings.of(file.team.settings).topics
    return details_modal(
        file, events, topics, desk.t, desk.now(),
        skip=skip, card_url=url, home=home_of(desk.slack), came_from=came_from,
    )  # fmt: skip


async def urgent(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Make the case urgent, or no longer urgent, from the details."""
    case_id = int(action["value"])
    async with going_on(desk, body) as show:
        await _set_urgent(desk, body, case_id, urgent=action["action_id"] == "case:urgent")
        await show(await _details(desk, case_id, came_from=came_from_in(body["view"])))
    await _show_home(desk, body)


async def make_urgent(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Make the case urgent."""
    await _set_urgent(desk, body, case_id, urgent=True)


async def make_not_urgent(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Make the case no longer urgent."""
    await _set_urgent(desk, body, case_id, urgent=False)


async def _set_urgent(desk: TeamDesk, body: dict[str, Any], case_id: int, *, urgent: bool) -> None:
    async with messages.changing(desk, case_id) as session:
        await cases.set_urgent(session, case_id, urgent=urgent, by=body["user"]["id"], now=desk.now())
        await duty.call_to(session, case_id, desk.now())


async def topic(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Set the topic of the case."""
    case_id = int(body["view"]["private_metadata"])
    chosen = topic_of(action["selected_option"]["value"])
    async with going_on(desk, body), messages.changing(desk, case_id) as session:
        await cases.set_topic(session, case_id, topic=chosen, by=body["user"]["id"], now=desk.now())
    await _show_home(desk, body)
