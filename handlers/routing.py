"""The rules that route new mentions to teams: list them, and edit, try and save one."""

import json
import re
from typing import Any

from bot import accounts, connectors
from bot.desk import TeamDesk
from bot.domain.routing import Rule, Visibility, WorkingTime
from bot.domain.text import Refused, Wrong, text
from bot.domain.words import folded
from bot.team import routing, teams
from bot.views.block import Block
from bot.views.routing import ANY, Named, routing_list, rule_modal, tried_modal
from bot.views.settings_modals import changed_modal, not_changed_modal
from handlers.bolt_args import Ack
from handlers.modal import going_on, remembered, values
from handlers.roles import Person

LANGUAGE = re.compile(r"[a-z]{2,3}")


async def listed(desk: TeamDesk, team_id: int) -> Block:
    """Return the list of rules."""
    async with desk.reading() as session:
        rules = await routing.of_team(session, team_id)
    return routing_list(team_id, rules, await named(desk, team_id), desk.t)


async def named(desk: TeamDesk, team_id: int) -> Named:
    """Return the names of the things that rules refer to, in the organisation of a team.

    A platform that a rule is about is among them without an account too: the rule is about the next one there. No rule
    decides about what is made a case by hand, so that is not offered, unless a rule has it by now.
    """
    async with desk.reading() as session:
        of_organisation = await teams.beside(session, team_id)
        known = [each for team in of_organisation for each in await accounts.of_team(session, team.id)]
        rules = await routing.of_team(session, team_id)
    names = {account.id: str(connectors.label_of(account)) for account in known}
    decided, had = [each for each in known if connectors.known(each.platform)], {id for r in rules for id in r.accounts}
    offered = {id: name for id, name in names.items() if id in {*had, *(each.id for each in decided)}}
    on = [*(each.platform for each in decided), *(platform for rule in rules for platform in rule.platforms)]
    titles = {name: desk.t(connectors.called(name)) for name in [*connectors.registry().platforms, *on]}
    platforms = {name: titles[name] for name in on}
    return Named({team.id: team.name for team in of_organisation}, offered, platforms, titles, names)


async def add(body: dict[str, Any], desk: TeamDesk) -> None:
    """Ask for a new rule."""
    async with going_on(desk, body) as show:
        team_id = remembered(body["view"])["team"]
        await show(rule_modal(team_id, None, await named(desk, team_id), desk.t))


async def do(action: dict[str, Any], body: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Change, move or remove the rule that was chosen."""
    verb, _, key = action["selected_option"]["value"].partition(":")
    team_id = remembered(body["view"])["team"]
    async with going_on(desk, body) as show:
        if verb == "edit":
            await show(rule_modal(team_id, await _rule(desk, team_id, key), await named(desk, team_id), desk.t))
        elif verb == "remove":
            async with desk.session() as session:
                events = await routing.remove(session, team_id, key, by=by, now=desk.now())
            await show(changed_modal(team_id, events, desk.t, await named(desk, team_id)))
        else:
            async with desk.session() as session:
                await routing.shift(session, team_id, key, -1 if verb == "up" else 1, by=by, now=desk.now())
            await show(await listed(desk, team_id))


async def _rule(desk: TeamDesk, team_id: int, key: str) -> Rule:
    async with desk.reading() as session:
        rule = next((each for each in await routing.of_team(session, team_id) if each.key == key), None)
    if rule is None:
        raise Refused("That was removed meanwhile. Choose another.")
    return rule


async def try_one(ack: Ack, view: dict[str, Any], body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Show what the rule would have done with the newest mentions, before it is saved."""
    metadata = remembered(view)
    rule = _read(values(view), metadata["key"] or body["trigger_id"])  # in one window several may be added
    async with desk.reading() as session:
        tried = await routing.tried(session, metadata["team"], rule, known=person.roles)
    names = await named(desk, metadata["team"])
    shown = tried_modal(
        metadata["team"], rule, names, tried.of, tried.count, tried.shown, desk.t, desk.now(), metadata.get("was")
    )
    await ack(response_action="update", view=shown)


def _read(filled: dict[str, Any], key: str) -> Rule:
    """Return the rule in a form; raises Wrong."""
    words = [line.strip() for line in (filled.get("route_words") or "").splitlines() if line.strip()]
    languages = re.split(r"[,;\s]+", (filled.get("route_languages") or "").strip().lower())
    visibility, time = filled["route_visibility"], filled["route_time"]
    if not all(folded(each) for each in words):
        raise Wrong({"route_words": text("Write a word of letters or digits on each line.")})
    if not all(LANGUAGE.fullmatch(each) for each in languages if each):
        raise Wrong({"route_languages": text("Write codes, as nl or en.")})
    rule = Rule(
        key, int(filled["route_team"]), tuple(int(each) for each in filled.get("route_accounts") or ()),
        tuple(filled.get("route_platforms") or ()), tuple(each for each in languages if each), tuple(words),
        None if visibility == ANY else Visibility(visibility), None if time == ANY else WorkingTime(time),
    )  # fmt: skip
    if not rule.has_conditions:
        raise Wrong({"route_words": text("Choose at least one condition. Otherwise everything would go there.")})
    if len(json.dumps(rule.to_json())) > routing.MAX_STORED:
        raise Wrong({"route_words": text("That is too much for one rule. Make two of it.")})
    return rule


async def save(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Save the rule that was tried, unless it was changed since; the past changes say how."""
    metadata = remembered(view)
    team_id, rule, was = metadata["team"], Rule.of(metadata["rule"]), metadata.get("was")
    try:
        async with desk.session() as session:
            events = await routing.put(session, team_id, rule, by=by, now=desk.now(), was=was)
        shown = changed_modal(team_id, events, desk.t, await named(desk, team_id))
    except Refused as refused:
        shown = not_changed_modal(team_id, desk.t(refused.text), desk.t)
    await ack(response_action="update", view=shown)
