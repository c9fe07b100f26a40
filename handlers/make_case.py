"""The message shortcut "Make a case", for a Slack message with a link to a post that no connector reads."""

from typing import Any

from bot.accounts import manual
from bot.cases import inbox
from bot.desk import TeamDesk
from bot.domain.text import Refused
from bot.slack import messages
from bot.views.modals import said
from handlers.modal import opened


async def make_case(body: dict[str, Any], shortcut: dict[str, Any], desk: TeamDesk) -> None:
    """Make a case of the message; the same link gives the same case."""
    async with opened(desk, body) as show:
        text = shortcut["message"].get("text") or ""
        post = manual.post(text, now=desk.now())
        if post is None:
            raise Refused("There is no link in this message. A case needs one, to the citizen's post.")
        async with desk.session() as session:
            account = await manual.account(session, desk.team, now=desk.now())
            taken = await inbox.take_in(session, account.id, [post], now=desk.now(), by_rules=False)
        messages.wake(desk, taken.channels)
        if taken.new:
            words = desk.t("The case has been made. Its card follows in the team's channel.")
        else:
            words = desk.t("There already is a case of this link.")
        await show(said(words, desk.t))
