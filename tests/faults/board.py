"""The notice board: a platform that is polled, knows no keys and can be asked for our own posts; and its connector."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from bot.connectors import http
from bot.connectors.base import Account, Cursor, Draft, Health, Measure, Page, Sent
from bot.connectors.platform import Capability, Platform, Quality, Tools
from bot.domain.mention import OPPOSITES, Act, Author, Gone, Post, permits
from tests.faults.platform_server import Json, PlatformServer, Published
from tests.faults.posts import Written

PAGE = 4
ROUNDED = timedelta(milliseconds=1)
"""How far the clock of a process may be ahead of the board's: it counts on by itself when the machine's is set."""


@dataclass(frozen=True)
class _Item:
    number: int
    post: Json


class Board(PlatformServer):
    """The server. Every version of a post is an item in its list, the newest last."""

    items: list[Json]
    acts: list[tuple[Act, str]]
    """What was done to posts, ours too, in order; what was done already is not done again."""

    def open(self) -> "Board":
        self.items, self.acts = [], []
        return self

    def stands(self, act: Act, ident: str) -> bool:
        """Whether the last thing that was done to a post of an act and its opposite is this act."""
        done = [each for each, of in self.acts if of == ident and each in {act, OPPOSITES.get(act)}]
        return done[-1:] == [act]

    def routes(self) -> Iterator[web.RouteDef]:
        yield web.get("/posts", self.answering(self._page, read_only=True))
        yield web.get("/mine", self.answering(self._mine, read_only=True))
        yield web.post("/replies", self.answering(self._reply))
        yield web.post("/acts", self.answering(self._act))

    def tell(self, written: Written) -> None:
        """Put the present version of a post at the end of the list."""
        self.items.append(written.as_json())

    def _page(self, asked: Json) -> Json:
        start = int(asked["after"])
        return {"items": self.items[start : start + PAGE], "more": len(self.items) > start + PAGE}

    def _mine(self, asked: Json) -> Json:
        since = datetime.fromisoformat(asked["since"])
        return {
            "items": [
                {"id": each.id, "to": each.to, "text": each.text, "private": each.private}
                for each in self._shown()
                if each.at >= since
            ]
        }

    def _shown(self) -> Iterator[Published]:
        return (each for each in self.published if not self.stands(Act.DELETE, each.id))

    def _act(self, asked: Json) -> Json:
        act, ident = Act(asked["act"]), asked["id"]
        if not self.stands(act, ident):
            self.acts.append((act, ident))
        return {}

    def _reply(self, asked: Json) -> Json:
        return {"id": self.publish("", asked["to"], asked["text"], asked["private"]).id}


class BoardConnector:
    """One account on the board."""

    resend_safe_for: timedelta | None = None

    def __init__(self, account: Account, tools: Tools) -> None:
        self._url, self._http = account.url, tools.http

    async def fetch(self, cursor: Cursor) -> Page:
        """Read the next page."""
        start = cursor.get("after", 0)
        answer = await self._call("GET", "posts", params={"after": start})
        items = tuple(_post(item) for item in answer["items"])
        return Page(items, {"after": start + len(items)}, answer["more"])

    async def send(self, draft: Draft) -> Sent:
        """Publish a reply."""
        asked = {"to": draft.to.external_id, "text": draft.text, "private": draft.private}
        return Sent((await self._call("POST", "replies", json=asked))["id"])

    async def find(self, draft: Draft) -> Sent | None:
        """Look among our own posts."""
        since = draft.first_tried_at - ROUNDED  # its clock is ours; what is older is another answer with these words
        mine = (await self._call("GET", "mine", params={"since": since.isoformat()}))["items"]
        ours = (draft.text, draft.to.external_id, draft.private)
        same = (each["id"] for each in mine if (each["text"], each["to"], each["private"]) == ours)
        return next(map(Sent, same), None)

    async def act(self, act: Act, post: Post) -> None:
        """Do this to a post."""
        await self._call("POST", "acts", json={"act": act, "id": post.external_id})

    async def check(self) -> Health:
        """Find no problem."""
        return Health()

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Return the text as it is."""
        return text

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Return the number of characters."""
        return Measure(len(text), 500)

    async def _call(self, method: str, path: str, **more: Any) -> Json:
        response = await http.request(self._http, method, f"{self._url}/{path}", **more)
        answer: Json = http.json_of(response)
        http.judge(response, reason=answer.get("error", ""))
        return answer


def _post(item: Json) -> Post:
    answers = (Act.ANSWER_PRIVATELY,) if item["private"] else (Act.ANSWER, Act.ANSWER_PRIVATELY)
    author = item["author"]
    return Post(
        external_id=item["id"],
        author=Author(author["id"], author["name"], author["handle"], ""),
        text=item["text"],
        published_at=datetime.fromisoformat(item["published_at"]),
        conversation=item["conversation"],
        in_reply_to=item["in_reply_to"],
        private=item["private"],
        permits=permits(*answers, Act.LIKE, *(() if item["private"] else (Act.HIDE,))),
        edited_at=datetime.fromisoformat(item["edited_at"]) if item.get("edited_at") else None,
        gone=Gone.BY_AUTHOR if item.get("deleted") else None,
    )


PLATFORM = Platform(
    name="board",
    title="Prikbord",
    docs="https://board.example/docs",
    capabilities=frozenset(
        {
            Capability.POLLS,
            Capability.REPLIES,
            Capability.MESSAGES,
            Capability.LIKES,
            Capability.HIDES,
            Capability.DELETES,
        }
    ),
    options=(),
    connect=BoardConnector,
    quality=Quality(),
    every=timedelta(seconds=30),
)
