"""The state of the accounts: a problem with one is reported to its team, and so is its end."""

from bot.accounts import troubles
from bot.desk import Desk
from bot.logs import going_on
from bot.slack import messages


async def look_after(desk: Desk) -> None:
    """Report problems with accounts that began or are over."""
    now, lasts = (
        desk.now(),
        troubles.LASTS * desk.speed,
    )  # platforms fail in real time, at any speed of our clock
    async with desk.reading() as session:
        changed = await troubles.changed(session, now, lasts)
    for account_id in changed:
        with going_on("looking after an account failed", account=account_id):
            async with desk.session() as session:
                await troubles.follow(session, account_id, now, lasts)
    if changed:
        await messages.wake_lanes(desk)


async def listen(desk: Desk) -> None:
    """Report accounts on which nothing has come in for longer than usual; not while our clock runs fast."""
    if desk.speed != 1:
        return
    async with desk.reading() as session:
        silent = await troubles.silent(session, desk.now())
    for account_id, since in silent:
        with going_on("listening to an account failed", account=account_id):
            async with desk.session() as session:
                await troubles.begin_silence(session, account_id, since)
    if silent:
        await messages.wake_lanes(desk)
