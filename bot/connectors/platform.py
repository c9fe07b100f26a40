"""A platform as data: what it can do, what to ask when an account is added, how its connector was tested.

Each connector module ends with `PLATFORM = Platform(...)`. Nothing else has to name the platform: the questions of
`accounts add`, the web routes, the checks and the README's table are all made from this.
"""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx

from bot.connectors.base import Account, Connector, Receiver
from bot.connectors.trial import Trial
from bot.domain.mention import Act
from bot.domain.reply import Template


class Capability(StrEnum):
    """What a platform's connector can do. The contract test checks that exactly the declared ones are implemented."""

    POLLS = "polls"
    """We poll it for new posts (`Polls`)."""
    PUSHES = "pushes"
    """It sends posts to our web address (`Platform.receiver`)."""
    REPLIES = "replies"
    """Posts can be answered in public (`Replies`)."""
    MESSAGES = "messages"
    """Posts can be answered privately (`Replies`)."""
    IMAGES = "images"
    """A public answer can have an image (`TakesImages`)."""
    MESSAGE_IMAGES = "message_images"
    """A private answer can have an image (`TakesImages`)."""
    HIDES = "hides"
    LIKES = "likes"
    DELETES = "deletes"
    """Our own replies can be removed (`Moderates`, like HIDES and LIKES)."""
    PUBLISHES = "publishes"
    """We can publish something on our own initiative (`Publishes`)."""


ACTS: Mapping[Capability, frozenset[Act]] = {
    Capability.HIDES: frozenset({Act.HIDE, Act.SHOW}),
    Capability.LIKES: frozenset({Act.LIKE, Act.UNLIKE}),
    Capability.DELETES: frozenset({Act.DELETE}),
}
"""The acts besides answering that a capability makes possible, if the post itself allows it."""


class OptionKind(StrEnum):
    """The kind of an option's value, which decides how it is asked for, checked and stored."""

    TEXT = "text"
    TITLE = "title"
    """The title that colleagues see on the cards in place of the platform's."""
    ADDRESS = "address"
    """A web address with its path; https:// is added when no scheme is given."""
    SERVER = "server"
    """The address of a server: only scheme, host and port of the given address are stored."""
    NUMBER = "number"
    """A whole number above 0."""
    FLAG = "flag"
    """True or false; a terminal asks yes or no."""
    WORDS = "words"
    """A list of words, without a # before them; separated by spaces."""
    CHOICES = "choices"
    """One or more of `Option.choices`, separated by commas. Stored as a list, in the order of `choices`."""
    MAPPING = "mapping"
    """Names and values, typed as name=value; the names are `Option.choices`. An empty value is stored as null."""
    TOKEN = "token"  # noqa: S105 - a kind of option
    """A secret from the platform: entered at a hidden prompt, in a file or the environment, never as a flag."""
    MADE = "made"
    """A secret that we make with `Option.make` and show once. On renewal the old one is stored as `<name>_old`."""


@dataclass(frozen=True)
class Option:
    """One fact about an account. The option `url` becomes `Account.url`; secret ones go to `Account.secrets`.

    `ask` is the question on a terminal; an option without a question is only a flag. `default` is the value when
    nothing is given; None makes the option required when it has a question, and leaves it out otherwise; "" makes it
    optional. `only_with` names a CHOICES option and the choice that this option belongs to: `("accept", "token")`.
    `flag` is the name of its flag if that differs from its own name: the singular of a list.
    """

    name: str
    ask: str = ""
    kind: OptionKind = OptionKind.TEXT
    default: Any = None
    help: str = ""
    secret: bool = False
    choices: tuple[str, ...] = ()
    make: Callable[[], str] | None = None
    only_with: tuple[str, str] | None = None
    flag: str = ""

    @property
    def may_change(self) -> bool:
        """Whether another value leaves the account the one that it is; what its first reading takes in is past."""
        is_required = bool(self.ask) and self.default is None
        return not (self.secret or is_required or self.kind is OptionKind.SERVER or self == SINCE)


SINCE = Option(
    "since_days",
    kind=OptionKind.NUMBER,
    help="Also take in what was written in so many days before now, if it was not answered.",
    flag="since",
)
"""What the first reading of a polled platform takes in: see `Account.begins_at`."""


@dataclass(frozen=True)
class Quality:
    """How a connector was really tested. Each field says against what; "" means that it was not done."""

    contract: bool = True
    """The contract test runs it."""
    pairs: bool = False
    """Documented payloads of the platform and the posts they become are in tests/connectors/<platform>/pairs/."""
    server: str = ""
    """The independent server that it was tested against."""
    specification: str = ""
    """The machine-readable specification that its requests were checked against."""
    live: str = ""
    """Where and when it was tried on the real platform."""


class Secrets(Protocol):
    """The stored secrets of one account. Tokens that rotate in use are replaced through this."""

    async def read(self) -> Mapping[str, str]:
        """Return the newest secrets: another process may have replaced those with which the connector was made."""
        ...

    async def replace(self, new: Mapping[str, str], seen: Mapping[str, str] | None = None) -> bool:
        """Store `new` instead; returns once that is committed, so only use a new token afterwards.

        If they are no longer those that were `seen`, nothing is stored, and the answer is False.
        """
        ...


