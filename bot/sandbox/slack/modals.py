"""The views.* methods, and the rules for a view: https://docs.slack.dev/reference/views"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from bot.sandbox.slack import blocks, input_state
from bot.sandbox.slack.api_method import Invalid, Json, Method, SlackError, parsed, required
from bot.sandbox.slack.block_check import Check
from bot.sandbox.slack.workspace import Workspace

MAX_VIEW = 250_000


def open_view(workspace: Workspace, args: Json) -> Json:
    """Open a modal for the person whose trigger id this is."""
    sent = check_view(workspace, parsed(args, "view"), blocks.MODAL)
    trigger = workspace.tickets.exchange(required(args, "trigger_id"))
    view = stored_view(workspace, sent)
    workspace.set_stack(trigger.person, [view])
    return {"view": view}


def validate(workspace: Workspace, args: Json) -> Json:
    """Check blocks, a message or a view, and show nothing: https://docs.slack.dev/reference/methods/blocks.validate"""
    given = [name for name in ("blocks", "message", "view") if args.get(name) is not None]
    if len(given) != 1:
        raise SlackError("invalid_arguments")
    sent, modern = parsed(args, given[0]), workspace.rules.modern_blocks
    if given == ["view"]:
        kind = sent.get("type") if isinstance(sent, dict) else None
        wrong = problems(sent, kind if kind == blocks.HOME else blocks.MODAL, modern=modern)
    else:
        shown = sent.get("blocks", []) if given == ["message"] else sent
        at = "/blocks" if given == ["message"] else ""
        wrong = blocks.problems(shown, blocks.MESSAGE, modern=modern, at=at)
    if wrong:
        errors = [{"pointer": pointer, "code": "failed_constraint", "message": reason} for pointer, reason in wrong]
        raise SlackError(f"invalid_{given[0]}", errors=errors)
    return {}


def push_view(workspace: Workspace, args: Json) -> Json:
    """Put a modal on top of the one that the trigger id came from."""
    sent = check_view(workspace, parsed(args, "view"), blocks.MODAL)
    trigger = workspace.tickets.exchange(required(args, "trigger_id"))
    if not any(view["id"] == trigger.view_id for view in workspace.stacks.get(trigger.person, [])):
        raise SlackError("not_found")
    return {"view": push(workspace, trigger.person, sent)}


def update_view(workspace: Workspace, args: Json) -> Json:
    """Change an open view; with a hash only if that is still its version."""
    sent = parsed(args, "view")
    old = _find(workspace, args)
    check_view(workspace, sent, old["type"])
    if args.get("hash") and args["hash"] != old["hash"]:
        raise SlackError("hash_conflict")
    view = stored_view(workspace, sent, old)
    workspace.replace_view(view)
    return {"view": view}


def publish_view(workspace: Workspace, args: Json) -> Json:
    """Show a person their App Home."""
    person = required(args, "user_id")
    if person not in workspace.people:
        raise SlackError("user_not_found")
    sent = check_view(workspace, parsed(args, "view"), blocks.HOME)
    if not workspace.app.manifest.get("features", {}).get("app_home", {}).get("home_tab_enabled", True):
        raise SlackError("not_enabled")
    old = workspace.homes.get(person)
    if args.get("hash") and old and args["hash"] != old["hash"]:
        raise SlackError("hash_conflict")
    view = stored_view(workspace, sent, old)
    workspace.set_home(person, view)
    return {"view": view}


def push(workspace: Workspace, person: str, sent: Json) -> Json:
    """Push a checked modal on a person's stack. Raises push_limit_reached."""
    stack = workspace.stacks[person]
    if len(stack) >= workspace.rules.modals_stacked:
        raise SlackError("push_limit_reached")
    view = stored_view(workspace, sent)
    view |= {"root_view_id": stack[0]["id"], "previous_view_id": stack[-1]["id"]}
    workspace.set_stack(person, [*stack, view])
    return view


