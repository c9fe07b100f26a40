"""Events about our channels and the app itself: an event only says where to look; we ask Slack what is true."""

from typing import Any

from bot.desk import TeamDesk
from bot.slack import troubles


async def channel_changed(event: dict[str, Any], desk: TeamDesk) -> None:
    """Check whether we can write in a channel that was archived or reopened, or that somebody left or joined."""
    await troubles.look_at(desk, event["channel"])


async def app_changed(desk: TeamDesk) -> None:
    """Check whether Slack still takes our token, after the app was removed or a token revoked."""
    await troubles.look_at_token(desk)
