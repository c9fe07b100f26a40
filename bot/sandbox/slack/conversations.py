"""The conversations.* methods: https://docs.slack.dev/reference/methods/conversations.history"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.sandbox.slack import events
from bot.sandbox.slack.api_method import Json, Method, SlackError, flag, page, required
from bot.sandbox.slack.chat import channel_of
from bot.sandbox.slack.workspace import Channel, Workspace

HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
READ = ("channels:read", "groups:read", "im:read", "mpim:read")
WRITE = ("channels:manage", "groups:write", "im:write", "mpim:write")


def history(workspace: Workspace, args: Json) -> Json:
    """The messages of a channel without the replies, newest first."""
    channel = _readable(workspace, args)
    messages = [
        m
        for m in workspace.messages[channel.id].values()
        if m.get("thread_ts", m["ts"]) == m["ts"] or m.get("subtype") == "thread_broadcast"
    ]
    within = _within(args)
    messages = [m for m in messages if within(m["ts"])]
    messages.sort(key=lambda message: str(message["ts"]), reverse=True)
    return _messages(messages, args)


def replies(workspace: Workspace, args: Json) -> Json:
    """A thread, oldest first: the parent and its replies."""
    channel = _readable(workspace, args)
    ts = required(args, "ts")
    parent = workspace.messages[channel.id].get(ts)
    if parent is None:
        raise SlackError("thread_not_found")
    thread = parent.get("thread_ts", ts)
    within = _within(args)
    answers = [m for m in workspace.replies(channel.id, thread) if within(m["ts"])]
    head = workspace.messages[channel.id].get(thread)
    return _messages([*([head] if head else []), *answers], args)


def info(workspace: Workspace, args: Json) -> Json:
    """The description of a channel."""
    channel = channel_of(workspace, args)
    _need(workspace, channel, READ)
    described = describe(workspace, channel)
    if flag(args, "include_num_members"):
        described["num_members"] = len(channel.members)
    return {"channel": described}


def list_all(workspace: Workspace, args: Json) -> Json:
    """The channels of the wanted types that the app may see."""
    types = {kind.strip() for kind in str(args.get("types") or "public_channel").split(",")}
    channels = [
        describe(workspace, channel)
        for channel in workspace.channels.values()
        if _type(channel) in types
        and (_type(channel) == "public_channel" or workspace.app.user_id in channel.members)
        and not (flag(args, "exclude_archived") and channel.archived)
    ]
    items, cursor = page(channels, args, default=100, most=1000)
    return {"channels": items, "response_metadata": {"next_cursor": cursor}}


def open_direct(workspace: Workspace, args: Json) -> Json:
    """The app's direct message with one person."""
    if args.get("channel"):
        return {"channel": describe(workspace, channel_of(workspace, args))}
    people = [name.strip() for name in required(args, "users").split(",")]
    if len(people) != 1:
        raise SlackError("method_not_supported_for_channel_type")
    if people[0] not in workspace.people:
        raise SlackError("user_not_found")
    if workspace.people[people[0]].deleted:
        raise SlackError("user_disabled")
    channel = workspace.open_im(workspace.app.user_id, people[0])
    return {"channel": describe(workspace, channel) if flag(args, "return_im") else {"id": channel.id}}


def members(workspace: Workspace, args: Json) -> Json:
    """The people in a channel."""
    channel = channel_of(workspace, args)
    _need(workspace, channel, READ)
    items, cursor = page(sorted(channel.members), args, default=100, most=1000)
    return {"members": items, "response_metadata": {"next_cursor": cursor}}


def join(workspace: Workspace, args: Json) -> Json:
    """Add the app to a public channel."""
    channel = channel_of(workspace, args)
    if channel.kind == "im" or channel.private:
        raise SlackError("method_not_supported_for_channel_type")
    if channel.archived:
        raise SlackError("is_archived")
    if workspace.app.user_id in channel.members:
        return {"channel": describe(workspace, channel), "warning": "already_in_channel"}
    channel.members.add(workspace.app.user_id)
    events.publish(workspace, events.member_changed(workspace, channel.id, workspace.app.user_id, joined=True))
    return {"channel": describe(workspace, channel)}


def describe(workspace: Workspace, channel: Channel) -> Json:
    """A channel as Slack describes it to the app."""
    app = workspace.app.user_id
    described: Json = {
        "id": channel.id,
        "created": 1_700_000_000,
        "is_archived": channel.archived,
        "is_im": channel.kind == "im",
        "context_team_id": workspace.team_id,
    }
    if channel.kind == "im":
        other = next(iter(channel.members - {app}), app)
        return described | {"user": other, "is_open": True}
    return described | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.private,
        "is_group": channel.private,
        "is_private": channel.private,
        "is_member": app in channel.members,
        "is_general": channel.name == "algemeen",
        "is_shared": channel.shared,
        "is_ext_shared": channel.shared,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }


def _type(channel: Channel) -> str:
    if channel.kind == "im":
        return "im"
    return "private_channel" if channel.private else "public_channel"


def _need(workspace: Workspace, channel: Channel, scopes: tuple[str, ...]) -> None:
    """Check that the app has the scope for this kind of channel. Raises missing_scope."""
    wanted = scopes[{"public_channel": 0, "private_channel": 1, "im": 2}[_type(channel)]]
    if wanted not in workspace.app.scopes:
        raise SlackError("missing_scope", needed=wanted, provided=",".join(sorted(workspace.app.scopes)))


def _readable(workspace: Workspace, args: Json) -> Channel:
    channel = channel_of(workspace, args)
    _need(workspace, channel, HISTORY)
    if workspace.app.user_id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _within(args: Json) -> Callable[[str], bool]:
    """Whether a ts is between `oldest` and `latest`. Raises invalid_ts_oldest or invalid_ts_latest."""
    oldest, latest = _moment(args, "oldest", 0.0), _moment(args, "latest", float("inf"))
    if flag(args, "inclusive"):
        return lambda ts: oldest <= float(ts) <= latest
    return lambda ts: oldest < float(ts) < latest


def _moment(args: Json, name: str, otherwise: float) -> float:
    try:
        return float(args.get(name) or otherwise)
    except ValueError:
        raise SlackError(f"invalid_ts_{name}") from None


def _messages(messages: list[Json], args: Json) -> Json:
    items, cursor = page(messages, args, default=100, most=999)
    if not flag(args, "include_all_metadata"):
        items = [{key: value for key, value in each.items() if key != "metadata"} for each in items]
    answer: Json = {"messages": items, "has_more": bool(cursor)}
    return answer | ({"response_metadata": {"next_cursor": cursor}} if cursor else {})


METHODS: Mapping[str, Method] = {
    "conversations.history": Method(history, HISTORY, tier=3, reads=True),
    "conversations.replies": Method(replies, HISTORY, tier=3, reads=True),
    "conversations.info": Method(info, READ, tier=3, reads=True),
    "conversations.list": Method(list_all, READ, tier=2, reads=True),
    "conversations.members": Method(members, READ, tier=4, reads=True),
    "conversations.open": Method(open_direct, WRITE, tier=3),
    "conversations.join": Method(join, ("channels:join",), tier=3),
}
