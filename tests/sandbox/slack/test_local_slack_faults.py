"""Faults that a test causes, seen by the real SDK."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import LocalSlack

WEBCARE = "C0WEBCARE"


async def test_a_connection_cut_after_the_work_leaves_the_message(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.faults.drop_after("chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=WEBCARE, text="gelukt?")
    assert [m["text"] for m in slack.messages(WEBCARE)] == ["gelukt?"]


async def test_a_connection_cut_before_the_work_leaves_no_message(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.faults.drop_before("chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=WEBCARE, text="niet")
    assert slack.messages(WEBCARE) == []
    assert slack.calls("chat.postMessage")[0].answer is None


async def test_errors_statuses_and_limits_happen_the_requested_number_of_times(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    slack.faults.error("chat.postMessage", "fatal_error")
    slack.faults.rate_limit("chat.postMessage", 30)
    slack.faults.status("chat.postMessage", 500)
    seen = []
    for _ in range(3):
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel=WEBCARE, text="x")
        seen.append((caught.value.response.status_code, caught.value.response.headers.get("Retry-After")))
    assert seen == [(200, None), (429, "30"), (500, None)]
    assert (await client.chat_postMessage(channel=WEBCARE, text="x"))["ok"]
    assert len(slack.messages(WEBCARE)) == 1


async def test_during_an_outage_every_call_is_answered_503(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.faults.down = True
    with pytest.raises(SlackApiError) as caught:
        await client.auth_test()
    assert caught.value.response.status_code == 503
    slack.faults.clear()
    assert (await client.auth_test())["ok"]


async def test_a_fault_may_hit_any_method_and_a_delayed_call_succeeds(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    slack.faults.delay("*", 0.01)
    assert (await client.auth_test())["ok"]
