"""Close several cases of a list at once, for one reason."""

from collections.abc import Sequence
from typing import Any

from bot import cases
from bot.cases import signals
from bot.desk import TeamDesk
from bot.domain.case import ONGOING
from bot.domain.queue import Filter, Where
from bot.domain.signals import Rank
from bot.domain.text import Refused, Wrong, text
from bot.models import CaseLine, Role, Team
from bot.slack import messages
from bot.team.settings import TeamSettings
from bot.team.teams import names
from bot.views import choosing, closing
from handlers import lists
from handlers.bolt_args import Ack
from handlers.close import reason_in, skipped_in, undo_of
from handlers.modal import opened, values
from handlers.origin import Origin, origin_of, show_again
from handlers.roles import Access, Person


async def open_close_many(action: dict[str, Any], body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Ask which cases of the list to close: those that this person may close now.

    Of a roll-up all are chosen at first, except what goes first: a person looks at that before.
    """
    async with opened(desk, body) as show:
        listing = await lists.found(desk, person, action["value"], body, most=choosing.MOST)
        lines = [line for line in listing.lines if _may_close(line, person)]
        if not lines:
            raise Refused("There is no case in this list that you can close.")
        async with desk.reading() as session:
            seen = await cases.last_events(session, [line.case.id for line in lines])
            teams_of = await names(session, {*person.roles}, person.teams)
        teams = [team for team in person.teams if team.id in {line.case.team_id for line in lines}]
        left, reasons = listing.count - len(lines), _reasons(teams or [desk.team])
        origin, is_lot = origin_of(action, body).to_text(), Filter.of_text(action["value"]).place[0] is Where.SUBJECT
        ticked = [line.case.id for line in lines if is_lot and signals.rank_again(line.case) is not Rank.FIRST]
        shown = closing.close_many_modal(
            lines, seen, left, reasons, desk.t, desk.now(), origin=origin, ticked=ticked, teams=teams_of
        )
        await show(shown)


async def close_many(ack: Ack, view: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Close the chosen cases; say which were not closed, offer to undo everything, and update the list."""
    filled = values(view)
    reason, why = reason_in(filled)
    seen, now = choosing.chosen_cases(filled, closing.TICKED), desk.now()
    if not seen:
        raise Wrong({f"{closing.TICKED}_0": text("Choose at least one case.")})
    teams = [team.id for team in person.teams_with(Access.AGENTS)]
    async with desk.session() as session:
        outcome = await cases.close_all(session, seen, teams=teams, by=person.by, now=now, reason=reason, text=why)
        skipped = await skipped_in(session, outcome.skipped, person)
    undo, seconds = undo_of(desk, outcome.done, outcome.at)
    shown = closing.closed_many(len(outcome.done), skipped, undo, seconds, desk.t, by=person.by)
    await ack(response_action="update", view=closing.as_modal(shown, desk.t, origin=view["private_metadata"]))
    await messages.wake_lanes(desk)
    await show_again(desk, person.by, Origin.of(view))


def _may_close(line: CaseLine, person: Person) -> bool:
    """Tell whether a person may close a case: one without owner, their own, and any as a coordinator."""
    role = person.roles.get(line.case.team_id, Role.READER)
    own = line.case.assignee in {None, person.by}
    return line.case.status in ONGOING and (role is Role.COORDINATOR or (role is Role.AGENT and own))


def _reasons(teams: Sequence[Team]) -> list[str]:
    """Return the reasons that all these teams use."""
    first, *others = [TeamSettings.of(team.settings).reasons() for team in teams]
    return [reason for reason in first if all(reason in other for other in others)]
