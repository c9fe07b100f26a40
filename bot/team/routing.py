"""The rules by which an organisation routes new mentions to its teams: each change is logged, and can be undone."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors, db
from bot.domain.event import EventKind
from bot.domain.hours import is_open
from bot.domain.routing import Asked, Routing, Rule
from bot.domain.text import Refused
from bot.models import Account, Author, Case, Event, Mention, Team, Workspace
from bot.team import teams
from bot.team.settings import TeamSettings

MAX_RULES = 40
MAX_STORED = 2500
"""Characters of one stored rule: the modal that tries it has it in its metadata, and Slack takes 3,000 there."""
TRIED = 200
"""The newest mentions that rules decide about, on which a rule is tried before it is saved."""


async def rules(session: AsyncSession, workspace_id: int) -> list[Rule]:
    """Return the rules of an organisation, in their order."""
    stored = (await session.exec(select(Workspace.routing).where(Workspace.id == workspace_id))).first()
    return [Rule.of(each) for each in stored or []]


async def of_team(session: AsyncSession, team_id: int) -> list[Rule]:
    """Return the rules of the organisation of a team."""
    return await rules(session, (await session.get_one(Team, team_id)).workspace_id)


async def put(
    session: AsyncSession, team_id: int, rule: Rule, *, by: str, now: datetime, was: str | None = None
) -> list[Event]:
    """Add a rule at the end, or replace the one with its key; `team_id` is the team whose settings it is done in.

    `was`: the `stand` of the rule that was opened ("" for a new one); raises Refused when it was changed since.
    """
    if rule.team not in {team.id for team in await teams.beside(session, team_id)}:
        raise Refused("Choose another team.")

    def changed(before: Sequence[Rule]) -> list[Rule]:
        stored = next((each for each in before if each.key == rule.key), None)
        if was is not None and stored != rule and (stored.stand if stored else "") != was:
            raise Refused("A colleague changed or removed this rule meanwhile. Look at it first.")
        return with_rule(before, rule)

    return await _change(session, team_id, changed, by=by, now=now)


def with_rule(before: Sequence[Rule], rule: Rule) -> list[Rule]:
    """Return rules with this one in place of the one with its key, else at the end; raises Refused when full."""
    if any(each.key == rule.key for each in before):
        return [rule if each.key == rule.key else each for each in before]
    if len(before) >= MAX_RULES:
        raise Refused("There are {n} already. Remove one first.", n=len(before))
    return [*before, rule]


async def remove(session: AsyncSession, team_id: int, key: str, *, by: str, now: datetime) -> list[Event]:
    """Remove a rule; nothing changes if it is already gone."""
    return await _change(session, team_id, lambda before: [each for each in before if each.key != key], by=by, now=now)


async def shift(
    session: AsyncSession, team_id: int, key: str, by_places: int, *, by: str, now: datetime
) -> list[Event]:
    """Move a rule up (-1) or down (1); at the end it stays."""

    def moved(before: Sequence[Rule]) -> list[Rule]:
        at = next((n for n, each in enumerate(before) if each.key == key), None)
        if at is None:
            return list(before)
        others = [each for each in before if each.key != key]
        others.insert(max(0, at + by_places), before[at])
        return others

    return await _change(session, team_id, moved, by=by, now=now)


async def forget_removed(session: AsyncSession, team_id: int, *, now: datetime) -> list[Event]:
    """Take accounts that were removed out of the rules."""
    return await _change(session, team_id, list, by="", now=now)


async def put_back(session: AsyncSession, event: Event, *, by: str, now: datetime) -> list[Event]:
    """Restore the rules from before a change, unless they are; raises Refused when they were changed again."""
    after, before = ([Rule.of(each) for each in event.details[when]] for when in ("after", "before"))
    before = _about(await _accounts(session), before)

    def restored(stand: Sequence[Rule]) -> list[Rule]:
        if list(stand) not in (after, before):
            raise Refused("This was changed again since, so it was not undone.")
        return before

    return await _change(session, event.details["team"], restored, by=by, now=now)


async def _change(
    session: AsyncSession, team_id: int, change: Callable[[Sequence[Rule]], list[Rule]], *, by: str, now: datetime
) -> list[Event]:
    team = await session.get_one(Team, team_id)
    workspace = await session.get_one(Workspace, team.workspace_id, with_for_update=db.HELD, populate_existing=True)
    before = [Rule.of(each) for each in workspace.routing or []]
    after = _about(await _accounts(session), change(before))
    if after == before:
        return []
    workspace.routing = [each.to_json() for each in after]
    details = {"team": team_id, "before": [each.to_json() for each in before], "after": workspace.routing}
    event = Event(kind=EventKind.ROUTING, by=by, at=now, details=details)
    session.add_all([workspace, event])
    await session.flush()
    return [event]


async def _accounts(session: AsyncSession) -> set[int]:
    return set(await session.exec(select(Account.id)))


def _about(known: Collection[int], rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules without the accounts that were removed."""
    return [rule for each in rules if (rule := each.only_about(known))]


