"""A made-up forum, much like Discourse: posts in topics, private messages, and moderators who approve posts first.

Quirks: a reply needs the number of its topic and of the post in it, which are known when the post is read (`place`); a
refused key is a 403; a key to repeat a request safely does not exist, so a reply is looked up before it is sent again.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bot.connectors.base import (
    Account,
    Cursor,
    Draft,
    Health,
    Identity,
    Measure,
    NotSigned,
    Page,
    Received,
    Rechecked,
    Rejected,
    Request,
    Sent,
)
from bot.connectors.html import text_of
from bot.connectors.json_api import Json, JsonApi, before_sending, time_of, web
from bot.connectors.platform import Capability, Option, OptionKind, Platform, Quality, Tools
from bot.domain.mention import Act, Author, Gone, Post, PostKind, permits
from bot.domain.payload import BadPayload
from bot.domain.text import text

AT_ONCE = 30
BUDGET = 10
"""Posts looked at again per recheck: 60 requests a minute are allowed."""
ANSWERS_FOR = timedelta(days=30)
"""Topics close a month after they were last written in."""
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)


class Forum(JsonApi):
    """One account on one forum. Secret: `key`. Option: `username`."""

    resend_safe_for = None

    def __init__(self, account: Account, tools: Tools) -> None:
        headers = {"Api-Key": account.secrets["key"], "Api-Username": account.options["username"]}
        super().__init__(tools.http, account.url, headers)
        self._account = account

    def reason_of(self, response: httpx.Response) -> str:
        """Return what the forum says is wrong."""
        try:
            return " ".join(response.json()["errors"])
        except UNREADABLE:
            return ""

    def is_our_token(self, response: httpx.Response) -> bool:
        """Tell whether the key is refused: the forum says so with a 403 of a type of its own."""
        try:
            return response.status_code == 401 or response.json()["error_type"] == "invalid_access"
        except UNREADABLE:
            return response.status_code == 401

    async def check(self) -> Health:
        """Say who we are, and learn how long a post may be."""
        me = self.object(await self.call("GET", "/session/current.json"))["current_user"]
        site = self.object(await self.call("GET", "/site.json"))
        identity = Identity(str(me["id"]), me["username"], me.get("name") or "", f"{self.base}/u/{me['username']}")
        working = (text("We are logged in as @{acct}.", acct=identity.handle),)
        ends = time_of(me["key_ends_at"]) if me.get("key_ends_at") else None
        limits = {"max_length": site["max_post_length"]}
        return Health(working, identity=identity, limits=limits, token_expires_at=ends)

    async def fetch(self, cursor: Cursor) -> Page:
        """Return the posts after the last one that was read; the first time the newest ones."""
        last = cursor.get("last", 0)
        response = await self.call("GET", "/posts.json", params={"after": last, "limit": AT_ONCE})
        found = [each for each in self.list(response, "latest_posts") if isinstance(each.get("id"), int)]
        posts = [post for each in found if (post := self._post(each))]
        last = max([each["id"] for each in found], default=last)
        return Page(tuple(posts), {"last": last}, more=len(found) >= AT_ONCE)

    async def recheck(self, posts: Sequence[Post], cursor: Cursor) -> Rechecked:
        """Look at some posts again, in turn; only what the forum says of a post's author is proof of a removal."""
        ids = [post.external_id for post in posts]
        start = ids.index(cursor["last"]) + 1 if cursor.get("last") in ids else 0
        turn = [*posts[start:], *posts[:start]][:BUDGET]
        changed = [seen for post in turn if (seen := await self._seen_again(post))]
        return Rechecked(tuple(changed), {"last": turn[-1].external_id} if turn else {})

    async def _seen_again(self, post: Post) -> Post | None:
        response = await self.call("GET", f"/posts/{post.external_id}.json")
        if response.status_code == 404 and self.reason_of(response):
            return _gone(post, Gone.UNREACHABLE)
        found = self.object(response)
        if found.get("user_deleted"):
            return _gone(post, Gone.BY_AUTHOR)
        if found.get("hidden"):
            return _gone(post, Gone.HIDDEN)
        return self._post(found) if found.get("version", 1) > 1 or post.gone else None

    def _post(self, found: Json) -> Post | None:
        try:
            return _post_of(self.base, found)
        except UNREADABLE:
            return None

    async def send(self, draft: Draft) -> Sent:
        """Write the reply in the topic of the post, or as a private message to its author."""
        place = draft.to.place or {}
        body: dict[str, Any] = {"raw": draft.text}
        if draft.private and not draft.to.private:
            names = [draft.to.author.handle.lstrip("@")]
            body |= {"archetype": "private_message", "target_recipients": names, "title": draft.subject}
        else:
            with before_sending():
                topic = self.object(await self.call("GET", f"/t/{place['topic']}.json"))
            if topic.get("closed"):
                raise Rejected("{host} says: {reason}", host=self.host, reason="the topic is closed")
            body |= {"topic_id": place["topic"], "reply_to_post_number": place["number"]}
        return self._sent(self.object(await self.call("POST", "/posts.json", json=body)), draft)

    async def find(self, draft: Draft) -> Sent | None:
        """Look among our own posts since the first try for one with the same words."""
        since = (draft.first_tried_at - timedelta(minutes=5)).astimezone(UTC).isoformat()
        response = await self.call("GET", "/posts/mine.json", params={"since": since})
        for found in self.list(response, "posts"):
            if found.get("raw") == draft.text:
                return self._sent(found, draft)
        return None

    def _sent(self, made: Json, draft: Draft) -> Sent:
        opened = str(made.get("topic_id", "")) if draft.private and not draft.to.private else ""
        url = "" if draft.private else f"{self.base}/t/{made.get('topic_id')}/{made.get('post_number')}"
        return Sent(str(made["id"]), url, conversation=opened, held=made.get("action") == "enqueued")

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Return the text as it is: the forum tells the author that there is an answer."""
        return text

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Count characters; some forums set no limit."""
        return Measure(len(text), self._account.limits.get("max_length"))


