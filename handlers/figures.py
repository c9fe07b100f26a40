"""Figures for the person who asks: `/webcare stats`, `/webcare digest` and `/webcare export`, and sharing them."""

import asyncio
from datetime import datetime
from typing import Any

from bot.desk import TeamDesk
from bot.domain.figures import Overview, Span
from bot.domain.period import Period
from bot.figures import digests, export, reports
from bot.figures.asked import asked_for
from bot.models import Team
from bot.slack.calls import post, upload
from bot.views.block import View
from bot.views.digest import overview
from handlers.roles import Person


async def stats(desk: TeamDesk, person: Person, words: str) -> View:
    """Return a team's figures in a period: `[period] [team]`, by default today and the team of the channel.

    The figures of several teams together are only for the person who asks: not everyone in a channel may see them.
    """
    async with desk.reading() as session:
        asked = await asked_for(session, desk.team, words, desk.now(), known=person.roles)
        counted = await reports.figures(session, asked.team, asked.period, desk.now(), others=asked.other_ids)
    content, period = Overview(Span.ASKED, asked.names, counted), asked.period
    share = f"{asked.team.id}|{period.since.isoformat()}|{period.until.isoformat()}" if not asked.others else ""
    return overview(content, desk.t, share=share)


async def digest(desk: TeamDesk) -> View:
    """Return the digest of the channel's team, up to now."""
    async with desk.reading() as session:
        content = await digests.daily(session, desk.team, desk.now())
    return overview(content, desk.t, share=f"{desk.team.id}|digest")


async def share(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Post the figures that an agent asked for in the channel, as they are now."""
    team_id, *which = action["value"].split("|")
    async with desk.reading() as session:
        team = await session.get_one(Team, int(team_id))
        if which == ["digest"]:
            content = await digests.daily(session, team, desk.now())
        else:
            period = Period(*(datetime.fromisoformat(moment) for moment in which))
            content = Overview(Span.ASKED, team.name, await reports.figures(session, team, period, desk.now()))
    key = f"shared:{body['trigger_id']}"
    await post(desk.slack, body["channel"]["id"], key, overview(content, desk.t), thread_ts=None)


async def send_export(desk: TeamDesk, person: Person, words: str) -> str:
    """Send the lines behind the figures to the person who asks, as a file in their direct messages."""
    async with desk.reading() as session:
        asked = await asked_for(session, desk.team, words, desk.now(), known=person.roles)
        lines = await export.lines(session, asked.team, asked.period, others=asked.other_ids)
    zone, period = reports.zone_of(asked.team), asked.period
    first, last = period.since.astimezone(zone).date(), period.until.astimezone(zone).date()
    content = await asyncio.to_thread(export.csv_of, lines, desk.t, zone)
    comment = desk.t("The export of {team}: {n} lines.", team=asked.names, n=len(lines))
    await upload(desk.slack, person.by, f"webcare-{first}-{last}.csv", content, comment)
    return desk.t("The export is in your direct messages with me.")
