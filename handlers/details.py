"""The details of a case: everything that was written and done."""

from typing import Any

from sqlmodel import col, select

from bot import cases
from bot.desk import Desk
from bot.models import Event
from bot.views.details_modal import details_modal
from handlers.modal import opened


async def open_details(desk: Desk, body: dict[str, Any], case_id: int) -> None:
    """Show the whole history of the case."""
    async with opened(desk, body) as show, desk.reading() as session:
        file = await cases.read(session, case_id)
        events = await session.exec(select(Event).where(Event.case_id == case_id).order_by(col(Event.id)))
        await show(details_modal(file, events.all(), desk.t, desk.now()))