def _post_of(base: str, found: Json) -> Post:
    name, private = found["username"], found.get("archetype") == "private_message"
    written, edited = time_of(found["created_at"]), found.get("version", 1) > 1
    answers = (Act.ANSWER_PRIVATELY,) if private else (Act.ANSWER, Act.ANSWER_PRIVATELY)
    return Post(
        external_id=str(found["id"]),
        author=Author(str(found["user_id"]), found.get("name") or name, f"@{name}", f"{base}/u/{name}"),
        text=text_of(found["cooked"]),
        published_at=written,
        url=web(f"{base}/t/{found['topic_id']}/{found['post_number']}"),
        conversation=str(found["topic_id"]),
        private=private,
        permits=permits(*answers, until=written + ANSWERS_FOR),
        edited_at=time_of(found["updated_at"]) if edited else None,
        kind=PostKind.MESSAGE if private else PostKind.REPLY if found["post_number"] > 1 else PostKind.POST,
        place={"topic": found["topic_id"], "number": found["post_number"]},
    )


class Hooks:
    """What the forum pushes: posts for one of our accounts, which the body names. Both are signed with the API key."""

    def challenge(self, account: Account, request: Request) -> str | None:
        """Return the question of a GET, signed with the key."""
        question = request.query.get("challenge", "")
        if request.method != "GET" or not question:
            return None
        if not hmac.compare_digest(_signature(account, question.encode()), request.query.get("signature", "")):
            raise NotSigned(text("The question is not signed with our key."))
        return question

    def accounts_of(self, request: Request) -> frozenset[str]:
        """Return the account that the body names."""
        return frozenset({str(_pushed(request)["account"])})

    def receive(self, account: Account, request: Request, now: datetime) -> Received:
        """Return the posts in the body."""
        if not hmac.compare_digest(_signature(account, request.body), request.headers.get("x-forum-signature", "")):
            raise NotSigned(text("The body is not signed with our key."))
        return Received(tuple(_post_of(account.url, each) for each in _pushed(request)["posts"]))


def _pushed(request: Request) -> Json:
    try:
        pushed: Json = json.loads(request.body)
        return {"account": pushed["account"], "posts": pushed["posts"]}
    except UNREADABLE as error:
        raise BadPayload(text("The body is not JSON.")) from error


def _signature(account: Account, signed: bytes) -> str:
    return hmac.new(account.secrets["key"].encode(), signed, hashlib.sha256).hexdigest()


def _gone(post: Post, why: Gone) -> Post:
    return Post(post.external_id, post.author, "", datetime.fromtimestamp(0, UTC), gone=why)


PLATFORM = Platform(
    name="forum",
    title="Forum",
    docs="https://forum.example/api",
    capabilities=frozenset({Capability.POLLS, Capability.PUSHES, Capability.REPLIES, Capability.MESSAGES}),
    options=(
        Option("url", "Address of the forum (https://…)", OptionKind.SERVER),
        Option("username", "Name of our account there"),
        Option("key", "Its API key", OptionKind.TOKEN, secret=True),
    ),
    connect=Forum,
    receiver=Hooks(),
    quality=Quality(),
    edits=True,
    limits="60 requests a minute",
)
