"""Whether this process can take work."""

import structlog

from bot import db
from bot.desk import Desk
from bot.logs import trace
from bot.slack.calls import contact_of

log = structlog.get_logger()

READY = ""
NO_DATABASE = "The database does not answer."
DISK_FULL = "The disk of the database is full, so that nothing can be stored."
NOT_MIGRATED = "The tables are older than this version of the program: run `webcare migrate`."
STARTING = "The bot is starting."
STOPPING = "The bot is stopping."
NO_SOCKET = "Slack's socket is not open, so that clicks do not arrive."


async def of_database(desk: Desk) -> str:
    """Return why no work can be taken, as far as the database shows; READY when it can."""
    try:
        async with desk.reading() as session:
            return READY if await db.serves(session) else NOT_MIGRATED
    except Exception as error:
        log.error("readiness: the database does not answer", **trace(error))
        return NO_DATABASE


def of_disk(desk: Desk) -> str:
    """Return why nothing can be stored, if the database said so within the last minute."""
    return DISK_FULL if desk.disk.is_full() else READY


async def of_slack(desk: Desk) -> str:
    """Return why no click can come in; over HTTP Slack comes to us, and nothing has to be open."""
    return NO_SOCKET if await contact_of(desk.slack).socket() in {"closed", "refused"} else READY
