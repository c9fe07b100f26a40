"""Het Plein, the citizens' square: a made-up social network, connected to the bot by webhooks.

Each post of a citizen is sent to the bot's generic webhook until accepted; the bot's replies come back here.
Both are signed by Standard Webhooks: https://www.standardwebhooks.com
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from standardwebhooks import Webhook, WebhookVerificationError

from bot.sandbox.slack.faults import Drop, Faults
from bot.sandbox.slack.workspace import Change, Workspace

Json = dict[str, Any]
STATIC = Path(__file__).parent / "static"
PICTURES = "square/static/pictures"
MAX_TEXT, MAX_ALT, MAX_PICTURE = 5_000, 1_500, 4 * 1024 * 1024
PICTURE_TYPES = ("image/jpeg", "image/png")
TEAM = {"id": "team", "name": "Gemeente Voorbeeld", "handle": "gemeentevoorbeeld", "team": True}
SANDBOX_SECRET = "whsec_c2FuZGJveC1zcXVhcmUtc2VjcmV0LW9mLTMyLWJ5dGVz"  # noqa: S105 - made up


class Refused(Exception):
    """The square refuses a request: an HTTP status and a word."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status = status
        self.word = word


@dataclass
class Square:
    """The posts of the square, oldest first, and their delivery to the bot.

    `bot_url` is where the bot receives them (`http://…/in/<source>`); while it is empty they wait.
    """

    workspace: Workspace
    faults: Faults
    bot_url: str = ""
    secret: str = SANDBOX_SECRET
    retry_seconds: float = 1.0
    posts: list[Json] = field(default_factory=list)
    pictures: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    _version: dict[str, int] = field(default_factory=dict)
    _edited_at: dict[str, str] = field(default_factory=dict)
    _answered: dict[str, str] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    # -- what citizens do

    def post(
        self,
        citizen: Json,
        text: str,
        *,
        in_reply_to: str | None = None,
        private: bool = False,
        published_at: datetime | None = None,
        picture: Json | None = None,
    ) -> Json:
        """A citizen ({id,name,handle}) posts; the bot gets the post later. Raises Refused.

        `picture` ({file,alt}) is one of those in `static/pictures`; one of the team has a `src` instead.
        """
        author = {name: _text(citizen, name, 100) for name in ("id", "name", "handle")}
        return self._add({**author, "team": False}, text, in_reply_to, private, published_at, picture)

    def answer(self, post_id: str, text: str, *, published_at: datetime | None = None) -> Json:
        """The team answers a post without the bot. Raises Refused."""
        return self._add(dict(TEAM), text, post_id, False, published_at)

    def edit(self, post_id: str, text: str) -> Json:
        """A citizen changes their post."""
        post = self._own(post_id)
        post |= {"text": _text({"text": text}, "text", MAX_TEXT), "edited": True}
        self._edited_at[post_id] = self._moment()
        self._changed(post)
        return post

    def delete(self, post_id: str) -> Json:
        """A citizen deletes their post; its place in the conversation stays."""
        post = self._own(post_id)
        post |= {"text": "", "picture": None, "deleted": True}
        self._changed(post)
        return post

    def find(self, post_id: str) -> Json | None:
        """A post by its id."""
        return next((post for post in self.posts if post["id"] == post_id), None)

    def replies(self) -> list[Json]:
        """The posts of the team, oldest first."""
        return [post for post in self.posts if post["author"]["team"]]

    # -- delivery to the bot

    async def deliver(self) -> None:
        """Send the posts that the bot has not accepted yet, again and again, until cancelled.

        At least once: a post is delivered only after a 2xx. One that changed meanwhile is sent again.
        """
        async with ClientSession(timeout=ClientTimeout(total=10)) as session:
            while True:
                self._wake.clear()
                waiting = [post for post in self.posts if not post["delivered"]]
                failed = False
                for post in waiting if self.bot_url else []:
                    failed |= not await self._send(session, post)
                timeout = self.retry_seconds if failed else None
                try:
                    async with asyncio.timeout(timeout):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    def as_sent(self, post: Json) -> Json:
        """Return a post as the bot gets it."""
        author, base = post["author"], self.workspace.base_url
        sent: Json = {
            "id": post["id"],
            "text": post["text"],
            "published_at": post["published_at"],
            "url": f"{base}/#plein/{post['id']}",
            "author": {
                "id": author["id"],
                "name": author["name"],
                "handle": author["handle"],
                "url": f"{base}/#plein/@{author['handle']}",
            },
            "conversation": post["conversation"],
            "in_reply_to": post["in_reply_to"],
            "private": post["private"],
            "can_reply": True,
            "can_reply_privately": True,
        }
        if picture := post["picture"]:
            sent["media"] = [{"url": f"{base}/{PICTURES}/{picture['file']}", "kind": "image", "alt": picture["alt"]}]
        if post["id"] in self._edited_at:
            sent["edited_at"] = self._edited_at[post["id"]]
        if post["deleted"]:
            sent["deleted"] = True
        return sent

    async def _send(self, session: ClientSession, post: Json) -> bool:
        version = self._version[post["id"]]
        body = json.dumps(self.as_sent(post))
        headers = self._signed(f"{post['id']}.{version}", body)
        try:
            async with session.post(self.bot_url, data=body, headers=headers) as response:
                accepted = response.status // 100 == 2
        except (ClientError, TimeoutError):
            accepted = False
        if accepted and self._version[post["id"]] == version:
            post["delivered"] = True
            self.workspace.notify(Change("square"))
        return accepted

    def _signed(self, message_id: str, body: str) -> dict[str, str]:
        # The real time: the bot compares it with its own clock.
        moment = datetime.now(UTC)
        return {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(message_id, moment, body),
        }

    # -- HTTP

    def routes(self) -> list[web.AbstractRouteDef]:
        """The routes of the square, its part of the page included."""
        return [
            web.static("/square/static", STATIC),
            web.post("/square/posts", self._responding(self._handle_post)),
            web.put("/square/posts/{id}", self._responding(self._handle_edit)),
            web.delete("/square/posts/{id}", self._responding(self._handle_delete)),
            web.post("/square/replies", self._responding(self._handle_reply)),
            web.get("/square/pictures/{id}", self._handle_picture),
        ]

    async def _handle_picture(self, request: web.Request) -> web.Response:
        """Show a picture that came with a reply."""
        found = self.pictures.get(request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound
        return web.Response(content_type=found[0], body=found[1])

    def _responding(self, handle: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
        async def respond(request: web.Request) -> web.Response:
            try:
                status, answer = await handle(request)
            except Refused as refused:
                return web.json_response({"error": refused.word}, status=refused.status)
            return web.json_response(answer, status=status)

        return respond

    async def _handle_post(self, request: web.Request) -> tuple[int, Json]:
        sent = _object(await request.text())
        citizen = sent.get("citizen")
        if not isinstance(citizen, dict):
            raise Refused(400, "citizen")
        post = self.post(
            citizen, sent.get("text", ""), in_reply_to=sent.get("in_reply_to"), private=bool(sent.get("private"))
        )
        return 201, post

    async def _handle_edit(self, request: web.Request) -> tuple[int, Json]:
        return 200, self.edit(request.match_info["id"], _object(await request.text()).get("text", ""))

    async def _handle_delete(self, request: web.Request) -> tuple[int, Json]:
        return 200, self.delete(request.match_info["id"])

    async def _handle_reply(self, request: web.Request) -> tuple[int, Json]:
        """Take the bot's reply, which must be signed; a repeated data.id adds no second post."""
        fault = self.faults.take("square.replies")
        if self.faults.down or fault.status:
            raise Refused(fault.status or 503, "unavailable")
        body = await request.text()
        if fault.drop is Drop.BEFORE:
            return _cut(request)
        try:
            Webhook(self.secret).verify(body, dict(request.headers), json_parse=False)
        except WebhookVerificationError:
            raise Refused(401, "signature") from None
        post = self._take_reply(_object(body))
        if fault.drop is Drop.AFTER:
            return _cut(request)
        return 200, {"id": post["id"], "url": f"{self.workspace.base_url}/#plein/{post['id']}"}

    def _take_reply(self, sent: Json) -> Json:
        reply = sent.get("data")
        if sent.get("type") != "reply.created" or not isinstance(reply, dict):
            raise Refused(400, "type")
        key = _text(reply, "id", 255)
        if key in self._answered:
            return next(post for post in self.posts if post["id"] == self._answered[key])
        picture = self._picture(reply.get("image"))
        where = reply.get("in_reply_to"), bool(reply.get("private"))
        post = self._add(dict(TEAM), reply.get("text", ""), *where, picture=picture)
        self._answered[key] = post["id"]
        return post

    def _picture(self, sent: Any) -> Json | None:
        """Keep the picture of a reply, and return how a post has it."""
        if sent is None:
            return None
        if not isinstance(sent, dict) or sent.get("type") not in PICTURE_TYPES:
            raise Refused(400, "image.type")
        content = _decoded(sent.get("content"))
        number = self.workspace.new_id("I")
        self.pictures[number] = (sent["type"], content)
        size = {name: sent[name] for name in ("width", "height") if isinstance(sent.get(name), int)}
        return {"src": f"square/pictures/{number}", "alt": _text(sent, "alt", MAX_ALT), **size}

    # -- storing posts

    def _add(
        self,
        author: Json,
        text: Any,
        in_reply_to: Any,
        private: bool,
        published_at: datetime | None = None,
        picture: Json | None = None,
    ) -> Json:
        parent = self.find(str(in_reply_to)) if in_reply_to else None
        if in_reply_to and parent is None:
            raise Refused(404, "in_reply_to")
        if parent and parent["deleted"]:
            raise Refused(410, "deleted")
        post_id = self.workspace.new_id("P")
        post = {
            "id": post_id,
            "author": author,
            "text": _text({"text": text}, "text", MAX_TEXT),
            "published_at": published_at.astimezone(UTC).isoformat() if published_at else self._moment(),
            "in_reply_to": parent["id"] if parent else None,
            "conversation": parent["conversation"] if parent else post_id,
            "private": private,
            "picture": picture,
            "edited": False,
            "deleted": False,
            "delivered": bool(author["team"]),
        }
        self.posts.append(post)
        self._changed(post)
        return post

    def _own(self, post_id: str) -> Json:
        post = self.find(post_id)
        if post is None or post["author"]["team"]:
            raise Refused(404, "post")
        if post["deleted"]:
            raise Refused(410, "deleted")
        return post

    def _changed(self, post: Json) -> None:
        self._version[post["id"]] = self._version.get(post["id"], 0) + 1
        post["delivered"] = bool(post["author"]["team"])
        self.workspace.notify(Change("square"))
        self._wake.set()

    def _moment(self) -> str:
        return datetime.fromtimestamp(self.workspace.now(), UTC).isoformat()


def _cut(request: web.Request) -> tuple[int, Json]:
    if request.transport is not None:
        request.transport.abort()
    return 200, {}


def _decoded(sent: Any) -> bytes:
    try:
        content = base64.b64decode(sent, validate=True)
    except (TypeError, ValueError):
        content = b""
    if not 0 < len(content) <= MAX_PICTURE:
        raise Refused(400, "image.content")
    return content


def _text(holder: Json, name: str, most: int) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > most:
        raise Refused(400, name)
    return value


def _object(text: str) -> Json:
    try:
        body = json.loads(text)
    except ValueError:
        raise Refused(400, "json") from None
    if not isinstance(body, dict):
        raise Refused(400, "json")
    return body