# --- Trying a rule -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """What a rule would have done with the newest mentions: how many there are, and which it would have routed.

    No rule decides about what joined a case or a conversation, or was made a case by hand. `shown` are those in teams
    where the person who tries it has a role, each with its author; the others are only counted.
    """

    of: int
    count: int
    shown: Sequence[tuple[Mention, Author]]


_BEFORE = aliased(Mention)
_EARLIER = select(_BEFORE.id).where(_BEFORE.id < col(Mention.id))
_BESIDE = _EARLIER.where(_BEFORE.account_id == Mention.account_id)
_OF_NONE: Sequence[ColumnElement[bool]] = (
    ~_EARLIER.where(_BEFORE.case_id == Mention.case_id).correlate(Mention).exists(),
    ~_BESIDE.where(_BEFORE.external_id == Mention.in_reply_to).correlate(Mention).exists(),
    col(Mention.conversation).is_(None) | ~_BESIDE.where(_BEFORE.thread == Mention.thread).correlate(Mention).exists(),
)
"""The conditions that a mention joined no case and no conversation of citizens, as in `bot.cases.routes`."""


async def tried(session: AsyncSession, team_id: int, rule: Rule, *, known: Collection[int]) -> Tried:
    """Try a rule, in its place among the others, on the newest mentions; `known` are the teams that may be shown."""
    workspace_id = (await session.get_one(Team, team_id)).workspace_id
    columns: list[Any] = [Mention, Author, Account, Team, Case.team_id]
    newest = (
        select(*columns)
        .join(Account, col(Mention.account_id) == Account.id)
        .join(Team, col(Account.team_id) == Team.id)
        .join(Case, col(Mention.case_id) == Case.id)
        .join(Author, col(Case.author_id) == Author.id)
        .where(Team.workspace_id == workspace_id, col(Account.platform).in_(connectors.registry().platforms), *_OF_NONE)
        .order_by(col(Mention.received_at).desc(), col(Mention.id).desc())
        .limit(TRIED)
    )
    rows = (await session.exec(newest)).all()
    routing = Routing(with_rule(await rules(session, workspace_id), rule))
    hit = [
        (mention, author, has_it)
        for mention, author, account, team, has_it in rows
        if _goes(routing, rule, mention, account, team)
    ]
    return Tried(len(rows), len(hit), [(mention, author) for mention, author, has_it in hit if has_it in known])


def _goes(routing: Routing, rule: Rule, mention: Mention, account: Account, team: Team) -> bool:
    decides = routing.rule_for(
        Asked(account.id, account.platform, mention.language, mention.private,
              is_open(TeamSettings.of(team.settings).hours(mention.received_at), mention.received_at), mention.text)
    )  # fmt: skip
    return decides is not None and decides.key == rule.key
