"""How Slack reaches the app: over Socket Mode, or by signed HTTP; and what the app acknowledged.

https://docs.slack.dev/apis/events-api/using-socket-mode and
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout, WSMsgType, web

from bot.sandbox.slack.workspace import Change, Workspace

Json = dict[str, Any]
MAX_CONNECTIONS = 10
ANSWERED = frozenset({"view_submission", "block_suggestion"})
"""Interactions whose answer is in the acknowledgement itself."""


class Kind(StrEnum):
    """What is delivered; the values are Socket Mode's names."""

    EVENT = "events_api"
    INTERACTION = "interactive"
    COMMAND = "slash_commands"


@dataclass(frozen=True)
class Acknowledgement:
    """What the app answered in time; when not `ok`, `reason` says why.

    reason: timeout, no_connection, connection_closed, http_<status>, invalid_view, incomplete,
    gone, unknown_command. `errors` are those of a submission, per block_id. `message` is what a person posted.
    """

    ok: bool
    payload: Json | None = None
    text: str = ""
    reason: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    message: Json | None = None
    retry: bool = True


class Delivery(Protocol):
    """A way to reach the app."""

    async def deliver(self, kind: Kind, payload: Json, attempt: int = 0, reason: str = "") -> Acknowledgement:
        """Send one payload and wait as long as Slack does for the acknowledgement."""

    async def close(self) -> None:
        """Close the connections."""


@dataclass
class SocketMode:
    """Delivers over the web sockets that the app opened, which take turns for each kind of payload.

    Were the turns of all kinds one, each click with the event that its effect makes would go to every second socket.
    """

    workspace: Workspace
    connections: list[web.WebSocketResponse] = field(default_factory=list)
    _waiting: dict[str, tuple[web.WebSocketResponse, asyncio.Future[Acknowledgement]]] = field(default_factory=dict)
    _turns: Counter[Kind] = field(default_factory=Counter)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection of the app, from hello to its close."""
        socket = web.WebSocketResponse(timeout=1.0)
        await socket.prepare(request)
        if len(self.connections) >= MAX_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        self.connections.append(socket)
        try:
            await socket.send_json(self._hello())
            self.workspace.notify(Change("connection"))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(message.data)
        finally:
            self._forget(socket)
        return socket

    async def deliver(self, kind: Kind, payload: Json, attempt: int = 0, reason: str = "") -> Acknowledgement:
        """Send an envelope on one connection and wait for its acknowledgement."""
        if not self.connections:
            return Acknowledgement(False, reason="no_connection")
        self._turns[kind] += 1
        socket = self.connections[self._turns[kind] % len(self.connections)]
        envelope: Json = {
            "envelope_id": str(uuid.uuid4()),
            "payload": payload,
            "type": kind.value,
            "accepts_response_payload": kind is Kind.COMMAND or payload["type"] in ANSWERED,
        }
        if kind is Kind.EVENT:
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        answer: asyncio.Future[Acknowledgement] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = (socket, answer)
        try:
            async with asyncio.timeout(self.workspace.rules.ack_seconds):
                await socket.send_json(envelope)
                return await answer
        except TimeoutError:
            return Acknowledgement(False, reason="timeout")
        except ConnectionError:
            return Acknowledgement(False, reason="connection_closed")
        finally:
            del self._waiting[envelope["envelope_id"]]

    async def refresh(self) -> None:
        """Ask the app to open new connections, as Slack does every few hours, and close the old ones."""
        for socket in list(self.connections):
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})
            self._forget(socket)
            await socket.close()

    async def close(self) -> None:
        """Close every connection."""
        for socket in list(self.connections):
            await socket.close()

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "connection_info": {"app_id": self.workspace.app.id},
            "debug_info": {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060},
        }

    def _acknowledge(self, text: str) -> None:
        try:
            answer = json.loads(text)
        except ValueError:
            return
        waiting = self._waiting.get(answer.get("envelope_id", ""))
        if waiting and not waiting[1].done():
            payload = answer.get("payload")
            waiting[1].set_result(Acknowledgement(True, payload=payload if isinstance(payload, dict) else None))

    def _forget(self, socket: web.WebSocketResponse) -> None:
        if socket in self.connections:
            self.connections.remove(socket)
        for connection, answer in self._waiting.values():
            if connection is socket and not answer.done():
                answer.set_result(Acknowledgement(False, reason="connection_closed"))
        self.workspace.notify(Change("connection"))


@dataclass
class SignedHttp:
    """Delivers by POST to the app's request URL, signed with the signing secret.

    `tampered` makes the signature wrong, to test that the app checks it.
    """

    workspace: Workspace
    request_url: str
    tampered: bool = False
    _session: ClientSession | None = None

    async def deliver(self, kind: Kind, payload: Json, attempt: int = 0, reason: str = "") -> Acknowledgement:
        """POST one payload; anything but 200 in time is no acknowledgement."""
        body, content_type = _body(kind, payload)
        headers = self._signature(body) | {"Content-Type": content_type, "User-Agent": "Slackbot 1.0"}
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": _http_reason(reason)}
        if self._session is None:
            self._session = ClientSession()
        timeout = ClientTimeout(total=self.workspace.rules.ack_seconds)
        try:
            async with self._session.post(self.request_url, data=body, headers=headers, timeout=timeout) as response:
                return _read(response.status, await response.text(), dict(response.headers))
        except TimeoutError:
            return Acknowledgement(False, reason="timeout")
        except ClientError:
            return Acknowledgement(False, reason="no_connection")

    async def close(self) -> None:
        """Close the HTTP client."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _signature(self, body: str) -> dict[str, str]:
        # The real time, not the workspace's: the app compares it with its own clock.
        moment = str(int(time.time()))
        secret = self.workspace.app.signing_secret + ("x" if self.tampered else "")
        digest = hmac.new(secret.encode(), f"v0:{moment}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}


def _body(kind: Kind, payload: Json) -> tuple[str, str]:
    if kind is Kind.EVENT:
        return json.dumps(payload), "application/json"
    fields = payload if kind is Kind.COMMAND else {"payload": json.dumps(payload)}
    return urlencode(fields), "application/x-www-form-urlencoded"


def _read(status: int, text: str, headers: dict[str, str]) -> Acknowledgement:
    again = "X-Slack-No-Retry" not in headers
    if status != 200:
        return Acknowledgement(False, reason=f"http_{status}", retry=again)
    try:
        payload = json.loads(text) if text else None
    except ValueError:
        return Acknowledgement(True, text=text)
    if isinstance(payload, dict):
        return Acknowledgement(True, payload=payload)
    return Acknowledgement(True, text=text)


def _http_reason(reason: str) -> str:
    return {"timeout": "http_timeout", "no_connection": "connection_failed"}.get(reason, "http_error")
