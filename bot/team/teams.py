"""The teams and their settings: each change is validated, logged with the value before it, and can be undone."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import bindparam
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.domain.event import EventKind
from bot.domain.text import Refused, Text, Wrong, text
from bot.models import Case, Escalation, Event, Team, Workspace
from bot.team import agents
from bot.team.settings import MAX_LISTED, MAX_RULES, TeamSettings

COLUMNS = ("name", "channel")
"""Settings that are columns of the team, because we search by them; they are unique."""
# Built once, for each click and each card: to build them takes longer than to run them.
_ITSELF = aliased(Team)
_BESIDE = db.short(
    select(Team)
    .join(_ITSELF, col(_ITSELF.workspace_id) == Team.workspace_id)
    .where(col(_ITSELF.id) == bindparam("team"))
    .order_by(col(Team.id))
)
_OF_CASE = db.short(select(Team).join(Case).where(Case.id == bindparam("case")))


async def all_teams(session: AsyncSession) -> list[Team]:
    """Return the teams, the oldest first."""
    return list(await session.exec(select(Team).order_by(col(Team.id))))


async def names(session: AsyncSession, team_ids: Collection[int], known: Iterable[Team]) -> dict[int, str]:
    """Return the names of these teams, if they are several: two may have a case of one number.

    Those of `known` are not read again.
    """
    if len(team_ids) < 2:
        return {}
    told = {team.id: team.name for team in known}
    return {each: told.get(each) or (await session.get_one(Team, each)).name for each in team_ids}


async def beside(session: AsyncSession, team_id: int) -> Sequence[Team]:
    """Return the teams of the organisation of a team, itself included, the oldest first."""
    return (await session.exec(_BESIDE, params={"team": team_id})).all()


async def of_channel(session: AsyncSession, channel: str) -> Team | None:
    """Return the team of a channel; None if the channel belongs to no team."""
    return (await session.exec(select(Team).where(Team.channel == channel))).first()


async def of_person(session: AsyncSession, slack_id: str) -> list[Team]:
    """Return the teams in which a person has a role."""
    roles = await agents.roles(session, slack_id)
    return [team for team in await all_teams(session) if team.id in roles] if roles else []


async def of_case(session: AsyncSession, case_id: int) -> Team | None:
    """Return the team of a case; None when there is no such case."""
    return (await session.exec(_OF_CASE, params={"case": case_id})).first()


async def of_cases(session: AsyncSession, case_ids: Collection[int]) -> list[Team]:
    """Return the teams of these cases, the oldest first."""
    theirs = select(Case.team_id).where(col(Case.id).in_(case_ids))
    return list(await session.exec(select(Team).where(col(Team.id).in_(theirs)).order_by(col(Team.id))))


async def of_escalation(session: AsyncSession, escalation_id: int) -> Team | None:
    """Return the team that asked a question; None when there is no such question."""
    asked = select(Team).join(Case).join(Escalation, col(Escalation.case_id) == Case.id)
    return (await session.exec(asked.where(Escalation.id == escalation_id))).first()


async def add(session: AsyncSession, name: str, channel: str, *, now: datetime) -> None:
    """Add a team; raises Wrong when another has the name or the channel."""
    team = Team(name=name, channel=channel, created_at=now)
    await _refuse_taken(session, team, {"name": name, "channel": channel})
    session.add(team)


async def settings(session: AsyncSession, team_id: int) -> TeamSettings:
    """Return the settings of a team, with defaults for unset ones."""
    return TeamSettings.of((await session.get_one(Team, team_id)).settings)


async def change(
    session: AsyncSession, team_id: int, changes: Mapping[str, Any], *, by: str, now: datetime
) -> list[Event]:
    """Set these fields; returns an event for each that changed. Raises Refused for a value that cannot be set.

    Running clocks keep the norm with which they started; existing cards stay in their channel.
    """
    team = await locked(session, team_id)
    new = {field: changes[field] for field in COLUMNS if changes.get(field) not in (None, getattr(team, field))}
    if new:
        await _refuse_taken(session, team, new)
    before = _as_json(team)
    try:
        after = _as_json(team, changes)
    except ValidationError:
        raise Refused("That cannot be set. Nothing was changed.") from None
    changed = [field for field in changes if before[field] != after[field]]
    team.settings = {**(team.settings or {}), **{field: after[field] for field in changed if field not in COLUMNS}}
    team.name, team.channel = after["name"], after["channel"]
    details = [{"team": team_id, "field": field, "before": before[field], "after": after[field]} for field in changed]
    events = [Event(kind=EventKind.SETTINGS, by=by, at=now, details=each) for each in details]
    session.add_all([team, *events])
    await session.flush()
    return events


def _as_json(team: Team, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return all settings of a team with these changes, including the columns."""
    columns = {"name": team.name, "channel": team.channel}
    settings = TeamSettings.model_validate({**(team.settings or {}), **(changes or {})})
    return {**settings.model_dump(mode="json"), **columns, **{k: v for k, v in (changes or {}).items() if k in columns}}


