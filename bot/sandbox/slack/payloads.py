"""The payloads that Slack sends to an app.

https://docs.slack.dev/reference/interaction-payloads and https://docs.slack.dev/apis/events-api
"""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.workspace import Channel, Workspace

Json = dict[str, Any]


def user(workspace: Workspace, person: str) -> Json:
    """The person who acted, as interaction payloads describe them."""
    who = workspace.people[person]
    return {"id": who.id, "username": who.name, "name": who.name, "team_id": who.team_id or workspace.team_id}


def interaction(workspace: Workspace, kind: str, person: str) -> Json:
    """The fields of every interaction payload."""
    return {
        "type": kind,
        "user": user(workspace, person),
        "api_app_id": workspace.app.id,
        "token": workspace.app.verification_token,
        "team": {"id": workspace.team_id, "domain": workspace.domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def channel_name(channel: Channel) -> str:
    """The name of a channel in payloads; that of a direct message is "directmessage"."""
    return "directmessage" if channel.kind == "im" else channel.name


def place(channel: Channel) -> Json:
    """A channel as interaction payloads describe it."""
    return {"id": channel.id, "name": channel_name(channel)}


def block_actions_in_message(
    workspace: Workspace,
    person: str,
    channel: Channel,
    message: Json,
    action: Json,
    state: Json,
    *,
    ephemeral: bool,
) -> Json:
    """A click in a message. For an ephemeral message only the place is sent."""
    ts = message["ts"]
    container: Json = {"type": "message", "message_ts": ts, "channel_id": channel.id, "is_ephemeral": ephemeral}
    if message.get("thread_ts"):
        container["thread_ts"] = message["thread_ts"]
    payload = interaction(workspace, "block_actions", person)
    payload |= {
        "container": container,
        "trigger_id": workspace.tickets.trigger(person),
        "channel": place(channel),
        "state": {"values": state},
        "response_url": response_url(workspace, person, channel.id, ts, message.get("thread_ts", "")),
        "actions": [{**action, "action_ts": workspace.new_ts()}],
    }
    if not ephemeral:
        payload["message"] = message
    return payload


def block_actions_in_view(workspace: Workspace, person: str, view: Json, action: Json) -> Json:
    """A click in a modal or App Home."""
    return interaction(workspace, "block_actions", person) | {
        "container": {"type": "view", "view_id": view["id"]},
        "trigger_id": workspace.tickets.trigger(person, view["id"] if view["type"] == "modal" else ""),
        "view": view,
        "actions": [{**action, "action_ts": workspace.new_ts()}],
    }


def block_suggestion(workspace: Workspace, person: str, view: Json, element: tuple[Json, Json], typed: str) -> Json:
    """A person types in an external select of a view: which options match?"""
    block, select = element
    return interaction(workspace, "block_suggestion", person) | {
        "container": {"type": "view", "view_id": view["id"]},
        "action_id": select["action_id"],
        "block_id": block["block_id"],
        "value": typed,
        "view": view,
    }


def view_submission(workspace: Workspace, person: str, view: Json) -> Json:
    """A modal was submitted."""
    return interaction(workspace, "view_submission", person) | {
        "trigger_id": workspace.tickets.trigger(person, view["id"]),
        "view": view,
        "response_urls": [],
    }


def view_closed(workspace: Workspace, person: str, view: Json, *, cleared: bool) -> Json:
    """A modal with notify_on_close was closed."""
    return interaction(workspace, "view_closed", person) | {"view": view, "is_cleared": cleared}


def global_shortcut(workspace: Workspace, person: str, callback_id: str) -> Json:
    """A global shortcut was chosen."""
    return interaction(workspace, "shortcut", person) | {
        "callback_id": callback_id,
        "trigger_id": workspace.tickets.trigger(person),
        "action_ts": workspace.new_ts(),
    }


def message_action(workspace: Workspace, person: str, callback_id: str, channel: Channel, message: Json) -> Json:
    """A message shortcut was chosen."""
    return interaction(workspace, "message_action", person) | {
        "callback_id": callback_id,
        "trigger_id": workspace.tickets.trigger(person),
        "action_ts": workspace.new_ts(),
        "channel": place(channel),
        "message_ts": message["ts"],
        "message": message,
        "response_url": response_url(workspace, person, channel.id, message["ts"], message.get("thread_ts", "")),
    }


def slash_command(workspace: Workspace, person: str, channel: Channel, command: str, text: str) -> Json:
    """A slash command was sent. All values are strings, as in Slack's form."""
    return {
        "token": workspace.app.verification_token,
        "team_id": workspace.team_id,
        "team_domain": workspace.domain,
        "channel_id": channel.id,
        "channel_name": channel_name(channel),
        "user_id": person,
        "user_name": workspace.people[person].name,
        "command": command,
        "text": text,
        "api_app_id": workspace.app.id,
        "is_enterprise_install": "false",
        "response_url": response_url(workspace, person, channel.id),
        "trigger_id": workspace.tickets.trigger(person),
    }


def event_callback(workspace: Workspace, event: Json) -> Json:
    """The envelope of the Events API around one event."""
    return {
        "token": workspace.app.verification_token,
        "team_id": workspace.team_id,
        "context_team_id": workspace.team_id,
        "context_enterprise_id": None,
        "api_app_id": workspace.app.id,
        "event": event,
        "type": "event_callback",
        "event_id": workspace.new_id("Ev"),
        "event_time": int(workspace.now()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": workspace.team_id,
                "user_id": workspace.app.user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": is_shared(workspace, event),
        "event_context": "4-sandbox",
    }


def is_shared(workspace: Workspace, event: Json) -> bool:
    """Whether an event is of a channel that is shared with another organisation."""
    channel = workspace.channels.get(str(event.get("channel", "")))
    return channel is not None and channel.shared


def response_url(workspace: Workspace, person: str, channel: str, ts: str = "", thread_ts: str = "") -> str:
    """A new response URL for an action of a person."""
    return f"{workspace.base_url}/response/{workspace.tickets.response_url(person, channel, ts, thread_ts)}"
