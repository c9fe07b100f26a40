"""Escalate: ask a colleague, a user group or another team for advice; and give advice."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.desk import TeamDesk
from bot.domain.case import Move, Urgency
from bot.domain.slack_id import is_channel, is_person
from bot.domain.text import Refused, Wrong, text
from bot.models import Escalation
from bot.slack import messages
from bot.slack.calls import call
from bot.team import teams
from bot.team.settings import TeamSettings
from bot.views.block import Block
from bot.views.escalate_modal import ADVISER, CHANNEL, COLLEAGUE, GROUP, QUESTION, URGENCY, adviser_of, escalate_modal
from bot.views.modals import advise_modal
from handlers.bolt_args import Ack
from handlers.concerns import channel_of
from handlers.home import publish
from handlers.modal import opened, values, written
from handlers.roles import Access, Person
from handlers.slack_directory import Account, any_outside, reachable, refuse_closed_channels, user_groups

GROUP_SIZE = 30
"""The largest user group whose members each get the question; ask a larger group through a channel."""


async def open_escalate(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Open the escalate modal of the case whose button was clicked."""
    await ask_escalate(desk, body, int(action["value"]))


async def ask_escalate(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Open the escalate modal, which changes nothing until it is sent; for a colleague's case, ask for a take-over."""
    async with opened(desk, body, then="escalate") as show:
        await show(await view_of(desk, case_id, body["user"]["id"]))


async def view_of(desk: TeamDesk, case_id: int, by: str) -> Block:
    """Return the escalate modal for an agent; raises Taken for a colleague's case."""
    async with desk.reading() as session:
        file = await cases.read(session, case_id)
        cases.refuse_unless_allowed(file.case, Move.ESCALATE, by)
        others = [team for team in await teams.all_teams(session) if team.id != file.team.id]
        channels = [(f"# {team.name}", team.channel) for team in others]
    advisers = [(each.title, each.target) for each in TeamSettings.of(file.team.settings).advisers]
    return escalate_modal(file, channels + await user_groups(desk), desk.t, advisers=advisers)


async def escalate(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Escalate the case, which the agent gets if nobody had it, and post the question to each adviser."""
    filled, case_id = values(view), int(view["private_metadata"])
    asked = {
        ADVISER: adviser_of(filled.get(ADVISER)),
        **{each: filled.get(each) for each in (COLLEAGUE, GROUP, CHANNEL)},
    }
    chosen = [(field, target) for field, target in asked.items() if target]
    if len(chosen) != 1:
        raise Wrong(
            {ADVISER if ADVISER in filled else COLLEAGUE: text("Choose whom you ask: one colleague, group or channel.")}
        )
    [(field, target)] = chosen
    if target == by:
        raise Wrong({field: text("You cannot ask yourself.")})
    question = written(filled, QUESTION)
    known = dict[str, Account | None]()
    if is_channel(target):
        await refuse_closed_channels(desk, {field: target})
    elif is_person(target):
        known[target] = await reachable(desk, field, target)
    places = await _places(desk, target, by)
    outside = not is_channel(target) and await any_outside(desk, places, known)
    async with messages.changing(desk, case_id, then=ack) as session:
        await cases.escalate(
            session, case_id, by=by, now=desk.now(), target=target,
            channels=places, question=question,
            urgency=Urgency(filled.get(URGENCY) or Urgency.NORMAL), submission=view["id"], outside=outside,
        )  # fmt: skip


async def _places(desk: TeamDesk, target: str, by: str) -> list[str]:
    """Return where to post the question: for a user group, the direct messages of each member but the one who asks."""
    if not target.startswith("S"):
        return [target]
    answer = await call(desk.slack, "usergroups.users.list", usergroup=target)
    members = [each for each in answer["users"] if each != by]
    if not answer["users"]:
        raise Refused("That group has no members. Choose a colleague.")
    if not members:
        raise Refused("You are the only member of that group. Choose a colleague.")
    if len(members) > GROUP_SIZE:
        raise Refused("That group has more than {n} members. Choose a colleague or a channel.", n=GROUP_SIZE)
    return members


async def open_advise(action: dict[str, Any], body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Open the advise modal; an adviser need not be in the webcare team."""
    async with opened(desk, body) as show:
        async with desk.reading() as session:
            escalation = await session.get(Escalation, int(action["value"]))
            if escalation is None:
                raise Refused("This question no longer exists.")
            await _refuse_unasked(session, escalation, person, channel_of(body))
            file = await cases.read(session, escalation.case_id)
            over = await cases.turn_over(session, escalation, file.case, file.team, desk.now())
        if escalation.advice is not None:
            raise Refused("{agent} has already given advice on this.", agent=f"<@{escalation.advised_by}>")
        await show(advise_modal(file, escalation, desk.t, over=over))


async def advise(ack: Ack, view: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Store the advice and show it to the owner, in the thread of the case; the question leaves the adviser's Home."""
    advice, escalation_id = written(values(view), "advice_text"), int(view["private_metadata"])
    async with desk.session() as session:
        if escalation := await session.get(Escalation, escalation_id):
            await _refuse_unasked(session, escalation, person, "")
        case = await cases.advise(session, escalation_id, by=person.by, now=desk.now(), advice=advice)
    await ack()
    await messages.sync(desk, case.id)
    await publish(desk, person.by)


async def _refuse_unasked(session: AsyncSession, escalation: Escalation, person: Person, place: str) -> None:
    """Raise Refused for a person who has no role in the team and whom it did not ask."""
    if not person.teams_with(Access.READERS) and not await cases.was_asked(session, escalation, person.by, place):
        raise Refused("This question was not put to you.")
