"""The words of posts that their authors removed are deleted here too, some days later."""

from bot.cases import indexing, redaction
from bot.desk import Desk
from bot.logs import going_on
from bot.slack import messages


async def redact(desk: Desk) -> None:
    """Delete the words of removed posts whose time is over, and bring the messages that show them level."""
    async with desk.reading() as session:
        due = await redaction.due(session, desk.now())
    for case_id, mention_ids in sorted(due.items()):
        with going_on("deleting the words of a removed post failed", case=case_id):
            async with desk.session() as session:
                await redaction.redact(session, case_id, mention_ids, desk.now())
    if due:
        await messages.wake_lanes(desk)
        await drop_deleted_words(desk)


async def drop_deleted_words(desk: Desk) -> None:
    """Drop deleted words from the full-text index of SQLite, a little at a time: others write in between."""
    begin = True
    while True:
        async with desk.session() as session:
            if not await indexing.drop_deleted(session, begin=begin):
                return
        begin = False
