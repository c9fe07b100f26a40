"""An Instagram account on loopback: our posts, what citizens write below them and to us, and what Instagram sends.

Each request is held to the parameters and fields that the Graph API has: the end of its block raises AssertionError
with what did not hold. What it sends has the form of https://developers.facebook.com/docs/graph-api/webhooks/reference/instagram
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.connectors.meta.graph import APP_ID, SECRETS, Json, Refused, iso, not_there, only, page
from tests.connectors.meta.messages import FakeInbox
from tests.connectors.meta.parameters import fields_in

ME, HANDLE, PAGE = "17841400000000001", "gemeentevoorbeeld", "104000000000001"
RIGHTS = (
    "instagram_basic instagram_manage_comments instagram_manage_messages pages_manage_metadata pages_read_engagement"
)
OPTIONS: dict[str, Any] = {"instagram_id": ME, "app_id": APP_ID}
__all__ = ["APP_ID", "HANDLE", "ME", "OPTIONS", "SECRETS", "FakeInstagram", "id_of"]
MAX_COMMENT, MAX_MESSAGE = 2_200, 1_000
NEVER = datetime.fromtimestamp(0, UTC)
GIVES = {"media": "igmedia", "comments": "igcomment", "replies": "igcomment", "conversations": "unifiedthread"}


def id_of(name: str) -> str:
    """Return the id that a person has for us, below our posts and in messages."""
    return ME if name == HANDLE else str(int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10**15 + 10**15)


@dataclass
class Thing:
    """A post of ours or of somebody, or a comment; `under` is the post, `parent` the comment that it is below."""

    id: str
    kind: str
    by: str
    fields: Json
    at: datetime
    under: str = ""
    parent: str = ""


class FakeInstagram(FakeInbox):
    """One account of ours with one post; whatever happens is in `news`, as Instagram would send it."""

    us, our_name, sends, page_id, gives, too_late = ME, HANDLE, "instagram", PAGE, GIVES, 2534022
    first = 17_900_000_000_000_000

    def __init__(self) -> None:
        super().__init__()
        self.known |= {"scopes": RIGHTS.split()}
        self.things: dict[str, Thing] = {}
        self.own_id = ME
        """The id that we have below our own posts."""
        self._answered_privately: set[str] = set()
        self.own = self.write("De markt gaat door.")

    # --- what citizens and the team do -------------------------------------------------------------

    def write(self, caption: str, name: str = HANDLE, at: datetime | None = None, **more: Any) -> str:
        """Let the team, or somebody else, write a post."""
        ident, at = self._number(), at or self.clock()
        shown = {"caption": caption, "permalink": f"https://www.instagram.com/p/{ident}/", "media_type": "IMAGE"}
        self.things[ident] = Thing(ident, "igmedia", name, {**shown, "username": name, **more}, at)
        return ident

    def name_us(self, name: str, caption: str, **more: Any) -> str:
        """Let somebody name us in the caption of a post of theirs."""
        ident = self.write(caption, name, **more)
        self._push("mentions", media_id=ident)
        return ident

    def comment(self, name: str, text: str, *, under: str = "", answers: str = "", at: datetime | None = None) -> str:
        """Let a citizen, or the team in the app, write below a post, or below a comment."""
        top = self.things[answers].parent or answers if answers else ""
        media, ident, at = (
            under or (self.things[answers].under if answers else self.own),
            self._number(),
            at or self.clock(),
        )
        fields = {"text": text, "hidden": False, "username": name, "from": {"id": self._id(name), "username": name}}
        self.things[ident] = Thing(ident, "igcomment", name, fields, at, media, top)
        ours = self.things[media].by == HANDLE
        told = {"from": fields["from"], "text": text, "media": {"id": media, "media_product_type": "FEED"}}
        if ours:
            self._push("comments", id=ident, **told, **({"parent_id": top} if top else {}))
        if f"@{HANDLE}" in text:
            self._push("mentions", media_id=media, comment_id=ident)
        return ident

    def edit(self, ident: str, text: str) -> None:
        """Let an author change a comment or a caption; Instagram does not send that."""
        thing = self.things[ident]
        thing.fields["caption" if thing.kind == "igmedia" else "text"] = text

    def remove(self, ident: str) -> None:
        """Let an author remove a comment or a post, with what is below it; Instagram does not send that."""
        for each in [each.id for each in self.things.values() if ident in {each.id, each.under, each.parent}]:
            del self.things[each]

    def unsend(self, name: str, ident: str) -> None:
        """Let somebody take a message back."""
        for thread in self.threads.values():
            thread["messages"] = [each for each in thread["messages"] if each["id"] != ident]
        self._push_event(name, {"message": {"mid": ident, "is_deleted": True}})

    def spoil(self, ident: str) -> None:
        """Let a comment be none that anybody can read."""
        self.things[ident].fields |= {"text": 7, "timestamp": "gisteren"}

    def ours(self) -> list[str]:
        """Our comments, oldest first."""
        return [each.fields["text"] for each in self.things.values() if each.kind == "igcomment" and each.by == HANDLE]

    # --- the server --------------------------------------------------------------------------------

    def _get_page(self, ident: str, given: Json) -> Json:
        linked = {"id": ME, "username": HANDLE, "name": "Gemeente Voorbeeld"}
        return only({"id": PAGE, "name": "Gemeente", "instagram_business_account": linked}, given)

    def _get_iguser(self, ident: str, given: Json) -> Json:
        found: Json = {"id": ME}
        for name, arguments, inner in fields_in(given["fields"]):
            wanted = arguments["comment_id" if name == "mentioned_comment" else "media_id"]
            thing = self.things.get(wanted)
            if thing is None or f"@{HANDLE}" not in str(thing.fields.get("text") or thing.fields.get("caption")):
                raise Refused(100, "The requested resource does not exist", subcode=33)
            shown = self._shown(thing, inner)
            found[name] = {key: value for key, value in shown.items() if key not in {"from", "owner"}}
        return found

    def _get_iguser_media(self, ident: str, given: Json) -> Json:
        ours = [each for each in self.things.values() if each.kind == "igmedia" and each.by == HANDLE]
        newest = sorted(ours, key=lambda each: each.at, reverse=True)
        return page([self._shown(each, given["fields"]) for each in newest], given)

    def _get_igmedia(self, ident: str, given: Json) -> Json:
        return self._shown(self.things[ident], given["fields"])

    _get_igcomment = _get_igmedia

    def _get_igmedia_comments(self, ident: str, given: Json) -> Json:
        return page([self._shown(each, given["fields"]) for each in self._below(ident)], given)

    def _get_igcomment_replies(self, ident: str, given: Json) -> Json:
        return page([self._shown(each, given["fields"]) for each in self._replies(ident)], given)

    def _post_igcomment_replies(self, ident: str, given: Json) -> Json:
        if self.things[ident].fields["hidden"]:
            raise Refused(100, "(#100) You cannot reply to a hidden comment")
        return {"id": self.comment(HANDLE, _fitting(given["message"]), answers=ident)}

    def _post_iguser_mentions(self, ident: str, given: Json) -> Json:
        about = self.things.get(given.get("comment_id") or given["media_id"])
        if about is None:
            raise not_there("")
        text = _fitting(given["message"])
        if about.kind == "igcomment":
            return {"id": self.comment(HANDLE, text, answers=about.id)}
        return {"id": self.comment(HANDLE, text, under=about.id)}

    def _post_igcomment(self, ident: str, given: Json) -> Json:
        self.things[ident].fields["hidden"] = given["hide"]
        return {"success": True}

    def _delete_igcomment(self, ident: str, given: Json) -> Json:
        if self.things[self.things[ident].under].by != HANDLE:
            raise Refused(200, "(#200) Only the owner of the media can delete a comment below it", status=403)
        self.remove(ident)
        return {"success": True}

    def answered_privately(self, recipient: Json) -> str:
        ident = recipient["comment_id"]
        thing = self.things.get(ident)
        if thing is None or self.things[thing.under].by != HANDLE:
            raise Refused(100, "(#100) Invalid comment_id parameter", subcode=2018292)
        if ident in self._answered_privately:
            raise Refused(10900, "(#10900) Activity already replied to")
        if self.clock() - thing.at > timedelta(days=7):
            raise Refused(10903, "(#10903) This user cant reply to this activity")
        self._answered_privately.add(ident)
        return str(self._thread(thing.by)["citizen"])

    # --- what all of it is made of -----------------------------------------------------------------

    def _shown(self, thing: Thing, asked: str) -> Json:
        found: Json = {}
        for name, arguments, inner in fields_in(asked):
            if name in {"comments", "replies"}:
                below = self._below(thing.id) if name == "comments" else self._replies(thing.id)
                shown = [self._shown(each, inner) for each in below]
                found |= {name: page(shown, arguments)} if shown else {}
            elif name == "comments_count":
                found[name] = sum(each.under == thing.id for each in self.things.values())
            elif name == "media":
                found[name] = self._shown(self.things[thing.under], inner or "id")
            elif name == "parent_id":
                found |= {name: thing.parent} if thing.parent else {}
            else:
                told = {"id": thing.id, "timestamp": iso(thing.at), **thing.fields}
                found |= {name: told[name]} if name in told else {}
        return found

    def _below(self, media: str) -> list[Thing]:
        below = [each for each in self.things.values() if each.under == media and not each.parent]
        return sorted(below, key=lambda each: each.at, reverse=True)

    def _replies(self, ident: str) -> list[Thing]:
        return sorted((each for each in self.things.values() if each.parent == ident), key=lambda each: each.at)

    def _id(self, name: str) -> str:
        return self.own_id if name == HANDLE else id_of(name)

    def node_of(self, ident: str) -> str:
        if ident in {PAGE, ME}:
            return "page" if ident == PAGE else "iguser"
        if ident not in self.things:
            raise not_there(ident)
        thing = self.things[ident]
        theirs = thing.kind == "igmedia" or self.things[thing.under].by != HANDLE
        if thing.by != HANDLE and theirs:  # what is somebody else's is shown by a mention only
            raise not_there(ident)
        return thing.kind

    def citizen_of(self, name: str) -> str:
        return id_of(name)

    def person(self, name: str, ident: str) -> Json:
        return {"username": name, "id": ident}

    def refuse_long(self, text: str) -> None:
        if len(text.encode()) > MAX_MESSAGE:
            raise Refused(100, "(#100) Length of param message[text] must be less than or equal to 1000 bytes")


def _fitting(text: str) -> str:
    if len(text) > MAX_COMMENT:
        raise Refused(100, "(#100) The comment is too long")
    return text
