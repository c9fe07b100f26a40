"""Private messages on Bluesky, between our account and one other: https://docs.bsky.app/docs/api/chat-bsky-convo-list-convos

The service has no key for a message, so we look for one whose outcome is unknown. Revisions (`rev`) rise with every
event; they are text, ordered by length and then by letter.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog

from bot.connectors.base import CLOCKS_DIFFER, Draft, Sent, Unknowable
from bot.connectors.bluesky.posts import UNREADABLE, message_of
from bot.connectors.bluesky.server import Server
from bot.connectors.json_api import Json, before_sending, time_of, within
from bot.domain.mention import Post

PAGES = 20
FULL = 100
MESSAGE, DELETED = "chat.bsky.convo.defs#messageView", "chat.bsky.convo.defs#deletedMessageView"

log = structlog.get_logger()


class Chat:
    """The private messages of one account."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def read(self, last: str | None, begins: datetime | None) -> tuple[list[Post], str]:
        """Return the messages of others since a revision, and the newest revision.

        The first time (None) only those since `begins` that we did not answer.
        """
        me = await self._server.me()
        convos, newest = await self._changed(last, begins)
        posts: list[Post] = []
        for convo in convos:
            messages = await self._new_messages(convo["id"], last, begins)
            posts += _theirs(messages, convo, me, until_ours=last is None)
        return posts, newest

    async def _changed(self, last: str | None, begins: datetime | None) -> tuple[list[Json], str]:
        """Return the conversations between two people that changed since then, and the newest revision of all."""
        changed, newest, cursor = list[Json](), last or "", ""
        for _ in range(PAGES):
            method = "chat.bsky.convo.listConvos"
            convos, cursor = await self._server.page(method, "convos", cursor, chat=True, limit=FULL)
            page = [each for each in convos if _is_whole(each)]
            new = [each for each in page if _is_new(each, each.get("lastMessage"), last, begins)]
            changed += [each for each in new if not _is_group(each)]
            newest = max([newest, *(each["rev"] for each in page)], key=_age)
            if not cursor or len(new) < len(page):
                break
        return changed, newest

    async def _new_messages(self, convo: str, last: str | None, begins: datetime | None) -> list[Json]:
        """Return the new messages of a conversation, the newest first."""
        messages, cursor = list[Json](), ""
        for _ in range(PAGES):
            page, cursor = await self._page(convo, cursor)
            new = [each for each in page if _is_new(each, each, last, begins)]
            messages += [each for each in new if each["$type"] == MESSAGE]
            if not cursor or len(new) < len(page):
                break
        return messages

    async def _page(self, convo: str, cursor: str) -> tuple[list[Json], str]:
        method = "chat.bsky.convo.getMessages"
        page, following = await self._server.page(method, "messages", cursor, chat=True, convoId=convo, limit=FULL)
        whole = [each for each in page if each.get("$type") in {MESSAGE, DELETED}]
        return [each for each in whole if _is_whole(each)], following

    async def send(self, draft: Draft, facets: Sequence[Json]) -> Sent:
        """Send a private answer to the author of a post; raises Rejected with the reason if they do not take it."""
        with before_sending():
            convo = await self._convo(draft.to)
        message = {"text": draft.text, **({"facets": list(facets)} if facets else {})}
        body = {"convoId": convo, "message": message}
        made = await self._server.post("chat.bsky.convo.sendMessage", body, chat=True)
        self._server.id_in(made)
        return _sent(made, convo, draft)

    async def find(self, draft: Draft) -> Sent | None:
        """Look for an answer among our messages since the first attempt.

        Raises Unknowable when one of ours was removed since then, or when one shortly before says the same.
        """
        me, convo, cursor = await self._server.me(), await self._convo(draft.to), ""
        for _ in range(PAGES):
            page, cursor = await self._page(convo, cursor)
            for message in page:
                if time_of(message["sentAt"]) < draft.first_tried_at - CLOCKS_DIFFER:
                    return None
                if message["sender"]["did"] == me and _may_be(message, draft):
                    return _sent(message, convo, draft)
            if not cursor:
                return None
        raise Unknowable("too many messages since then")

    async def _convo(self, to: Post) -> str:
        """Return the conversation with the author of a post; the service creates it if needed."""
        if to.place and to.place.get("convo"):
            return str(to.place["convo"])
        asked = [to.author.external_id]
        answer = await self._server.get("chat.bsky.convo.getConvoForMembers", chat=True, members=asked)
        if not isinstance(within(answer, "convo", "id"), str):
            raise self._server.unreadable()
        return str(answer["convo"]["id"])


def _theirs(messages: Sequence[Json], convo: Json, me: str, *, until_ours: bool) -> Iterator[Post]:
    """Yield the messages of the other person; `until_ours`: only those after our last message."""
    for message in messages:
        if message["sender"]["did"] == me:
            if until_ours:
                return
            continue
        try:
            yield message_of(message, convo)
        except (*UNREADABLE, StopIteration) as error:
            log.warning("message not understood", message=message["id"], error=type(error).__name__)


def _may_be(message: Json, draft: Draft) -> bool:
    """Tell whether a message of ours may be the answer."""
    if message["$type"] == DELETED:
        raise Unknowable("one of our messages was removed since then")
    if str(message.get("text")).split() != draft.text.split():
        return False
    if time_of(message["sentAt"]) < draft.first_tried_at:
        raise Unknowable("a message shortly before says the same")
    return True


def _sent(message: Json, convo: str, draft: Draft) -> Sent:
    return Sent(f"{convo}/{message['id']}", conversation="" if draft.to.private else convo)


def _is_new(thing: Json, message: Json | None, last: str | None, begins: datetime | None) -> bool:
    """Tell whether something is after a revision; the first time: whether its message is after `begins`."""
    if last is not None:
        return _age(thing["rev"]) > _age(last)
    try:
        return begins is None or (message is not None and time_of(message["sentAt"]) >= begins)
    except UNREADABLE:
        return False


def _is_whole(each: Json) -> bool:
    """Tell whether a conversation or message has the fields that we need."""
    if not isinstance(each.get("id"), str) or not isinstance(each.get("rev"), str):
        return False
    if isinstance(each.get("members"), list):
        return all(isinstance(within(member, "did"), str) for member in each["members"])
    try:
        return isinstance(within(each, "sender", "did"), str) and time_of(each["sentAt"]) is not None
    except UNREADABLE:
        return False


def _is_group(convo: Json) -> bool:
    return len(convo["members"]) > 2 or str(within(convo, "kind", "$type")).endswith("#groupConvo")


def _age(revision: str) -> tuple[int, str]:
    return len(revision), revision
