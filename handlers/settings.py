"""The settings of a team, which its coordinators change: the menu, the forms, saving and undoing, and the roles."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.accounts import manual
from bot.desk import TeamDesk
from bot.domain.event import EventKind
from bot.domain.holidays import HOLIDAYS
from bot.domain.text import Refused
from bot.models import Event, Role, Team
from bot.slack import messages
from bot.staffing import leaving
from bot.staffing.leaving import Changed, Destination
from bot.team import agents, forms, history, teams
from bot.texts import Texts
from bot.views import settings_modals as modals
from bot.views.block import Block
from bot.views.handing_over import TO, WHERE, where_fields
from bot.views.settings_history import history_modal
from handlers import routing, settings_lists
from handlers.bolt_args import Ack
from handlers.hand_over import refuse_unable, refuse_unclear
from handlers.home import home_after, publish
from handlers.modal import going_on, opened, remembered, values, values_over
from handlers.roles import Access, admit, person_of
from handlers.slack_directory import refuse_closed_channels, user_groups
from handlers.submission import filled_again

CHANNELS = ("channel", "escalation_channel")
"""Settings that are channels in which the bot must be."""


async def open_settings(desk: TeamDesk, body: dict[str, Any]) -> None:
    """Open the menu of the team's settings, for an acknowledged command or click.

    The first person who opens them becomes coordinator. Outside channels of teams it is a team that they coordinate.
    """
    by = body.get("user_id") or body["user"]["id"]
    async with opened(desk, body) as show:
        async with desk.reading() as session:
            person = await person_of(session, body, by)
        team = (await admit(desk, Access.COORDINATORS, body, person)).teams[0]
        await show(modals.settings_menu(team.id, team.name, desk.of(team).t))


async def open_from_home(body: dict[str, Any], desk: TeamDesk) -> None:
    """Open the settings of the team whose button was clicked."""
    async with home_after(desk, body):
        await open_settings(desk, body)


async def open_group(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Show a group of settings, or the menu again."""
    async with going_on(desk, body) as show:
        group, team_id = action["value"], team_of(body["view"])
        shown = await settings_lists.shown(desk, group, team_id)
        await show(shown or await _form(desk, group, team_id))


async def _form(desk: TeamDesk, group: str, team_id: int) -> Block:
    async with desk.reading() as session:
        team = await session.get_one(Team, team_id)
        given = {role: await agents.with_role(session, team_id, role) for role in Role}
    filled = forms.written_of(team, desk.t)
    match group:
        case "team":
            return modals.team_modal(team_id, filled, desk.t)
        case "hours":
            return modals.hours_modal(team_id, filled, desk.t)
        case "closed":
            return modals.closed_modal(team_id, HOLIDAYS, filled, desk.t)
        case "norms":
            return modals.norms_modal(team_id, filled, desk.t)
        case "reminders":
            return modals.reminders_modal(team_id, filled, desk.t)
        case "duty":
            return modals.duty_modal(team_id, await user_groups(desk), filled, desk.t)
        case "reasons":
            return modals.reasons_modal(team_id, forms.STANDARD_REASONS, filled, desk.t)
        case "card":
            return modals.card_modal(team_id, filled, desk.t)
        case "hiding":
            return modals.hiding_modal(team_id, filled, desk.t)
        case "routing":
            return await routing.listed(desk, team_id)
        case "roles":
            return modals.roles_modal(team_id, given, desk.t)
        case "history":
            return await _history(desk, team_id, 0)
        case _:
            return modals.settings_menu(team_id, team.name, desk.t)


