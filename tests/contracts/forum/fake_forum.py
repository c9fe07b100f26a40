"""The forum's server: topics, posts, private messages, and what citizens, moderators and the team do there."""

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer

KEY = "forum-key"
US = {"id": 1, "username": "gemeente", "name": "Gemeente"}


class FakeForum(FakeServer):
    """One forum with one account of the team; its posts have at most so many characters, None: any number."""

    longest: int | None = 300

    def __init__(self) -> None:
        super().__init__()
        self.posts: list[dict[str, Any]] = []
        self.closed: set[int] = set()
        self.approves_first = False
        self.key_ends_at = ""

    def routes(self) -> Iterator[web.RouteDef]:
        yield web.get("/session/current.json", self._me)
        yield web.get("/site.json", self._site)
        yield web.get("/posts.json", self._latest)
        yield web.post("/posts.json", self._create)
        yield web.get("/posts/mine.json", self._mine)
        yield web.get("/posts/{id}.json", self._one)
        yield web.get("/t/{id}.json", self._topic)

    def write(self, name: str, text: str, *, topic: int = 0, private: bool = False) -> str:
        """Let a citizen write in a topic, or in one of their own."""
        who = US if name == US["username"] else {"id": 100 + sum(map(ord, name)), "username": name, "name": ""}
        return str(self._add(who, text, topic, private=private)["id"])

    def _add(self, who: dict[str, Any], text: str, topic: int = 0, *, private: bool = False) -> dict[str, Any]:
        topic = topic or 1000 + len(self.posts)
        now = datetime.now(UTC).isoformat()
        number = 1 + sum(post["topic_id"] == topic for post in self.posts)
        post = {
            "id": 10 + len(self.posts), "user_id": who["id"], "username": who["username"], "name": who["name"],
            "raw": text, "cooked": f"<p>{escape(text)}</p>", "created_at": now, "updated_at": now, "version": 1,
            "topic_id": topic, "post_number": number, "archetype": "private_message" if private else "regular",
        }  # fmt: skip
        self.posts.append(post)
        return post

    def change(self, post_id: str, **changes: Any) -> None:
        """Let an author edit or a moderator hide a post."""
        post = next(each for each in self.posts if each["id"] == int(post_id))
        post |= changes
        if "raw" in changes:
            later = datetime.now(UTC).isoformat()
            post |= {"version": post["version"] + 1, "updated_at": later, "cooked": f"<p>{escape(changes['raw'])}</p>"}

    def approve(self, post_id: str) -> None:
        """Let a moderator approve a post; until then only its author sees it."""
        self.change(post_id, queued=False)

    def by_us(self) -> list[dict[str, Any]]:
        """The team's posts, oldest first."""
        return [post for post in self.posts if post["user_id"] == US["id"]]

    def _refused(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Api-Key") == KEY:
            return None
        return web.json_response({"errors": ["Invalid key."], "error_type": "invalid_access"}, status=403)

    async def _me(self, request: web.Request) -> web.Response:
        return self._refused(request) or web.json_response({"current_user": {**US, "key_ends_at": self.key_ends_at}})

    async def _site(self, request: web.Request) -> web.Response:
        return web.json_response({"max_post_length": self.longest})

    async def _latest(self, request: web.Request) -> web.Response:
        after, most = int(request.query["after"]), int(request.query["limit"])
        found = [post for post in self.posts if post["id"] > after and not post.get("queued")][:most]
        return self._refused(request) or web.json_response({"latest_posts": found})

    async def _mine(self, request: web.Request) -> web.Response:
        found = [post for post in self.by_us() if post["created_at"] >= request.query["since"]]
        return self._refused(request) or web.json_response({"posts": found})

    async def _one(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        found = next((post for post in self.posts if str(post["id"]) == wanted and not post.get("queued")), None)
        missing = web.json_response({"errors": ["Not found."]}, status=404)
        return self._refused(request) or (web.json_response(found) if found else missing)

    async def _topic(self, request: web.Request) -> web.Response:
        topic = int(request.match_info["id"])
        return self._refused(request) or web.json_response({"id": topic, "closed": topic in self.closed})

    async def _create(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        if self.longest is not None and len(wanted["raw"]) > self.longest:
            return web.json_response({"errors": [f"Body is limited to {self.longest} characters."]}, status=422)
        if refused := self._refused(request):
            return refused
        post = self._add(US, wanted["raw"], wanted.get("topic_id", 0), private="archetype" in wanted)
        post |= {"title": wanted.get("title", ""), "queued": self.approves_first}
        return web.json_response(post | ({"action": "enqueued"} if self.approves_first else {}))
