"""A small app behind the local Slack of these tests: it posts cards, opens a modal and answers clicks."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules

Json = dict[str, Any]
SCOPES = [
    "chat:write", "channels:history", "channels:read", "im:write", "im:history", "users:read", "commands",
    "files:write",
]  # fmt: skip
MANIFEST: Json = {
    "display_information": {"name": "Webcare"},
    "features": {
        "bot_user": {"display_name": "Webcare"},
        "app_home": {"home_tab_enabled": True},
        "slash_commands": [
            {"command": "/webcare", "description": "Zoek en rapporteer", "usage_hint": "zoek | rapport"},
            {"command": "/weer", "description": "Het weer"},
        ],
        "shortcuts": [
            {"type": "message", "callback_id": "case:from", "name": "Maak hier een zaak van", "description": "Zaak"},
            {"type": "global", "callback_id": "case:new", "name": "Nieuwe zaak", "description": "Zaak"},
        ],
    },
    "oauth_config": {"scopes": {"bot": SCOPES}},
    "settings": {"event_subscriptions": {"bot_events": ["app_home_opened"]}},
}


def plain(text: str) -> Json:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    """A mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def button(text: str, action_id: str, **fields: Any) -> Json:
    """A button."""
    return {"type": "button", "text": plain(text), "action_id": action_id, "value": "42", **fields}


def card(text: str, claimed_by: str = "") -> list[Json]:
    """A card like the bot's, unclaimed or claimed."""
    sure = {"title": plain("Zaak sluiten?"), "text": plain("Zeker?"), "confirm": plain("Sluiten"), "deny": plain("Nee")}
    claim = button("Oppakken", "case:claim", style="primary")
    answer = button("Beantwoorden", "case:answer", style="primary")
    return [
        {"type": "header", "block_id": "head", "text": plain("Nieuwe vraag")},
        {"type": "section", "block_id": "text", "text": mrkdwn(text)},
        {
            "type": "section",
            "block_id": "fields",
            "fields": [mrkdwn("*Team*\nAfval"), mrkdwn(f"*Agent*\n{claimed_by or 'nog niemand'}")],
        },
        {"type": "context", "block_id": "about", "elements": [mrkdwn("🆕 Het Plein"), mrkdwn(":lock: privé")]},
        {
            "type": "actions",
            "block_id": "moves",
            "elements": [
                answer if claimed_by else claim,
                button("Sluiten", "case:close", style="danger", confirm=sure),
            ],
        },
    ]


def answer_modal(preview: str = "Nog niets geschreven.") -> Json:
    """A modal whose preview the app updates while the agent types."""
    how = [{"text": plain("Openbaar"), "value": "public"}, {"text": plain("Privé"), "value": "private"}]
    typing = {"trigger_actions_on": ["on_character_entered"]}
    text = {"type": "plain_text_input", "action_id": "text", "multiline": True, "max_length": 60}
    return {
        "type": "modal",
        "callback_id": "answer",
        "title": plain("Antwoord"),
        "submit": plain("Verstuur"),
        "blocks": [
            {"type": "alert", "block_id": "loud", "level": "warning", "text": plain("Dit wordt openbaar.")},
            {
                "type": "input",
                "block_id": "text",
                "label": plain("Je antwoord"),
                "dispatch_action": True,
                "element": text | {"dispatch_action_config": typing},
            },
            {
                "type": "input",
                "block_id": "how",
                "label": plain("Hoe"),
                "element": {"type": "static_select", "action_id": "how", "options": how, "initial_option": how[0]},
            },
            {"type": "context", "block_id": "preview", "elements": [plain(preview)]},
        ],
    }


class LittleApp:
    """Answers what Slack sends by signed HTTP; `received` lists it, oldest first."""

    def __init__(self) -> None:
        self.received: list[Json] = []
        self.client = AsyncWebClient()

    async def has_received(self) -> list[Json]:
        """Return what was received, to wait for the first."""
        return self.received

    async def handle(self, request: web.Request) -> web.Response:
        """Handle a request of Slack."""
        if request.content_type == "application/json":
            return web.Response()
        form = {name: str(value) for name, value in (await request.post()).items()}
        sent: Json = json.loads(form["payload"]) if "payload" in form else dict(form)
        self.received.append(sent)
        if "command" in sent:
            return web.json_response({"response_type": "ephemeral", "text": f"Gezocht naar: {sent['text']}"})
        if sent["type"] == "view_submission":
            return web.json_response({"response_action": "errors", "errors": {"text": "Schrijf wat vriendelijker."}})
        if sent["type"] == "block_actions":
            await self._act(sent, sent["actions"][0])
        return web.Response()

    async def _act(self, sent: Json, action: Json) -> None:
        match action["action_id"]:
            case "case:claim":
                blocks = card("Mijn container is niet geleegd.", f"<@{sent['user']['id']}>")
                where = {"channel": sent["channel"]["id"], "ts": sent["message"]["ts"]}
                await self.client.chat_update(**where, text="Opgepakt", blocks=blocks)
            case "case:answer":
                await self.client.views_open(trigger_id=sent["trigger_id"], view=answer_modal())
            case "text":
                view = answer_modal(f"Voorbeeld: {action['value']}")
                await self.client.views_update(view_id=sent["view"]["id"], view=view)


@asynccontextmanager
async def running_workspace() -> AsyncIterator[tuple[Sandbox, LittleApp]]:
    """The local Slack with this app installed."""
    little = LittleApp()
    app = web.Application()
    app.router.add_post("/slack/events", little.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        rules = Rules(message_seconds=0, tiers=False, ack_seconds=30, trigger_seconds=60)  # this machine may be busy
        async with Sandbox(MANIFEST, rules=rules, request_url=address) as slack:
            little.client = AsyncWebClient(token=slack.app.bot_token, base_url=slack.api_url, retry_handlers=[])
            yield slack, little
    finally:
        await runner.cleanup()
