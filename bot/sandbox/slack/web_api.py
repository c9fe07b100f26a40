"""Serves the Web API: reads a call, checks its token, scope and rate, runs it and answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from aiohttp import web

from bot.sandbox.slack import chat, conversations, files, modals, people
from bot.sandbox.slack.api_method import Json, Method, SlackError
from bot.sandbox.slack.faults import Drop, Fault, Faults
from bot.sandbox.slack.rules import Pace
from bot.sandbox.slack.workspace import Change, Workspace

METHODS: Mapping[str, Method] = {
    **chat.METHODS,
    **conversations.METHODS,
    **people.METHODS,
    **modals.METHODS,
    **files.METHODS,
}


@dataclass(frozen=True)
class Call:
    """One call of the app: the method, its arguments, the moment and the answer (None: no answer)."""

    method: str
    args: Json
    at: float
    status: int
    answer: Json | None


@dataclass
class WebApi:
    """Slack's Web API on one workspace. `calls` lists every call."""

    workspace: Workspace
    faults: Faults
    calls: list[Call] = field(default_factory=list)
    pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        """Pace calls by the workspace's rules and clock."""
        self.pace = Pace(self.workspace.rules, lambda: self.workspace.now())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer POST or GET /api/<method>."""
        method = request.match_info["method"]
        try:
            args, token = await read_call(request)
        except SlackError as error:
            return web.json_response({"ok": False, "error": error.code})
        fault = Fault(status=503) if self.faults.down else self.faults.take(method)
        if fault.held:
            await fault.held.wait()
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.drop is Drop.BEFORE:
            return self._cut(request, Call(method, args, self.workspace.now(), 0, None))
        if fault.status or fault.error:
            return self._answer_fault(method, args, fault)
        status, answer, headers = self._answer(method, args, token)
        call = Call(method, args, self.workspace.now(), status, answer)
        if fault.drop is Drop.AFTER:
            return self._cut(request, call)
        self._record(call)
        return web.json_response(answer, status=status, headers=headers)

    def _answer(self, name: str, args: Json, token: str) -> tuple[int, Json, dict[str, str]]:
        method = METHODS.get(name)
        if method is None:
            return 200, {"ok": False, "error": "unknown_method", "req_method": name}, {}
        headers = {
            "x-oauth-scopes": "connections:write" if method.app_token else ",".join(sorted(self.workspace.app.scopes)),
            "x-accepted-oauth-scopes": ",".join(method.scopes),
            "Date": formatdate(self.workspace.now(), usegmt=True),
        }
        try:
            self._authorize(method, token)
            channel = self.workspace.find_channel(str(args.get("channel", "")))
            wait = self.pace.wait_for(name, channel.id if channel else "", method.tier)
            if wait is not None:
                return 429, {"ok": False, "error": "ratelimited"}, headers | {"Retry-After": str(wait)}
            # A copy, so that a later change of the workspace does not change the recorded answer.
            answer = json.loads(json.dumps({"ok": True} | method.run(self.workspace, args)))
        except SlackError as error:
            return 200, {"ok": False, "error": error.code, **error.answer}, headers
        return 200, answer, headers

    def _authorize(self, method: Method, token: str) -> None:
        app = self.workspace.app
        if not token:
            raise SlackError("not_authed")
        if token not in (app.bot_token, app.app_token):
            raise SlackError("invalid_auth")
        if token in app.revoked:
            raise SlackError(app.revoked[token])
        if (token == app.app_token) != method.app_token:
            raise SlackError("not_allowed_token_type")
        if method.scopes and not app.scopes.intersection(method.scopes):
            raise SlackError("missing_scope", needed=method.scopes[0], provided=",".join(sorted(app.scopes)))

    def _answer_fault(self, method: str, args: Json, fault: Fault) -> web.Response:
        answer: Json | None = {"ok": False, "error": fault.error, **fault.answer} if fault.error else None
        status = fault.status or 200
        headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
        self._record(Call(method, args, self.workspace.now(), status, answer))
        if answer is None:
            return web.Response(status=status, headers=headers, text="unavailable")
        return web.json_response(answer, status=status, headers=headers)

    def _cut(self, request: web.Request, call: Call) -> web.Response:
        """Cut the connection instead of answering."""
        self._record(call)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _record(self, call: Call) -> None:
        self.calls.append(call)
        self.workspace.notify(Change("call"))


async def read_call(request: web.Request) -> tuple[Json, str]:
    """The arguments and token of a call, from JSON, a form or the query. Raises invalid_json.

    A token in the query does not count, as in Slack for new apps: any page can request an address.
    https://api.slack.com/changelog/2020-11-no-more-tokens-in-querystrings-for-newly-created-apps
    """
    args: Json = {name: value for name, value in request.query.items() if name != "token"}
    method = METHODS.get(request.match_info["method"])
    if request.method == "POST" and request.can_read_body:
        if request.content_type == "application/json":
            args |= {} if method and method.reads else _object(await request.text())
        else:
            args |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    return args, token or str(args.pop("token", "") or "")


def _object(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text or "{}")
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return body
