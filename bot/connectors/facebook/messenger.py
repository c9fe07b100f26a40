"""Messages to our page in Messenger, and private answers to posts.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/conversations
https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages

A citizen may have another id here than below a post. Of a conversation only the 20 newest messages can be read.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.connectors.base import CLOCKS_DIFFER, Draft, Sent, Unknowable
from bot.connectors.facebook.posts import author_of, ident_of, read_all
from bot.connectors.facebook.server import Server
from bot.connectors.facebook.writing import written_at
from bot.connectors.json_api import Json, time_of, web, within
from bot.connectors.meta.graph import after, listed, words
from bot.connectors.meta.hooks import moment_of
from bot.connectors.meta.newest import Found, Known
from bot.domain.mention import Act, Media, Permit, Post, PostKind

MESSAGES = "messages.limit(20){id,created_time,from,message,attachments}"
CONVERSATION = f"id,updated_time,participants,{MESSAGES}"
PAGES = 4
MAX_MESSAGE = 2_000
"""https://developers.facebook.com/docs/messenger-platform/reference/send-api"""
WINDOW, BY_HUMANS = timedelta(hours=24), timedelta(days=7)
"""https://developers.facebook.com/documentation/business-messaging/messenger-platform/policy"""

log = structlog.get_logger()


class Messenger:
    """The messages of one page. Option `human_agent`: Meta lets this app answer for seven days."""

    def __init__(self, server: Server) -> None:
        self._server, self._me = server, server.page.id
        self._until = BY_HUMANS if server.account.options.get("human_agent") else WINDOW

    async def read(self, state: Mapping[str, Any] | None, begins: datetime | None) -> Found:
        """Return new messages of others; the first time those that we did not answer."""
        known = Known.of(state, begins)
        found: list[Post] = []
        seen: list[Post] = []
        async for conversation in self._changed(known):
            messages = listed(conversation.get("messages"))
            theirs = self._theirs(messages, conversation)
            seen += theirs
            new = {each.get("id") for each in _unanswered(messages, self._me)}
            found += [post for post in theirs if not known.is_first or post.external_id in new]
        return Found(known.news(found), known.after(seen, self._server.now()))

    async def _changed(self, known: Known) -> AsyncIterator[Json]:
        """Yield the conversations in which something happened; the one that changed last comes first."""
        more: Json = {}
        for _ in range(PAGES):
            answer = await self._conversations(limit=25, **more)
            for each in (page := listed(answer)):
                if known.may_be_new(moment_of(each.get("updated_time"))):
                    yield each
            if (
                not (cursor := after(answer))
                or not page
                or not known.may_be_new(moment_of(page[-1].get("updated_time")))
            ):
                return
            more = {"after": cursor}

    async def _conversations(self, **asked: object) -> Json:
        path = f"{self._me}/conversations"
        return await self._server.get(path, platform="MESSENGER", fields=CONVERSATION, **asked)

    def _theirs(self, messages: Sequence[Json], conversation: Json) -> list[Post]:
        theirs = [each for each in messages if within(each, "from", "id") != self._me]
        return read_all(theirs, lambda each: message_of(each, self._citizen(conversation), self._until), log)

    def _citizen(self, conversation: Json) -> str:
        """Return the id that the citizen has in Messenger, "" when it cannot be read."""
        those = [str(within(each, "id")) for each in listed(conversation.get("participants"))]
        return next((ident for ident in those if ident != self._me), "")

    async def send(self, draft: Draft) -> Sent:
        """Send a private answer: into the conversation, or, once, to the author of a post on our page."""
        body: Json = {"recipient": self._recipient(draft.to), "message": {"text": draft.text}}
        body |= {"messaging_type": "RESPONSE"}
        if draft.to.private and self._until is BY_HUMANS and self._server.now() >= draft.to.published_at + WINDOW:
            body |= {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
        made = await self._server.post(f"{self._me}/messages", body)
        if not isinstance(made.get("message_id"), str):
            raise self._server.unreadable()
        return Sent(made["message_id"], conversation="" if draft.to.private else str(made.get("recipient_id") or ""))

    def _recipient(self, to: Post) -> Json:
        if to.private:
            return {"id": to.conversation}
        return {"post_id" if (to.place or {}).get("is") == "post" else "comment_id": to.external_id}

    async def find(self, draft: Draft) -> Sent | None:
        """Look for an answer among the newest messages of its conversation.

        Raises Unknowable where the conversation cannot be found, and when a message shortly before says the same.
        """
        conversation = await self._conversation(draft.to)
        if conversation is None:
            return None
        messages = listed(conversation.get("messages"))
        since = draft.first_tried_at.replace(microsecond=0)
        for message in messages:
            if within(message, "from", "id") == self._me and str(message.get("message")).split() == draft.text.split():
                if written_at(message) < since:
                    if written_at(message) >= since - CLOCKS_DIFFER:
                        raise Unknowable("a message shortly before says the same")
                    continue
                opened = "" if draft.to.private else self._citizen(conversation)
                return Sent(str(message["id"]), conversation=opened)
        if after(conversation.get("messages")) and written_at(messages[-1]) >= since - CLOCKS_DIFFER:
            raise Unknowable("too many messages since then")
        return None

    async def _conversation(self, to: Post) -> Json | None:
        """Return the conversation of an answer; None when a private answer to a post was surely never sent."""
        if to.private:
            found = listed(await self._conversations(user_id=to.conversation))
            if not found:
                raise Unknowable("the conversation is not shown")
            return found[0]
        is_post = (to.place or {}).get("is") == "post"
        fields = "can_reply_privately" if is_post else "can_reply_privately,private_reply_conversation{id}"
        post = await self._server.get(to.external_id, fields=fields)
        ident = within(post, "private_reply_conversation", "id")
        if isinstance(ident, str):
            return await self._server.get(ident_of(ident), fields=CONVERSATION)
        if post.get("can_reply_privately") is True:
            return None
        raise Unknowable("the conversation that the answer would open is not shown")


def message_of(message: Json, citizen: str, answered_within: timedelta) -> Post:
    """Return a message of a citizen, who has this id in Messenger, or raise one of UNREADABLE."""
    written = time_of(message["created_time"])
    return Post(
        external_id=ident_of(message["id"]),
        author=author_of(message["from"], citizen),
        text=words(message.get("message")),
        published_at=written,
        conversation=ident_of(citizen),
        private=True,
        media=tuple(_attached(message)),
        permits=frozenset({Permit(Act.ANSWER_PRIVATELY, written + answered_within)}),
        kind=PostKind.MESSAGE,
        place={"is": "message"},
    )


def edited_of(event: Json, now: datetime, me: str) -> Iterator[Post]:
    """Yield a message that its author changed: https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/message-edits"""
    edit, citizen = event["message_edit"], str(event["sender"]["id"])
    if citizen == me:
        return
    at = moment_of(event.get("timestamp")) or now
    yield Post(
        external_id=ident_of(edit["mid"]),
        author=author_of({"id": citizen}, citizen),
        text=words(edit["text"]),
        published_at=at,
        conversation=ident_of(citizen),
        private=True,
        permits=frozenset({Permit(Act.ANSWER_PRIVATELY, at + WINDOW)}),
        edited_at=at,
        kind=PostKind.MESSAGE,
        place={"is": "message"},
    )


def _unanswered(messages: Sequence[Json], me: str) -> Iterator[Json]:
    """Yield the messages since our last one; the newest come first."""
    for message in messages:
        if within(message, "from", "id") == me:
            return
        yield message


def _attached(message: Json) -> Iterator[Media]:
    """Yield pictures, films and other files: https://developers.facebook.com/docs/graph-api/reference/v26.0/message"""
    for each in listed(message.get("attachments")):
        if url := web(within(each, "image_data", "url")):
            yield Media(url, "image")
        elif url := web(within(each, "video_data", "url")):
            yield Media(url, "video")
        elif url := web(each.get("file_url")):
            yield Media(
                url, "audio" if str(each.get("mime_type")).startswith("audio/") else "file", str(each.get("name") or "")
            )
    if url := web(message.get("sticker")):
        yield Media(url, "image")
