"""Figures for the person who asks: `/webcare stats`, `/webcare digest` and `/webcare export`, and sharing them."""

import asyncio
from datetime import datetime
from typing import Any

from bot.desk import TeamDesk
from bot.domain.figures import Overview, Span
from bot.domain.period import DAY, Period
from bot.domain.queue import Filter, Which
from bot.domain.text import Refused
from bot.figures import digests, export, lists, reports
from bot.figures.asked import asked_for
from bot.models import Team
from bot.slack.calls import post, upload
from bot.slack.places import links_of
from bot.views.block import View
from bot.views.case_list import case_row
from bot.views.digest import MAX_LATE, overview
from handlers.roles import Person


async def stats(desk: TeamDesk, person: Person, words: str) -> View:
    """Return a team's figures in a period: `[period] [team]`, by default today and the team of the channel.

    Only those of the team whose channel it is can be shared: not everyone in a channel may see those of other teams.
    """
    async with desk.reading() as session:
        asked = await asked_for(session, desk.team, words, desk.now(), known=person.roles)
        counted = await reports.figures(session, asked.team, asked.period, desk.now(), others=asked.other_ids)
    period = asked.period
    content = Overview(Span.ASKED, asked.names, counted, is_over=period.until <= desk.now())
    share = f"{asked.team.id}|{period.since.isoformat()}|{period.until.isoformat()}"
    return overview(content, desk.t, share=share if person.shares(asked.team, *asked.others) else "")


async def digest(desk: TeamDesk, person: Person) -> View:
    """Return the digest of the channel's team, up to now."""
    content, late = await _daily(desk, desk.team)
    share = f"{desk.team.id}|digest" if person.shares(desk.team) else ""
    return overview(content, desk.t, share=share, late=late, listed=len(late))


async def share(action: dict[str, Any], body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Post the figures that an agent asked for in the channel of the team, as they are now, without private messages.

    They are not rendered again, so they have no words of citizens: they could not be deleted there. Raises Refused in
    any other channel, where people outside the team may be.
    """
    team_id, *which = action["value"].split("|")
    async with desk.reading() as session:
        team = await session.get_one(Team, int(team_id))
    if not person.shares(team):
        raise Refused("Figures are shared only in the channel of their team.")
    if which == ["digest"]:
        content, late = await _daily(desk, team, public=True)
        view = overview(content, desk.t, late=late, listed=len(late))
    else:
        period = Period(*(datetime.fromisoformat(moment) for moment in which))
        async with desk.reading() as session:
            counted = await reports.figures(session, team, period, desk.now())
        view = overview(Overview(Span.ASKED, team.name, counted, is_over=period.until <= desk.now()), desk.t)
    await post(desk.slack, body["channel"]["id"], f"shared:{body['trigger_id']}", view, thread_ts=None)


async def _daily(desk: TeamDesk, team: Team, *, public: bool = False) -> tuple[Overview, list[str]]:
    """Return the digest of a team up to now, and the rows of what is late now.

    With `public` as for `lists.waiting`, and without the words of citizens.
    """
    late = Filter(Which.LATE)
    async with desk.reading() as session:
        content = await digests.daily(session, team, desk.now())
        listing = await lists.waiting(session, [team.id], late, now=desk.now(), most=MAX_LATE, public=public)
        urls = await links_of(session, desk.slack, [line.case.id for line in listing.lines])
    rows = [
        case_row(line, desk.t, desk.now(), card_url=urls.get(line.case.id, ""), outside=True, quoted=not public)
        for line in listing.lines
    ]
    return content, rows


async def send_export(desk: TeamDesk, person: Person, words: str) -> str:
    """Send the lines behind the figures to the person who asks, as a file in their direct messages."""
    async with desk.reading() as session:
        asked = await asked_for(session, desk.team, words, desk.now(), known=person.roles)
        lines = await export.lines(session, asked.team, asked.period, desk.now(), others=asked.other_ids)
    zone, period = reports.zone_of(asked.team), asked.period
    first, last = period.since.astimezone(zone).date(), period.until.astimezone(zone).date() - DAY
    content = await asyncio.to_thread(export.csv_of, lines, desk.t, zone)
    comment = desk.t.plural(
        "The export of {team}: {n} line.", "The export of {team}: {n} lines.", len(lines), team=asked.names
    )
    await upload(desk.slack, person.by, f"webcare-{first}-{last}.csv", content, comment)
    return desk.t("The export is in your direct messages with me.")