def stored_view(workspace: Workspace, sent: Json, old: Json | None = None) -> Json:
    """A view as Slack stores it. One that replaces `old` gets its id and what was typed in it."""
    view: Json = {
        "id": workspace.new_id("V"),
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "title": None,
        "submit": None,
        "close": None,
        "clear_on_close": False,
        "notify_on_close": False,
        "previous_view_id": None,
        "team_id": workspace.team_id,
        "app_id": workspace.app.id,
        "app_installed_team_id": workspace.team_id,
        "bot_id": workspace.app.bot_id,
        **sent,
    }
    view["root_view_id"] = view["id"]
    if old:
        view |= {key: old[key] for key in ("id", "root_view_id", "previous_view_id")}
    view["blocks"] = blocks.with_ids(sent["blocks"])
    view["state"] = {"values": input_state.values(view["blocks"], old["state"]["values"] if old else None)}
    view["hash"] = f"{workspace.new_ts()}.{hashlib.sha256(json.dumps(sent).encode()).hexdigest()[:8]}"
    return view


def check_view(workspace: Workspace, sent: Any, surface: str) -> Json:
    """The view that was sent, if it is within Slack's limits. Raises SlackError."""
    if not isinstance(sent, dict):
        raise Invalid("invalid_arguments", [("/view", "missing required field: view")])
    if len(json.dumps(sent)) > MAX_VIEW:
        raise SlackError("view_too_large")
    wrong = problems(sent, surface, modern=workspace.rules.modern_blocks)
    if wrong:
        raise Invalid("invalid_arguments", wrong)
    asks_for_files = any(element.get("type") == "file_input" for _, element in input_state.elements(sent["blocks"]))
    if asks_for_files and "files:read" not in workspace.app.scopes:
        raise SlackError("missing_scope", needed="files:read", provided=",".join(sorted(workspace.app.scopes)))
    external = sent.get("external_id")
    if external and any(
        v["external_id"] == external and v["callback_id"] != sent.get("callback_id", "") for _, v in workspace.views()
    ):
        raise SlackError("duplicate_external_id")
    return sent


def problems(view: Json, surface: str, *, modern: bool = True) -> list[tuple[str, str]]:
    """All problems of a view, as (JSON pointer, reason)."""
    check = Check()
    if view.get("type") != surface:
        check.wrong("/view/type", f"must be one of: {surface}")
    check.optional(view, "callback_id", "/view", most=255)
    check.optional(view, "external_id", "/view", most=255)
    check.optional(view, "private_metadata", "/view", most=3000)
    sent = view.get("blocks")
    if surface == blocks.MODAL:
        if check.has(view, "title", "/view"):
            check.text(view["title"], "/view/title", most=24, kinds=("plain_text",))
        for name in ("submit", "close"):
            if view.get(name) is not None:
                check.text(view[name], f"/view/{name}", most=24, kinds=("plain_text",))
        inputs = isinstance(sent, list) and any(
            isinstance(block, dict) and block.get("type") == "input" for block in sent
        )
        if inputs and view.get("submit") is None:
            check.wrong("/view", "missing required field: submit (a view with input blocks needs one)")
    else:
        for name in ("title", "submit", "close"):
            if view.get(name) is not None:
                check.wrong(f"/view/{name}", f"additional property: {name}")
    if check.has(view, "blocks", "/view"):
        check.problems += blocks.problems(sent, surface, modern=modern, at="/view/blocks")
    return check.problems


def _find(workspace: Workspace, args: Json) -> Json:
    if args.get("view_id"):
        owned = workspace.find_view(str(args["view_id"]))
        if owned:
            return owned[1]
    elif args.get("external_id"):
        for _, view in workspace.views():
            if view["external_id"] == args["external_id"]:
                return view
    else:
        raise Invalid("invalid_arguments", [("/view_id", "missing required field: view_id or external_id")])
    raise SlackError("not_found")


METHODS: Mapping[str, Method] = {
    "blocks.validate": Method(validate),
    "views.open": Method(open_view, tier=4),
    "views.push": Method(push_view, tier=4),
    "views.update": Method(update_view, tier=4),
    "views.publish": Method(publish_view, tier=4),
}
