"""The local Slack alone, without the square."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.rules import Rules
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.slack.workspace import Workspace
from bot.sandbox.square.example_workspace import example_workspace


@pytest.fixture
def workspace(manifest: dict[str, Any], rules: Rules, clock: Callable[[], float]) -> Workspace:
    return example_workspace(manifest, rules, clock)


@pytest.fixture
async def slack(workspace: Workspace) -> AsyncIterator[LocalSlack]:
    async with LocalSlack(workspace) as running:
        yield running


@pytest.fixture
def app(slack: LocalSlack, client: AsyncWebClient) -> AsyncApp:
    return AsyncApp(client=client, signing_secret=slack.app.signing_secret)
