"""What every connector does: the protocol between a platform and the rest, and its verdicts.

A verdict is an exception that says how a request ended. Only OutcomeUnknown means "perhaps it was carried out", so
perhaps a reply was published; after every other one it surely was not. Unauthorized stops the account and tells its
team, RateLimited waits, Unavailable is tried again, Rejected is shown to the agent. Unknowable ends the search for a
reply: a person must look.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol

from bot.domain.mention import Post
from bot.domain.text import Text

Cursor = dict[str, Any]
"""How far we have read, in the connector's own terms; JSON, stored with the account after the posts are."""


@dataclass(frozen=True)
class Account:
    """One account on a platform, as a connector needs it.

    `secrets` are its tokens (encrypted in the database), `options` its settings (hashtags, mapping, …), `known` what
    the connector learned about the server at the last check (limits, own id); all JSON.
    """

    id: int
    platform: str
    name: str
    url: str
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """Posts in the order they should be taken in (oldest first), and the cursor to store once they are.

    `more` asks to be called again at once. Edited and removed posts come as posts too (`edited_at`, `gone`).
    """

    posts: tuple[Post, ...]
    cursor: Cursor
    more: bool = False


@dataclass(frozen=True)
class Draft:
    """A reply on its way out. `text` is exactly what will be published; `key` is the same at every attempt."""

    key: str
    text: str
    private: bool
    to: Post
    first_tried_at: datetime


@dataclass(frozen=True)
class Sent:
    """What the platform made of a reply: its id and where it can be seen (empty when private)."""

    external_id: str
    url: str = ""


@dataclass(frozen=True)
class Health:
    """What a check of an account found: plain sentences, `problems` with how to mend each, and what was learned."""

    working: tuple[Text, ...] = ()
    problems: tuple[Text, ...] = ()
    known: Mapping[str, Any] = field(default_factory=dict)


class Connector(Protocol):
    """One account on one platform. Constructors do no I/O. Every call may raise one of the four verdicts."""

    resend_safe_for: ClassVar[timedelta | None]
    """How long the platform recognises a repeated `Draft.key`, so that sending again cannot publish twice."""

    async def check(self) -> Health:
        """Try the account and say in plain words what works; learn the server's limits."""
        ...

    async def fetch(self, cursor: Cursor) -> Page:
        """Return the next page of posts after `cursor` ({} the first time: start from now or the recent past)."""
        ...

    async def recheck(self, external_ids: list[str]) -> list[Post]:
        """Return those of these posts that changed or are gone, as far as the platform tells; [] when it does not."""
        ...

    async def send(self, draft: Draft) -> Sent:
        """Publish the reply, once."""
        ...

    async def find(self, draft: Draft) -> Sent | None:
        """Look for a reply whose outcome is unknown: Sent when it is there, None when it surely is not.

        Raises Unknowable when the platform cannot tell.
        """
        ...

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Return what would be published for an agent's signed text (a platform may need an @mention before it)."""
        ...

    def length(self, text: str) -> int:
        """Return the length of a composed text as this platform counts it."""
        ...

    def max_length(self) -> int:
        """Return the greatest `length` the platform takes."""
        ...


@dataclass(frozen=True)
class Request:
    """What was sent to our web address. Header names are in small letters; `token` is what stood in the address."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    token: str = ""


@dataclass(frozen=True)
class Received:
    """What a pushed request brought, in the order in which it should be taken in (oldest first)."""

    items: tuple[Post, ...]


class Receiver(Protocol):
    """What a platform pushes to us. No method does I/O: the request and the account are all they need."""

    def challenge(self, account: Account, request: Request) -> str | None:
        """Return what to answer when the platform asks us to prove that the address is ours; None for other requests.

        Raises NotSigned when the question does not come from the platform.
        """
        ...

    def accounts_of(self, request: Request) -> frozenset[str]:
        """Return the ids (`Identity.id`) of the accounts that a request to `/in/<platform>` is about.

        Nothing in the request is proven yet. An empty set when the platform names its account in the address.
        """
        ...

    def receive(self, account: Account, request: Request, now: datetime) -> Received:
        """Return what a request brings for this account; raises NotSigned, and BadPayload for what cannot be read."""
        ...


class Verdict(Exception):
    """What went wrong at a platform: a plain sentence for people, without tokens or citizens' words."""

    def __init__(self, message: str, /, **params: Any) -> None:
        self.text = Text(message, params)
        super().__init__(str(self.text))


class Unauthorized(Verdict):
    """The account's token no longer works: stop the account and tell the team."""


class RateLimited(Verdict):
    """The platform asks us to wait until `retry_at`; the request was not carried out."""

    def __init__(self, retry_at: datetime) -> None:
        super().__init__("The platform asks us to wait.")
        self.retry_at = retry_at


class Unavailable(Verdict):
    """The platform cannot be reached or fails, but the request was surely not carried out; try at the next tick."""


class OutcomeUnknown(Unavailable):
    """The platform cannot be reached or fails, and the request may have been carried out all the same."""


class Rejected(Verdict):
    """The platform refuses this request and will go on refusing it; the text says why, for the agent."""


class Unknowable(Exception):
    """Whether a reply was published cannot be found out by us; a person must look."""


class NotSigned(Exception):
    """A request that does not prove to come from the source; the text says why, in plain words (HTTP 401)."""

    def __init__(self, reason: Text) -> None:
        self.text = reason
        super().__init__(str(reason))
