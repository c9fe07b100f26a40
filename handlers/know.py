"""Know: an agent says that the team knows of a spike, so that its message no longer asks."""

from typing import Any

from bot.desk import TeamDesk
from bot.figures import spikes
from bot.slack import messages


async def know(action: dict[str, Any], body: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Note who knows of the spike whose button was clicked."""
    async with desk.session() as session:
        channel = await spikes.know(session, int(action["value"]), by=by)
    messages.wake(desk, [channel])
