"""A Facebook page on loopback: our posts, what citizens write below them and in Messenger, and what Facebook sends.

Each request is held to the parameters and fields that the Graph API has: the end of its block raises AssertionError
with what did not hold. What it sends has the form of https://developers.facebook.com/docs/graph-api/webhooks/reference/page
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.connectors.facebook.posts import url_below
from tests.connectors.meta.graph import APP_ID, SECRETS, Json, Refused, iso, not_there, only, page
from tests.connectors.meta.messages import FakeInbox
from tests.connectors.meta.parameters import fields_in

PAGE, US = "104000000000001", "Gemeente Voorbeeld"
RIGHTS = (
    "pages_manage_engagement pages_manage_metadata pages_manage_posts pages_messaging pages_read_engagement "
    "pages_read_user_content"
)
OPTIONS: dict[str, Any] = {"page_id": PAGE, "app_id": APP_ID}
__all__ = ["APP_ID", "OPTIONS", "PAGE", "SECRETS", "US", "FakeFacebook", "id_of"]
MAX_COMMENT, MAX_MESSAGE, MAX_PHOTO = 8_000, 2_000, 4_000_000
NEVER = datetime.fromtimestamp(0, UTC)
GIVES = {"comments": "comment", "feed": "pagepost", "visitor_posts": "pagepost", "tagged": "pagepost",
         "ratings": "recommendation", "conversations": "unifiedthread", "messages": "message"}  # fmt: skip


def id_of(name: str, where: str = "page") -> str:
    """Return the id of a person on the page, or in Messenger."""
    if name == "gemeente":
        return PAGE
    return str(int(hashlib.sha256(f"{where} {name}".encode()).hexdigest(), 16) % 10**15 + 10**15)


@dataclass
class Thing:
    """A post or a comment. `kind` is its node, `shown_in` the edge of the page that shows it."""

    id: str
    kind: str
    fields: Json
    at: datetime
    shown_in: str = ""
    under: list[str] = field(default_factory=list)


class FakeFacebook(FakeInbox):
    """One page of ours with one post; whatever happens on it is in `news`, as Facebook would send it."""

    us = page_id = PAGE
    our_name, sends, gives, too_late, first = "gemeente", "page", GIVES, 2018278, 122_000_000_000_000

    def __init__(self) -> None:
        super().__init__()
        self.known |= {"scopes": RIGHTS.split(), "profile_id": PAGE}
        self.things: dict[str, Thing] = {}
        self.reviews: list[Json] = []
        self.photos: dict[str, tuple[bytes, str]] = {}
        self.shown_with: dict[str, tuple[bytes, str]] = {}
        self._answered_privately: dict[str, str] = {}
        self.own = self.write("De markt gaat door.")

    # --- what citizens and the team do -------------------------------------------------------------

    def write(self, text: str, at: datetime | None = None) -> str:
        """Let the page write a post."""
        return self._post("gemeente", text, "feed", at)

    def visit(self, name: str, text: str, at: datetime | None = None, **more: Any) -> str:
        """Let a citizen write on the page."""
        ident = self._post(name, text, "visitor_posts", at, can_reply_privately=True, **more)
        self._push("feed", item="status", verb="add", post_id=ident, message=text, **self._by(name))
        return ident

    def tag(self, name: str, text: str, at: datetime | None = None) -> str:
        """Let a citizen name the page in a post of their own."""
        ident = self._post(name, text, "tagged", at)
        sender = {"sender_id": id_of(name), "sender_name": name.capitalize()}
        self._push("mention", item="post", verb="add", post_id=ident, message=text, **sender)
        return ident

    def comment(
        self, name: str, text: str, *, under: str = "", answers: str = "", at: datetime | None = None, **more: Any
    ) -> str:
        """Let a citizen, or the page in the app, write below a post, or below a comment."""
        above = answers or under or self.own
        thing = self.things[above]
        post, parent = (above, None) if thing.kind == "pagepost" else (thing.under[-1], self._top(above))
        at = at or self.clock()
        ident = f"{post.partition('_')[2]}_{self._number()}"
        flags = dict.fromkeys(["can_hide", "can_like", "can_comment", "can_reply_privately"], True)
        fields = {**self._by(name), "message": text, "is_hidden": False, "user_likes": False, **flags, **more}
        fields |= {"permalink_url": url_below(f"https://www.facebook.com/{post}", *([parent] if parent else []), ident)}
        self.things[ident] = Thing(ident, "comment", fields, at, under=[*([parent] if parent else []), post])
        self._push(
            "feed", item="comment", verb="add", comment_id=ident, post_id=post, parent_id=parent or post, message=text,
            post={"permalink_url": f"https://www.facebook.com/{post}", "id": post}, **self._by(name),
        )  # fmt: skip
        return ident

    def edit(self, ident: str, text: str) -> None:
        """Let an author change a comment."""
        thing = self.things[ident]
        thing.fields["message"] = text
        self._push("feed", **self._about(thing), verb="edited", message=text)

    def remove(self, ident: str) -> None:
        """Let an author remove a comment or post."""
        thing = self.things.pop(ident)
        self._push("feed", **self._about(thing), verb="remove")

    def review(self, name: str, text: str, recommends: str = "positive") -> str:
        """Let a citizen recommend the page, or not."""
        ident, at = f"{PAGE}_{self._number()}", self.clock()
        self.things[ident] = Thing(ident, "pagepost", {**self._by(name), "message": text}, at)
        by = {"id": id_of(name), "name": name.capitalize()}
        told = {"reviewer": by, "review_text": text, "recommendation_type": recommends, "has_review": True}
        self.reviews.insert(0, {**told, "created_time": iso(at), "open_graph_story": {"id": ident}})
        self._push(
            "ratings", item="rating", verb="add", open_graph_story_id=ident, review_text=text, reviewer_id=by["id"],
            reviewer_name=by["name"], recommendation_type=recommends.upper(),
        )  # fmt: skip
        return ident

    def spoil(self, ident: str) -> None:
        """Let a comment be none that anybody can read."""
        self.things[ident].fields |= {"message": 7, "created_time": "gisteren"}

    def ours(self) -> list[str]:
        """Our comments, oldest first."""
        return [
            each.fields["message"] for each in self.things.values() if each.kind == "comment" and self._is_ours(each)
        ]

    def pictures(self) -> list[tuple[bytes, str]]:
        """The images of our comments, each with its description."""
        return list(self.shown_with.values())

    # --- the server --------------------------------------------------------------------------------

    def _get_page(self, ident: str, given: Json) -> Json:
        return only({"id": PAGE, "name": US, "username": "gemeente", "link": "https://facebook.com/gemeente"}, given)

    def _get_page_feed(self, ident: str, given: Json) -> Json:
        shown = [each for each in self._newest() if each.shown_in in {"feed", "visitor_posts"}]
        return page([self._shown(each, given["fields"]) for each in shown], given)

    def _get_page_visitor_posts(self, ident: str, given: Json) -> Json:
        return self._listed("visitor_posts", given)

    def _get_page_tagged(self, ident: str, given: Json) -> Json:
        return self._listed("tagged", given)

    def _listed(self, name: str, given: Json) -> Json:
        return page([self._shown(each, given["fields"]) for each in self._newest() if each.shown_in == name], given)

    def _get_page_ratings(self, ident: str, given: Json) -> Json:
        return page([only(each, given) for each in self.reviews], given)

    def _get_unifiedthread(self, ident: str, given: Json) -> Json:
        thread = next(each for each in self.threads.values() if each["id"] == ident)
        return self._thread_shown(thread, given["fields"])

    def _get_comment(self, ident: str, given: Json) -> Json:
        return self._shown(self.things[ident], given["fields"])

    _get_pagepost = _get_comment

    def _get_comment_comments(self, ident: str, given: Json) -> Json:
        found = [self._shown(each, given["fields"]) for each in self._below(ident, given)]
        return page(found, given)

    _get_pagepost_comments = _get_comment_comments

    def _post_comment_comments(self, ident: str, given: Json) -> Json:
        if len(given["message"]) > MAX_COMMENT:
            raise Refused(100, "(#100) The comment is too long")
        if self.things[ident].fields.get("can_comment") is False:
            raise Refused(200, "(#200) The user does not have permission to comment on this object", status=403)
        photo = self.photos.get(given.get("attachment_id", ""))
        if "attachment_id" in given and photo is None:
            raise Refused(100, "(#100) Invalid attachment_id")
        made = self.comment("gemeente", given["message"], answers=ident)
        if photo is not None:
            self.shown_with[made] = photo
        return {"id": made}

    def _post_page_photos(self, ident: str, given: Json) -> Json:
        """Take a photo that is not published: https://developers.facebook.com/docs/graph-api/reference/page/photos"""
        if "pages_manage_posts" not in self.known["scopes"]:
            raise Refused(200, "(#200) This app is not allowed to publish photos to this page", status=403)
        content = base64.b64decode(given["source"])
        if len(content) > MAX_PHOTO or given["published"] != "false":
            raise Refused(100, "(#100) Photos should be less than 4 MB")
        made = self._number()
        self.photos[made] = (content, given["alt_text_custom"])
        return {"id": made}

    _post_pagepost_comments = _post_comment_comments

    def _post_comment(self, ident: str, given: Json) -> Json:
        self.things[ident].fields |= given
        return {"success": True}

    def _delete_comment(self, ident: str, given: Json) -> Json:
        del self.things[ident]
        return {"success": True}

    def _post_comment_likes(self, ident: str, given: Json) -> Json:
        if self.things[ident].fields["user_likes"]:
            raise Refused(100, "(#100) Already liked")
        return self._post_comment(ident, {"user_likes": True})

    def _delete_comment_likes(self, ident: str, given: Json) -> Json:
        if not self.things[ident].fields["user_likes"]:
            raise Refused(100, "(#100) Not liked")
        return self._post_comment(ident, {"user_likes": False})

    def answered_privately(self, recipient: Json) -> str:
        (ident,) = recipient.values()
        thing = self.things.get(ident)
        if thing is None:
            raise Refused(100, "(#100) Invalid comment_id parameter", subcode=2018292)
        if ident in self._answered_privately:
            raise Refused(10900, "(#10900) Activity already replied to")
        if self.clock() - thing.at > timedelta(days=7) or "from" not in thing.fields:
            raise Refused(10903, "(#10903) This user cant reply to this activity")
        name = thing.fields["from"]["name"].lower()
        thread = self._thread(name)
        self._answered_privately[ident] = thread["id"]
        thing.fields |= {"can_reply_privately": False, "private_reply_conversation": {"id": thread["id"]}}
        return str(thread["citizen"])

    # --- what all of it is made of -----------------------------------------------------------------

    def _post(self, name: str, text: str, shown_in: str, at: datetime | None, **more: Any) -> str:
        ident = f"{id_of(name) if shown_in == 'tagged' else PAGE}_{self._number()}"
        fields = {**self._by(name), "message": text, "permalink_url": f"https://www.facebook.com/{ident}"}
        self.things[ident] = Thing(ident, "pagepost", {**fields, **more}, at or self.clock(), shown_in)
        return ident

    def _shown(self, thing: Thing, asked: str) -> Json:
        found: Json = {}
        for name, arguments, inner in fields_in(asked):
            if name == "comments":
                below = [self._shown(each, inner) for each in self._below(thing.id, arguments)]
                found |= {"comments": page(below, arguments)} if below else {}
            elif name == "parent":
                parent = self.things.get(thing.under[0]) if len(thing.under) > 1 else None
                found |= {"parent": self._shown(parent, inner)} if parent else {}
            elif name in {"id", "created_time"}:
                found[name] = {"id": thing.id, "created_time": iso(thing.at), **thing.fields}[name]
            elif name in thing.fields:
                found[name] = thing.fields[name]
        return found

    def _below(self, ident: str, asked: Json) -> Iterable[Thing]:
        thing = self.things[ident]
        below = [each for each in self.things.values() if ident in each.under]
        if thing.kind == "pagepost" and asked.get("filter") != "stream":
            below = [each for each in below if len(each.under) == 1]
        since = datetime.fromtimestamp(int(asked.get("since", 0)), UTC)
        below = [each for each in below if each.at >= since]
        return sorted(below, key=lambda each: each.at)[:: -1 if asked.get("order") == "reverse_chronological" else 1]

    def _newest(self) -> list[Thing]:
        return sorted(self.things.values(), key=lambda each: each.at, reverse=True)

    def _top(self, ident: str) -> str:
        """Return the comment below which an answer to this one stands: Facebook knows two levels."""
        under = self.things[ident].under
        return under[0] if len(under) > 1 else ident

    def _by(self, name: str) -> Json:
        if not name:
            return {}
        return {"from": {"id": id_of(name), "name": US if name == "gemeente" else name.capitalize()}}

    def _is_ours(self, thing: Thing) -> bool:
        return bool(thing.fields.get("from", {}).get("id") == PAGE)

    def _about(self, thing: Thing) -> Json:
        by = {"from": thing.fields["from"]} if "from" in thing.fields else {}
        if thing.kind == "pagepost":
            return {"item": "status", "post_id": thing.id, **by}
        return {
            "item": "comment",
            "comment_id": thing.id,
            "post_id": thing.under[-1],
            "parent_id": thing.under[0],
            **by,
        }

    def _push(self, name: str, **value: Any) -> None:
        super()._push(name, **{"created_time": int(self.clock().timestamp()), **value})

    def node_of(self, ident: str) -> str:
        if ident == PAGE:
            return "page"
        if ident in self.things:
            return self.things[ident].kind
        if any(thread["id"] == ident for thread in self.threads.values()):
            return "unifiedthread"
        raise not_there(ident)

    def citizen_of(self, name: str) -> str:
        return id_of(name, "messenger")

    def person(self, name: str, ident: str) -> Json:
        return {"id": ident, "name": US if name == self.our_name else name.capitalize()}

    def refuse_long(self, text: str) -> None:
        if len(text) > MAX_MESSAGE:
            raise Refused(100, "(#100) Length of param message[text] must be less than or equal to 2000")
