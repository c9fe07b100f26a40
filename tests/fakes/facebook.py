"""A Facebook page on loopback: our posts, what citizens write below them and in Messenger, and what Facebook sends.

Each request is held to the parameters and fields that the Graph API has: the end of its block raises AssertionError
with what did not hold. What it sends has the form of https://developers.facebook.com/docs/graph-api/webhooks/reference/page
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

from bot.connectors.base import Request
from bot.connectors.facebook.posts import url_below
from tests.fakes import graph_parameters
from tests.fakes.graph import APP_ID, SECRETS, FakeGraph, Json, Refused, iso, not_there, only, page, pushed
from tests.fakes.graph_parameters import Violation, fields_in

PAGE, US = "104000000000001", "Gemeente Voorbeeld"
RIGHTS = "pages_manage_engagement pages_manage_metadata pages_messaging pages_read_engagement pages_read_user_content"
OPTIONS: dict[str, Any] = {"page_id": PAGE, "app_id": APP_ID}
__all__ = ["APP_ID", "OPTIONS", "PAGE", "SECRETS", "US", "FakeFacebook", "id_of"]
MAX_COMMENT, MAX_MESSAGE = 8_000, 2_000
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


class FakeFacebook(FakeGraph):
    """One page of ours with one post; whatever happens on it is in `news`, as Facebook would send it."""

    def __init__(self) -> None:
        super().__init__()
        self.known |= {"scopes": RIGHTS.split(), "profile_id": PAGE}
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.things: dict[str, Thing] = {}
        self.reviews: list[Json] = []
        self.threads: dict[str, Json] = {}
        self.news: list[Json] = []
        self.violations: list[str] = []
        self.may_be_human = False
        self._answered_privately: dict[str, str] = {}
        self._count = 0
        self.own = self.write("De markt gaat door.")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        assert error is not None or not self.violations, self.violations

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

    def say(self, name: str, text: str, at: datetime | None = None, **more: Any) -> str:
        """Let a citizen write in Messenger."""
        return self._say(self._thread(name), name, text, at, **more)

    def say_in_app(self, name: str, text: str, at: datetime | None = None) -> str:
        """Let the team answer a citizen in Facebook's own app."""
        return self._say(self._thread(name), "gemeente", text, at)

    def edit_message(self, name: str, ident: str, text: str) -> None:
        """Let a citizen change a message."""
        event = {"mid": ident, "text": text, "num_edit": 1}
        self._push_event(name, {"message_edit": event})

    def spoil(self, ident: str) -> None:
        """Let a comment be none that anybody can read."""
        self.things[ident].fields |= {"message": 7, "created_time": "gisteren"}

    def ours(self) -> list[str]:
        """Our comments, oldest first."""
        return [
            each.fields["message"] for each in self.things.values() if each.kind == "comment" and self._is_ours(each)
        ]

    def said(self) -> list[str]:
        """Our messages in Messenger, oldest first."""
        told = [message for thread in self.threads.values() for message in thread["messages"]]
        return [message["message"] for message in told if message["from"]["id"] == PAGE]

    def sent(self) -> Request:
        """Return the request with which Facebook sends all that happened since the last time."""
        news, self.news = self.news, []
        return pushed({"object": "page", "entry": news})

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
        if ident == PAGE:
            return "page"
        if ident in self.things:
            return self.things[ident].kind
        if any(thread["id"] == ident for thread in self.threads.values()):
            return "unifiedthread"
        raise not_there(ident)

    def _unknown(self, ident: str, given: Json) -> Any:
        raise Refused(100, "Unsupported request")

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

    def _get_page_conversations(self, ident: str, given: Json) -> Json:
        threads = sorted(self.threads.values(), key=lambda each: each["at"], reverse=True)
        wanted = [each for each in threads if given.get("user_id") in {None, each["citizen"]}]
        return page([self._thread_shown(each, given["fields"]) for each in wanted], given)

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
        return {"id": self.comment("gemeente", given["message"], answers=ident)}

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

    def _post_page_messages(self, ident: str, given: Json) -> Json:
        if len(given["message"]["text"]) > MAX_MESSAGE:
            raise Refused(100, "(#100) Length of param message[text] must be less than or equal to 2000")
        recipient = given["recipient"]
        citizen = recipient["id"] if "id" in recipient else self._privately(*recipient.values())
        if "id" in recipient:
            self._refuse_late(citizen, given)
        thread = next(each for each in self.threads.values() if each["citizen"] == citizen)
        return {"recipient_id": citizen, "message_id": self._say(thread, "gemeente", given["message"]["text"])}

    def _privately(self, ident: str) -> str:
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

    def _refuse_late(self, citizen: str, given: Json) -> None:
        thread = next((each for each in self.threads.values() if each["citizen"] == citizen), None)
        if thread is None:
            raise Refused(100, "(#100) No matching user found", subcode=2018001)
        last = max((each["at"] for each in thread["messages"] if each["from"]["id"] != PAGE), default=NEVER)
        as_human = given.get("tag") == "HUMAN_AGENT" and self.may_be_human
        if self.clock() - last > timedelta(days=7 if as_human else 1):
            raise Refused(10, "(#10) This message is sent outside of allowed window.", subcode=2018278, status=403)

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

    def _thread(self, name: str) -> Json:
        fresh = {"id": f"t_{self._number()}", "citizen": id_of(name, "messenger"), "messages": [], "at": self.clock()}
        return self.threads.setdefault(name, fresh)

    def _thread_shown(self, thread: Json, asked: str) -> Json:
        name = next(each for each, known in self.threads.items() if known is thread)
        people = [{"name": name.capitalize(), "id": thread["citizen"]}, {"name": US, "id": PAGE}]
        messages = [only(each, {"fields": inner}) for n, _, inner in fields_in(asked) if n == "messages"
                    for each in reversed(thread["messages"])]  # fmt: skip
        limit = next((arguments for n, arguments, _ in fields_in(asked) if n == "messages"), {})
        whole = {"id": thread["id"], "updated_time": iso(thread["at"]), "participants": {"data": people}}
        return only({**whole, "messages": page(messages, limit)}, {"fields": asked})

    def _say(self, thread: Json, name: str, text: str, at: datetime | None = None, **more: Any) -> str:
        at = at or self.clock()
        by = {"id": PAGE, "name": US} if name == "gemeente" else {"id": thread["citizen"], "name": name.capitalize()}
        message = {"id": f"m_{self._number()}", "created_time": iso(at), "from": by, "message": text, "at": at, **more}
        thread["messages"].append(message)
        thread["at"] = max(at, thread["at"])
        echo = {"is_echo": True} if name == "gemeente" else {}
        self._push_event(name, {"message": {"mid": message["id"], "text": text, **echo}})
        return str(message["id"])

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
        now = int(self.clock().timestamp())
        change = {"field": name, "value": {"created_time": now, **value}}
        self.news.append({"id": PAGE, "time": now, "changes": [change]})

    def _push_event(self, name: str, event: Json) -> None:
        citizen = id_of(name, "messenger")
        now = int(self.clock().timestamp() * 1000)
        told = {"sender": {"id": citizen}, "recipient": {"id": PAGE}, "timestamp": now, **event}
        self.news.append({"id": PAGE, "time": now, "messaging": [told]})

    def _number(self) -> str:
        self._count += 1
        return f"{122_000_000_000_000 + self._count}"
