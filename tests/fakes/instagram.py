"""An Instagram account on loopback: our posts, what citizens write below them and to us, and what Instagram sends.

Each request is held to the parameters and fields that the Graph API has: the end of its block raises AssertionError
with what did not hold. What it sends has the form of https://developers.facebook.com/docs/graph-api/webhooks/reference/instagram
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

from bot.connectors.base import Request
from tests.fakes import graph_parameters
from tests.fakes.graph import APP_ID, SECRETS, FakeGraph, Json, Refused, iso, not_there, only, page, pushed
from tests.fakes.graph_parameters import Violation, fields_in

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


class FakeInstagram(FakeGraph):
    """One account of ours with one post; whatever happens is in `news`, as Instagram would send it."""

    def __init__(self) -> None:
        super().__init__()
        self.known |= {"scopes": RIGHTS.split()}
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.things: dict[str, Thing] = {}
        self.threads: dict[str, Json] = {}
        self.news: list[Json] = []
        self.violations: list[str] = []
        self.may_be_human = False
        self.own_id = ME
        """The id that we have below our own posts."""
        self._answered_privately: set[str] = set()
        self._count = 0
        self.own = self.write("De markt gaat door.")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        assert error is not None or not self.violations, self.violations

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

    def say(self, name: str, text: str, at: datetime | None = None, **more: Any) -> str:
        """Let a citizen write a message."""
        return self._say(self._thread(name), name, text, at, **more)

    def say_in_app(self, name: str, text: str, at: datetime | None = None) -> str:
        """Let the team write to a citizen in the app."""
        return self._say(self._thread(name), HANDLE, text, at)

    def edit_message(self, name: str, ident: str, text: str) -> None:
        """Let a citizen change a message."""
        self._push_event(name, {"message_edit": {"mid": ident, "text": text, "num_edit": 1}})

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

    def said(self) -> list[str]:
        """Our messages, oldest first."""
        told = [message for thread in self.threads.values() for message in thread["messages"]]
        return [message["message"] for message in told if message["from"]["id"] == ME]

    def sent(self) -> Request:
        """Return the request with which Instagram sends all that happened since the last time."""
        news, self.news = self.news, []
        return pushed({"object": "instagram", "entry": news})

    # --- the server --------------------------------------------------------------------------------

    def answer(self, method: str, path: list[str], params: Json, body: Json) -> Any:
        """Return what Graph would answer."""
        ident, edge = PAGE if path[0] == "me" else path[0], "/".join(path[1:])
        node = self._node(ident)
        given = params if method == "GET" else body
        try:
            graph_parameters.hold(method, node, edge, given, gives=GIVES.get(edge, node))
        except Violation as violation:
            self.violations.append(f"{method} {ident}/{edge}: {violation}")
            raise Refused(100, str(violation)) from violation
        name = f"_{method.lower()}_{node}_{edge}".rstrip("_")
        handler: Callable[..., Any] = getattr(self, name, self._unknown)
        return handler(ident, given)

    def _node(self, ident: str) -> str:
        if ident in {PAGE, ME}:
            return "page" if ident == PAGE else "iguser"
        if ident not in self.things:
            raise not_there(ident)
        thing = self.things[ident]
        theirs = thing.kind == "igmedia" or self.things[thing.under].by != HANDLE
        if thing.by != HANDLE and theirs:  # what is somebody else's is shown by a mention only
            raise not_there(ident)
        return thing.kind

    def _unknown(self, ident: str, given: Json) -> Any:
        raise Refused(100, "Unsupported request")

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

    def _get_page_conversations(self, ident: str, given: Json) -> Json:
        threads = sorted(self.threads.values(), key=lambda each: each["at"], reverse=True)
        wanted = [each for each in threads if given.get("user_id") in {None, each["citizen"]}]
        return page([self._thread_shown(each, given["fields"]) for each in wanted], given)

    def _post_page_messages(self, ident: str, given: Json) -> Json:
        if len(given["message"]["text"].encode()) > MAX_MESSAGE:
            raise Refused(100, "(#100) Length of param message[text] must be less than or equal to 1000 bytes")
        recipient = given["recipient"]
        citizen = recipient["id"] if "id" in recipient else self._privately(recipient["comment_id"])
        if "id" in recipient:
            self._refuse_late(citizen, given)
        thread = next(each for each in self.threads.values() if each["citizen"] == citizen)
        return {"recipient_id": citizen, "message_id": self._say(thread, HANDLE, given["message"]["text"])}

    def _privately(self, ident: str) -> str:
        thing = self.things.get(ident)
        if thing is None or self.things[thing.under].by != HANDLE:
            raise Refused(100, "(#100) Invalid comment_id parameter", subcode=2018292)
        if ident in self._answered_privately:
            raise Refused(10900, "(#10900) Activity already replied to")
        if self.clock() - thing.at > timedelta(days=7):
            raise Refused(10903, "(#10903) This user cant reply to this activity")
        self._answered_privately.add(ident)
        return str(self._thread(thing.by)["citizen"])

    def _refuse_late(self, citizen: str, given: Json) -> None:
        thread = next((each for each in self.threads.values() if each["citizen"] == citizen), None)
        if thread is None:
            raise Refused(100, "(#100) No matching user found", subcode=2018001)
        last = max((each["at"] for each in thread["messages"] if each["from"]["id"] != ME), default=NEVER)
        as_human = given.get("tag") == "HUMAN_AGENT" and self.may_be_human
        if self.clock() - last > timedelta(days=7 if as_human else 1):
            raise Refused(10, "(#10) This message is sent outside of allowed window.", subcode=2534022, status=403)

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

    def _thread(self, name: str) -> Json:
        fresh = {"id": f"t_{self._number()}", "citizen": id_of(name), "messages": [], "at": self.clock()}
        return self.threads.setdefault(name, fresh)

    def _thread_shown(self, thread: Json, asked: str) -> Json:
        name = next(each for each, known in self.threads.items() if known is thread)
        people = [{"username": name, "id": thread["citizen"]}, {"username": HANDLE, "id": ME}]
        inner, limit = next((inner, arguments) for n, arguments, inner in fields_in(asked) if n == "messages")
        messages = [only(each, {"fields": inner}) for each in reversed(thread["messages"])]
        whole = {"id": thread["id"], "updated_time": iso(thread["at"]), "participants": {"data": people}}
        return only({**whole, "messages": page(messages, limit)}, {"fields": asked})

    def _say(self, thread: Json, name: str, text: str, at: datetime | None = None, **more: Any) -> str:
        at = at or self.clock()
        by = {"id": ME if name == HANDLE else thread["citizen"], "username": name}
        message = {"id": f"m_{self._number()}", "created_time": iso(at), "from": by, "message": text, "at": at, **more}
        thread["messages"].append(message)
        thread["at"] = max(at, thread["at"])
        echo = {"is_echo": True} if name == HANDLE else {}
        self._push_event(name, {"message": {"mid": message["id"], "text": text, **echo}})
        return str(message["id"])

    def _push(self, name: str, **value: Any) -> None:
        change = {"field": name, "value": value}
        self.news.append({"id": ME, "time": int(self.clock().timestamp()), "changes": [change]})

    def _push_event(self, name: str, event: Json) -> None:
        now = int(self.clock().timestamp() * 1000)
        told = {"sender": {"id": id_of(name)}, "recipient": {"id": ME}, "timestamp": now, **event}
        self.news.append({"id": ME, "time": now, "messaging": [told]})

    def _number(self) -> str:
        self._count += 1
        return f"{17_900_000_000_000_000 + self._count}"


def _fitting(text: str) -> str:
    if len(text) > MAX_COMMENT:
        raise Refused(100, "(#100) The comment is too long")
    return text
