"""Figures for the one who asks: `/webcare stats`, `/webcare digest` and `/webcare export`, and sharing them."""

import asyncio
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.desk import TeamDesk
from bot.domain.figures import Overview, Span
from bot.domain.period import Period, parse, split
from bot.domain.text import Refused
from bot.figures import digests, export, reports
from bot.models import Team
from bot.slack.calls import post, upload
from bot.team import teams
from bot.views.block import View
from bot.views.digest import overview
from handlers.bolt_args import Ack

TODAY = "today"


async def stats(desk: TeamDesk, words: str) -> View:
    """Return a team's figures in a period: `[period] [team]`, today and the channel's team when left out."""
    async with desk.reading() as session:
        period, team = await _asked(session, desk, words)
        told = Overview(Span.ASKED, team.name, await reports.figures(session, team, period))
    return overview(told, desk.t, share=f"{team.id}|{period.since.isoformat()}|{period.until.isoformat()}")


async def digest(desk: TeamDesk) -> View:
    """Return the digest of the channel's team, up to now."""
    async with desk.reading() as session:
        told = await digests.daily(session, desk.team, desk.now(), asked=True)
    return overview(told, desk.t, share=f"{desk.team.id}|digest")


async def share(ack: Ack, action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Show the figures that one agent asked for to the whole channel, as they are now."""
    await ack()
    team_id, *which = action["value"].split("|")
    async with desk.reading() as session:
        team = await session.get_one(Team, int(team_id))
        if which == ["digest"]:
            told = await digests.daily(session, team, desk.now(), asked=True)
        else:
            period = Period(*(datetime.fromisoformat(moment) for moment in which))
            told = Overview(Span.ASKED, team.name, await reports.figures(session, team, period))
    key = f"shared:{body['trigger_id']}"
    await post(desk.slack, body["channel"]["id"], key, overview(told, desk.t), thread_ts=None)


async def send_export(desk: TeamDesk, user: str, words: str) -> str:
    """Send the lines behind the figures to the one who asks, as a file in their direct messages."""
    async with desk.reading() as session:
        period, team = await _asked(session, desk, words)
        lines = await export.lines(session, team, period)
    zone = reports.zone_of(team)
    first, last = period.since.astimezone(zone).date(), period.until.astimezone(zone).date()
    content = await asyncio.to_thread(export.csv_of, lines, desk.t, zone)
    said = desk.t("The export of {team}: {n} lines.", team=team.name, n=len(lines))
    await upload(desk.slack, user, f"webcare-{first}-{last}.csv", content, said)
    return desk.t("The export is in your direct messages with me.")


async def _asked(session: AsyncSession, desk: TeamDesk, words: str) -> tuple[Period, Team]:
    """Return the period and the team that are asked for; raises Refused when they are not understood."""
    team = desk.team
    zone = reports.zone_of(team)
    period, rest = split(words, desk.now(), zone)
    if rest:
        named = [each for each in await teams.all_teams(session) if each.name.casefold() == rest.casefold()]
        if not named:
            raise Refused("I do not understand “{words}”: give a period (vandaag, week, maand, "
                          "2026-11-01..2026-11-24) and then, if you like, a team.", words=rest[:80])  # fmt: skip
        team = named[0]
    today = parse(TODAY, desk.now(), reports.zone_of(team))
    chosen = period or today
    if chosen is None:
        raise Refused("There is no such period.")
    return chosen, team
