"""The address of our workspace in Slack, with which messages link to each other without a call."""

from slack_sdk.web.async_slack_response import AsyncSlackResponse
from sqlmodel import select

from bot import db
from bot.desk import Desk
from bot.models import FIRST_WORKSPACE, Workspace
from bot.slack.calls import contact_of, home_of
from bot.slack.dating import touch_going_on


async def learn(desk: Desk, installed: AsyncSlackResponse) -> None:
    """Store what auth.test says of the workspace in which the bot is installed: its id and address.

    What was written before Slack said the address names cases without a link, so it is written again.
    """
    slack_id, url = str(installed["team_id"]), str(installed["url"])
    async with desk.reading() as session:
        known = await session.get_one(Workspace, FIRST_WORKSPACE)
    if (known.slack_id, known.url) == (slack_id, url):
        return
    async with desk.session() as session:
        workspace = await session.get_one(Workspace, FIRST_WORKSPACE, with_for_update=db.HELD)
        before, workspace.slack_id, workspace.url = workspace.url, slack_id, url
        session.add(workspace)
        if before != url:
            await touch_going_on(session)


async def recall(desk: Desk) -> None:
    """Let this process know the address that Slack said to an earlier one, or to another; without a call."""
    if home_of(desk.slack):
        return
    async with desk.reading() as session:
        url = (await session.exec(select(Workspace.url))).first()
    if url and not home_of(desk.slack):  # Slack may have said it meanwhile
        contact_of(desk.slack).identity = {"url": url}
