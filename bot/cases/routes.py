"""Which team gets the new cases of a page: the one with the conversation, else by the rules, else the account's.

The conversation is with the team of the post that is answered; if we do not have that, with the team of the thread.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases.conversations import Related, Threads
from bot.domain.hours import is_open
from bot.domain.mention import Post
from bot.domain.routing import Asked, Routing, Rule
from bot.models import Account, Team
from bot.team.settings import TeamSettings


class Routes:
    """The teams of an organisation and its rules, read once for a page of posts of one account."""

    def __init__(self, account: Account, team: Team, teams: Mapping[int, Team], rules: Routing | None, now: datetime):
        self._account, self._team, self._teams, self._rules = account, team, teams, rules
        self._is_open = rules is not None and is_open(TeamSettings.of(team.settings).hours(now), now)

    @property
    def has_choice(self) -> bool:
        """Tell whether there is more than one team that a post may go to."""
        return len(self._teams) > 1

    def teams_of(
        self,
        posts: Sequence[Post],
        stored: Related,
        joined: Mapping[str, int],
        threads: Threads,
        of_threads: Mapping[str, int],
    ) -> dict[str, Team]:
        """Return the team for each of these posts, by external id; an answer goes to the team of what it answers.

        `joined` are the existing cases that other posts of the page joined; `of_threads` are the teams that have the
        existing threads (`teams_of_threads`).
        """
        earlier = (*stored.mentions, *stored.replies)
        of_case = {each.case_id: each.team_id for each in earlier}
        have = {key: of_case[case_id] for key, case_id in joined.items() if case_id in of_case}
        have |= {each.external_id: each.team_id for each in earlier}
        chosen, in_thread = dict[str, Team](), dict(of_threads)
        for post in posts:
            thread = threads.of[post.external_id]
            has_it = next((have[parent] for parent in post.above() if parent in have), in_thread.get(thread))
            team = (self._teams.get(has_it) if has_it is not None else self._by_rule(post)) or self._team
            chosen[post.external_id] = team
            have[post.external_id] = in_thread[thread] = team.id
        return chosen

    def _by_rule(self, post: Post) -> Team | None:
        if self._rules is None:
            return None
        rule = self._rules.rule_for(
            Asked(self._account.id, self._account.platform, post.language, post.private, self._is_open, post.text)
        )
        return self._teams.get(rule.team) if rule is not None else None


async def read(
    session: AsyncSession,
    account: Account,
    team: Team,
    rules: Sequence[Rule],
    stored: Sequence[Related],
    *,
    now: datetime,
) -> Routes:
    """Read the teams of an account's organisation that these rules, or what the posts relate to, may name."""
    teams: Sequence[Team] = [team]
    if rules or any(each.mentions or each.replies for each in stored):
        query = select(Team).where(Team.workspace_id == team.workspace_id).order_by(col(Team.id))
        teams = (await session.exec(query)).all()
    return Routes(account, team, {each.id: each for each in teams}, Routing(rules) if rules else None, now)


def by_team(teams: Mapping[str, Team], posts: Sequence[Post]) -> list[tuple[Team, list[Post]]]:
    """Return the posts of each team, in their order; the team with the lowest id first, as rows are locked."""
    grouped: dict[int, tuple[Team, list[Post]]] = {}
    for post in posts:
        team = teams[post.external_id]
        grouped.setdefault(team.id, (team, []))[1].append(post)
    return [grouped[team_id] for team_id in sorted(grouped)]
