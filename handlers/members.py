"""Somebody joins or leaves the channel of a team: their rights there change at once."""

from typing import Any

from bot.desk import TeamDesk
from bot.slack import membership, troubles
from bot.team import members, teams


async def joined(event: dict[str, Any], desk: TeamDesk) -> None:
    """Store who joined the channel of a team, and whether they are a full member of our workspace.

    If we could not write there, it may be the bot itself that was invited.
    """
    if await troubles.is_troubled(desk, event["channel"]):
        await troubles.look_at(desk, event["channel"])
    async with desk.reading() as session:
        is_ours = await teams.of_channel(session, event["channel"]) is not None
    if is_ours:
        await membership.describe(desk, event["channel"], event["user"])


async def left(event: dict[str, Any], desk: TeamDesk) -> None:
    """Forget who left the channel of a team."""
    async with desk.session() as session:
        await members.left(session, event["channel"], event["user"])