async def locked(session: AsyncSession, team_id: int) -> Team:
    """Lock and return a team as it is now: of two who change its settings or roles the second waits."""
    return await session.get_one(Team, team_id, with_for_update=db.HELD, populate_existing=True)


async def _refuse_taken(session: AsyncSession, team: Team, new: Mapping[str, str]) -> None:
    """Raise Wrong when another team has the name or the channel; of two that take the same at once the second waits."""
    await session.get_one(Workspace, team.workspace_id, with_for_update=db.HELD)
    others = await session.exec(select(Team.name, Team.channel).where(Team.id != team.id).order_by(col(Team.id)))
    wrong: dict[str, Text] = {}
    for name, channel in others:
        if name.casefold() == new.get("name", "").casefold():
            wrong["name"] = text("There already is a team with this name.")
        if channel == new.get("channel"):
            wrong["channel"] = text("This is the channel of the team {team}. Choose another.", team=name)
    if wrong:
        raise Wrong(wrong)


async def put_back(session: AsyncSession, event: Event, *, by: str, now: datetime) -> list[Event]:
    """Restore the value before a change, unless it is restored; raises Refused when the field was changed again."""
    team_id, field = event.details["team"], event.details["field"]
    team = await locked(session, team_id)
    if _as_json(team)[field] not in (event.details["after"], event.details["before"]):
        raise Refused("This was changed again since, so it was not undone.")
    return await change(session, team_id, {field: event.details["before"]}, by=by, now=now)


async def put_listed(
    session: AsyncSession,
    team_id: int,
    field: str,
    title: str | None,
    item: Mapping[str, Any] | None,
    *,
    by: str,
    now: datetime,
) -> list[Event]:
    """Replace the snippet or adviser with this title by `item`; without a title, add it; without an item, remove it.

    `field` is the setting with the list. Raises Refused.
    """
    stored = _as_json(await locked(session, team_id))[field]
    place = next((n for n, each in enumerate(stored) if each["title"] == title), len(stored))
    if title is not None and place == len(stored):
        raise Refused("That was removed or got another title meanwhile. Open the list again.")
    others = [each for each in stored if each["title"] != title]
    if item is not None and any(each["title"] == item["title"] for each in others):
        raise Refused("There already is one with that title.")
    if item is not None and len(others) >= (MAX_RULES if field == "house_rules" else MAX_LISTED):
        raise Refused("There are {n} already. Remove one first.", n=len(others))
    new = [*others[:place], *([item] if item else []), *others[place:]]
    return await change(session, team_id, {field: new}, by=by, now=now)


async def put_norm(
    session: AsyncSession, team_id: int, platform: str, norm: Mapping[str, Any] | None, *, by: str, now: datetime
) -> list[Event]:
    """Give a platform its own norm; with None it gets the general norm again."""
    stored = _as_json(await locked(session, team_id))["platforms"]
    new = {name: each for name, each in stored.items() if name != platform}
    return await change(session, team_id, {"platforms": new | ({platform: norm} if norm else {})}, by=by, now=now)
