"""Look at Slack itself: whether it takes our token, and whether we can write in the channels that the teams need."""

from datetime import timedelta

from bot.desk import Desk
from bot.slack import troubles

EVERY = timedelta(minutes=1)


async def look_at_slack(desk: Desk) -> None:
    """Look at the token and at each channel in trouble now, and at the other channels now and then."""
    await troubles.look_around(desk)
