"""A platform on which posts can be hidden, liked and answered: its server, and the package that adds it to the bot."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.connectors import http
from bot.connectors.base import Account, Draft, Health, Measure, Sent
from bot.connectors.platform import Capability, Platform, Quality, Tools
from bot.domain.mention import Act, Post
from tests.fakes.server import FakeServer

INSTALLED = Path(__file__).parent / "installed"
"""With this folder on the path the bot finds the platform as it finds that of any installed package."""
MARKS = {Act.HIDE: "hidden", Act.SHOW: "hidden", Act.LIKE: "liked", Act.UNLIKE: "liked"}


class Wall(FakeServer):
    """The server, from start to end of the block. `answers` are the statuses of the next requests, 200 when empty.

    What is asked is done when the status is 200, or when it is given as `done`. `marks` is what was done, `wanted`
    every act or reply that was asked for, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[int] = []
        self.done_anyway = False
        self.wanted: list[str] = []
        self.marks: set[tuple[str, str]] = set()
        self.replies: dict[str, str] = {}

    def routes(self) -> Iterator[web.RouteDef]:
        """Yield the routes of the platform."""
        yield web.post("/acts", self._act)
        yield web.post("/replies", self._reply)

    async def _act(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        act, post = Act(wanted["act"]), wanted["post"]
        self.wanted.append(f"{act} {post}")
        status = self.answers.pop(0) if self.answers else 200
        if status == 200 or self.done_anyway:
            mark = (post, MARKS.get(act, "removed"))
            if act in {Act.SHOW, Act.UNLIKE}:
                self.marks.discard(mark)
            else:
                self.marks.add(mark)
        return _answer(status)

    async def _reply(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        self.wanted.append("reply")
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.replies[wanted["key"]] = wanted["text"]
        return _answer(status, id=f"r{len(self.replies)}")


def _answer(status: int, **told: Any) -> web.Response:
    headers = {"Retry-After": "120"} if status == 429 else {}
    return web.json_response({"reason": "Because.", **told}, status=status, headers=headers)


class WallConnector:
    """One account on the wall. An account with the option `broken` has a connector with a fault."""

    resend_safe_for: timedelta | None = timedelta(days=1)

    def __init__(self, account: Account, tools: Tools) -> None:
        self._account, self._http = account, tools.http

    async def act(self, act: Act, post: Post) -> None:
        """Do this to a post."""
        if self._account.options.get("broken"):
            raise ZeroDivisionError
        await self._post("acts", {"act": act, "post": post.external_id})

    async def send(self, draft: Draft) -> Sent:
        """Publish a reply."""
        if self._account.options.get("broken"):
            raise ZeroDivisionError
        return Sent((await self._post("replies", {"key": draft.key, "text": draft.text}))["id"])

    async def _post(self, where: str, content: dict[str, Any]) -> dict[str, Any]:
        response = await http.request(self._http, "POST", f"{self._account.url}/{where}", json=content)
        told: dict[str, Any] = response.json()
        http.judge(response, reason=told["reason"])
        return told

    async def find(self, draft: Draft) -> Sent | None:
        """Find nothing."""
        return None

    async def check(self) -> Health:
        """Find no problem."""
        return Health()

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Return the text as it is."""
        return text

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Return the number of characters."""
        return Measure(len(text), 500)


PLATFORM = Platform(
    name="wall",
    title="Muur",
    docs="https://wall.example/docs",
    capabilities=frozenset({Capability.REPLIES, Capability.HIDES, Capability.LIKES, Capability.DELETES}),
    options=(),
    connect=WallConnector,
    quality=Quality(),
)
