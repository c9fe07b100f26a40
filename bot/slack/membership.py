"""Who is in the channel of a team: read from Slack by the clock, on its events, and for people we do not know yet.

What we know stays valid while Slack does not answer, for any time: nobody who could act is locked out.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.desk import Desk
from bot.models import Team
from bot.slack import address
from bot.slack.calls import PATIENCE, SlackLater, SlackRefuses, call, call_in_turn, in_background
from bot.team import members

log = structlog.get_logger()

SLACK_ID = re.compile(r"[UW][A-Z0-9]{2,}")
UNKNOWN = frozenset({"user_not_found", "user_not_visible"})
"""Refusals to describe somebody; they may be in a channel that is shared with another organisation."""


async def read_channel(desk: Desk, team_id: int) -> None:
    """Read who is in the channel of a team, and look up those we do not know; raises as `call` does."""
    async with desk.session() as session:
        team = await members.take_turn(session, team_id, desk.now())
    if team is None:
        return
    client, channel = in_background(desk.slack), team.channel
    described = (await call_in_turn(client, "conversations.info", channel=channel))["channel"]
    present = await members_of(client, channel, call_in_turn)
    public, shared = not described.get("is_private"), bool(described.get("is_ext_shared"))
    async with desk.session() as session:
        await members.saw_channel(session, team_id, channel, public=public, shared=shared)
        await members.keep_only(session, channel, present)
        known = await members.known(session, channel)
    old = desk.now() - members.DESCRIBED_FOR
    for slack_id in present:
        if slack_id not in known or known[slack_id].seen_at < old:
            await _describe_in_turn(desk, channel, slack_id)


async def _describe_in_turn(desk: Desk, channel: str, slack_id: str) -> None:
    """Look somebody up once Slack takes the call, so that one reading covers a large channel.

    One of whom Slack says nothing stays as known: those after them may have become guests meanwhile.
    """
    while True:
        try:
            return await describe(desk, channel, slack_id, in_background(desk.slack))
        except SlackRefuses as refusal:
            if refusal.error not in UNKNOWN:
                raise
            log.info("somebody in a channel was not described", reason=refusal.error)
            return None
        except SlackLater as later:
            if later.wait > PATIENCE:
                raise
            await asyncio.sleep(later.wait.total_seconds())


async def look_at(desk: Desk, concerned: Sequence[Team], slack_id: str, clicked_in: str) -> None:
    """Ask Slack whether someone is in the channels of these teams; raises as `call` does.

    An app that may not read who is in a channel yet assumes that a person who clicked in a channel is in it.
    """
    for channel in dict.fromkeys(team.channel for team in concerned):
        try:
            present = await members_of(desk.slack, channel)
        except SlackRefuses as refusal:
            if refusal.error != "missing_scope":
                raise
            present = [slack_id] if clicked_in == channel else []
        if slack_id in present:
            await describe(desk, channel, slack_id)


async def describe(desk: Desk, channel: str, slack_id: str, client: AsyncWebClient | None = None) -> None:
    """Ask Slack whether someone in a channel is a full member of our workspace, and store it; raises as `call` does.

    One who had left and is in the channel again is back.
    """
    workspace = await workspace_of(desk)
    user = (await call(client or desk.slack, "users.info", user=slack_id))["user"]
    async with desk.session() as session:
        if not user.get("deleted"):
            await members.is_back(session, slack_id)
        await members.saw(session, channel, slack_id, is_full=is_full_member(user, workspace), now=desk.now())


async def look_at_account(desk: Desk, slack_id: str) -> None:
    """Ask Slack whether the account of a person is closed, and store what it says; raises SlackLater or SlackDown."""
    closed: bool | None = True
    try:
        user = (await call(in_background(desk.slack), "users.info", user=slack_id))["user"]
        closed = bool(user.get("deleted"))
    except SlackRefuses as refusal:
        if refusal.error != "user_not_found":
            log.info("an account was not looked at", reason=str(refusal))
            closed = None
    async with desk.session() as session:
        await members.saw_account(session, slack_id, closed=closed, now=desk.now())


def is_full_member(user: dict[str, Any], workspace: str) -> bool:
    """Tell whether Slack describes a full member of a workspace: no guest, no bot, nobody of another organisation.

    https://docs.slack.dev/reference/objects/user-object
    """
    of_no_agent = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
    workspaces = {user.get("team_id"), *(user.get("enterprise_user") or {}).get("teams", [])}
    return workspace in workspaces and not any(user.get(each) for each in of_no_agent)


async def find_person(client: AsyncWebClient, written: str) -> tuple[str, str]:
    """Return the Slack id and name of a person written as @name or id, "" if there is no such person.

    Raises as `call` does.
    """
    if SLACK_ID.fullmatch(written):
        try:
            users = [(await call(client, "users.info", user=written))["user"]]
        except SlackRefuses as refusal:
            if refusal.error != "user_not_found":
                raise
            users = []
    else:
        wanted = written.removeprefix("@").casefold()
        users = [user async for user in _people(client) if wanted in _names(user)]
    people = [user for user in users if not user.get("is_bot") and not user.get("deleted")]
    if len(people) != 1:
        return "", ""
    return str(people[0]["id"]), str(people[0].get("real_name") or people[0].get("name"))


def _names(user: dict[str, Any]) -> set[str]:
    shown = (user.get("profile") or {}).get("display_name")
    return {str(name).casefold() for name in (user.get("name"), shown, user.get("real_name")) if name}


async def _people(client: AsyncWebClient) -> AsyncIterator[dict[str, Any]]:
    cursor = ""
    while True:
        answer = await call(client, "users.list", limit=200, **({"cursor": cursor} if cursor else {}))
        for user in answer["members"]:
            yield user
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return


async def members_of(
    client: AsyncWebClient, channel: str, ask: Callable[..., Awaitable[AsyncSlackResponse]] = call
) -> list[str]:
    """Return the Slack ids of all who are in a channel; raises as `ask` does."""
    ids, cursor = list[str](), ""
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = await ask(client, "conversations.members", channel=channel, limit=1000, **more)
        ids += map(str, answer["members"])
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return ids


async def workspace_of(desk: Desk) -> str:
    """Return Slack's id of our workspace; raises as `call` does while we do not know it."""
    async with desk.reading() as session:
        known = await members.workspace_id(session)
    if known is not None:
        return known
    installed = await call(desk.slack, "auth.test")
    await address.learn(desk, installed)
    return str(installed["team_id"])
