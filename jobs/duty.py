"""Duty: make a Slack user group follow duty."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlmodel import col, update

from bot.desk import Desk
from bot.logs import going_on
from bot.models import Team
from bot.slack.calls import SlackDown, SlackLater, SlackRefuses, call
from bot.staffing import presence
from bot.team import teams
from bot.team.settings import TeamSettings

log = structlog.get_logger()

AGAIN = timedelta(hours=1)
"""How long an update of a user group, or Slack's refusal, stays valid while duty stays the same."""


async def follow(desk: Desk) -> None:
    """Make every team's user group equal to those on duty; with nobody on duty it stays as it is."""
    async with desk.reading() as session:
        all_teams = await teams.all_teams(session)
    for team in all_teams:
        with going_on("a user group could not follow duty", team=team.id):
            await _follow(desk, team, TeamSettings.of(team.settings))


async def _follow(desk: Desk, team: Team, settings: TeamSettings) -> None:
    if not settings.duty_group:
        return
    async with desk.reading() as session:
        people = sorted(await presence.on_duty(session, team.id, settings, desk.now()))
    if people:  # Slack refuses an empty group
        await _update(desk, team, settings.duty_group, people)


async def _update(desk: Desk, team: Team, group: str, people: Sequence[str]) -> None:
    shown: dict[str, Any] = team.duty_shown or {}
    same = shown.get("group") == group and shown.get("people") == people
    if same and desk.now().timestamp() < shown["at"] + AGAIN.total_seconds():
        return
    problem = ""
    try:
        await call(desk.of(team).slack, "usergroups.users.update", usergroup=group, users=",".join(people))
    except SlackRefuses as refusal:
        problem = refusal.error
    except (SlackLater, SlackDown):
        return  # the next minute tries again
    if problem and problem != shown.get("problem"):
        log.warning("the user group cannot follow duty: run `webcare check`", team=team.id, reason=problem)
    shown = {"group": group, "people": people, "problem": problem, "at": desk.now().timestamp()}
    async with desk.session() as session:
        await session.exec(update(Team).where(col(Team.id) == team.id).values(duty_shown=shown))
