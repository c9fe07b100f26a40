"""Search with filters, in a modal: opened from the Home, by `/webcare zoek`, and from a list of results."""

from typing import Any

from bot.desk import TeamDesk
from bot.views.search_modal import ALL, MAX_WORDS, Sought
from handlers.bolt_args import Ack
from handlers.lists import search_view
from handlers.modal import opened, values
from handlers.roles import Person


async def open_search(body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Open the modal; with words (typed on the Home, or those of the list) it also shows their results."""
    [action] = body.get("actions") or [{}]
    async with opened(desk, body) as show:
        await show(await search_view(desk, person, Sought((action.get("value") or "").strip()[:MAX_WORDS])))


async def find(ack: Ack, view: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Show the results in the modal itself."""
    filled = {name: str(value or "") for name, value in values(view).items()}
    names = ("search_platform", "search_period", "search_status")
    platform, period, status = ("" if (chosen := filled.get(name, "")) == ALL else chosen for name in names)
    sought = Sought(filled.get("search_words", ""), platform, int(period or 0), status)
    await ack(response_action="update", view=await search_view(desk, person, sought))
