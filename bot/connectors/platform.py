"""What a platform is, as data: what it can do, what to ask when an account is added, how its connector was tested.

Each connector module ends with `PLATFORM = Platform(...)`. Nothing else has to name the platform anywhere: the
questions of `accounts add`, the web routes, the checks and the README's table are all made from this.
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
    """What a platform's connector can do. The contract test holds that what is declared is implemented, and no more."""

    POLLS = "polls"
    """We ask it for new posts (`Polls`)."""
    PUSHES = "pushes"
    """It sends posts to our web address (`Platform.receiver`)."""
    REPLIES = "replies"
    """Posts can be answered in public (`Replies`)."""
    MESSAGES = "messages"
    """Posts can be answered privately (`Replies`)."""
    IMAGES = "images"
    """An answer for everyone can hold an image (`TakesImages`)."""
    MESSAGE_IMAGES = "message_images"
    """A private answer can hold an image (`TakesImages`)."""
    HIDES = "hides"
    LIKES = "likes"
    DELETES = "deletes"
    """Our own replies can be removed (as HIDES and LIKES: `Moderates`)."""
    PUBLISHES = "publishes"
    """We can publish something of our own accord (`Publishes`)."""


ACTS: Mapping[Capability, frozenset[Act]] = {
    Capability.HIDES: frozenset({Act.HIDE, Act.SHOW}),
    Capability.LIKES: frozenset({Act.LIKE, Act.UNLIKE}),
    Capability.DELETES: frozenset({Act.DELETE}),
}
"""What a capability lets us do to a post besides answering it, where the post itself allows it."""


class OptionKind(StrEnum):
    """What an option's value is, and so how it is asked for, checked and stored."""

    TEXT = "text"
    TITLE = "title"
    """What colleagues see on the cards in place of the platform's title."""
    ADDRESS = "address"
    """A web address with its path; https:// is added when no scheme is given."""
    SERVER = "server"
    """The address of a server: of what is given, only scheme, host and port are kept."""
    NUMBER = "number"
    """A whole number above 0."""
    FLAG = "flag"
    """True or false; a terminal asks yes or no."""
    WORDS = "words"
    """A list of words, without a # before them; typed with spaces between them."""
    CHOICES = "choices"
    """One or more of `Option.choices`; typed with commas between them. Stored as a list, in the order of `choices`."""
    MAPPING = "mapping"
    """Names and values, typed as name=value; the names are `Option.choices`. An empty value is stored as null."""
    TOKEN = "token"  # noqa: S105 - a kind of option
    """A secret that the platform gave: from a prompt that hides it, a file or the environment, never from a flag."""
    MADE = "made"
    """A secret that we make with `Option.make` and show once. On renewal the old one is kept as `<name>_old`."""


@dataclass(frozen=True)
class Option:
    """One thing to know about an account. The option `url` becomes `Account.url`; secret ones go to `Account.secrets`.

    `ask` is the question on a terminal; one without a question is only a flag. `default` is the value when nothing is
    given; None makes the option required when it has a question, and leaves it out otherwise; "" makes it optional.
    `only_with` names a CHOICES option and the choice that this option belongs to: `("accept", "token")`. `flag` is what
    its flag is called when that is not its name: the singular of a list.
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


SINCE = Option(
    "since_days",
    kind=OptionKind.NUMBER,
    help="Also take in what was written in so many days before now, if it was not answered.",
    flag="since",
)
"""What the first reading of a platform that is asked takes in: see `Account.begins_at`."""


@dataclass(frozen=True)
class Quality:
    """What was shown of a connector, honestly. Each field says against what; "" means that it was not done."""

    contract: bool = True
    """The contract test runs it."""
    pairs: bool = False
    """Payloads as the platform documents them and the posts they become are in tests/connectors/data/<platform>/."""
    server: str = ""
    """The server, not written for this test, that it was tested against."""
    specification: str = ""
    """The machine-readable specification that its requests were held against."""
    live: str = ""
    """Where and when it was tried on the real platform."""


class Secrets(Protocol):
    """The secrets of one account as they are stored now. Tokens that rotate in use are replaced through this."""

    async def read(self) -> Mapping[str, str]:
        """Return the newest secrets: another process may have replaced those that the connector was made with."""
        ...

    async def replace(self, new: Mapping[str, str]) -> None:
        """Store `new` instead; returns once that is committed, so only use a new token after it."""
        ...


@dataclass(frozen=True)
class Tools:
    """What a connector works with: the HTTP client that all share, the clock, and its account's secrets."""

    http: httpx.AsyncClient
    now: Callable[[], datetime]
    secrets: Secrets


