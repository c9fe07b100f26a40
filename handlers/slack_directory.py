"""Slack look-ups for a form: the workspace's user groups, whether the bot is in a channel, who reads its messages."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from bot.desk import TeamDesk
from bot.domain.text import Text, Wrong, text
from bot.slack.calls import SlackDown, SlackLater, SlackRefuses, call, try_channel
from bot.slack.membership import is_full_member, workspace_of
from bot.team import agents

log = structlog.get_logger()
Account = dict[str, Any]
"""Somebody in Slack, as `users.info` describes them."""

PATIENCE = 2.0
"""Seconds that we wait for Slack; we must answer the waiting request within 3."""


async def user_groups(desk: TeamDesk) -> list[tuple[str, str]]:
    """Return the workspace's user groups (name, id) by name; none when Slack refuses (no paid plan, no permission)."""
    try:
        answer = await call(desk.slack, "usergroups.list")
    except (SlackRefuses, SlackLater, SlackDown) as error:
        log.info("no user groups to ask", reason=str(error))
        return []
    return sorted((f"@{group['handle']}", group["id"]) for group in answer["usergroups"])


async def refuse_closed_channels(desk: TeamDesk, channels: Mapping[str, str]) -> None:
    """Raise Wrong, by field, for channels that the bot cannot read; it could not post there either."""
    wrong = {field: reason for field, channel in channels.items() if (reason := await _why_not(desk, channel))}
    if wrong:
        raise Wrong(wrong)


async def reachable(desk: TeamDesk, field: str, person: str) -> Account | None:
    """Return who somebody is; raise Wrong for an app or a closed account, which reads no direct message of ours.

    While Slack does not say so (None), they may be asked: the message goes out once it can.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            account: Account = (await call(desk.slack, "users.info", user=person))["user"]
    except (SlackDown, SlackLater, SlackRefuses, TimeoutError):
        return None
    if account.get("deleted"):
        raise Wrong({field: text("This account is closed in Slack. Choose somebody else.")})
    if account.get("is_bot"):
        raise Wrong({field: text("That is an app. Choose a colleague.")})
    return account


async def any_outside(desk: TeamDesk, slack_ids: Sequence[str], known: Mapping[str, Account | None]) -> bool:
    """Tell whether not all these people surely belong to our organisation: guests and those of others do not.

    Who has a role in the team does, and whose account is closed reads nothing. While Slack does not say who somebody
    is, that is not sure. It is not asked again about those who are `known`, None for whom it did not say.
    """
    async with desk.reading() as session:
        strangers = [each for each in slack_ids if desk.team.id not in await agents.roles(session, each)]
    try:
        async with asyncio.timeout(PATIENCE):
            workspace = await workspace_of(desk)
            asked = [call(desk.slack, "users.info", user=each) for each in strangers if each not in known]
            people = [each["user"] for each in await asyncio.gather(*asked)]
    except (SlackDown, SlackLater, SlackRefuses, TimeoutError):
        return True
    people += [known[each] for each in strangers if each in known]
    return not all(each and (each.get("deleted") or is_full_member(each, workspace)) for each in people)


async def _why_not(desk: TeamDesk, channel: str) -> Text | None:
    try:
        async with asyncio.timeout(PATIENCE):
            await try_channel(desk.slack, channel)
    except SlackRefuses as refusal:
        if refusal.error in {"not_in_channel", "channel_not_found"}:
            return text("The bot is not in this channel: type /invite @webcare there first.")
        return text("Slack does not let the bot in here ({reason}). Choose another channel.", reason=refusal.error)
    except (SlackLater, SlackDown, TimeoutError):
        return text("Slack does not answer just now. Try again in a moment.")
    return None
