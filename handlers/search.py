"""Search with filters, in a modal: opened from the Home, by `/webcare zoek`, and from a list of results."""

from datetime import timedelta
from typing import Any

from bot import connectors
from bot.desk import TeamDesk
from bot.figures.search import Asked, platforms_of
from bot.views.block import Block
from bot.views.search_modal import MAX_WORDS, STATUSES, Sought, search_modal
from handlers import lists
from handlers.bolt_args import Ack
from handlers.modal import opened, values
from handlers.roles import Person


async def open_search(body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Open the modal; with words (typed on the Home, or those of the list) it also shows their results."""
    [action] = body.get("actions") or [{}]
    async with opened(desk, body) as show:
        await show(await _modal(desk, person, Sought((action.get("value") or "").strip()[:MAX_WORDS])))


async def find(ack: Ack, view: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Show the results in the modal itself."""
    filled = {name: "" if value in {None, "all"} else str(value) for name, value in values(view).items()}
    words, period = filled.get("search_words", ""), filled.get("search_period", "")
    sought = Sought(words, filled.get("search_platform", ""), int(period or 0), filled.get("search_status", ""))
    await ack(response_action="update", view=await _modal(desk, person, sought))


async def _modal(desk: TeamDesk, person: Person, sought: Sought) -> Block:
    async with desk.reading() as session:
        names = await platforms_of(session, [team.id for team in person.teams])
    platforms = [(name, connectors.title(name) or name) for name in names]
    since = desk.now() - timedelta(days=sought.days) if sought.days else None
    asked = Asked(sought.words, sought.platform, since, STATUSES.get(sought.status, ()))
    results = await lists.search(desk, person, asked, in_modal=True) if sought.words else None
    return search_modal(sought, platforms, desk.t, results)
