"""Wait on: give the citizen the same time again to answer our question."""

from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.slack import messages


async def wait_on(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Give more time to the citizen of the case whose button was clicked."""
    async with messages.changing(desk, int(action["value"])) as session:
        await cases.wait_on(session, int(action["value"]), by=body["user"]["id"], now=desk.now())
