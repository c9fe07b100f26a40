"""Our answers: prepare each, publish it once, and look for it when we do not know whether it was published.

https://developers.facebook.com/docs/threads/retrieve-and-manage-replies/create-replies
https://developers.facebook.com/docs/threads/reference/publishing

An answer is first a container, which nobody sees, and then published. A failure before that request surely published
nothing; an unused container expires after a day.
"""

import asyncio
from datetime import datetime

import regex

from bot.connectors.base import CLOCKS_DIFFER, Draft, Measure, Rejected, Sent, Unavailable, Unknowable, Verdict
from bot.connectors.json_api import Json, before_sending, time_of, web
from bot.connectors.meta.graph import NotThere, listed
from bot.connectors.meta.hooks import UNREADABLE
from bot.connectors.threads.posts import id_at, next_page
from bot.connectors.threads.server import Server
from bot.domain.text import text

MAX_CHARACTERS = 500
"""Each byte of an emoji counts: https://developers.facebook.com/docs/threads/posts"""
EMOJI = regex.compile(r"\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3")
GRAPHEME = regex.compile(r"\X")
PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each check whether a container can be published; after the last we retry the answer later."""
PAGES = 5
FOUND = "id,text,timestamp,permalink,replied_to"
NOT_READY = text("Threads has not prepared the answer yet.")


async def send(server: Server, draft: Draft) -> Sent:
    """Publish an answer below what it answers; raises RateLimited when the daily quota is used up."""
    with before_sending():
        await server.refuse_over_quota("reply")
        container = await _prepared(server, draft)
    try:
        made = await server.post("me/threads_publish", {"creation_id": container})
    except NotThere:  # its container is not known on all servers of Threads yet, so nothing was published
        raise Unavailable(NOT_READY.message) from None
    ident = server.id_in(made)
    return Sent(ident, await _url(server, ident))


async def _prepared(server: Server, draft: Draft) -> str:
    """Return the id of a container with the answer that can be published."""
    wanted = {"media_type": "TEXT", "text": draft.text, "reply_to_id": draft.to.external_id}
    container = server.id_in(await server.post("me/threads", wanted))
    for pause in PAUSES:
        await asyncio.sleep(pause)
        try:
            state = await server.get(container, fields="status,error_message")
        except NotThere:  # not known on all servers of Threads yet
            continue
        if state.get("status") == "FINISHED":
            return container
        if state.get("status") in {"ERROR", "EXPIRED"}:
            raise Rejected("Threads cannot publish this answer: {reason}", reason=str(state.get("error_message"))[:200])
    raise Unavailable(NOT_READY.message)


async def _url(server: Server, ident: str) -> str:
    """Return the address of a published answer; "" if we cannot request it now."""
    try:
        return web((await server.get(ident, fields="permalink")).get("permalink"))
    except Verdict:
        return ""


async def find(server: Server, draft: Draft) -> Sent | None:
    """Look for our answer among our own replies since the first attempt; each says what it answers."""
    since = draft.first_tried_at.replace(microsecond=0)
    begin = since - CLOCKS_DIFFER
    asked: Json = {"fields": FOUND, "since": int(begin.timestamp()), "limit": 100}
    for _ in range(PAGES):
        answer = await server.get_list("me/replies", **asked)
        for each in listed(answer):
            says_it = str(each.get("text")).split() == draft.text.split() and _written_at(each) >= begin
            if says_it and (sent := _sent(each, draft, since)) is not None:
                return sent
        if not (cursor := next_page(answer)):
            return None
        asked["after"] = cursor
    raise Unknowable("too many replies of ours since then")


def _sent(reply: Json, draft: Draft, since: datetime) -> Sent | None:
    """Return the answer if this is it; None if the same words answer another post."""
    above = id_at(reply, "replied_to")
    if not above:
        raise Unknowable("a reply of ours says the same, and not what it answers")
    if above != draft.to.external_id:
        return None
    if _written_at(reply) < since:
        raise Unknowable("a reply of ours from shortly before says the same")
    return Sent(str(reply["id"]), web(reply.get("permalink")))


def _written_at(reply: Json) -> datetime:
    try:
        return time_of(reply["timestamp"])
    except UNREADABLE as error:
        raise Unknowable("something that may be our answer has no time") from error


def measure(words: str) -> Measure:
    """Count characters, but the bytes of an emoji."""
    length = sum(len(g[0].encode()) if EMOJI.search(g[0]) else len(g[0]) for g in GRAPHEME.finditer(words))
    return Measure(length, MAX_CHARACTERS)
