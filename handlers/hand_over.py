"""Hand over several of one's own cases at once: to colleagues, or back to the queue."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from bot import cases
from bot.cases import HandingOver
from bot.desk import TeamDesk
from bot.domain.case import OPEN
from bot.domain.queue import Filter, Which
from bot.domain.text import Refused, Wrong, text
from bot.models import Role, Team
from bot.slack import messages
from bot.staffing import presence
from bot.team import agents, teams
from bot.views import choosing, closing
from bot.views import handing_over as views
from handlers import lists
from handlers.bolt_args import Ack, Respond
from handlers.close import skipped_in, tell_undone
from handlers.modal import opened, values
from handlers.origin import Origin, origin_of, show_again
from handlers.roles import Access, Person, admit


async def open_hand_over(action: dict[str, Any], body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Ask which of their open cases this person wants to hand over, and to whom."""
    async with opened(desk, body) as show:
        mine = Filter(Which.MINE, person.by).to_text()
        listing = await lists.found(desk, person, mine, body, most=choosing.MOST)
        lines = [
            line
            for line in listing.lines
            if line.case.status in OPEN and person.roles.get(line.case.team_id, Role.READER) is not Role.READER
        ]
        if not lines:
            raise Refused("Nothing waits with you any more.")
        async with desk.reading() as session:
            seen = await cases.last_events(session, [line.case.id for line in lines])
            names = await teams.names(session, {*person.roles}, person.teams)
        left, origin = listing.count - len(lines), origin_of(action, body).to_text()
        t, now = desk.t, desk.now()
        await show(views.hand_over_modal(lines, seen, left, person.by, t, now, origin=origin, teams=names))


async def hand_over(ack: Ack, view: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Hand over the chosen cases; say who got what and what was left, and offer to undo everything.

    The list or question from which it was opened is updated.
    """
    asked = _asked(view, person.by)
    await refuse_unable(desk, asked.to, person.teams_with(Access.AGENTS), views.TO)
    async with desk.session() as session:
        outcome = await cases.hand_over(session, asked, by=person.by, now=desk.now())
        await presence.asked_anew(session, person.by)
        skipped = await skipped_in(session, outcome.skipped, person)
        away = [to for to in outcome.got if await presence.is_away(session, to)]
    seconds, done = int(desk.settings.undo_seconds), outcome.done
    undo = choosing.value_of(done, asked.submission) if seconds and done else ""
    shown = views.handed_out(outcome.got, len(done), away, skipped, undo, seconds, desk.t)
    await ack(response_action="update", view=closing.as_modal(shown, desk.t, origin=view["private_metadata"]))
    await messages.wake_lanes(desk)
    await show_again(desk, person.by, Origin.of(view))


def _asked(view: dict[str, Any], by: str) -> HandingOver:
    """Return what was filled in; raises Wrong for a field that is not."""
    filled = values(view)
    seen, to = choosing.chosen_cases(filled, views.CHOSEN), filled.get(views.TO) or []
    if not seen:
        raise Wrong({f"{views.CHOSEN}_0": text("Choose at least one case.")})
    refuse_unclear(filled[views.WHERE], to, views.TO)
    if by in to:
        raise Wrong({views.TO: text("Choose colleagues, not yourself.")})
    note = (filled.get(views.NOTE) or "").strip()
    return HandingOver(by, seen, to, note, submission=view["id"])


def refuse_unclear(where: str, to: Collection[str], field: str) -> None:
    """Raise Wrong unless it is clear whether cases go to colleagues or to the queue."""
    if where == views.COLLEAGUES and not to:
        raise Wrong({field: text("Choose at least one colleague.")})
    if where == views.QUEUE and to:
        raise Wrong({field: text("Leave this empty, or choose that the cases go to colleagues.")})


async def refuse_unable(desk: TeamDesk, to: Sequence[str], of: Sequence[Team], field: str) -> None:
    """Raise Wrong when one of these people cannot answer for any of these teams."""
    for each in to:
        async with desk.reading() as session:
            roles = await agents.roles(session, each)
        try:
            await admit(desk, Access.AGENTS, {}, Person(each, of, roles))
        except Refused:
            raise Wrong({field: text("Choose colleagues who can answer.")}) from None


async def undo(action: dict[str, Any], body: dict[str, Any], person: Person, respond: Respond, desk: TeamDesk) -> None:
    """Undo a handing over in the teams in which the person may still act, and replace the button by the result."""
    case_ids, submission = choosing.value_in(action["value"])
    async with desk.session() as session:
        outcome = await cases.undo_hand_over(
            session, case_ids, teams=[team.id for team in person.teams], submission=submission, by=person.by,
            now=desk.now(), undo=timedelta(seconds=desk.settings.undo_seconds),
        )  # fmt: skip
        skipped = await skipped_in(session, outcome.skipped, person)
    await tell_undone(desk, body, respond, outcome.done, skipped)
