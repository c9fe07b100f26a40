"""The sandbox with a small app's manifest, and the real SDK to call it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from bot.sandbox.slack.server import LocalSlack

MANIFEST: dict[str, Any] = {
    "display_information": {"name": "Webcare"},
    "features": {
        "bot_user": {"display_name": "webcare"},
        "app_home": {"home_tab_enabled": True},
        "slash_commands": [{"command": "/webcare", "description": "Zoek een zaak", "usage_hint": "zoek"}],
        "shortcuts": [
            {"type": "message", "callback_id": "case:from-message", "name": "Maak zaak", "description": "x"},
            {"type": "global", "callback_id": "case:new", "name": "Nieuwe zaak", "description": "x"},
        ],
    },
    "oauth_config": {
        "scopes": {
            "bot": [
                "chat:write", "channels:history", "channels:read", "channels:join", "im:history", "im:write",
                "im:read", "users:read", "users.profile:read", "usergroups:read", "usergroups:write",
                "dnd:read", "reactions:write", "files:write", "commands",
            ]
        }
    },
    "settings": {
        "event_subscriptions": {
            "bot_events": [
                "app_home_opened", "app_mention", "message.channels", "message.im", "member_joined_channel"]
        },
        "interactivity": {"is_enabled": True},
    },
}  # fmt: skip


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    at: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def manifest() -> dict[str, Any]:
    return MANIFEST


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rules() -> Rules:
    """Rules without rate limits and with short waits."""
    return Rules(message_seconds=0, tiers=False, ack_seconds=30, redelivery_seconds=(0, 0, 0))


@pytest.fixture
async def slack(rules: Rules, clock: Clock) -> AsyncIterator[Sandbox]:
    """The workspace with its own clock, and the square."""
    async with Sandbox(MANIFEST, rules=rules, now=clock) as running:
        yield running


@pytest.fixture
async def client(slack: LocalSlack) -> AsyncWebClient:
    return AsyncWebClient(token=slack.app.bot_token, base_url=slack.api_url, retry_handlers=[])
