"""Which team gets the new cases of a page: the one with the conversation, else by the rules, else the account's.

A conversation is with the team of the post that is answered, or of what shares the platform's key of the exchange.
Citizens below one post of ours do not talk to one another by that alone: the rules look at each of them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases.conversations import Related, Threads, teams_of_threads
from bot.domain.hours import is_open
from bot.domain.mention import Post
from bot.domain.routing import Asked, Routing, Rule
from bot.models import Account, Team
from bot.team.settings import TeamSettings


class Routes:
    """The rules and teams of an organisation, for posts of one account; the teams are read when they are needed."""

    def __init__(self, account: Account, team: Team, rules: Sequence[Rule], now: datetime):
        self._account, self._team = account, team
        self._rules = Routing(rules) if rules else None
        self._is_open = bool(rules) and is_open(TeamSettings.of(team.settings).hours(now), now)
        self._teams: Mapping[int, Team] = {}

    async def teams_of(
        self, session: AsyncSession, posts: Sequence[Post], stored: Related, joined: Mapping[str, int], threads: Threads
    ) -> dict[str, Team]:
        """Return the team for each of these posts, by external id; an answer goes to the team of what it answers.

        `joined` are the existing cases that other posts of the page joined.
        """
        earlier = (*stored.mentions, *stored.replies)
        if posts and (self._rules or earlier):
            await self._read_teams(session)
        of_case = {each.case_id: each.team_id for each in earlier}
        have = {key: of_case[case_id] for key, case_id in joined.items() if case_id in of_case}
        have |= {each.external_id: each.team_id for each in earlier}
        chosen, in_thread = dict[str, Team](), await self._in_threads(session, posts, threads)
        for post in posts:
            thread = threads.of[post.external_id] if post.conversation else None
            has_it = next((have[parent] for parent in post.above() if parent in have), None)
            if has_it is None and thread:
                has_it = in_thread.get(thread)
            team = (self._teams.get(has_it) if has_it is not None else self._by_rule(post)) or self._team
            chosen[post.external_id] = team
            have[post.external_id] = team.id
            if thread:
                in_thread[thread] = team.id
        return chosen

    async def _read_teams(self, session: AsyncSession) -> None:
        if not self._teams:
            query = select(Team).where(Team.workspace_id == self._team.workspace_id).order_by(col(Team.id))
            self._teams = {team.id: team for team in await session.exec(query)}

    async def _in_threads(self, session: AsyncSession, posts: Sequence[Post], threads: Threads) -> dict[str, int]:
        """Return the teams that have the conversations of these posts, by thread; asks nothing if there is only one."""
        if len(self._teams) < 2:
            return {}
        existing = threads.existing & {threads.of[post.external_id] for post in posts if post.conversation}
        return await teams_of_threads(session, self._account.id, existing)

    def _by_rule(self, post: Post) -> Team | None:
        """Return the team of the first rule that matches. What the text leaves out does not count.

        That is mostly what we wrote before or a signature. Its words would send mails to teams that they are not for;
        without them the team of the account has the case, sees them on its card, and can hand it over.
        """
        if self._rules is None:
            return None
        rule = self._rules.rule_for(
            Asked(self._account.id, self._account.platform, post.language, post.private, self._is_open, post.text)
        )
        return self._teams.get(rule.team) if rule is not None else None


def by_team(teams: Mapping[str, Team], posts: Sequence[Post]) -> list[tuple[Team, list[Post]]]:
    """Return the posts of each team, in their order; the team with the lowest id first, as rows are locked."""
    grouped: dict[int, tuple[Team, list[Post]]] = {}
    for post in posts:
        team = teams[post.external_id]
        grouped.setdefault(team.id, (team, []))[1].append(post)
    return [grouped[team_id] for team_id in sorted(grouped)]
