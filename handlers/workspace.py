"""What happens to our channels and to the app itself: an event says where to look, what is true Slack says."""

from typing import Any

from bot.desk import TeamDesk
from bot.slack import troubles


async def channel_changed(event: dict[str, Any], desk: TeamDesk) -> None:
    """Look whether we can write in a channel that was archived or opened again, or that somebody left or joined."""
    await troubles.look_at(desk, event["channel"])


async def app_changed(desk: TeamDesk) -> None:
    """Look whether Slack still takes our token, after the app was removed or a token withdrawn."""
    await troubles.look_at_token(desk)