@dataclass(frozen=True)
class Tools:
    """What a connector works with: the shared HTTP client, the clock, and its account's secrets."""

    http: httpx.AsyncClient
    now: Callable[[], datetime]
    secrets: Secrets


@dataclass(frozen=True)
class App:
    """The app with which somebody signs in: its id on the platform, and its secret."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Code:
    """The code that the platform's page gives, to be exchanged for a token: it is valid once, for some minutes."""

    code: str = field(repr=False)
    app: App
    redirect: str
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class Offer:
    """An account that a sign-in gives access to: its id on the platform, its name for people, and what we store."""

    id: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class SignIn:
    """How somebody signs in on the platform's own page: the authorization code flow of OAuth 2.0.

    https://www.rfc-editor.org/rfc/rfc6749#section-4.1, with PKCE (https://www.rfc-editor.org/rfc/rfc7636) where the
    platform knows it. The functions get the account as far as it is known at that point. `brings` names the options
    that the sign-in itself provides; `options` are those that only the sign-in needs.
    """

    brings: frozenset[str]
    page: Callable[[Account], str]
    """Returns the address of the platform's page."""
    asks: Callable[[Account], Mapping[str, str]]
    """Returns the parameters of that page that differ by platform: the rights."""
    app: Callable[[Account, str, Tools], Awaitable[App]]
    """Returns the app to sign in with, which must know this address of ours; may raise a verdict."""
    offers: Callable[[Account, Code, Tools], Awaitable[Sequence[Offer]]]
    """Exchanges a code for a token, and returns the accounts that it gives access to; may raise a verdict."""
    options: tuple[Option, ...] = ()
    pkce: bool = True

    def address(self, account: Account, app: App, redirect: str, *, state: str, verifier: str) -> str:
        """Return the address to open in a browser. It redirects to `redirect`, with `state` and a code."""
        asked = {"response_type": "code", "client_id": app.id, "redirect_uri": redirect, "state": state}
        if self.pkce:
            asked |= {"code_challenge": challenge(verifier), "code_challenge_method": "S256"}
        return f"{self.page(account)}?{urlencode({**asked, **self.asks(account)})}"


def challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier: https://www.rfc-editor.org/rfc/rfc7636#section-4.2"""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class Platform:
    """A platform. `name` is its name in the database and in addresses, `title` its name for people.

    An empty title means that each account goes by its own name, which is part of its web address. `about` says in one
    sentence what an account brings in. `docs` is the address of the platform's API documentation, `limits` and
    `latency` are short sentences for the table of platforms.
    """

    name: str
    title: str
    docs: str
    capabilities: frozenset[Capability]
    options: tuple[Option, ...]
    connect: Callable[[Account, Tools], Connector]
    quality: Quality
    about: str = ""
    sign: str = ""
    """An emoji before its name on cards, in lists and figures."""
    first_steps: Callable[[Account], tuple[str, ...]] | None = None
    """The lines shown after an account was added: what to do on the platform's side. They may contain new secrets."""
    templates: Callable[[Mapping[str, Any]], Sequence[Template]] | None = None
    """The only texts that it takes once the time for an answer is over, from the last check (`Health.limits`)."""
    sign_in: SignIn | None = None
    """How somebody signs in with a browser, instead of giving a token."""
    receiver: Receiver | None = None
    every: timedelta = timedelta()
    """How often it may be polled; 0: whenever POLL_SECONDS has passed."""
    reply_id: Callable[[Mapping[str, Any], str], str] | None = None
    """Returns the id that a reply gets (`Sent.external_id`), from the account's options and the reply's key, where we
    choose it: then a report about a reply is understood even if we never knew whether it was taken."""
    resend_safe_for: timedelta | None = None
    """How long it recognises a repeated `Draft.key`, so that sending again cannot publish twice."""
    keeps_removed: timedelta | None = None
    """How long its terms let us store the words of a post that its author removed; None: they set no limit."""
    trial: Trial | None = None
    """How to try it out without an account there."""
    below_hidden: bool = True
    """Whether it takes a public answer to a post that we hid, or to one below that."""
    removes_private: bool = True
    """Whether our private answers can be removed too, where our answers can."""
    edits: bool = False
    """Whether edits and removals by the author reach us."""
    limits: str = ""
    latency: str = ""

    def can(self, capability: Capability) -> bool:
        """Tell whether the connector has this capability."""
        return capability in self.capabilities

    @property
    def changeable(self) -> tuple[Option, ...]:
        """The options that may have another value later: they neither say which account it is nor need secrets."""
        decide = {option.only_with[0] for option in self.options if option.only_with}
        return tuple(option for option in self.options if option.may_change and option.name not in decide)

    @property
    def answers(self) -> bool:
        """Whether posts can be answered, in public or only privately."""
        return self.can(Capability.REPLIES) or self.can(Capability.MESSAGES)

    @property
    def acts(self) -> frozenset[Act]:
        """What can be done to its posts besides answering them, if a post allows it."""
        return frozenset(act for capability in self.capabilities for act in ACTS.get(capability, ()))
