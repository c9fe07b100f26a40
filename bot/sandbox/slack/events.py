"""The events of the Events API that this workspace creates, and which of them the app gets."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.workspace import Change, Channel, Workspace

Json = dict[str, Any]
LEFT = frozenset({"channel_left", "group_left"})
"""The events that tell the app that it is no longer in a channel."""


def channel_type(channel: Channel) -> str:
    """Slack's word for the kind of a channel."""
    if channel.kind == "im":
        return "im"
    return "group" if channel.private else "channel"


def wanted(workspace: Workspace, event: Json) -> bool:
    """Whether the app subscribed to an event and may see where it happened."""
    name = event["type"]
    channel = workspace.channels.get(str(event.get("channel", "")))
    if name == "message":
        assert channel is not None  # noqa: S101 - a message event always has its channel
        plural = {"channel": "channels", "group": "groups", "im": "im"}[channel_type(channel)]
        name = f"message.{plural}"
    visible = channel is None or workspace.app.user_id in channel.members or name in LEFT
    return name in workspace.app.events and visible


def message_posted(workspace: Workspace, channel: str, message: Json) -> list[Json]:
    """The events of a new message: message, and app_mention when it mentions the app."""
    where = workspace.channels[channel]
    event = {**message, "channel": channel, "channel_type": channel_type(where), "event_ts": message["ts"]}
    events = [event]
    if where.kind != "im" and f"<@{workspace.app.user_id}>" in str(message.get("text", "")):
        mention = {key: value for key, value in event.items() if key != "channel_type"}
        events.append({**mention, "type": "app_mention"})
    return [each for each in events if wanted(workspace, each)]


def message_changed(workspace: Workspace, channel: str, message: Json, before: Json) -> list[Json]:
    """The event of an edited message."""
    event = _about_message(workspace, channel, "message_changed") | {"message": message, "previous_message": before}
    return [event] if wanted(workspace, event) else []


def message_deleted(workspace: Workspace, channel: str, before: Json) -> list[Json]:
    """The event of a deleted message."""
    event = _about_message(workspace, channel, "message_deleted") | {
        "deleted_ts": before["ts"],
        "previous_message": before,
    }
    return [event] if wanted(workspace, event) else []


def member_changed(workspace: Workspace, channel: str, person: str, *, joined: bool) -> list[Json]:
    """The event of somebody joining or leaving a channel."""
    event = {
        "type": "member_joined_channel" if joined else "member_left_channel",
        "user": person,
        "channel": channel,
        "channel_type": "C",
        "team": workspace.team_id,
        "event_ts": workspace.new_ts(),
    }
    return [event] if wanted(workspace, event) else []


def channel_changed(workspace: Workspace, channel: str, change: str) -> list[Json]:
    """The event of a channel that was archived, opened again ("unarchive"), or that the app "left"."""
    kind = "group" if workspace.channels[channel].private else "channel"
    event = {"type": f"{kind}_{change}", "channel": channel, "event_ts": workspace.new_ts()}
    return [event] if wanted(workspace, event) else []


def uninstalled(workspace: Workspace) -> list[Json]:
    """The events of an app that was removed from the workspace."""
    tokens = {"oauth": [], "bot": [workspace.app.user_id]}
    sent: list[Json] = [{"type": "tokens_revoked", "tokens": tokens}, {"type": "app_uninstalled"}]
    return [each | {"event_ts": workspace.new_ts()} for each in sent if wanted(workspace, each)]


def home_opened(workspace: Workspace, person: str) -> list[Json]:
    """The event of a person opening the App Home."""
    event: Json = {
        "type": "app_home_opened",
        "user": person,
        "channel": workspace.open_im(workspace.app.user_id, person).id,
        "tab": "home",
        "event_ts": workspace.new_ts(),
    }
    if person in workspace.homes:
        event["view"] = workspace.homes[person]
    return [event] if wanted(workspace, event) else []


def publish(workspace: Workspace, events: list[Json]) -> None:
    """Send the app these events, without waiting for its acknowledgement."""
    for event in events:
        workspace.notify(Change("event", event=event))


def _about_message(workspace: Workspace, channel: str, subtype: str) -> Json:
    ts = workspace.new_ts()
    return {
        "type": "message",
        "subtype": subtype,
        "channel": channel,
        "hidden": True,
        "ts": ts,
        "event_ts": ts,
        "channel_type": channel_type(workspace.channels[channel]),
    }
