"""What goes wrong on purpose, seen by the real SDK."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import LocalSlack

WEBCARE = "C0WEBCARE"


async def test_a_connection_lost_after_the_work_leaves_the_message_there(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    slack.faults.drop_after("chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=WEBCARE, text="gelukt?")
    assert [m["text"] for m in slack.messages(WEBCARE)] == ["gelukt?"]


async def test_a_connection_lost_before_the_work_leaves_nothing(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.faults.drop_before("chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=WEBCARE, text="niet")
    assert slack.messages(WEBCARE) == []
    assert slack.calls("chat.postMessage")[0].answer is None


async def test_errors_statuses_and_limits_come_as_often_as_asked(slack: LocalSlack, client: AsyncWebClient) -> None:
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


async def test_an_outage_answers_503_to_everything_until_it_is_over(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.faults.down = True
    with pytest.raises(SlackApiError) as caught:
        await client.auth_test()
    assert caught.value.response.status_code == 503
    slack.faults.clear()
    assert (await client.auth_test())["ok"]


async def test_a_fault_can_be_for_any_method_and_a_delay_is_no_failure(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    slack.faults.delay("*", 0.01)
    assert (await client.auth_test())["ok"]
