"""Private messages to an account, in Messenger or on Instagram, and private answers to comments.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/conversations
https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages

A citizen may have another id here than below a post. Only the 20 newest messages of a conversation can be read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from bot.connectors.base import CLOCKS_DIFFER, Account, Draft, Sent, Unknowable
from bot.connectors.json_api import Json, time_of, web, within
from bot.connectors.meta.graph import Graph, after, listed, words
from bot.connectors.meta.hooks import UNREADABLE, moment_of
from bot.connectors.meta.newest import Found, Known, read_down
from bot.connectors.meta.parts import ident_of, read_all
from bot.domain.mention import Act, Author, Media, Permit, Post, PostKind

MESSAGE = "id,created_time,from,message,attachments,shares{link}"
STORIES = {"reply_to": "story_reply", "mention": "story_mention"}
"""What a message on Instagram says of a story: https://developers.facebook.com/docs/graph-api/reference/v26.0/message"""
WINDOW, BY_HUMANS = timedelta(hours=24), timedelta(days=7)
"""https://developers.facebook.com/documentation/business-messaging/messenger-platform/policy"""

log = structlog.get_logger()


class Messages:
    """The messages of one account. Option `human_agent`: Meta lets this app answer for seven days.

    `inbox` is the object that has the conversations, `platform` where they are, and `fields` are those that only its
    messages have. `is_us` tells whether we wrote something, and `author_of` makes the author of a message from Graph's
    form and the id in messages.
    """

    def __init__(
        self,
        server: Graph,
        account: Account,
        *,
        inbox: str,
        platform: str,
        fields: str,
        is_us: Callable[[Any], bool],
        author_of: Callable[[Any, str], Author],
    ) -> None:
        self.server = server
        self.fields = f"id,updated_time,participants,messages.limit(20){{{MESSAGE},{fields}}}"
        """The fields of a conversation that we request."""
        self._inbox, self._platform, self._is_us, self._author_of = inbox, platform, is_us, author_of
        self._until = answered_within(account)

    async def read(self, state: Mapping[str, Any] | None, begins: datetime | None) -> Found:
        """Return new messages of others; the first time only those that we did not answer."""
        known, now = Known.of(state, begins), self.server.now()
        ask = partial(self._conversations, limit=25)
        conversations, rest = await read_down(ask, known, "updated_time", now)
        fresh: list[Post] = []
        seen: list[Post] = []
        for conversation in conversations:
            if not known.may_be_new(moment_of(conversation.get("updated_time"))):
                continue
            messages = listed(conversation.get("messages"))
            theirs = self._theirs(messages, conversation)
            seen += theirs
            new = {each.get("id") for each in self._unanswered(messages)}
            fresh += [post for post in theirs if not known.is_first or post.external_id in new]
        return Found(known.news(fresh), known.after(seen, now, rest), more=rest is not None)

    async def _conversations(self, **asked: object) -> Json:
        path = f"{self._inbox}/conversations"
        return await self.server.get_list(path, platform=self._platform, fields=self.fields, **asked)

    def _theirs(self, messages: Sequence[Json], conversation: Json) -> list[Post]:
        theirs = [each for each in messages if not self._is_us(each.get("from"))]
        return read_all(theirs, lambda each: self._post_of(each, self.citizen_in(conversation)), log)

    def _post_of(self, message: Json, citizen: str) -> Post:
        return message_of(message, self._author_of(message["from"], citizen), citizen, self._until)

    def _unanswered(self, messages: Sequence[Json]) -> Iterator[Json]:
        """Yield the messages since our last one, the newest first."""
        for message in messages:
            if self._is_us(message.get("from")):
                return
            yield message

    def citizen_in(self, conversation: Json) -> str:
        """Return the citizen's id in messages, "" when neither the conversation nor their messages give it."""
        those = [*listed(conversation.get("participants")),
                 *(message.get("from") for message in listed(conversation.get("messages")))]  # fmt: skip
        return next((str(ident) for each in those if not self._is_us(each) and (ident := within(each, "id"))), "")

    async def send(self, draft: Draft) -> Sent:
        """Send a private answer: in the conversation, or, once, to the author of a post on our page."""
        body: Json = {"recipient": self.recipient(draft.to), "message": {"text": draft.text}}
        body |= {"messaging_type": "RESPONSE"}
        by_its_clock = self.server.now() + CLOCKS_DIFFER  # the day may be over there already
        if draft.to.private and self._until is BY_HUMANS and by_its_clock >= draft.to.published_at + WINDOW:
            body |= {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
        made = await self.server.post(f"{self._inbox}/messages", body)
        if not isinstance(made.get("message_id"), str):
            raise self.server.unreadable()
        return Sent(made["message_id"], conversation="" if draft.to.private else str(made.get("recipient_id") or ""))

    def recipient(self, to: Post) -> Json:
        """Return the recipient of an answer: the author of a message, or, once, of a comment."""
        return {"id": to.conversation} if to.private else {"comment_id": to.external_id}

    async def find(self, draft: Draft) -> Sent | None:
        """Look for an answer among the newest messages of its conversation.

        Raises Unknowable if the conversation cannot be found, or a message shortly before says the same.
        """
        conversation = await self._conversation_of(draft.to)
        if conversation is None:
            return None
        messages = listed(conversation.get("messages"))
        since = draft.first_tried_at.replace(microsecond=0)
        for message in messages:
            if self._is_us(message.get("from")) and says(message.get("message"), draft.text):
                if written_at(message) < since:
                    if written_at(message) >= since - CLOCKS_DIFFER:
                        raise Unknowable("a message shortly before says the same")
                    continue
                opened = "" if draft.to.private else self.citizen_in(conversation)
                return Sent(str(message["id"]), conversation=opened)
        goes_back = bool(messages) and written_at(messages[-1]) < since - CLOCKS_DIFFER
        if after(conversation.get("messages")) and not goes_back:
            raise Unknowable("too many messages since then")
        return None

    async def _conversation_of(self, to: Post) -> Json | None:
        if not to.private:
            return await self.opened_by(to)
        conversation = await self.conversation_with(to.conversation or "")
        if conversation is None:
            raise Unknowable("the conversation is not shown")
        return conversation

    async def conversation_with(self, citizen: str) -> Json | None:
        """Return the conversation with the person who has this id in messages; None when none is shown."""
        return next(iter(listed(await self._conversations(user_id=citizen))), None)

    async def opened_by(self, to: Post) -> Json | None:
        """Return the conversation that a private answer to a post opened; None when it was surely never sent.

        Raises Unknowable if Graph does not show that.
        """
        raise NotImplementedError


def answered_within(account: Account) -> timedelta:
    """Return how long after a message of a citizen Meta lets this account answer."""
    return BY_HUMANS if account.options.get("human_agent") else WINDOW


def message_of(message: Json, author: Author, citizen: str, until: timedelta) -> Post:
    """Return a message of the citizen who has this id in messages, or raise one of UNREADABLE.

    `until` is how long it may be answered.
    """
    written = time_of(message["created_time"])
    return Post(
        external_id=ident_of(message["id"]),
        author=author,
        text=words(message.get("message")),
        published_at=written,
        conversation=ident_of(citizen),
        private=True,
        media=tuple(_attached(message)),
        permits=frozenset({Permit(Act.ANSWER_PRIVATELY, written + until)}),
        kind=PostKind.MESSAGE,
        place={"is": "message"},
    )


def edited_of(event: Json, now: datetime, me: str, account: Account) -> Iterator[Post]:
    """Yield a message to `me` that its author edited: https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/message-edits"""
    edit, citizen = event["message_edit"], str(event["sender"]["id"])
    if citizen == me:
        return
    at = moment_of(event.get("timestamp")) or now
    yield Post(
        external_id=ident_of(edit["mid"]),
        author=Author(citizen, ""),
        text=words(edit["text"]),
        published_at=at,
        conversation=ident_of(citizen),
        private=True,
        media=None,
        permits=frozenset({Permit(Act.ANSWER_PRIVATELY, at + answered_within(account))}),
        edited_at=at,
        kind=PostKind.MESSAGE,
        place={"is": "message"},
    )


def _attached(message: Json) -> Iterator[Media]:
    """Yield pictures, films, stickers, what was shared, and the story that it is about.

    https://developers.facebook.com/docs/graph-api/reference/v26.0/message
    """
    for each in listed(message.get("attachments")):
        if url := web(within(each, "image_data", "url")):
            yield Media(url, "image")
        elif url := web(within(each, "video_data", "url")):
            yield Media(url, "video")
        elif url := web(each.get("file_url")):
            yield Media(
                url, "audio" if str(each.get("mime_type")).startswith("audio/") else "file", str(each.get("name") or "")
            )
    sticker = web(message.get("sticker"))
    if sticker:
        yield Media(sticker, "sticker")
    for each in listed(message.get("shares")):  # stickers and links in the text are shares too
        if (url := web(each.get("link"))) and url != sticker and url not in words(message.get("message")):
            yield Media(url, "share")
    for name, kind in STORIES.items():
        if isinstance(story := within(message, "story", name), dict):
            yield Media(web(story.get("link")), kind)
    if message.get("is_unsupported") is True:
        yield Media("", "unsupported")


def says(value: Any, words: str) -> bool:
    """Tell whether a value is these words, with any spacing."""
    return str(value).split() == words.split()


def written_at(payload: Json, name: str = "created_time") -> datetime:
    """Return when something was written; raises Unknowable when that cannot be read."""
    try:
        return time_of(payload[name])
    except UNREADABLE as error:
        raise Unknowable("something that may be our answer has no time") from error
