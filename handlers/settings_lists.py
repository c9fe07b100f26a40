"""The lists in the settings: snippets, advisers, house rules, norms per platform, initials."""

from collections.abc import Sequence
from typing import Any

from bot import accounts, connectors
from bot.desk import TeamDesk
from bot.domain.slack_id import is_channel
from bot.domain.text import Refused
from bot.models import Account, Team
from bot.team import agents, forms, teams
from bot.team.settings import TeamSettings
from bot.texts import Texts
from bot.views import settings_lists as modals
from bot.views.block import Block
from bot.views.settings_modals import changed_modal
from handlers import connect, routing
from handlers.bolt_args import Ack
from handlers.modal import going_on, remembered, values_over
from handlers.slack_directory import refuse_closed_channels, user_groups

LISTS = {"snippet": "snippets", "adviser": "advisers", "rule": "house_rules"}
"""The setting of each list whose items are edited one at a time, by the name of its form."""


async def shown(desk: TeamDesk, group: str, team_id: int) -> Block | None:
    """Return a group of settings that is a list; None for another group."""
    if group == "accounts":
        return await connect.listed(desk, team_id)
    async with desk.reading() as session:
        settings = await teams.settings(session, team_id)
        match group:
            case "snippets":
                return modals.snippets_modal(team_id, [each.title for each in settings.snippets], desk.t)
            case "advisers":
                known = [(each.title, each.target) for each in settings.advisers]
                return modals.advisers_modal(team_id, known, desk.t)
            case "rules":
                return modals.rules_modal(team_id, [each.model_dump() for each in settings.house_rules], desk.t)
            case "platforms":
                named = _platforms(await accounts.of_team(session, team_id), desk, settings)
                norms = {platform: norm.model_dump() for platform, norm in settings.platforms.items()}
                return modals.platforms_modal(team_id, [(p, name, norms.get(p)) for p, name in named.items()], desk.t)
            case "initials":
                signing = await agents.signing(session, team_id)
                people = [slack_id for slack_id, _ in signing]
                left = {*people} - {*await agents.still_answering(session, team_id, people)}
                return modals.initials_list(team_id, signing, desk.t, left=left)
            case _:
                return None


def _platforms(of_team: Sequence[Account], desk: TeamDesk, settings: TeamSettings) -> dict[str, str]:
    """Return the platforms on which a team has accounts or a norm, with their display names."""
    named: dict[str, list[str]] = {platform: [] for platform in settings.platforms}
    for account in of_team:
        if connectors.known(account.platform):
            named.setdefault(account.platform, []).append(str(connectors.label_of(account)))
    return {
        p: connectors.title(p) or desk.t("Own sources: {names}", names=", ".join(names)) for p, names in named.items()
    }


async def open_one(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Ask for one item of a list: a new one, or the one whose button was clicked."""
    kind, _, verb = action["action_id"].partition(":")
    team_id, chosen = remembered(body["view"])["team"], action["value"] if verb == "edit" else None
    async with going_on(desk, body) as show:
        await show(await _form(desk, kind, team_id, chosen))


async def _form(desk: TeamDesk, kind: str, team_id: int, chosen: str | None) -> Block:
    async with desk.reading() as session:
        settings = await teams.settings(session, team_id)
        if kind == "initials":
            initials = await agents.initials(session, team_id, chosen or "")
            return modals.initials_modal(team_id, chosen or "", initials or "", desk.t)
        if kind == "platform":
            name = _platforms(await accounts.of_team(session, team_id), desk, settings).get(chosen or "", "")
            filled = forms.written_norm("platform", settings.platforms.get(chosen or ""))
            return modals.platform_modal(team_id, chosen or "", name, filled, desk.t)
    filled = _written(settings, kind, chosen)
    if kind == "rule":
        return modals.rule_modal(team_id, chosen, filled, desk.t)
    if kind == "snippet":
        return modals.snippet_modal(team_id, chosen, filled, desk.t)
    return modals.adviser_modal(team_id, chosen, await user_groups(desk), filled, desk.t)


def _written(settings: TeamSettings, kind: str, chosen: str | None) -> dict[str, Any]:
    """Return the content of the fields of one item of a list, none for a new one; raises Refused if it is gone."""
    if chosen is None:
        return {}
    for each in settings.model_dump()[LISTS[kind]]:
        if each["title"] == chosen:
            return forms.written_item(kind, each)
    raise Refused("That was removed or got another title meanwhile. Open the list again.")


async def save_one(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Add, change or remove one item of a list, and offer to undo it; what is untouched stays as it is now."""
    stored, kind = remembered(view), view["callback_id"].partition(":")[2]
    async with desk.reading() as session:
        item = _item(await session.get_one(Team, stored["team"]), view, desk.t)
    if kind == "adviser" and item and is_channel(item["target"]):
        await refuse_closed_channels(desk, {"adviser_channel": item["target"]})
    async with desk.session() as session:
        item = _item(await teams.locked(session, stored["team"]), view, desk.t)
        events = await teams.put_listed(
            session, stored["team"], LISTS[kind], stored["title"], item, by=by, now=desk.now()
        )
    await ack(response_action="update", view=changed_modal(stored["team"], events, desk.t))


def _item(team: Team, view: dict[str, Any], t: Texts) -> dict[str, Any] | None:
    """Return the item in a form over what is set now; None if it is to be removed. Raises Wrong, or Refused."""
    kind = view["callback_id"].partition(":")[2]
    now_set = _written(TeamSettings.of(team.settings), kind, remembered(view)["title"])
    item: dict[str, Any] | None = forms.read(kind, values_over(view, now_set), t)["item"]
    return item


async def save_platform(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Give a platform its own norm, or the general norm; an untouched target stays as a colleague set it meanwhile."""
    stored = remembered(view)
    async with desk.session() as session:
        settings = TeamSettings.of((await teams.locked(session, stored["team"])).settings)
        now_set = forms.written_norm("platform", settings.platforms.get(stored["platform"]))
        norm = forms.read("platform", values_over(view, now_set), desk.t)["item"]
        events = await teams.put_norm(session, stored["team"], stored["platform"], norm, by=by, now=desk.now())
    names = await routing.named(desk, stored["team"])
    await ack(response_action="update", view=changed_modal(stored["team"], events, desk.t, names))


async def save_initials(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Change a colleague's initials; left as they were shown they stay as they are by now."""
    stored = remembered(view)
    async with desk.session() as session:
        now_set = await agents.initials(session, stored["team"], stored["agent"])
        wanted = values_over(view, {"initials": now_set})["initials"] or ""
        events = await agents.correct_initials(session, stored["team"], stored["agent"], wanted, by=by, now=desk.now())
    await ack(response_action="update", view=changed_modal(stored["team"], events, desk.t))
