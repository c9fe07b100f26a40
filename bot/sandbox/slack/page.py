"""The page in the browser: its own files, the web socket through which a person sees and acts, and shared files."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.slack import files
from bot.sandbox.slack.delivery import Acknowledgement
from bot.sandbox.slack.person_actions import PersonActions
from bot.sandbox.slack.words import page_in, said
from bot.sandbox.slack.workspace import Change, Channel, Workspace

Json = dict[str, Any]
LOG = logging.getLogger(__name__)
STATIC = Path(__file__).parent / "static"
INDEX = STATIC / "index.html"
Beside = Mapping[str, Callable[[], Any]]
"""What the page shows beside Slack: for each kind of change the function that reads what to show."""

FAILURES: Mapping[str, str] = {
    "timeout": "De app heeft niet op tijd geantwoord (Slack wacht 3 seconden).",
    "no_connection": "De app is niet verbonden.",
    "connection_closed": "De verbinding met de app viel weg.",
    "gone": "Dit is er niet meer.",
    "unknown_command": "Deze opdracht bestaat niet.",
    "incomplete": "Nog niet alles is goed ingevuld.",
    "invalid_view": "De app antwoordde met een venster dat Slack niet aanneemt.",
    "invalid_answer": "De app antwoordde met een bericht dat Slack niet aanneemt.",
}
OTHER_FAILURE = "De app gaf een fout ({reason})."


class Page:
    """Serves the page, one web socket per open tab, and shared files."""

    def __init__(self, slack: PersonActions, beside: Beside, index: Path) -> None:
        self._slack = slack
        self._beside = beside
        self._index_html = index
        self._workspace = slack.workspace
        self._sockets: set[web.WebSocketResponse] = set()

    def routes(self) -> list[web.AbstractRouteDef]:
        """The routes of the page."""
        return [
            web.get("/", self._index),
            web.static("/slack/static", STATIC),
            web.get("/page/socket", self._socket),
            web.get("/files/{id}", self._file),
            web.post("/page/files", self._give_file),
        ]

    async def close(self) -> None:
        """Close every tab's socket."""
        for socket in list(self._sockets):
            await socket.close()

    async def _index(self, request: web.Request) -> web.StreamResponse:
        page = page_in(self._workspace.language, self._index_html.read_text(encoding="utf-8"))
        return web.Response(text=page, content_type="text/html")

    async def _file(self, request: web.Request) -> web.Response:
        stored = self._workspace.files.get(request.match_info["id"])
        if stored is None or not stored.shared:
            raise web.HTTPNotFound
        name = "".join(c if c.isalnum() or c in "._-" else "_" for c in stored.name)
        return web.Response(
            body=stored.content,
            content_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    async def _give_file(self, request: web.Request) -> web.Response:
        """Store a file that a person chose in a modal; the body is its content."""
        person, name = self._person(request.query.get("person", "")), request.query.get("name", "")
        try:
            described = files.give(self._workspace, person, name or "file", await request.read())
        except ValueError:
            raise web.HTTPRequestEntityTooLarge(files.MOST_GIVEN, 0) from None
        return web.json_response(described)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request.query.get("person", ""))
        socket = web.WebSocketResponse(heartbeat=30, timeout=1.0)
        await socket.prepare(request)
        self._sockets.add(socket)
        outgoing: asyncio.Queue[Json] = asyncio.Queue()
        outgoing.put_nowait(hello(self._workspace, self._beside, person))

        def send_change(change: Change) -> None:
            frame = frame_of(self._workspace, self._beside, person, change)
            if frame is not None:
                outgoing.put_nowait(frame)

        stop = self._workspace.listen(send_change)
        writer = asyncio.create_task(_write(socket, outgoing))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    # In its own task: an action waits for the app, and the next action must not wait for it.
                    self._slack.in_background(self._receive(person, message.data, outgoing))
        finally:
            stop()
            writer.cancel()
            self._sockets.discard(socket)
        return socket

    def _person(self, asked: str) -> str:
        """The person at the screen: the requested one, else the first who is no bot."""
        people = self._workspace.people
        return asked if asked in people else next(p.id for p in people.values() if not p.is_bot)

    async def _receive(self, person: str, text: str, outgoing: asyncio.Queue[Json]) -> None:
        try:
            frame = json.loads(text)
            key = frame.get("key", "")
        except (ValueError, AttributeError):
            return
        outgoing.put_nowait({"type": "busy", "key": key, "on": True})
        try:
            ack = await self._act(person, frame)
        except (LookupError, TypeError, ValueError, AttributeError):
            # A frame from an older page or a stranger; logged, because it may be our own mistake.
            LOG.warning("a frame of type %r could not be handled", frame.get("type"), exc_info=True)
            ack = Acknowledgement(False, reason="gone")
        finally:
            outgoing.put_nowait({"type": "busy", "key": key, "on": False})
        if frame.get("type") == "suggest" and ack.ok:
            outgoing.put_nowait({"type": "suggestions", "key": key, "typed": frame["typed"], **(ack.payload or {})})
        if ack.errors:
            view_id = str(frame.get("view_id", ""))
            outgoing.put_nowait({"type": "view_errors", "view_id": view_id, "errors": ack.errors})
        elif not ack.ok:
            known = said(FAILURES.get(ack.reason, OTHER_FAILURE), self._workspace.language)
            sentence = known.format(reason=ack.reason)
            outgoing.put_nowait({"type": "failed", "key": key, "text": sentence})

    async def _act(self, person: str, frame: Json) -> Acknowledgement:
        slack = self._slack
        match frame.get("type"):
            case "action":
                return await self._action(person, frame)
            case "suggest":
                asked = {"view_id": frame["view_id"], "block_id": frame["block_id"]}
                options = await slack.suggest(person, frame["action_id"], str(frame["typed"]), **asked)
                return Acknowledgement(True, payload={"options": options})
            case "submit":
                state = frame.get("state", {}).get("values", {})
                return await slack.submit(person, view_id=frame["view_id"], state=state)
            case "close":
                return await slack.close_view(person, frame["view_id"])
            case "post":
                self._must_see(person, frame["channel"])
                thread = str(frame.get("thread_ts") or "")
                return await slack.post(person, frame["channel"], str(frame["text"]), thread_ts=thread)
            case "shortcut":
                if frame.get("ts"):
                    self._must_see(person, frame["channel"])
                where = {"channel": frame.get("channel") or "", "ts": frame.get("ts") or ""}
                return await slack.shortcut(person, frame["callback_id"], **where)
            case "home":
                return await slack.open_home(person)
            case "status":
                slack.set_status(person, str(frame["emoji"]), str(frame["text"]))
                return Acknowledgement(True)
            case "im":
                if frame["user"] in self._workspace.people:
                    slack.open_im(person, frame["user"])
                return Acknowledgement(True)
        return Acknowledgement(False, reason="gone")

    async def _action(self, person: str, frame: Json) -> Acknowledgement:
        where, action = frame["container"], frame["action"]
        state = frame.get("state", {}).get("values", {})
        if where["type"] == "view":
            return await self._slack.act_in_view(person, where["view_id"], action, state)
        self._must_see(person, where["channel"])
        return await self._slack.act_in_message(person, where["channel"], where["ts"], action, state)

    def _must_see(self, person: str, channel: str) -> None:
        if not visible(self._workspace.channels[channel], person):
            raise LookupError(channel)


