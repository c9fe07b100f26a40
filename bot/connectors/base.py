"""What connectors and the rest of the bot exchange: the protocols of a platform, their values, and the verdicts.

A connector implements `Connector` and those of `Polls`, `Rechecks`, `Replies`, `TakesImages`, `Moderates` and
`Publishes` that its platform supports; its `Platform` declares them as capabilities. `Limited` reports the platform's
limits, if it gives them. A `Receiver` reads what a platform pushes to us.

A verdict is an exception that says how a request ended. Only OutcomeUnknown means "perhaps it was carried out", so
perhaps a reply was published; after every other verdict it surely was not. Unauthorized stops the account and notifies
its team, RateLimited waits, Unavailable is retried, NotNow too, but not for ever, Rejected is shown to the agent.
Unknowable ends the search for a reply: a person must look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

from bot.domain.image import Image, Images
from bot.domain.mention import Act, Delivery, Post
from bot.domain.payload import UNSTORABLE
from bot.domain.text import Text, text

Cursor = dict[str, Any]
"""How far we have read, in the connector's own terms; JSON, stored with the account after the posts."""


@dataclass(frozen=True)
class Identity:
    """Who an account is on its platform. `id` is what `Author.external_id` is in posts that the account wrote."""

    id: str
    handle: str = ""
    name: str = ""
    url: str = ""


CLOCKS_DIFFER = timedelta(minutes=5)
"""How far a platform's clock may be off from ours."""
FARTHEST = 18_000
"""The most days before now from which posts are taken in: no platform is so old, and there is a date so long ago."""


@dataclass(frozen=True)
class Account:
    """One account on a platform, as a connector needs it.

    `secrets` are its tokens (encrypted in the database), `options` what was set when it was added, `limits` what the
    last check learned about its server; all JSON. `address` is where its platform can push to us. `added_at` is when it
    was added; None while it is not stored. `rests_until`: the platform's limit is nearly used up, so requests that can
    be skipped are skipped until then. `lacks`: what people read of each part that the last reading could not read, so
    that the log says it once.
    """

    id: int
    platform: str
    name: str
    url: str
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    identity: Identity | None = None
    address: str = ""
    added_at: datetime | None = None
    rests_until: datetime | None = None
    lacks: tuple[Text, ...] = ()

    def begins_at(self, now: datetime) -> datetime | None:
        """Return from when on its first reading takes posts in; None for everything that the platform gives.

        That is when it was added, or earlier by the days in its option `since_days`.
        """
        days = self.options.get("since_days", 0)
        if self.added_at is None and not days:
            return None
        return (self.added_at or now) - timedelta(days=min(days, FARTHEST))

    def begins_by_its_clock(self, now: datetime) -> datetime | None:
        """Return `begins_at` by the platform's clock, which may be behind ours."""
        begins = self.begins_at(now)
        return begins - CLOCKS_DIFFER if begins else None

    def begins_after(self, cursor: Cursor, now: datetime) -> datetime | None:
        """Return when a list begins of which a cursor knows nothing: one that is switched on later begins then."""
        return now - CLOCKS_DIFFER if cursor else self.begins_by_its_clock(now)


@dataclass(frozen=True)
class Health:
    """The result of a check of an account, in plain sentences; all but `working` say how to repair it.

    An account with a problem does not work; with a fault, a part of it does not. Its team is notified of both. With a
    warning it works. `limits` is what the connector needs to know about the server in its next calls.
    """

    working: tuple[Text, ...] = ()
    warnings: tuple[Text, ...] = ()
    problems: tuple[Text, ...] = ()
    identity: Identity | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)
    token_expires_at: datetime | None = None
    faults: tuple[Text, ...] = ()
    answers: bool = True
    """Whether posts can be answered with this account, on a platform that allows answers."""


@dataclass(frozen=True)
class Page:
    """Items from a platform, in the order in which to take them in (oldest first), and the cursor to store then.

    `more` asks for another call at once; `not_before` asks for no call until then (the platform's own pace). Edited and
    removed posts come as posts too (`edited_at`, `gone`). `unread` has a sentence for each part of the account that
    could not be read while the rest was. A first page that is not `whole` does not go back to when the account begins:
    there was too much.
    """

    items: tuple[Post | Delivery, ...]
    cursor: Cursor
    more: bool = False
    not_before: datetime | None = None
    unread: tuple[Text, ...] = ()
    whole: bool = True

    @property
    def posts(self) -> tuple[Post, ...]:
        """The posts among the items."""
        return tuple(item for item in self.items if isinstance(item, Post))


