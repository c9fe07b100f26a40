"""An external select of the local Slack: the app offers the options that match a typed text."""

from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import LocalSlack
from tests.sandbox.slack.bolt_app import SANNE, WAYS, asked, card, modal, over_socket_mode, plain

FRUIT = ["appel", "peer", "pruim"]


def options_for(typed: str) -> list[dict[str, Any]]:
    return [{"text": plain(name), "value": name} for name in FRUIT if typed in name]


@WAYS
async def test_the_app_offers_matching_options_and_gets_the_chosen_one(
    slack: LocalSlack, client: AsyncWebClient, app: AsyncApp, reach: Any
) -> None:
    received: list[Any] = []

    @app.action("case:answer")
    async def open_it(ack: Any, body: Any, client: AsyncWebClient) -> None:
        await ack()
        block = asked("fruit") | {"dispatch_action": True}
        block["element"] = {"type": "external_select", "action_id": "fruit", "min_query_length": 1}
        await client.views_open(trigger_id=body["trigger_id"], view=modal("choose", block))

    @app.options("fruit")
    async def offer(ack: Any, payload: Any) -> None:
        received.append((payload["action_id"], payload["block_id"], payload["value"]))
        await ack(options=options_for(payload["value"]))

    @app.action("fruit")
    async def choose(ack: Any, action: Any) -> None:
        await ack()
        received.append(action["selected_option"]["value"])

    async with reach(slack, app):
        await slack.click(SANNE, "C0WEBCARE", await card(client), "case:answer")
        await slack.wait_for(lambda: slack.view(SANNE))
        offered = await slack.suggest(SANNE, "fruit", "p")
        assert [option["value"] for option in offered] == ["appel", "peer", "pruim"]
        assert await slack.suggest(SANNE, "fruit", "") == []
        assert await slack.suggest(SANNE, "fruit", "x") == []
        await slack.click_in_view(SANNE, "fruit", offered[1])
        assert received == [("fruit", "fruit", "p"), ("fruit", "fruit", "x"), "peer"]


@pytest.mark.parametrize(
    "answer", [{"options": [{"text": plain("a" * 76), "value": "a"}]}, {"options": [{"text": plain("a")}]}, {}]
)
async def test_options_that_slack_refuses_are_not_offered(
    slack: LocalSlack, client: AsyncWebClient, app: AsyncApp, answer: Any
) -> None:
    @app.action("case:answer")
    async def open_it(ack: Any, body: Any, client: AsyncWebClient) -> None:
        await ack()
        block = asked("fruit")
        block["element"] = {"type": "external_select", "action_id": "fruit", "min_query_length": 0}
        await client.views_open(trigger_id=body["trigger_id"], view=modal("choose", block))

    @app.options("fruit")
    async def offer(ack: Any) -> None:
        await ack(answer or None)

    async with over_socket_mode(slack, app):
        await slack.click(SANNE, "C0WEBCARE", await card(client), "case:answer")
        await slack.wait_for(lambda: slack.view(SANNE))
        slack.rules.ack_seconds = 1.0  # one of them is no answer at all
        assert await slack.suggest(SANNE, "fruit", "") == []
