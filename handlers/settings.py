"""The settings of a team, changed by its coordinators: the menu, the modals, saving, undoing; and the roles."""

import json
from typing import Any

from bot import agents, settings_forms, teams
from bot.desk import Desk
from bot.domain.text import Refused
from bot.models import Role, Team
from bot.team_settings import HOLIDAYS, Snippet
from bot.views import settings_modals as modals
from bot.views.block import Block
from bot.views.modals import said
from handlers.given import Ack, Context
from handlers.home import home_after
from handlers.modal import going_on, opened, values
from handlers.tell import without_marks


async def open_settings(desk: Desk, body: dict[str, Any], team_id: int | None = None) -> None:
    """Open the menu of the settings of a team (by default that of the channel, else the first).

    `body` is that of a command or a click, acknowledged already. The first who opens them becomes coordinator.
    """
    by = body.get("user_id") or body["user"]["id"]
    async with opened(desk, body) as show:
        async with desk.session() as session:
            await agents.coordinate(session, by, now=desk.now())
            if team_id is None:
                team = await teams.of_channel(session, body.get("channel_id", ""))
            else:
                team = await session.get_one(Team, team_id)
        await show(modals.settings_menu(team.id or 0, team.name, desk.t))


async def open_from_home(ack: Ack, action: dict[str, Any], body: dict[str, Any], desk: Desk) -> None:
    """Open the settings of the team whose button was clicked."""
    await ack()
    async with home_after(desk, body):
        await open_settings(desk, body, int(action["value"]))


async def open_group(ack: Ack, action: dict[str, Any], body: dict[str, Any], desk: Desk) -> None:
    """Go on to a group of settings, or back to the menu."""
    await ack()
    async with going_on(desk, body) as show:
        await show(await _modal(desk, action["value"], _kept(body)["team"]))


async def _modal(desk: Desk, group: str, team_id: int) -> Block:
    async with desk.reading() as session:
        team, settings = await session.get_one(Team, team_id), await teams.settings(session, team_id)
        coordinators = await agents.with_role(session, Role.COORDINATOR)
        readers = await agents.with_role(session, Role.READER)
    filled = settings_forms.written(settings, desk.t)
    match group:
        case "hours":
            return modals.hours_modal(team_id, filled, desk.t)
        case "closed":
            return modals.closed_modal(team_id, HOLIDAYS, filled, desk.t)
        case "norms":
            return modals.norms_modal(team_id, filled, desk.t)
        case "reminders":
            return modals.reminders_modal(team_id, filled, desk.t)
        case "snippets":
            return modals.snippets_modal(team_id, [each.title for each in settings.snippets], desk.t)
        case "roles":
            return modals.roles_modal(team_id, coordinators, readers, desk.t)
        case _:
            return modals.settings_menu(team_id, team.name, desk.t)


async def save(ack: Ack, view: dict[str, Any], context: Context, desk: Desk) -> None:
    """Save a group of settings; what is wrong is told at its field, and nothing typed is lost."""
    team_id = json.loads(view["private_metadata"])["team"]
    try:
        changes = settings_forms.read(view["callback_id"].partition(":")[2], values(view), desk.t)
    except settings_forms.Wrong as wrong:
        await ack(response_action="errors", errors={field: desk.t(words) for field, words in wrong.fields.items()})
        return
    async with desk.session() as session:
        events = await teams.change(session, team_id, changes, by=context.user_id or "", now=desk.now())
    await ack(response_action="update", view=modals.changed_modal(team_id, events, desk.t))


async def undo(ack: Ack, action: dict[str, Any], body: dict[str, Any], desk: Desk) -> None:
    """Put back what was before a change."""
    await ack()
    async with going_on(desk, body) as show:
        async with desk.session() as session:
            events = await teams.undo(session, int(action["value"]), by=body["user"]["id"], now=desk.now())
        await show(modals.changed_modal(_kept(body)["team"], events, desk.t))


async def open_snippet(ack: Ack, action: dict[str, Any], body: dict[str, Any], desk: Desk) -> None:
    """Ask for a canned text: a new one, or the one whose button was clicked."""
    await ack()
    team_id, title = _kept(body)["team"], action["value"] if action["action_id"] == "snippet:edit" else None
    async with going_on(desk, body) as show:
        async with desk.reading() as session:
            snippets = (await teams.settings(session, team_id)).snippets
        words = next((each.text for each in snippets if each.title == title), None)
        if title is not None and words is None:
            raise Refused("That text was removed meanwhile; choose another.")
        await show(modals.snippet_modal(team_id, title, words or "", desk.t))


async def save_snippet(ack: Ack, view: dict[str, Any], context: Context, desk: Desk) -> None:
    """Add, change or remove a canned text, and go back to the list with the way to undo it."""
    kept, filled = json.loads(view["private_metadata"]), values(view)
    title, words = filled["snippet_title"].strip(), filled["snippet_text"].strip()
    removed = bool(filled.get("snippet_remove"))
    for field, given in (("snippet_title", title), ("snippet_text", words)):
        if not given:
            await ack(response_action="errors", errors={field: desk.t("Write something here.")})
            return
    snippet = None if removed else Snippet(title=title, text=words)
    async with desk.session() as session:
        events = await teams.put_snippet(
            session, kept["team"], kept["snippet"], snippet, by=context.user_id or "", now=desk.now()
        )
    await ack(response_action="update", view=modals.changed_modal(kept["team"], events, desk.t))


async def save_roles(ack: Ack, view: dict[str, Any], context: Context, desk: Desk) -> None:
    """Give colleagues their roles."""
    filled = values(view)
    try:
        async with desk.session() as session:
            await agents.set_roles(
                session, coordinators=filled["role_coordinators"] or [], readers=filled["role_readers"] or [],
                by=context.user_id or "", now=desk.now(),
            )  # fmt: skip
    except Refused as refused:
        await ack(response_action="errors", errors={"role_readers": await without_marks(desk, refused)})
        return
    await ack(response_action="update", view=said(desk.t("✅ Saved."), desk.t))


def _kept(body: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(body["view"]["private_metadata"])
    return kept
