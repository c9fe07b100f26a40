"""Het Plein, the citizens' square: a made-up social network, connected to the bot by webhooks.

Each post of a citizen is sent to the bot until it is accepted; the bot's replies come back here (`routes`). Both are
signed with Standard Webhooks: https://www.standardwebhooks.com. Besides the open square there may be places that act
like a platform.
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

from aiohttp import ClientError, ClientSession, ClientTimeout
from standardwebhooks import Webhook

from bot.sandbox.slack.faults import Faults
from bot.sandbox.slack.workspace import Change, Workspace
from bot.sandbox.square import threads
from bot.sandbox.square.places import Place, Way

Json = dict[str, Any]
PICTURES = "square/static/pictures"
MAX_TEXT, MAX_ALT, MAX_PICTURE = 5_000, 1_500, 4 * 1024 * 1024
PICTURE_TYPES = ("image/jpeg", "image/png")
PERSON = ("id", "name", "handle")
ACTS = {
    "hide": ("hidden", True),
    "show": ("hidden", False),
    "like": ("liked", True),
    "unlike": ("liked", False),
    "delete": ("deleted", True),
}
"""What the team can do with a post, and the field that it changes."""
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

    `bot_url` is where the bot receives them (`http://…/in/<source>`); while it is empty they wait. Each of `places` has
    its own path there.
    """

    workspace: Workspace
    faults: Faults
    bot_url: str = ""
    secret: str = SANDBOX_SECRET
    places: tuple[Place, ...] = ()
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
        author = {**_person(citizen), "team": False}
        return self._add(author, text, self._parent(in_reply_to), private, published_at, picture=picture)

    def write(
        self,
        place: str,
        citizen: Json,
        text: str,
        *,
        way: str = "",
        in_reply_to: str | None = None,
        subject: str = "",
        published_at: datetime | None = None,
    ) -> Json:
        """A citizen writes like on a platform, in one of its ways or in reply to a post there. Raises Refused."""
        there, parent = self._place(place), self._parent(in_reply_to)
        if parent is not None and parent["place"] != place:
            raise Refused(400, "in_reply_to")
        used = threads.way_of_reply(there, self.posts, parent) if parent else there.way(way)
        if used is None:
            raise Refused(400, "way")
        if used.below and parent is None:
            parent = self._newest_of_team(place)
        person = _person(citizen)
        author = {**person, "handle": there.handle.format(handle=person["handle"]), "team": False}
        where = self._where(there, used, parent, person["id"], subject)
        return self._add(author, text, parent, used.private, published_at, citizen=person, **where)

    def publish(self, place: str, text: str, *, published_at: datetime | None = None) -> Json:
        """The team posts on its own initiative, like on a platform; citizens write below it."""
        return self._add(dict(TEAM), text, None, False, published_at, place=self._place(place).name)

    def answer(self, post_id: str, text: str, *, published_at: datetime | None = None) -> Json:
        """The team answers a post without the bot. Raises Refused."""
        return self._add(dict(TEAM), text, self._parent(post_id), False, published_at)

    def edit(self, post_id: str, text: str) -> Json:
        """A citizen changes their post. Raises Refused."""
        post = self._own(post_id, "edits")
        post |= {"text": _text({"text": text}, "text", MAX_TEXT), "edited": True}
        self._edited_at[post_id] = self._moment()
        self._changed(post)
        return post

    def delete(self, post_id: str) -> Json:
        """A citizen deletes their post; its place in the conversation stays. Raises Refused."""
        post = self._own(post_id, "removes")
        post |= {"text": "", "picture": None, "deleted": True}
        self._changed(post)
        return post

    # -- what the team does

    def take_reply(self, key: str, post_id: str, text: Any, *, private: bool, image: Any = None) -> Json:
        """Store a reply of the team to a post; the same key again adds no second one. Raises Refused."""
        if key in self._answered:
            return next(post for post in self.posts if post["id"] == self._answered[key])
        parent = self._parent(post_id)
        where = self._where_answered(parent, private=private) if parent and parent["place"] else {}
        post = self._add(dict(TEAM), text, parent, private, picture=self._picture(image), **where)
        self._answered[key] = post["id"]
        return post

    def act(self, act: str, post_id: str) -> Json:
        """Hide or like a post or undo that, or remove one of the team's; a repeat changes nothing. Raises Refused."""
        post = self.find(post_id)
        if post is None or post["author"]["team"] is not (act == "delete") or act not in ACTS:
            raise Refused(404, "post")
        name, value = ACTS[act]
        if post[name] is not value:
            post[name] = value
            if post["deleted"]:
                post |= {"text": "", "picture": None}
            self.workspace.notify(Change("square"))
        return post

    def find(self, post_id: str) -> Json | None:
        """A post by its id."""
        return next((post for post in self.posts if post["id"] == post_id), None)

    def replies(self) -> list[Json]:
        """The posts of the team, oldest first."""
        return [post for post in self.posts if post["author"]["team"]]

    # -- delivery to the bot

    async def deliver(self) -> None:
        """Keep sending the posts that the bot has not accepted yet, until cancelled.

        At least once: a post is delivered only after a 2xx. A post that changed in the meantime is sent again.
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
                "url": f"{base}/#plein/@{post['citizen']['handle']}",
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
        return sent | threads.as_there(self.posts, post, TEAM) if post["place"] else sent

    async def _send(self, session: ClientSession, post: Json) -> bool:
        version = self._version[post["id"]]
        body = json.dumps(self.as_sent(post))
        headers = self._signed(f"{post['id']}.{version}", body)
        try:
            async with session.post(self._address(post), data=body, headers=headers) as response:
                accepted = response.status // 100 == 2
        except (ClientError, TimeoutError):
            accepted = False
        if accepted and self._version[post["id"]] == version:
            post["delivered"] = True
            self.workspace.notify(Change("square"))
        return accepted

    def _address(self, post: Json) -> str:
        return urljoin(self.bot_url, self._place(post["place"]).path) if post["place"] else self.bot_url

    def _signed(self, message_id: str, body: str) -> dict[str, str]:
        # The real time: the bot compares it with its own clock.
        moment = datetime.now(UTC)
        return {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(message_id, moment, body),
        }

    # -- storing posts

    def _picture(self, sent: Any) -> Json | None:
        """Store the picture of a reply, and return its form in a post; some platforms take no description."""
        if sent is None:
            return None
        if not isinstance(sent, dict) or sent.get("type") not in PICTURE_TYPES:
            raise Refused(400, "image.type")
        content, alt = _decoded(sent.get("content")), _text(sent, "alt", MAX_ALT) if sent.get("alt") else ""
        number = self.workspace.new_id("I")
        self.pictures[number] = (sent["type"], content)
        size = {name: sent[name] for name in ("width", "height") if isinstance(sent.get(name), int)}
        return {"src": f"square/pictures/{number}", "alt": alt, **size}

    def _add(
        self,
        author: Json,
        text: Any,
        parent: Json | None,
        private: bool,
        published_at: datetime | None = None,
        **more: Any,
    ) -> Json:
        post_id = self.workspace.new_id("P")
        post = {
            "id": post_id,
            "author": author,
            "citizen": None if author["team"] else {name: author[name] for name in PERSON},
            "place": parent["place"] if parent else "",
            "way": "",
            "subject": "",
            "text": _text({"text": text}, "text", MAX_TEXT),
            "published_at": published_at.astimezone(UTC).isoformat() if published_at else self._moment(),
            "in_reply_to": parent["id"] if parent else None,
            "conversation": parent["conversation"] if parent else post_id,
            "private": private,
            "picture": None,
            "edited": False,
            "deleted": False,
            "hidden": False,
            "liked": False,
            "delivered": bool(author["team"]),
            **more,
        }
        self.posts.append(post)
        self._changed(post)
        return post

    def _parent(self, post_id: Any) -> Json | None:
        parent = self.find(str(post_id)) if post_id else None
        if post_id and parent is None:
            raise Refused(404, "in_reply_to")
        if parent and parent["deleted"]:
            raise Refused(410, "deleted")
        return parent

    def _place(self, name: Any) -> Place:
        place = next((place for place in self.places if place.name == name), None)
        if place is None:
            raise Refused(404, "place")
        return place

    def _newest_of_team(self, place: str) -> Json:
        began = (post for post in reversed(self.posts) if post["place"] == place and not post["in_reply_to"])
        post = next((post for post in began if post["author"]["team"] and not post["private"]), None)
        if post is None:
            raise Refused(400, "way")
        return post

    def _where(self, place: Place, way: Way, parent: Json | None, citizen: str, subject: str) -> Json:
        """Where a post is: a citizen's private messages are one conversation, unless they have subjects."""
        where: Json = {"place": place.name, "way": way.name}
        if way.has_subject:
            return where | {"subject": f"Re: {bare(parent['subject'])}" if parent else _line(subject, "subject")}
        return where | ({"conversation": f"{place.name}:{citizen}"} if way.private else {})

    def _where_answered(self, parent: Json, *, private: bool) -> Json:
        place = self._place(parent["place"])
        way = place.private_way() if private else place.way(parent["way"])
        if way is None:
            raise Refused(400, "private")
        opens = private and not parent["private"]
        if opens and place.once and any(self._answers_privately(post, parent) for post in self.posts):
            raise Refused(409, "answered privately")
        return self._where(place, way, parent, (parent["citizen"] or {}).get("id", ""), "")

    def _answers_privately(self, post: Json, parent: Json) -> bool:
        return bool(post["author"]["team"] and post["private"] and post["in_reply_to"] == parent["id"])

    def _own(self, post_id: str, change: str) -> Json:
        """An existing post of a citizen; `change` is what its way must allow."""
        post = self.find(post_id)
        if post is None or post["author"]["team"]:
            raise Refused(404, "post")
        if post["deleted"]:
            raise Refused(410, "deleted")
        way = self._place(post["place"]).way(post["way"]) if post["place"] else None
        if way is not None and not getattr(way, change):
            raise Refused(403, change)
        return post

    def _changed(self, post: Json) -> None:
        self._version[post["id"]] = self._version.get(post["id"], 0) + 1
        post["delivered"] = bool(post["author"]["team"])
        self.workspace.notify(Change("square"))
        self._wake.set()

    def _moment(self) -> str:
        return datetime.fromtimestamp(self.workspace.now(), UTC).isoformat()


def bare(subject: str) -> str:
    """A subject without the prefix of an answer."""
    return subject.removeprefix("Re: ")


def _person(citizen: Json) -> Json:
    return {name: _text(citizen, name, 100) for name in PERSON}


def _line(value: Any, name: str) -> str:
    return " ".join(_text({name: value}, name, 200).split())


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
