"""`/health` knows Slack: when it was last heard and last answered, and whether its socket is open."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from slack_sdk.socket_mode.aiohttp import SocketModeClient

from bot.models import Role
from bot.sandbox.app import Sandbox
from jobs.workspace import look_at_app_token, look_at_slack
from tests.conftest import CHANNEL, MARIEKE, SANNE, Bot, eventually, running_bot
from tests.people import make_role, mention


async def health(bot: Bot) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{bot.url}/health") as response:
        assert response.status == 200
        found: dict[str, Any] = (await response.json())["slack"]
        return found


def says(bot: Bot, **wanted: str) -> Callable[[], Awaitable[bool]]:
    async def said() -> bool:
        return (await health(bot)).items() >= wanted.items()

    return said


async def test_what_a_socket_holds_open_is_closed_even_when_it_does_not_close_in_time(
    sqlite_url: str, slack: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung: list[SocketModeClient] = []

    async def hang(client: SocketModeClient) -> None:
        hung.append(client)
        await asyncio.Event().wait()

    async with running_bot(sqlite_url, slack):
        monkeypatch.setattr(SocketModeClient, "disconnect", hang)
    [client] = hung
    assert client.aiohttp_client_session.closed


async def test_health_says_when_slack_was_last_heard_and_last_answered(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    before = await health(bot)
    assert (before["state"], before["socket"], before["last_event"]) == ("ok", "connected", None)
    await mention(bot)
    began = bot.desk.now()
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:claim")
    await bot.card("In behandeling")
    after = await health(bot)
    for moment in ("last_event", "last_call"):
        assert began <= datetime.fromisoformat(after[moment]) <= bot.desk.now()


async def test_health_says_since_when_slack_does_not_answer(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.slack.faults.down = True
    began = bot.desk.now()
    await mention(bot)
    after = await health(bot)
    assert after["state"] == "failing"
    assert began <= datetime.fromisoformat(after["unreachable_since"])
    bot.slack.faults.down = False
    bot.clock.advance(seconds=6)
    await mention(bot, 2)
    assert (await health(bot))["state"] == "ok"


@pytest.mark.logs("Slack gives no connection: clicks do not arrive; run `webcare check`")
async def test_health_says_that_a_withdrawn_app_token_ended_the_socket(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await bot.slack.withdraw_app_token()
    await eventually(says(bot, state="failing", socket="refused"))
    bot.slack.install_again()
    await eventually(says(bot, state="ok", socket="connected"))


async def test_a_withdrawn_app_token_is_seen_though_the_socket_stays_open(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.slack.app.revoked[bot.slack.app.app_token] = "invalid_auth"
    assert (await health(bot))["socket"] == "connected"
    await make_role(bot, MARIEKE, Role.COORDINATOR)
    for _ in range(2):
        await look_at_app_token(bot.desk)
    assert (await health(bot))["socket"] == "refused"
    await bot.slack.wait_for(lambda: "geeft geen verbinding" in str(bot.slack.direct(MARIEKE)))
    await look_at_slack(bot.desk)
    bot.slack.install_again()
    for _ in range(2):
        await look_at_app_token(bot.desk)
    assert (await health(bot))["socket"] == "connected"
    await bot.slack.wait_for(lambda: str(bot.slack.direct(MARIEKE)).count("'text': '✅") >= 2)
    assert len(bot.slack.direct(MARIEKE)) == 2


async def test_over_http_there_is_no_socket(sqlite_url: str, slack: Sandbox) -> None:
    async with running_bot(sqlite_url, slack, http=True) as bot:
        await look_at_app_token(bot.desk)
        assert (await health(bot))["socket"] == ""
        assert (await health(bot))["state"] == "ok"
