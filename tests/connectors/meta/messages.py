"""What the fakes of Facebook and Instagram share: news, requests held to Graph's parameters, and private messages.

Each request is held to the parameters and fields that the Graph API has: the end of the fake's block raises
AssertionError with what did not hold.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from bot.connectors.base import Request
from tests.connectors.meta.graph import FakeGraph, Json, Refused, iso, only, page, pushed
from tests.connectors.meta.parameters import Violation, fields_in, hold

NEVER = datetime.fromtimestamp(0, UTC)


class FakeInbox(FakeGraph):
    """One account of ours whose `news` are what Meta would send. A subclass says what belongs to its platform.

    `us` is the id of the account, `our_name` what the tests call it, `sends` the object that news is about. `page_id`
    is what `me` is, `gives` the kind of object that each list has, `too_late` the subcode of an answer after its time,
    `first` the number from which ids are counted.
    """

    us: ClassVar[str]
    our_name: ClassVar[str]
    sends: ClassVar[str]
    page_id: ClassVar[str]
    gives: ClassVar[Mapping[str, str]]
    too_late: ClassVar[int]
    first: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.threads: dict[str, Json] = {}
        self.news: list[Json] = []
        self.may_be_human = False
        self.names_participants = True
        self._count = 0

    # --- what a platform does in its own way -------------------------------------------------------

    @abstractmethod
    def node_of(self, ident: str) -> str:
        """Return the kind of an object; raises Refused when it is not there."""

    @abstractmethod
    def citizen_of(self, name: str) -> str:
        """Return the id that a citizen has in messages."""

    @abstractmethod
    def person(self, name: str, ident: str) -> Json:
        """Return how somebody is named in a message."""

    @abstractmethod
    def refuse_long(self, text: str) -> None:
        """Raise Refused when a message is too long."""

    @abstractmethod
    def answered_privately(self, recipient: Json) -> str:
        """Return to whom the private answer to a post goes; raises Refused when it may not."""

    # --- what citizens and the team do -------------------------------------------------------------

    def say(self, name: str, text: str, at: datetime | None = None, **more: Any) -> str:
        """Let a citizen write a message."""
        return self._say(self._thread(name), name, text, at, **more)

    def say_in_app(self, name: str, text: str, at: datetime | None = None) -> str:
        """Let the team write to a citizen in the platform's own app."""
        return self._say(self._thread(name), self.our_name, text, at)

    def edit_message(self, name: str, ident: str, text: str) -> None:
        """Let a citizen change a message."""
        self._push_event(name, {"message_edit": {"mid": ident, "text": text, "num_edit": 1}})

    def said(self) -> list[str]:
        """Our messages, oldest first."""
        told = [message for thread in self.threads.values() for message in thread["messages"]]
        return [message["message"] for message in told if message["from"]["id"] == self.us]

    def sent(self) -> Request:
        """Return the request with which Meta sends all that happened since the last time."""
        news, self.news = self.news, []
        return pushed({"object": self.sends, "entry": news})

    # --- the server --------------------------------------------------------------------------------

    def answer(self, method: str, path: list[str], params: Json, body: Json) -> Any:
        """Return what Graph would answer."""
        ident, edge = self.page_id if path[0] == "me" else path[0], "/".join(path[1:])
        node = self.node_of(ident)
        given = params if method == "GET" else body
        try:
            hold(method, node, edge, given, gives=self.gives.get(edge, node))
        except Violation as violation:
            self.violations.append(f"{method} {ident}/{edge}: {violation}")
            raise Refused(100, str(violation)) from violation
        name = f"_{method.lower()}_{node}_{edge}".rstrip("_")
        handler: Callable[..., Any] = getattr(self, name, self._unknown)
        return handler(ident, given)

    def _unknown(self, ident: str, given: Json) -> Any:
        raise Refused(100, "Unsupported request")

    def _get_page_conversations(self, ident: str, given: Json) -> Json:
        threads = sorted(self.threads.values(), key=lambda each: each["at"], reverse=True)
        wanted = [each for each in threads if given.get("user_id") in {None, each["citizen"]}]
        return page([self._thread_shown(each, given["fields"]) for each in wanted], given)

    def _post_page_messages(self, ident: str, given: Json) -> Json:
        text, recipient = given["message"]["text"], given["recipient"]
        self.refuse_long(text)
        citizen = recipient["id"] if "id" in recipient else self.answered_privately(recipient)
        if "id" in recipient:
            self._refuse_late(citizen, given)
        thread = next(each for each in self.threads.values() if each["citizen"] == citizen)
        return {"recipient_id": citizen, "message_id": self._say(thread, self.our_name, text)}

    def _refuse_late(self, citizen: str, given: Json) -> None:
        thread = next((each for each in self.threads.values() if each["citizen"] == citizen), None)
        if thread is None:
            raise Refused(100, "(#100) No matching user found", subcode=2018001)
        last = max((each["at"] for each in thread["messages"] if each["from"]["id"] != self.us), default=NEVER)
        as_human = given.get("tag") == "HUMAN_AGENT" and self.may_be_human
        if self.clock() - last > timedelta(days=7 if as_human else 1):
            words = "(#10) This message is sent outside of allowed window."
            raise Refused(10, words, subcode=self.too_late, status=403)

    # --- what all of it is made of -----------------------------------------------------------------

    def _thread(self, name: str) -> Json:
        fresh = {"id": f"t_{self._number()}", "citizen": self.citizen_of(name), "messages": [], "at": self.clock()}
        return self.threads.setdefault(name, fresh)

    def _thread_shown(self, thread: Json, asked: str) -> Json:
        name = next(each for each, known in self.threads.items() if known is thread)
        citizen, us = self.person(name, thread["citizen"]), self.person(self.our_name, self.us)
        people = [citizen if self.names_participants else {}, us]
        inner, limit = next(((inner, limit) for key, limit, inner in fields_in(asked) if key == "messages"), ("id", {}))
        messages = [_message_shown(each, inner) for each in reversed(thread["messages"])]
        whole = {"id": thread["id"], "updated_time": iso(thread["at"]), "participants": {"data": people}}
        return only({**whole, "messages": page(messages, limit)}, {"fields": asked})

    def _say(self, thread: Json, name: str, text: str, at: datetime | None = None, **more: Any) -> str:
        at, is_ours = at or self.clock(), name == self.our_name
        by = self.person(name, self.us if is_ours else thread["citizen"])
        message = {"id": f"m_{self._number()}", "created_time": iso(at), "from": by, "message": text, "at": at, **more}
        thread["messages"].append(message)
        thread["at"] = max(at, thread["at"])
        echo = {"is_echo": True} if is_ours else {}
        self._push_event(name, {"message": {"mid": message["id"], "text": text, **echo}})
        return str(message["id"])

    def _push(self, name: str, **value: Any) -> None:
        now = int(self.clock().timestamp())
        self.news.append({"id": self.us, "time": now, "changes": [{"field": name, "value": value}]})

    def _push_event(self, name: str, event: Json) -> None:
        now = int(self.clock().timestamp() * 1000)
        sender = {"id": self.citizen_of(name)}
        told = {"sender": sender, "recipient": {"id": self.us}, "timestamp": now, **event}
        self.news.append({"id": self.us, "time": now, "messaging": [told]})

    def _number(self) -> str:
        self._count += 1
        return str(self.first + self._count)


def _message_shown(message: Json, asked: str) -> Json:
    """Return the fields of a message that are asked for; of what it shares only those that are named too."""
    shown = only(message, {"fields": asked})
    inner = next((inner for name, _, inner in fields_in(asked) if name == "shares"), "")
    if "shares" in shown:
        shown["shares"] = {"data": [only(each, {"fields": inner or "id"}) for each in shown["shares"]["data"]]}
    return shown
