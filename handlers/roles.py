"""Who may do what: the least role that each listener needs, which the table of .github/guide/team.md repeats.

A coordinator sets a person's role in a team; without one, full members of the workspace who are in the team's channel
answer too (bot/team/agents.py). Roles are read from the database. Only a person who would be refused is looked up in
Slack first: they may have joined a moment ago.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.desk import Desk, TeamDesk
from bot.domain.text import Refused
from bot.models import Role, Team
from bot.slack import membership
from bot.slack.calls import SlackDown, SlackLater, SlackRefuses
from bot.team import agents
from bot.views.block import literal
from handlers.concerns import channel_of, only_case, teams_concerned


class Access(StrEnum):
    """Who may use a listener."""

    EVERYONE = "everyone"
    """It shows nothing of citizens, or acts only on the person's own presence and cases."""
    ASKED = "asked"
    """Everyone whom an agent asked for advice, or who has a role; handlers/escalate.py checks it."""
    READERS = "readers"
    AGENTS = "agents"
    COORDINATORS = "coordinators"


Needs = Access | Callable[[dict[str, Any]], Access]
"""What a listener needs; for a menu or a command, that depends on what was chosen or typed."""

RANKS: Mapping[Role, int] = {Role.READER: 1, Role.AGENT: 2, Role.COORDINATOR: 3}
LEAST: Mapping[Access, int] = {
    Access.EVERYONE: 0,
    Access.ASKED: 0,
    Access.READERS: 1,
    Access.AGENTS: 2,
    Access.COORDINATORS: 3,
}


@dataclass(frozen=True)
class Person:
    """Who sent a request: their role in each team, and the teams that the request concerns, at least one.

    `channel` is where they clicked or typed, "" outside channels.
    """

    by: str
    teams: Sequence[Team]
    roles: Mapping[int, Role]
    channel: str = ""

    def teams_with(self, access: Access) -> list[Team]:
        """Return the concerned teams in which this person has at least the role for `access`."""
        return [team for team in self.teams if self.rank_in(team) >= LEAST[access]]

    def rank_in(self, team: Team) -> int:
        """Return the rank of their role in a team; 0 for none."""
        role = self.roles.get(team.id)
        return RANKS[role] if role else 0

    def shares(self, *teams: Team) -> bool:
        """Tell whether what is of these teams may be shown to all where they are: it is the channel of each team."""
        return all(team.channel == self.channel for team in teams)


async def person_of(session: AsyncSession, body: dict[str, Any], by: str) -> Person:
    """Return who sent a request; raises Refused when it concerns no team."""
    roles, team = await agents.roles_and_team(session, by, only_case(body))
    return Person(by, [team] if team else await teams_concerned(session, body, by), roles, channel_of(body))


async def reader_of(session: AsyncSession, body: dict[str, Any], by: str) -> Person:
    """Return who is shown a list again, with only those concerned teams in which they may read now, perhaps none.

    What a click or modal was allowed says nothing of the list around it: that may be of another team.
    """
    person = await person_of(session, body, by)
    return replace(person, teams=person.teams_with(Access.READERS))


async def admit(desk: Desk, access: Access, body: dict[str, Any], person: Person) -> Person:
    """Return the person with only those concerned teams in which they may do this; raises Refused when there are none.

    While a team has no coordinator, the first of its agents who asks becomes one.
    """
    if not person.teams_with(access):
        person = await _looked_up(desk, body, person)
    teams = person.teams_with(access)
    if not teams and access is Access.COORDINATORS:
        teams = [await _coordinates(desk, person)]
    if not teams:
        raise _refusal(person, desk.of(person.teams[0]))
    return replace(person, teams=teams)


async def _looked_up(desk: Desk, body: dict[str, Any], person: Person) -> Person:
    """Ask Slack about a person without a role in the concerned teams; raises Refused while Slack does not answer."""
    unknown = [team for team in person.teams if team.id not in person.roles]
    if not unknown:
        return person
    try:
        await membership.look_at(desk, unknown, person.by, channel_of(body))
    except (SlackLater, SlackDown, SlackRefuses):
        raise Refused(
            "Slack does not say just now whether you are in this team's channel. Please try again in a moment."
        ) from None
    async with desk.reading() as session:
        return replace(person, roles=await agents.roles(session, person.by))


async def _coordinates(desk: Desk, person: Person) -> Team:
    async with desk.session() as session:
        await agents.coordinate(session, person.teams[0].id, person.by, now=desk.now())
    return person.teams[0]


def _refusal(person: Person, desk: TeamDesk) -> Refused:
    if desk.team.id in person.roles:
        return Refused("You have read-only access. A coordinator can let you answer.")
    return Refused(
        "Only the team {team} can do that: full members of this workspace in its channel, and whoever a coordinator "
        "gave a role.", team=literal(desk.team.name, 80),
    )  # fmt: skip
