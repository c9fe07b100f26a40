"""The chat.* and reactions.* methods: posting, changing and deleting messages.

https://docs.slack.dev/reference/methods/chat.postMessage and its siblings
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.sandbox.slack import blocks, events
from bot.sandbox.slack.api_method import Invalid, Json, Method, SlackError, flag, parsed, required
from bot.sandbox.slack.workspace import Channel, Workspace

MAX_TEXT = 40_000
MAX_EDITED = 4_000
"""Bytes in the text of a message that is changed (https://docs.slack.dev/reference/methods/chat.update)."""
MAX_METADATA = 8_000


def post_message(workspace: Workspace, args: Json) -> Json:
    """Post a message of the app in a channel, a thread or (by a person's id) a direct message."""
    channel = channel_of(workspace, args)
    if channel.archived:
        raise SlackError("is_archived")
    if workspace.app.user_id not in channel.members and not (
        "chat:write.public" in workspace.app.scopes and not channel.private and channel.kind != "im"
    ):
        raise SlackError("not_in_channel")
    message = written_by_app(workspace, content(workspace, args))
    if args.get("thread_ts"):
        message["thread_ts"] = thread_of(workspace, channel, str(args["thread_ts"]))
        if flag(args, "reply_broadcast"):
            message["subtype"] = "thread_broadcast"
    stored = workspace.add_message(channel.id, message)
    events.publish(workspace, events.message_posted(workspace, channel.id, stored))
    return {"channel": channel.id, "ts": stored["ts"], "message": stored}


def update(workspace: Workspace, args: Json) -> Json:
    """Change a message of the app. Fields that are not sent stay; an empty list removes the blocks."""
    channel = channel_of(workspace, args)
    if channel.archived:
        raise SlackError("is_inactive")
    message = message_of(workspace, channel, required(args, "ts"))
    if message.get("bot_id") != workspace.app.bot_id:
        raise SlackError("cant_update_message")
    before = dict(message)
    fields = content(workspace, args, updating=True)
    fields["edited"] = {"user": workspace.app.user_id, "ts": workspace.new_ts()}
    changed = workspace.change_message(channel.id, message["ts"], fields)
    events.publish(workspace, events.message_changed(workspace, channel.id, changed, before))
    return {"channel": channel.id, "ts": changed["ts"], "text": changed.get("text", ""), "message": changed}


def delete(workspace: Workspace, args: Json) -> Json:
    """Delete a message of the app."""
    channel = channel_of(workspace, args)
    message = message_of(workspace, channel, required(args, "ts"))
    if message.get("bot_id") != workspace.app.bot_id:
        raise SlackError("cant_delete_message")
    workspace.delete_message(channel.id, message["ts"])
    events.publish(workspace, events.message_deleted(workspace, channel.id, message))
    return {"channel": channel.id, "ts": message["ts"]}


def post_ephemeral(workspace: Workspace, args: Json) -> Json:
    """Show one person in a channel a message that nobody else sees."""
    channel = channel_of(workspace, args)
    person = required(args, "user")
    if channel.archived:
        raise SlackError("is_archived")
    if workspace.app.user_id not in channel.members:
        raise SlackError("not_in_channel")
    if person not in channel.members:
        raise SlackError("user_not_in_channel")
    message = written_by_app(workspace, content(workspace, args))
    if args.get("thread_ts"):
        message["thread_ts"] = str(args["thread_ts"])
    return {"message_ts": workspace.add_ephemeral(channel.id, person, message)["ts"]}


def get_permalink(workspace: Workspace, args: Json) -> Json:
    """The address of a message."""
    channel = channel_of(workspace, args)
    message = message_of(workspace, channel, required(args, "message_ts"))
    link = f"https://{workspace.domain}.slack.com/archives/{channel.id}/p{message['ts'].replace('.', '')}"
    thread = message.get("thread_ts", "")
    if thread and thread != message["ts"]:
        link += f"?thread_ts={thread}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def add_reaction(workspace: Workspace, args: Json) -> Json:
    """Put an emoji of the app under a message."""
    channel = channel_of(workspace, args)
    message = message_of(workspace, channel, required(args, "timestamp"))
    people = workspace.reactions.setdefault((channel.id, message["ts"]), {}).setdefault(required(args, "name"), [])
    if workspace.app.user_id in people:
        raise SlackError("already_reacted")
    people.append(workspace.app.user_id)
    reactions = workspace.reactions[channel.id, message["ts"]]
    workspace.change_message(
        channel.id,
        message["ts"],
        {"reactions": [{"name": name, "users": users, "count": len(users)} for name, users in reactions.items()]},
    )
    return {}


def channel_of(workspace: Workspace, args: Json) -> Channel:
    """The channel that an argument names. Raises channel_not_found, even for a private one without the app."""
    channel = workspace.find_channel(required(args, "channel"))
    hidden = channel is not None and (channel.private or channel.kind == "im")
    if channel is None or (hidden and workspace.app.user_id not in channel.members):
        raise SlackError("channel_not_found")
    return channel


def message_of(workspace: Workspace, channel: Channel, ts: str) -> Json:
    """A message by its ts. Raises message_not_found."""
    message = workspace.messages[channel.id].get(ts)
    if message is None:
        raise SlackError("message_not_found")
    return message


def thread_of(workspace: Workspace, channel: Channel, ts: str) -> str:
    """The thread of a reply: its parent must exist and be no reply itself."""
    parent = workspace.messages[channel.id].get(ts)
    if parent is None:
        raise SlackError("thread_not_found")
    if parent.get("thread_ts", ts) != ts:
        raise SlackError("cannot_reply_to_message")
    return ts


def written_by_app(workspace: Workspace, fields: Json) -> Json:
    """A message with its author, the app's bot user."""
    app = workspace.app
    return {
        "user": app.user_id,
        "bot_id": app.bot_id,
        "app_id": app.id,
        "bot_profile": {"id": app.bot_id, "app_id": app.id, "name": app.name, "deleted": False},
        **fields,
    }


def content(workspace: Workspace, args: Json, *, updating: bool = False) -> Json:
    """The text, blocks, attachments and metadata of a message, checked. Raises SlackError."""
    fields: Json = {}
    text, sent, attached = args.get("text"), parsed(args, "blocks"), parsed(args, "attachments")
    if not text and not sent and not attached:
        raise SlackError("no_text")
    if text is not None and not isinstance(text, str):
        raise Invalid("invalid_arguments", [("/text", "must provide a string")])
    if text is not None and (len(text) > MAX_TEXT or (updating and len(text.encode()) > MAX_EDITED)):
        raise SlackError("msg_too_long")
    if text is not None or not updating:
        fields["text"] = text or ""
    if sent is not None:
        fields["blocks"] = checked_blocks(workspace, sent)
    if attached is not None:
        if not isinstance(attached, list):
            raise SlackError("invalid_attachments")
        fields["attachments"] = attached
    if (metadata := parsed(args, "metadata")) is not None:
        fields["metadata"] = _checked_metadata(metadata)
    return fields


def checked_blocks(workspace: Workspace, sent: Any) -> list[Json]:
    """The blocks as Slack stores them. Raises invalid_blocks_format or invalid_blocks."""
    if not isinstance(sent, list):
        raise SlackError("invalid_blocks_format")
    problems = blocks.problems(sent, blocks.MESSAGE, modern=workspace.rules.modern_blocks)
    if problems:
        raise Invalid("invalid_blocks", problems)
    return blocks.with_ids(sent)


def _checked_metadata(metadata: Any) -> Json:
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    if not metadata:
        return {}
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_schema")
    if len(json.dumps(metadata)) > MAX_METADATA:
        raise SlackError("metadata_too_large")
    return metadata


METHODS: Mapping[str, Method] = {
    "chat.postMessage": Method(post_message, ("chat:write",), tier=None),
    "chat.update": Method(update, ("chat:write",), tier=3),
    "chat.delete": Method(delete, ("chat:write",), tier=3),
    "chat.postEphemeral": Method(post_ephemeral, ("chat:write",), tier=4),
    "chat.getPermalink": Method(get_permalink, tier=None, reads=True),
    "reactions.add": Method(add_reaction, ("reactions:write",), tier=3),
}