async def _write(socket: web.WebSocketResponse, outgoing: asyncio.Queue[Json]) -> None:
    while True:
        frame = await outgoing.get()
        try:
            await socket.send_json(frame)
        except ConnectionError:
            return


def visible(channel: Channel, person: str) -> bool:
    """Whether a person may see a channel: everybody a public one, members any other."""
    return person in channel.members or (channel.kind != "im" and not channel.private)


def hello(workspace: Workspace, beside: Beside, person: str) -> Json:
    """The first frame: everything that this person may see."""
    channels = [channel for channel in workspace.channels.values() if visible(channel, person)]
    messages: dict[str, list[Json]] = {}
    for channel in channels:
        shown = [_message(channel.id, m) for m in workspace.messages[channel.id].values()]
        shown += [
            _message(channel.id, own.message) | {"ephemeral": True}
            for (where, _), own in workspace.ephemerals.items()
            if where == channel.id and own.to == person
        ]
        messages[channel.id] = sorted(shown, key=lambda message: str(message["ts"]))
    return {
        "type": "hello",
        "team": {"id": workspace.team_id, "name": workspace.team_name, "domain": workspace.domain},
        "me": person,
        "clock": {"now": workspace.now(), "speed": workspace.speed},
        "people": _people(workspace),
        "channels": [_channel(channel, person) for channel in channels],
        "commands": workspace.app.commands,
        "shortcuts": workspace.app.shortcuts,
        "messages": messages,
        "home": workspace.homes.get(person),
        "views": workspace.stacks.get(person, []),
        "usergroups": [{"id": g.id, "handle": g.handle, "name": g.name} for g in workspace.usergroups.values()],
        **{kind: read() for kind, read in beside.items()},
    }


def frame_of(workspace: Workspace, beside: Beside, person: str, change: Change) -> Json | None:
    """The frame that shows this person a change; None if they may not see it."""
    if change.person not in ("", person):
        return None
    if change.channel and not visible(workspace.channels[change.channel], person):
        return None
    match change.kind:
        case "message":
            own = workspace.ephemerals.get((change.channel, change.ts))
            if own is not None:
                return {"type": "message", "message": _message(change.channel, own.message) | {"ephemeral": True}}
            message = workspace.messages[change.channel][change.ts]
            return {"type": "message", "message": _message(change.channel, message)}
        case "message_deleted":
            return {"type": "message_deleted", "channel": change.channel, "ts": change.ts}
        case "channel":
            return {"type": "channel", "channel": _channel(workspace.channels[change.channel], person)}
        case "views":
            return {"type": "views", "views": workspace.stacks.get(person, [])}
        case "home":
            return {"type": "home", "view": workspace.homes[person]}
        case "people":
            return {"type": "people", "people": _people(workspace)}
        case kind if kind in beside:
            return {"type": kind, kind: beside[kind]()}
    return None


def _people(workspace: Workspace) -> list[Json]:
    fields = ("id", "name", "real_name", "is_bot", "color", "status_emoji", "status_text")
    return [{name: getattr(person, name) for name in fields} for person in workspace.people.values()]


def _message(channel: str, message: Json) -> Json:
    return {**message, "channel": channel}


def _channel(channel: Channel, person: str) -> Json:
    fields = ("id", "name", "kind", "topic", "private", "shared")
    described: Json = {name: getattr(channel, name) for name in fields}
    if channel.kind == "im":
        described["with"] = next(iter(channel.members - {person}), person)
    return described