@dataclass(frozen=True)
class App:
    """The app in whose name somebody signs in: its id on the platform, and its secret."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Code:
    """What the platform's page gives for a sign-in, to be changed for a token: it is valid once, for some minutes."""

    code: str = field(repr=False)
    app: App
    redirect: str
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class Offer:
    """An account that a sign-in lets us into: its id on the platform, its name for people, and what is stored of it."""

    id: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class SignIn:
    """How somebody signs in on the platform's own page: the authorization code flow of OAuth 2.0.

    https://www.rfc-editor.org/rfc/rfc6749#section-4.1, with PKCE (https://www.rfc-editor.org/rfc/rfc7636) where the
    platform knows it. The functions get the account as far as it is known by then. `brings` names the options that the
    sign-in itself brings; `options` are those that only it needs.
    """

    brings: frozenset[str]
    page: Callable[[Account], str]
    """Returns the address of the platform's page."""
    asks: Callable[[Account], Mapping[str, str]]
    """Returns what that page is asked for besides what all platforms are: the rights."""
    app: Callable[[Account, str, Tools], Awaitable[App]]
    """Returns the app to sign in with, that knows this address of ours; may raise a verdict."""
    offers: Callable[[Account, Code, Tools], Awaitable[Sequence[Offer]]]
    """Changes a code for a token, and returns the accounts that it lets us into; may raise a verdict."""
    options: tuple[Option, ...] = ()
    pkce: bool = True

    def address(self, account: Account, app: App, redirect: str, *, state: str, verifier: str) -> str:
        """Return the address to open in a browser. It leads back to `redirect`, with `state` and a code."""
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

    An empty title means that each account goes by its own name, which is part of its web address. `about` says in a
    sentence what an account of it brings. `docs` is the address of the platform's API documentation, `limits` and
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
    """An emoji that stands before its name on cards, in lists and figures."""
    first_steps: Callable[[Account], tuple[str, ...]] | None = None
    """The lines shown once an account was added: what to do on the platform's side. They may hold new secrets."""
    templates: Callable[[Mapping[str, Any]], Sequence[Template]] | None = None
    """The only texts that it takes once the time for an answer is over, from what a check learned (`Health.limits`)."""
    sign_in: SignIn | None = None
    """How somebody signs in in a browser, in place of giving a token."""
    receiver: Receiver | None = None
    every: timedelta = timedelta()
    """How often it may be asked for new posts; 0: whenever POLL_SECONDS has passed."""
    resend_safe_for: timedelta | None = None
    """How long it recognises a repeated `Draft.key`, so that sending again cannot publish twice."""
    keeps_removed: timedelta | None = None
    """How long its terms let us keep the words of a post that its author removed; None: they set no term."""
    trial: Trial | None = None
    """How it can be tried out without an account there."""
    edits: bool = False
    """Whether edits and removals by the author reach us."""
    limits: str = ""
    latency: str = ""

    def can(self, capability: Capability) -> bool:
        """Tell whether the connector has this capability."""
        return capability in self.capabilities

    @property
    def answers(self) -> bool:
        """Whether posts can be answered, in public or only privately."""
        return self.can(Capability.REPLIES) or self.can(Capability.MESSAGES)

    @property
    def acts(self) -> frozenset[Act]:
        """What can be done to posts on it besides answering them, where a post allows it."""
        return frozenset(act for capability in self.capabilities for act in ACTS.get(capability, ()))
