"""The cases of a roll-up: claim those that nobody has, and take single ones out."""

from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.domain.queue import Filter, Where
from bot.domain.text import Refused, Wrong, text
from bot.slack import messages, rollups
from bot.views import choosing, closing
from bot.views import rollup as views
from handlers import lists
from handlers.bolt_args import Ack, Respond
from handlers.feedback import answer
from handlers.modal import opened, values
from handlers.origin import Origin, origin_of, show_again
from handlers.roles import Access, Person

SUBJECTS = 20
"""Subjects that are listed; a message of Slack has fifty blocks."""


async def subjects(body: dict[str, Any], person: Person, respond: Respond, desk: TeamDesk) -> None:
    """Show the person the subjects on which many write, with a button to the list of each."""
    async with desk.reading() as session:
        teams = [team.id for team in person.teams]
        in_all, those = await rollups.standing(session, teams, most=SUBJECTS)
    await answer(respond, desk, body, views.subjects(in_all, those, desk.t))


async def claim(action: dict[str, Any], body: dict[str, Any], person: Person, respond: Respond, desk: TeamDesk) -> None:
    """Give the person the oldest cases of a roll-up that nobody has, and offer the list of theirs."""
    subject_id, teams = _subject(action["value"]), [team.id for team in person.teams_with(Access.AGENTS)]
    async with desk.session() as session:
        claimed = await cases.claim_lot(
            session, subject_id, teams=teams, by=person.by, now=desk.now(), most=views.CLAIMED, speed=desk.speed
        )
    async with desk.session() as session:
        await rollups.follow(session, subject_id, desk.now(), desk.speed, at_once=True)
    await answer(respond, desk, body, views.claimed(len(claimed), subject_id, person.by, desk.t))
    await messages.wake_lanes(desk)


async def open_take_out(action: dict[str, Any], body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Ask which cases of the list to take out of the roll-up."""
    async with opened(desk, body) as show:
        listing = await lists.found(desk, person, action["value"], body, most=choosing.MOST)
        if not listing.lines:
            raise Refused("There is no case in this list any more.")
        async with desk.reading() as session:
            seen = await cases.last_events(session, [line.case.id for line in listing.lines])
        origin, left = origin_of(action, body).to_text(), listing.count - len(listing.lines)
        await show(views.take_out_modal(listing.lines, seen, left, desk.t, desk.now(), origin=origin))


async def take_out(ack: Ack, view: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Take the chosen cases out; say how many have a card of their own now, and update the list."""
    chosen = choosing.chosen_cases(values(view), views.TICKED)
    if not chosen:
        raise Wrong({f"{views.TICKED}_0": text("Choose at least one case.")})
    teams = [team.id for team in person.teams_with(Access.AGENTS)]
    async with desk.session() as session:
        taken = await cases.take_out(session, chosen, teams=teams, by=person.by, now=desk.now())
    said = closing.as_modal(views.taken_out(len(taken), desk.t), desk.t, origin=view["private_metadata"])
    await ack(response_action="update", view=said)
    await messages.wake_lanes(desk)
    await show_again(desk, person.by, Origin.of(view))


def _subject(value: str) -> int:
    """Return the subject in the value of a button of any age; raises Refused for one that names none."""
    kind, name = Filter.of_text(value).place
    if kind is not Where.SUBJECT or not name.isdecimal():
        raise Refused("There is no case in this list any more.")
    return int(name[:9])