@dataclass(frozen=True)
class Usage:
    """How much of the platform's limit is used, by its last answers: in percent, None if it does not say.

    `rests_until`: we read no more until then, because the limit is nearly reached.
    """

    percent: int | None = None
    rests_until: datetime | None = None


@dataclass(frozen=True)
class Rechecked:
    """The posts of a recheck that were edited, are gone or are back, and the cursor for the next recheck."""

    changed: tuple[Post, ...]
    cursor: Cursor


def in_turn(ids: Sequence[str], cursor: Cursor, most: int) -> tuple[Sequence[str], Cursor]:
    """Return at most `most` of these for a recheck, and the cursor with which the next one continues."""
    start = ids.index(cursor["last"]) + 1 if cursor.get("last") in ids else 0
    turn = [*ids[start:], *ids[:start]][:most]
    return turn, {"last": turn[-1]} if len(turn) < len(ids) else {}


@dataclass(frozen=True)
class Draft:
    """A reply to send. `text` is exactly what will be published; `key` is the same on every attempt.

    `first_tried_at` is when the first attempt that may have succeeded began; `approved_at`, which never changes, is
    when an agent approved it. `subject` is the title of a private message, for platforms that need one, in the
    citizen's language.
    """

    key: str
    text: str
    private: bool
    to: Post
    first_tried_at: datetime
    subject: str = ""
    approved_at: datetime | None = None
    image: Image | None = None


@dataclass(frozen=True)
class Announcement:
    """Something that we publish on our own initiative; `key` is the same on every attempt."""

    key: str
    text: str
    first_tried_at: datetime


@dataclass(frozen=True)
class Sent:
    """A reply on the platform: its id and where people can see it (empty when private).

    `conversation` is the key of the conversation that the reply opened, if the citizen's next words come with another
    key than the answered post. `held`: the platform shows it only after somebody approved it.
    """

    external_id: str
    url: str = ""
    conversation: str = ""
    held: bool = False


@dataclass(frozen=True)
class Measure:
    """The length of a text as the platform counts it, and the longest that it takes (None: no limit)."""

    length: int
    limit: int | None


@dataclass(frozen=True)
class Request:
    """A request to our web address. Header names are in lower case; `token` comes from the address."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    token: str = ""


@dataclass(frozen=True)
class Received:
    """The items of a pushed request, in the order in which they should be taken in (oldest first).

    `ask`: it announces more, which must be polled (`Polls`). `only_pushed`: some of it cannot be polled later.
    """

    items: tuple[Post | Delivery, ...]
    ask: bool = False
    only_pushed: bool = False


# --- What a connector can do ---------------------------------------------------------------------


class Connector(Protocol):
    """One account on one platform. Constructors do no I/O. Every call may raise a verdict."""

    async def check(self) -> Health:
        """Try the account and report in plain words what works; learn who it is and the server's limits."""
        ...


@runtime_checkable
class Polls(Protocol):
    """A platform that we poll for new posts."""

    async def fetch(self, cursor: Cursor) -> Page:
        """Return the next page after `cursor`; the first time it is {}: then only posts since `Account.begins_at`.

        Once a day it is {} again, for an account that begins on the day before: what was missed comes in after all.
        """
        ...


@runtime_checkable
class Rechecks(Protocol):
    """A platform that says on request whether a post was edited or removed."""

    async def recheck(self, posts: Sequence[Post], cursor: Cursor) -> Rechecked:
        """Return the posts among these that were edited or are gone, and those with `gone` set that are back.

        Also those whose `hidden` is no longer right, where the platform says so.

        Stays within the platform's budget of requests: the cursor says what is left for the next time.
        """
        ...


@runtime_checkable
class Limited(Protocol):
    """A platform that says how much of its request limit is used."""

    @property
    def usage(self) -> Usage:
        """How much of the limit is used."""
        ...


@runtime_checkable
class Completes(Protocol):
    """A platform that pushes less of a post than it returns on request, and perhaps only if we ask at once."""

    async def complete(self, items: Sequence[Post | Delivery]) -> Sequence[Post | Delivery]:
        """Return the pushed items, completed with what we must ask for; items that can no longer be read are left out.

        It must be fast: the platform waits for our answer. After a verdict it sends the same again.
        """
        ...


