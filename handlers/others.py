"""The other cases of a citizen, in a modal: from the menu of a card, the details and the answer modal."""

from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.figures import lists
from bot.models import CaseFile, CaseLine
from bot.slack.places import links_of
from bot.team.settings import TeamSettings
from bot.views.block import Block
from bot.views.case_list import case_block
from bot.views.others import others_modal
from handlers.modal import opened, pushed
from handlers.roles import Person, person_of

SHOWN = 20


async def open_others(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Show the other cases of the author of a case."""
    async with opened(desk, body) as show:
        async with desk.reading() as session:
            person = await person_of(session, body, body["user"]["id"])
        await show(await _others(desk, person, case_id))


async def on_top(action: dict[str, Any], body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Show them on top of the modal whose button was clicked, so that what was typed there stays."""
    async with pushed(desk, body) as show:
        await show(await _others(desk, person, int(action["value"])))


async def _others(desk: TeamDesk, person: Person, case_id: int) -> Block:
    async with desk.reading() as session:
        file = await cases.read(session, case_id)
        listing = await lists.of_author(session, file, most=SHOWN)
        urls = await links_of(session, desk.slack, [line.case.id for line in listing.lines])
    rows = [_row(desk, person, file, line, urls.get(line.case.id, "")) for line in listing.lines]
    months = TeamSettings.of(file.team.settings).person_months
    return others_modal(file, rows, listing.count - len(rows), months, desk.t)


def _row(desk: TeamDesk, person: Person, file: CaseFile, line: CaseLine, url: str) -> Block:
    """Return the row of a case; a private message to a team is shown only to people with a role there."""
    team = next((each for each in file.teams if each.id == line.case.team_id), file.team)
    name = team.name if team.id != file.team.id else ""
    return case_block(
        line, desk.t, desk.now(), card_url=url, acts=False, outside=team.id not in person.roles, team=name
    )
