"""What the app's answers do: acknowledgements with a payload, and posts to a response URL.

https://docs.slack.dev/interactivity/handling-user-interaction
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from aiohttp import web

from bot.sandbox.slack import chat, modals
from bot.sandbox.slack.api_method import SlackError, flag
from bot.sandbox.slack.delivery import Acknowledgement
from bot.sandbox.slack.tickets import ResponseUrl
from bot.sandbox.slack.workspace import Workspace

Json = dict[str, Any]


def after_submission(workspace: Workspace, person: str, view: Json, ack: Acknowledgement) -> Acknowledgement:
    """Close, clear, change or push modals, or show errors, as the app's answer says."""
    answer = ack.payload or {}
    stack = workspace.stacks.get(person, [])
    try:
        match answer.get("response_action"):
            case "clear":
                workspace.set_stack(person, [])
            case "errors":
                return dataclasses.replace(ack, errors=_errors(view, answer))
            case "update":
                sent = modals.check_view(workspace, answer.get("view"), "modal")
                workspace.replace_view(modals.stored_view(workspace, sent, view))
            case "push":
                sent = modals.check_view(workspace, answer.get("view"), "modal")
                if any(each["id"] == view["id"] for each in stack):  # else the person has closed it
                    modals.push(workspace, person, sent)
            case _:
                workspace.set_stack(person, [each for each in stack if each["id"] != view["id"]])
    except SlackError as error:
        return Acknowledgement(False, payload=answer | {"problem": error.answer}, reason="invalid_view")
    return ack


def _errors(view: Json, answer: Json) -> dict[str, str]:
    """The errors per block_id; Slack accepts them only for input blocks of the view."""
    inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    errors = answer.get("errors")
    if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
        raise SlackError("invalid_errors", errors=errors)
    return {str(block): str(text) for block, text in errors.items()}


def after_command(workspace: Workspace, person: str, channel: str, ack: Acknowledgement) -> Acknowledgement:
    """Show the app's answer to a slash command to the person, or in the channel."""
    answer = ack.payload if ack.payload is not None else {"text": ack.text}
    if not answer.get("text") and not answer.get("blocks"):
        return ack
    try:
        _show(workspace, ResponseUrl(person, channel, workspace.now()), answer)
    except SlackError as error:
        return Acknowledgement(False, payload=error.answer, reason="invalid_answer")
    return ack


async def handle_response(workspace: Workspace, request: web.Request) -> web.Response:
    """POST /response/<key>: the app answers an interaction later."""
    try:
        answer = json.loads(await request.text())
        if not isinstance(answer, dict):
            raise SlackError("invalid_payload")
        respond(workspace, workspace.tickets.respond(request.match_info["key"]), answer)
    except ValueError:
        return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
    except SlackError as error:
        status = 404 if error.code in ("invalid_url", "expired_url", "used_url") else 200
        return web.json_response({"ok": False, "error": error.code, **error.answer}, status=status)
    return web.Response(text="ok")


def respond(workspace: Workspace, to: ResponseUrl, answer: Json) -> None:
    """Delete or replace the clicked message, or show a new one. Raises SlackError."""
    ephemeral = (to.channel, to.ts) in workspace.ephemerals
    exists = ephemeral or to.ts in workspace.messages[to.channel]
    if flag(answer, "delete_original") and exists:
        if ephemeral:
            workspace.drop_ephemeral(to.channel, to.ts)
        else:
            workspace.delete_message(to.channel, to.ts)
    elif flag(answer, "replace_original") and exists:
        _replace(workspace, to, answer, ephemeral=ephemeral)
    else:
        _show(workspace, to, answer)


def _replace(workspace: Workspace, to: ResponseUrl, answer: Json, *, ephemeral: bool) -> None:
    fields = chat.content(workspace, answer)
    if ephemeral:
        shown = workspace.ephemerals.pop((to.channel, to.ts))
        replaced = {key: value for key, value in shown.message.items() if key != "blocks"}
        workspace.add_ephemeral(to.channel, to.person, replaced | fields)
        return
    edited = {"user": workspace.app.user_id, "ts": workspace.new_ts()}
    cleared: Json = {"blocks": None, "attachments": None}
    workspace.change_message(to.channel, to.ts, cleared | fields | {"edited": edited})


def _show(workspace: Workspace, to: ResponseUrl, answer: Json) -> None:
    message = chat.written_by_app(workspace, chat.content(workspace, answer))
    thread = str(answer.get("thread_ts") or to.thread_ts)
    if thread:
        message["thread_ts"] = thread
    if answer.get("response_type") == "in_channel":
        workspace.add_message(to.channel, message)
    else:
        workspace.add_ephemeral(to.channel, to.person, message)
