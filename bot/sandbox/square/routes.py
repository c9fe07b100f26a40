"""The square over HTTP: what citizens do on the page, and what the bot does here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from bot.sandbox.slack.faults import Drop
from bot.sandbox.square.posts import Refused, Square

Json = dict[str, Any]
STATIC = Path(__file__).parent / "static"


class Door:
    """The routes of a square, its part of the page included."""

    def __init__(self, square: Square) -> None:
        self._square = square

    def routes(self) -> list[web.AbstractRouteDef]:
        """The routes."""
        return [
            web.static("/square/static", STATIC),
            web.post("/square/posts", self._responding(self._post)),
            web.put("/square/posts/{id}", self._responding(self._edit)),
            web.delete("/square/posts/{id}", self._responding(self._delete)),
            web.post("/square/replies", self._responding(self._from_bot)),
            web.get("/square/pictures/{id}", self._picture),
        ]

    def _responding(self, handle: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
        async def respond(request: web.Request) -> web.Response:
            try:
                status, answer = await handle(request)
            except Refused as refused:
                return web.json_response({"error": refused.word}, status=refused.status)
            return web.json_response(answer, status=status)

        return respond

    async def _picture(self, request: web.Request) -> web.Response:
        """Serve a picture that came with a reply."""
        picture = self._square.pictures.get(request.match_info["id"])
        if picture is None:
            raise web.HTTPNotFound
        return web.Response(content_type=picture[0], body=picture[1])

    async def _post(self, request: web.Request) -> tuple[int, Json]:
        sent = _object(await request.text())
        citizen = sent.get("citizen")
        if not isinstance(citizen, dict):
            raise Refused(400, "citizen")
        words, answers = sent.get("text", ""), sent.get("in_reply_to")
        if place := sent.get("place"):
            way, subject = str(sent.get("way", "")), sent.get("subject", "")
            return 201, self._square.write(place, citizen, words, way=way, in_reply_to=answers, subject=subject)
        return 201, self._square.post(citizen, words, in_reply_to=answers, private=bool(sent.get("private")))

    async def _edit(self, request: web.Request) -> tuple[int, Json]:
        return 200, self._square.edit(request.match_info["id"], _object(await request.text()).get("text", ""))

    async def _delete(self, request: web.Request) -> tuple[int, Json]:
        return 200, self._square.delete(request.match_info["id"])

    async def _from_bot(self, request: web.Request) -> tuple[int, Json]:
        """Take a signed request of the bot: a reply or an act."""
        fault = self._square.faults.take("square.replies")
        if self._square.faults.down or fault.status:
            raise Refused(fault.status or 503, "unavailable")
        body = await request.text()
        if fault.drop is Drop.BEFORE:
            return _cut(request)
        try:
            Webhook(self._square.secret).verify(body, dict(request.headers), json_parse=False)
        except WebhookVerificationError:
            raise Refused(401, "signature") from None
        answer = self._taken(_object(body))
        if fault.drop is Drop.AFTER:
            return _cut(request)
        return 200, answer

    def _taken(self, sent: Json) -> Json:
        content = sent.get("data")
        if not isinstance(content, dict) or sent.get("type") not in {"reply.created", "act"}:
            raise Refused(400, "type")
        ident = content.get("id")
        if not isinstance(ident, str) or not 0 < len(ident) <= 255:
            raise Refused(400, "id")
        if sent["type"] == "act":
            return {"id": self._square.act(str(content.get("act")), ident)["id"]}
        answered, private = str(content.get("in_reply_to") or ""), bool(content.get("private"))
        words, image = content.get("text", ""), content.get("image")
        post = self._square.take_reply(ident, answered, words, private=private, image=image)
        url = f"{self._square.workspace.base_url}/#plein/{post['id']}"
        return {"id": post["id"], "url": url, **self._opened(post)}

    def _opened(self, post: Json) -> Json:
        """The conversation that a private answer to a public post opened: the bot identifies it by the citizen."""
        answered = self._square.find(post["in_reply_to"] or "")
        if not post["place"] or not post["private"] or answered is None or answered["private"]:
            return {}
        return {"conversation": answered["citizen"]["id"]}


def _cut(request: web.Request) -> tuple[int, Json]:
    if request.transport is not None:
        request.transport.abort()
    return 200, {}


def _object(text: str) -> Json:
    try:
        body = json.loads(text)
    except ValueError:
        raise Refused(400, "json") from None
    if not isinstance(body, dict):
        raise Refused(400, "json")
    return body
