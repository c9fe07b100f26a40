"""`webcare doctor`: all that is known of one case, why it stands so, and what happens next."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from bot import db
from bot.cli.doctor.facts import find, gather
from bot.cli.doctor.show import show
from bot.cli.terminal import settings_for_command
from bot.config import BadSettings, Settings
from bot.steady_clock import utc_now
from bot.texts import Texts

MOST = 2**31 - 1
"""The highest number and id that the columns of a case take on PostgreSQL."""


def doctor(
    case: Annotated[int, typer.Argument(help="The number of the case, as its card shows it.", min=1, max=MOST)],
    team: Annotated[str, typer.Option("--team", help="Its team, if several teams have a case with this number.")] = "",
    is_id: Annotated[
        bool, typer.Option("--id", help="The argument is the id of the case, as the log shows it.")
    ] = False,
    words: Annotated[bool, typer.Option("--words", help="Show what the citizen wrote, and their name, too.")] = False,
) -> None:
    """Show all that is known of a case: why it stands so, what is wrong, and what happens next."""
    if not asyncio.run(_doctor(settings_for_command(), case, team.strip(), is_id=is_id, words=words, now=utc_now())):
        raise typer.Exit(1)


async def _doctor(settings: Settings, case: int, team: str, *, is_id: bool, words: bool, now: datetime) -> bool:
    """Read the case, and change nothing: the bot may be running."""
    engine = db.create_engine(settings.database_url, looks=True)
    try:
        if why := db.NOT_MIGRATED if db.is_new(engine) else await db.misfit(engine):
            raise BadSettings(why)
        async with db.readings(engine)() as session:
            facts = await gather(session, await find(session, case, team, is_id=is_id), now)
            return show(facts, Texts("en", settings.time_zone), words=words)
    finally:
        await engine.dispose()
