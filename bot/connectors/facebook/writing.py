"""Our answers below posts: write each once, and look for it when we do not know whether it was written.

https://developers.facebook.com/documentation/pages-api/comments-mentions
"""

from bot.connectors.base import CLOCKS_DIFFER, Draft, Sent, Unknowable
from bot.connectors.facebook.posts import url_below
from bot.connectors.facebook.server import Server
from bot.connectors.json_api import Json, giving_image, within
from bot.connectors.meta.graph import NotThere, after, listed
from bot.connectors.meta.messages import says, written_at
from bot.domain.image import Image, Images

MAX_COMMENT = 8_000
"""The limit that tools for publishing on Facebook give; Facebook itself does not say."""
IMAGES = Images(bytes=4_000_000, described=1000)
"""https://developers.facebook.com/docs/graph-api/reference/page/photos says 4 MB. It does not say how long a
description may be; 1,000 characters is what Meta says of Instagram's."""
PAGES = 5


async def send(server: Server, draft: Draft) -> Sent:
    """Write a comment below what is answered."""
    body: Json = {"message": draft.text}
    if draft.image is not None:
        async with giving_image():
            body["attachment_id"] = await _given(server, draft.image)
    made = await server.post(f"{draft.to.external_id}/comments", body)
    ident = server.id_in(made)
    return Sent(ident, url_below(draft.to.url, ident))


async def _given(server: Server, image: Image) -> str:
    """Upload a photo that nobody sees, and return its id: the only way to give a comment's image a description.

    https://developers.facebook.com/docs/graph-api/reference/page/photos
    """
    files = {"source": (image.file_name, image.content, image.kind)}
    fields = {"published": "false", "alt_text_custom": image.description}
    return server.id_in(server.object(await server.call("POST", f"{server.page.id}/photos", files=files, data=fields)))


async def find(server: Server, draft: Draft) -> Sent | None:
    """Look for our comment below what it answers, since the first attempt.

    An answer to a reply is beside answers to other replies, so one that says the same may be another: Unknowable.
    """
    parent = (draft.to.place or {}).get("parent")
    since = draft.first_tried_at.replace(microsecond=0)
    asked: Json = {"fields": "id,from,message,created_time", "order": "reverse_chronological", "limit": 100}
    for _ in range(PAGES):
        page, cursor = await _comments(server, str(parent or draft.to.external_id), asked)
        for each in page:
            if written_at(each) < since - CLOCKS_DIFFER:
                return None
            if within(each, "from", "id") == server.page.id and says(each.get("message"), draft.text):
                if parent or written_at(each) < since:
                    raise Unknowable("a comment of ours here says the same, and may be another answer")
                return Sent(str(each["id"]), url_below(draft.to.url, str(each["id"])))
        if not cursor:
            return None
        asked["after"] = cursor
    raise Unknowable("too many comments since then")


async def _comments(server: Server, above: str, asked: Json) -> tuple[list[Json], str]:
    try:
        answer = await server.get_list(f"{above}/comments", **asked)
    except NotThere:
        raise Unknowable("what was answered is no longer shown") from None
    return listed(answer), after(answer)
