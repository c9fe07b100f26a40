"""Absent owners: we ask Slack who is away, and ask the owner about their cases; without an answer the cases return.

This runs in opening hours only, for agents who have a waiting case or whom Slack showed as away before. Readers never
own a case for long.
"""

from collections import defaultdict
from datetime import datetime

import structlog

from bot.cases import clocks
from bot.desk import Desk
from bot.logs import going_on, trace
from bot.models import Team
from bot.slack import messages
from bot.slack.calls import SlackDown, SlackLater, SlackRefuses
from bot.slack.status import shown_away
from bot.staffing import leaving, presence
from bot.team.settings import TeamSettings

log = structlog.get_logger()


async def look(desk: Desk) -> None:
    """Ask Slack whether each owner is away, at most every five minutes; if Slack fails, a later tick tries again."""
    async with desk.reading() as session:
        open_now = [team.id for team, _ in await clocks.open_teams(session, desk.now())]
        owners = await presence.to_look_at(session, open_now, desk.now()) if open_now else []
    for owner in owners:
        try:
            await _look_at(desk, owner)
        except SlackRefuses:
            continue  # Slack gives no answer about this person
        except (SlackLater, SlackDown):
            return
        except Exception as error:  # continue with the other owners
            log.error("looking whether an owner is away failed", **trace(error))


async def _look_at(desk: Desk, owner: str) -> None:
    async with desk.session() as session:
        mine = await presence.take_look(session, owner, desk.now())
    if not mine:
        return
    away = await shown_away(desk.slack, owner, desk.now())
    async with desk.session() as session:
        await presence.saw(session, owner, away, desk.now())
    messages.wake(desk, [owner])


async def hand_back(desk: Desk) -> None:
    """In every open team, put the cases of owners who did not answer our question back in the queue."""
    async with desk.reading() as session:
        open_now = await clocks.open_teams(session, desk.now())
    for team, settings in open_now:
        with going_on("handing back failed", team=team.id):
            await _hand_back(desk, team, settings)


async def _hand_back(desk: Desk, team: Team, settings: TeamSettings) -> None:
    per_owner: dict[tuple[str, datetime], list[int]] = defaultdict(list)
    async with desk.reading() as session:
        asked = await presence.unanswered(session, team, settings, desk.now())
    for each in asked:
        if each.return_at <= desk.now():
            per_owner[each.owner, each.asked_at].append(each.case_id)
    for (owner, asked_at), case_ids in per_owner.items():
        with going_on("handing back the cases of an owner failed", team=team.id):
            async with desk.session() as session:
                returned = await presence.return_unanswered(session, owner, case_ids, desk.now(), asked_at=asked_at)
            for case_id in returned:
                await messages.sync(desk, case_id, is_awaited=False)
    if per_owner:
        await messages.wake_lanes(desk)


async def return_from_readers(desk: Desk) -> None:
    """Put the open cases of owners who may only read back in the queue, at any hour."""
    async with desk.reading() as session:
        case_ids = await leaving.with_readers(session)
    for case_id in case_ids:
        with going_on("a reader's case was not put back", case=case_id):
            async with desk.session() as session:
                await leaving.return_from_reader(session, case_id, desk.now())
            await messages.sync(desk, case_id, is_awaited=False)