async def turn_history(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Show another page of the past changes."""
    async with going_on(desk, body) as show:
        await show(await _history(desk, team_of(body["view"]), int(action["value"])))


async def _history(desk: TeamDesk, team_id: int, number: int) -> Block:
    async with desk.reading() as session:
        past = await history.past(session, team_id, number)
    names = await routing.named(desk, team_id)
    return history_modal(team_id, past.changes, past.last, desk.t, desk.now(), names, number=number, more=past.more)


async def save(ack: Ack, view: dict[str, Any], body: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Save a group of settings, and update the Home; an error is shown at its field and nothing typed is lost."""
    team_id = team_of(view)
    async with desk.reading() as session:
        team = await session.get_one(Team, team_id)
    await _refuse_closed(desk, team, _filled_in(team, view, desk.t))
    async with desk.session() as session:
        changes = _filled_in(await teams.locked(session, team_id), view, desk.t)
        done = await leaving.change_settings(session, team_id, changes, body["trigger_id"], by=by, now=desk.now())
        await manual.follow_names(session)
    await ack(response_action="update", view=await _changed(desk, team_id, done))
    await messages.wake_lanes(desk)
    await publish(desk, by)


async def _refuse_closed(desk: TeamDesk, team: Team, changes: Mapping[str, Any]) -> None:
    """Raise Wrong for a channel that is set anew and in which the bot is not; Slack says so before we lock."""
    now_set = forms.written_of(team, desk.t)
    moved = {field: changes[field] for field in CHANNELS if changes.get(field) not in (None, "", now_set[field])}
    await refuse_closed_channels(desk, moved)


def _filled_in(team: Team, view: dict[str, Any], t: Texts) -> dict[str, Any]:
    """Return the settings that a form sets; raises Wrong. What a colleague changed in the meantime stays."""
    filled = values_over(view, forms.written_of(team, t), forms.LINES)
    return forms.read(view["callback_id"].partition(":")[2], filled, t)


async def save_roles(ack: Ack, view: dict[str, Any], body: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Save the roles; first ask where the open cases of colleagues go who would no longer answer."""
    destination = await _destination(desk, view, body["trigger_id"])
    try:
        async with desk.session() as session:
            await teams.locked(session, team_of(view))
            given = await _given(session, view)
            done = await leaving.set_roles(session, team_of(view), given, destination, by=by, now=desk.now())
    except leaving.Asks as asks:
        await ack(response_action="update", view=_asks_where(desk, view, asks.theirs))
        return
    await ack(response_action="update", view=await _changed(desk, team_of(view), done))
    await messages.wake_lanes(desk)
    await publish(desk, by)


async def _given(session: AsyncSession, view: dict[str, Any]) -> dict[Role, Sequence[str]]:
    """Return the roles as they were filled in, over those that are given now."""
    fields = modals.ROLE_FIELDS.items()
    filled = values_over(view, {field: await agents.with_role(session, team_of(view), role) for role, field in fields})
    return {role: filled[field] or [] for role, field in fields}


def _asks_where(desk: TeamDesk, view: dict[str, Any], theirs: Mapping[str, Sequence[int]]) -> Block:
    """Return the modal as it was sent, with the question of where these colleagues' open cases go."""
    again = filled_again(view, modals.who_have_cases(theirs, desk.t))
    again["blocks"] += where_fields(desk.t("Where do their cases go?"), desk.t)
    return again


async def _destination(desk: TeamDesk, view: dict[str, Any], submission: str) -> Destination | None:
    """Return where the cases of those who no longer answer go; None before that was asked. Raises Wrong.

    In one window roles are given several times, so the view does not name the submission.
    """
    filled = values(view)
    if WHERE not in filled:
        return None
    to = filled[TO] or []
    refuse_unclear(filled[WHERE], to, TO)
    await refuse_unable(desk, to, [desk.team], TO)
    return Destination(to, submission)


async def put_back(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Undo a change."""
    async with going_on(desk, body) as show:
        event_id, team_id, by = int(action["value"]), team_of(body["view"]), body["user"]["id"]
        try:
            await _refuse_closed_before(desk, event_id, team_id)
            async with desk.session() as session:
                done = await leaving.put_back(session, event_id, team_id, body["trigger_id"], by=by, now=desk.now())
                await manual.follow_names(session)
        except Refused as refused:
            await show(modals.not_changed_modal(team_id, desk.t(refused.text), desk.t))
            return
        await show(await _changed(desk, team_id, done, undone=True))
        await messages.wake_lanes(desk)
    await publish(desk, body["user"]["id"])


async def _refuse_closed_before(desk: TeamDesk, event_id: int, team_id: int) -> None:
    """Raise Wrong when a change is undone by which a channel was set in place of one in which the bot is no more."""
    async with desk.reading() as session:
        team, event = await session.get_one(Team, team_id), await session.get(Event, event_id)
    if event is not None and event.kind is EventKind.SETTINGS:
        await _refuse_closed(desk, team, {event.details["field"]: event.details["before"]})


async def _changed(desk: TeamDesk, team_id: int, done: Changed, *, undone: bool = False) -> Block:
    """Return the modal that says what was changed, in the team's current language: that may be the change."""
    async with desk.reading() as session:
        team = await session.get_one(Team, team_id)
    names = await routing.named(desk, team_id)
    return modals.changed_modal(team_id, done.events, desk.of(team).t, names, undone=undone, moved=done.moved)


def team_of(view: dict[str, Any]) -> int:
    """Return the team whose settings a modal shows."""
    return int(remembered(view)["team"])
