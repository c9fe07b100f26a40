"""Files: those that the app uploads, in three steps, and those that people give in a modal.

https://docs.slack.dev/reference/methods/files.getUploadURLExternal,
https://docs.slack.dev/reference/block-kit/block-elements/file-input-element
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.sandbox.slack import events
from bot.sandbox.slack.api_method import Invalid, Json, Method, SlackError, parsed, required
from bot.sandbox.slack.chat import channel_of, checked_blocks, thread_of, written_by_app
from bot.sandbox.slack.workspace import StoredFile, Workspace

MIME_TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "csv": "text/csv"}
MOST_GIVEN = 10 * 1024 * 1024
"""The most bytes of a file in a modal."""


def get_upload_url(workspace: Workspace, args: Json) -> Json:
    """The address to send a file's bytes to, and the id of the file."""
    name = required(args, "filename")
    try:
        size = int(required(args, "length"))
    except ValueError:
        raise Invalid("invalid_arguments", [("/length", "must be an integer")]) from None
    if size <= 0:
        raise Invalid("invalid_arguments", [("/length", "must be greater than 0")])
    stored = StoredFile(workspace.new_id("F"), name, size, title=name)
    workspace.files[stored.id] = stored
    return {"upload_url": f"{workspace.base_url}/upload/{stored.id}", "file_id": stored.id}


def complete_upload(workspace: Workspace, args: Json) -> Json:
    """Finish uploads and, with a channel, share them there as one message."""
    sent = parsed(args, "files")
    if not isinstance(sent, list) or not sent:
        raise Invalid("invalid_arguments", [("/files", "must be an array of files")])
    stored = [_uploaded(workspace, each) for each in sent]
    described = [describe(workspace, each) for each in stored]
    where = args.get("channel_id") or str(args.get("channels") or "").split(",")[0]
    if where:
        _share(workspace, args | {"channel": where}, described)
    for each in stored:
        each.shared = True
    return {"files": described}


def give(workspace: Workspace, person: str, name: str, content: bytes) -> Json:
    """Store a file that a person chose in a modal, and describe it. Raises ValueError when it is too large or empty."""
    if not 0 < len(content) <= MOST_GIVEN:
        raise ValueError(f"a file of {len(content)} bytes")
    size = len(content)
    stored = StoredFile(workspace.new_id("F"), name, size, title=name, content=content, uploaded=True, by=person)
    workspace.files[stored.id] = stored
    return describe(workspace, stored)


def given(workspace: Workspace, person: str, sent: object) -> list[Json]:
    """The stored files among those that a page sends as chosen: those that this person gave."""
    ids = [str(each.get("id")) for each in sent if isinstance(each, dict)] if isinstance(sent, list) else []
    known = (workspace.files.get(each) for each in ids)
    return [describe(workspace, each) for each in known if each is not None and each.by == person]


def describe(workspace: Workspace, stored: StoredFile) -> Json:
    """A file as Slack describes it: https://docs.slack.dev/reference/objects/file-object

    The app reads it at the private addresses with its token; the page has its own address.
    """
    address = f"{workspace.base_url}/files/{stored.id}"
    private = f"{workspace.base_url}/files-pri/{workspace.team_id}-{stored.id}"
    kind = stored.name.rpartition(".")[2].lower()
    return {
        "id": stored.id,
        "name": stored.name,
        "title": stored.title,
        "size": stored.size,
        "filetype": kind,
        "mimetype": MIME_TYPES.get(kind, "application/octet-stream"),
        "mode": "hosted",
        "is_external": False,
        "user": stored.by or workspace.app.user_id,
        "created": int(workspace.now()),
        "url_private": private,
        "url_private_download": f"{private}/download",
        "permalink": address,
    }


def _share(workspace: Workspace, args: Json, described: list[Json]) -> None:
    channel = channel_of(workspace, args)
    if workspace.app.user_id not in channel.members:
        raise SlackError("not_in_channel")
    message = written_by_app(
        workspace, {"text": str(args.get("initial_comment") or ""), "files": described, "upload": True}
    )
    if (sent := parsed(args, "blocks")) is not None:
        message["blocks"] = checked_blocks(workspace, sent)
    if args.get("thread_ts"):
        message["thread_ts"] = thread_of(workspace, channel, str(args["thread_ts"]))
    posted = workspace.add_message(channel.id, message)
    events.publish(workspace, events.message_posted(workspace, channel.id, posted))


def _uploaded(workspace: Workspace, sent: Json) -> StoredFile:
    stored = workspace.files.get(str(sent.get("id")))
    if stored is None or not stored.uploaded:
        raise SlackError("file_not_found")
    stored.title = str(sent.get("title") or stored.name)
    return stored


METHODS: Mapping[str, Method] = {
    "files.getUploadURLExternal": Method(get_upload_url, ("files:write",), tier=4, reads=True),
    "files.completeUploadExternal": Method(complete_upload, ("files:write",), tier=4),
}
