"""Socket Mode over a bare web socket: envelopes, turns, redelivery and reconnects."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.delivery import MAX_CONNECTIONS
from bot.sandbox.slack.server import LocalSlack

WEBCARE, SANNE = "C0WEBCARE", "U0SANNE"


@asynccontextmanager
async def connection(slack: LocalSlack, client: AsyncWebClient) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    url = (await client.apps_connections_open(app_token=slack.app.app_token))["url"]
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        hello = await socket.receive_json(timeout=60)
        assert (hello["type"], hello["connection_info"]["app_id"]) == ("hello", slack.app.id)
        yield socket


async def acknowledge(socket: aiohttp.ClientWebSocketResponse) -> Any:
    envelope = await socket.receive_json(timeout=60)
    await socket.send_json({"envelope_id": envelope["envelope_id"]})
    return envelope


async def test_an_event_is_sent_in_an_envelope(slack: LocalSlack, client: AsyncWebClient) -> None:
    async with connection(slack, client) as socket:
        slack.in_background(slack.post(SANNE, WEBCARE, "dag"))
        envelope = await acknowledge(socket)
    assert (envelope["type"], envelope["retry_attempt"]) == ("events_api", 0)
    payload = envelope["payload"]
    assert (payload["type"], payload["api_app_id"], payload["team_id"]) == (
        "event_callback", slack.app.id, slack.workspace.team_id)  # fmt: skip
    assert payload["authorizations"][0]["user_id"] == slack.app.user_id
    assert (payload["event"]["text"], payload["event"]["channel_type"]) == ("dag", "channel")


async def test_several_connections_take_turns(slack: LocalSlack, client: AsyncWebClient) -> None:
    async with connection(slack, client) as one, connection(slack, client) as other:
        slack.in_background(slack.post(SANNE, WEBCARE, "een"))
        slack.in_background(slack.post(SANNE, WEBCARE, "twee"))
        texts = {(await acknowledge(socket))["payload"]["event"]["text"] for socket in (one, other)}
    assert texts == {"een", "twee"}


async def test_an_event_whose_connection_broke_is_sent_again_on_another(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    async with connection(slack, client) as one:
        slack.in_background(slack.post(SANNE, WEBCARE, "dag"))
        first = await one.receive_json(timeout=60)
        async with connection(slack, client) as other:
            await one.close()
            again = await acknowledge(other)
    assert again["payload"]["event_id"] == first["payload"]["event_id"]
    assert (again["retry_attempt"], again["retry_reason"]) == (1, "connection_closed")


async def test_an_app_has_at_most_ten_connections(slack: LocalSlack, client: AsyncWebClient) -> None:
    url = (await client.apps_connections_open(app_token=slack.app.app_token))["url"]
    async with aiohttp.ClientSession() as http:
        sockets = [await http.ws_connect(url) for _ in range(MAX_CONNECTIONS + 1)]
        frames = [await socket.receive_json(timeout=60) for socket in sockets]
        for socket in sockets:
            await socket.close()
    assert [frame["type"] for frame in frames] == ["hello"] * MAX_CONNECTIONS + ["disconnect"]
    assert frames[-1]["reason"] == "too_many_websockets"


async def test_the_app_gets_an_event_when_a_member_joins(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.workspace.channels[WEBCARE].members.discard(SANNE)
    async with connection(slack, client) as socket:
        slack.in_background(slack.join(SANNE, WEBCARE))
        event = (await acknowledge(socket))["payload"]["event"]
    assert (event["type"], event["user"], event["channel"]) == ("member_joined_channel", SANNE, WEBCARE)


async def test_the_app_gets_events_of_its_own_messages_as_in_slack(slack: LocalSlack, client: AsyncWebClient) -> None:
    async with connection(slack, client) as socket:
        await client.chat_postMessage(channel=WEBCARE, text="kaart")
        event = (await acknowledge(socket))["payload"]["event"]
        assert (event["bot_id"], event["text"]) == (slack.app.bot_id, "kaart")
        await client.chat_update(channel=WEBCARE, ts=event["ts"], text="anders")
        changed = (await acknowledge(socket))["payload"]["event"]
        assert (changed["subtype"], changed["previous_message"]["text"]) == ("message_changed", "kaart")
        await client.chat_delete(channel=WEBCARE, ts=event["ts"])
        assert (await acknowledge(socket))["payload"]["event"]["subtype"] == "message_deleted"