@runtime_checkable
class Replies(Protocol):
    """A platform on which posts can be answered."""

    @property
    def resend_safe_for(self) -> timedelta | None:
        """How long this server recognises a repeated `Draft.key`, so that sending again cannot publish twice."""
        ...

    async def send(self, draft: Draft) -> Sent:
        """Publish the reply, once. Requests before the one that publishes go inside `http.before_sending()`."""
        ...

    async def find(self, draft: Draft) -> Sent | None:
        """Look for a reply whose outcome is unknown: Sent when it is there, None when it surely is not.

        Raises Unknowable when the platform cannot say. Rejected counts as that too: it refuses only to look.
        """
        ...

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Return what would be published for an agent's signed text (a platform may need an @mention before it).

        Raises Refused when the platform would show it to others than it should.
        """
        ...

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Return the length of a composed text, public or private, and the limit."""
        ...


@runtime_checkable
class TakesImages(Protocol):
    """A platform on which an answer can hold an image: `Draft.image`."""

    def images(self, *, private: bool) -> Images | None:
        """Return which images this server takes with a public or a private answer; None: it takes none."""
        ...


@runtime_checkable
class Moderates(Protocol):
    """A platform on which posts can be hidden or liked, or our own posts removed."""

    async def act(self, act: Act, post: Post) -> None:
        """Do this to a post. Doing it again changes nothing and is no error."""
        ...


@runtime_checkable
class Publishes(Protocol):
    """A platform on which we can publish on our own initiative."""

    async def publish(self, announcement: Announcement) -> Sent:
        """Publish it, once."""
        ...


class Receiver(Protocol):
    """Reads what a platform pushes to us. No method does I/O: the request and the account are all they need."""

    def challenge(self, account: Account, request: Request) -> str | None:
        """Return the answer when the platform asks us to prove that the address is ours; None for other requests.

        Raises NotSigned when the question does not come from the platform.
        """
        ...

    def accounts_of(self, request: Request) -> frozenset[str]:
        """Return the ids (`Identity.id`) of the accounts that a request to `/in/<platform>` is about.

        Nothing in the request is proven yet. An empty set when the platform names its account in the address.
        """
        ...

    def receive(self, account: Account, request: Request, now: datetime) -> Received:
        """Return the items of a request for this account; raises NotSigned, and BadPayload if it cannot be read."""
        ...


# --- The verdicts --------------------------------------------------------------------------------


class Verdict(Exception):
    """What went wrong at a platform: a plain sentence for people, without tokens or citizens' words.

    Nor does it hold halves of characters, as platforms leave them where they cut a text: nobody can show those.
    """

    def __init__(self, message: str, /, **params: Any) -> None:
        self.text = Text(message, {name: _shown(value) for name, value in params.items()})
        super().__init__(str(self.text))

    def logged(self) -> dict[str, Any]:
        """Return what the log says of it: its sentence without what that is filled with, except HTTP's status."""
        status = {"status": self.text.params["status"]} if "status" in self.text.params else {}
        return {"verdict": type(self).__name__, "reason": self.text.message, **status}


def _shown(value: Any) -> Any:
    return UNSTORABLE.sub("", value) if isinstance(value, str) else value


ASKED_TO_WAIT = text("The platform asks us to wait.")
OUR_FAULT = text("An unexpected fault on our side; its reference is in the log.")
"""What is said of a fault in our own code."""


class Unauthorized(Verdict):
    """The account's token no longer works: stop the account and notify the team."""


class RateLimited(Verdict):
    """The platform asks our account to wait until `retry_at`, perhaps in words; the request was not carried out."""

    def __init__(self, retry_at: datetime, said: Text = ASKED_TO_WAIT) -> None:
        super().__init__(said.message, **said.params)
        self.retry_at = retry_at


class Unavailable(Verdict):
    """The platform cannot be reached or fails, but the request was surely not carried out; retry at the next tick."""


class NotNow(Unavailable):
    """The platform does not take this one request now and says why; others of the account may go out meanwhile."""


class OutcomeUnknown(Unavailable):
    """The platform cannot be reached or fails, and the request may have been carried out nevertheless."""


class Rejected(Verdict):
    """The platform refuses this request and will keep refusing it; the text says why, for the agent."""


class TooLarge(Rejected):
    """The platform's answer is larger than we read; a part of it may not be."""


class UsedUp(Rejected):
    """The platform allows this once per post, and it was done before, perhaps not from here."""


class Unknowable(Exception):
    """We cannot find out whether a reply was published; a person must look."""


class NotSigned(Exception):
    """A request without proof that it comes from the source; the text says why, in plain words (HTTP 401)."""

    def __init__(self, reason: Text) -> None:
        self.text = reason
        super().__init__(str(reason))
