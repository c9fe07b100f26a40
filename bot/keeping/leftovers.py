"""Messages in Slack that are newer than a restored database: they lose their buttons.

Their buttons name cases that are not there any more. New ones get other ids (bot/keeping/settling.py).
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.desk import Desk
from bot.domain.slack_id import is_person
from bot.domain.text import text
from bot.models import Message
from bot.slack import membership
from bot.slack.calls import (
    CLOCKS_DIFFER,
    REFUSED_BLOCKS,
    Place,
    SlackRefuses,
    call_in_turn,
    in_turn,
    key_of,
    keyed,
    posted_since,
)
from bot.team import agents, teams
from bot.team.settings import TeamSettings
from bot.texts import Texts
from bot.views.block import Block, for_edit, section

OBSOLETE = text("⚠️ This is from before the data of the bot were put back. Here it shows what was; it has no buttons.")
PATIENCE = 1800.0
"""Seconds that the calls may wait for Slack's pace, all together."""
WITH_BUTTONS = frozenset({"actions", "input"})
MOST_BLOCKS, MOST_TEXT = 49, 2_900
"""https://docs.slack.dev/reference/block-kit/blocks: 50 a message, and 3,000 characters in a section."""


async def retire(desk: Desk, since: datetime) -> int:
    """Take the buttons from messages of ours after `since` that the database does not know, and below; count them.

    Raises as `call` does. Channels that Slack does not let us read any more are left out.
    """
    since -= CLOCKS_DIFFER
    async with desk.reading() as session:
        known, unposted = await _known(session, since), await _unposted(session)
        channels, people = await _channels(session), await _people(session)
        all_teams = await teams.all_teams(session)
    slack, count = in_turn(desk.slack, PATIENCE), 0
    channels |= await _direct(slack, people | await _members(slack, [team.channel for team in all_teams]))
    in_language = {team.channel: desk.of(team).t for team in all_teams}
    for channel in sorted({*channels, *in_language}):
        found = await _found(slack, channel, since)
        t = in_language.get(channel, desk.texts())
        for message in found:
            if Place(channel, str(message["ts"])) in known or key_of(message) in unposted:
                continue
            below = await _found(slack, channel, since, thread_ts=str(message["ts"]))
            for each in [message, *(each for each in below if _shown(each) != each.get("blocks"))]:
                await _without_buttons(slack, channel, each, t)
            count += 1
    return count


async def _found(
    client: AsyncWebClient, channel: str, since: datetime, *, thread_ts: str | None = None
) -> list[dict[str, Any]]:
    """Return our messages in a channel, or those below one of them; none where Slack does not let us read."""
    try:
        found = await posted_since(client, channel, since, thread_ts=thread_ts)
    except SlackRefuses:
        return []
    return [message for message in found if message["ts"] != thread_ts]


async def _known(session: AsyncSession, since: datetime) -> Collection[Place]:
    newer = col(Message.ts) > f"{since.timestamp():.6f}"
    rows = await session.exec(select(Message.channel, Message.ts).where(newer))
    return {Place(channel, str(ts)) for channel, ts in rows}


async def _unposted(session: AsyncSession) -> Collection[str]:
    """Return the keys of messages that were not posted as far as we know: the bot looks for them, and finds them."""
    return set(await session.exec(select(Message.key).where(col(Message.ts).is_(None))))


async def _channels(session: AsyncSession) -> set[str]:
    """Return where we have written: the channels and the direct messages, not the persons that we have yet to reach."""
    channels = (await session.exec(select(Message.channel).distinct())).all()
    return {each for each in channels if not is_person(each)}


async def _people(session: AsyncSession) -> set[str]:
    """Return whom we may have written to since, as far as the database knows: its teams count on them or ask them."""
    settings = [TeamSettings.if_readable(team) for team in await teams.all_teams(session)]
    asked = {adviser.target for own in settings if own is not None for adviser in own.advisers}
    asked.update(await session.exec(select(Message.channel).distinct()))
    return {each for each in asked if is_person(each)} | await agents.named(session)


async def _members(client: AsyncWebClient, channels: Sequence[str]) -> set[str]:
    """Return who is in these channels now; nobody where Slack does not say it."""
    found = set[str]()
    for channel in channels:
        with suppress(SlackRefuses):
            found.update(await membership.members_of(client, channel, call_in_turn))
    return found


async def _direct(client: AsyncWebClient, people: Collection[str]) -> set[str]:
    """Return our direct messages with these people, those included to whom we never wrote as far as we know."""
    found = set[str]()
    for person in sorted(people):
        with suppress(SlackRefuses):  # who left, a bot, or somebody of another organisation
            found.add(str((await call_in_turn(client, "conversations.open", users=person))["channel"]["id"]))
    return found


async def _without_buttons(client: AsyncWebClient, channel: str, message: dict[str, Any], t: Texts) -> None:
    """Write a message again: the warning, and what it shows, without anything that can be clicked; nor can it be found.

    https://docs.slack.dev/reference/methods/chat.update
    """
    said = str(message.get("text") or "")
    where: dict[str, Any] = {
        "channel": channel, "ts": message["ts"], "text": for_edit(f"{t(OBSOLETE)}\n{said}"),
        "metadata": keyed(""),
    }  # fmt: skip
    for blocks in ([section(t(OBSOLETE)), *_shown(message)], [section(f"{t(OBSOLETE)}\n{said}"[:MOST_TEXT])]):
        try:
            await call_in_turn(client, "chat.update", **where, blocks=blocks)
        except SlackRefuses as refusal:
            if refusal.error not in REFUSED_BLOCKS:
                return  # it was deleted, or can no longer be changed
        else:
            return


def _shown(message: dict[str, Any]) -> list[Block]:
    """Return the blocks of a message without what can be clicked."""
    blocks = [each for each in message.get("blocks") or [] if each.get("type") not in WITH_BUTTONS]
    return [{name: value for name, value in each.items() if name != "accessory"} for each in blocks[:MOST_BLOCKS]]
