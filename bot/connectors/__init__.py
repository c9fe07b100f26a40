"""The platforms, each a file or a folder. `registry` knows them all, `connect` builds the connector of an account.

A package outside this repository adds a platform with an entry point in the group `webcare.platforms` that refers to
its `Platform`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

from bot.connectors import bluesky, email, facebook, feed, instagram, mastodon, threads, webhook, whatsapp
from bot.connectors.base import Account, Connector, Unavailable
from bot.connectors.platform import OptionKind, Platform, Tools
from bot.domain.label import Label
from bot.domain.reply import Template
from bot.domain.text import Text, text

GROUP = "webcare.platforms"
OURS = (
    mastodon.PLATFORM,
    bluesky.PLATFORM,
    facebook.PLATFORM,
    instagram.PLATFORM,
    threads.PLATFORM,
    whatsapp.PLATFORM,
    feed.PLATFORM,
    webhook.PLATFORM,
    email.PLATFORM,
)


@dataclass(frozen=True)
class Registry:
    """The platforms by name, and why entry points could not be used, by their names."""

    platforms: Mapping[str, Platform]
    broken: Mapping[str, str]


@cache
def registry() -> Registry:
    """Return all platforms: ours and those of installed packages. Read once, so a new package needs a restart."""
    return registered(OURS, entry_points(group=GROUP))


def registered(ours: Iterable[Platform], others: Iterable[EntryPoint]) -> Registry:
    """Return our platforms and those of entry points; a broken one does not stop the others."""
    platforms = {platform.name: platform for platform in ours}
    broken = {}
    for entry in others:
        try:
            platform = entry.load()
        except (Exception, SystemExit) as error:  # somebody else's module may raise anything on import
            broken[entry.name] = f"{type(error).__name__}: {error}"
            continue
        if not isinstance(platform, Platform):
            broken[entry.name] = f"{entry.value} is not a Platform."
        elif platform.name in platforms:
            broken[entry.name] = f"There already is a platform named {platform.name}."
        else:
            platforms[platform.name] = platform
    return Registry(platforms, broken)


def known(name: str) -> Platform | None:
    """Return the platform of this name, if there is one."""
    return registry().platforms.get(name)


def connect(account: Account, tools: Tools, stand_ins: Mapping[str, Platform] | None = None) -> Connector:
    """Return the connector of an account; raises Unavailable when its platform is not installed here.

    `stand_ins`, by name, replace platforms of the registry.
    """
    platform = (stand_ins or {}).get(account.platform) or known(account.platform)
    if platform is None:
        raise Unavailable("The platform {platform} is not installed here.", platform=account.platform)
    return platform.connect(account, tools)


def title(name: str) -> str:
    """Return a platform's name for people; empty when its accounts go by their own names."""
    platform = known(name)
    return platform.title if platform else ""


def called(name: str) -> Text:
    """Return what people call a platform: one whose accounts go by their own names is a body's own sources."""
    platform = known(name)
    if platform is None:
        return Text(name)
    return Text(platform.title) if platform.title else text("Own sources")


def templates(name: str, limits: Mapping[str, Any] | None) -> Sequence[Template]:
    """Return the texts that an account may still send once the time for an answer is over.

    `name` is its platform's, `limits` what the last check learned about it.
    """
    platform = known(name)
    return platform.templates(limits or {}) if platform and platform.templates else ()


def below_hidden(name: str) -> bool:
    """Tell whether a platform takes a public answer to a post that we hid."""
    platform = known(name)
    return platform is None or platform.below_hidden


def reply_id(name: str, options: Mapping[str, Any], key: str) -> str | None:
    """Return the id that a reply with this key gets on a platform; None where that is only known once it was sent."""
    platform = known(name)
    return platform.reply_id(options, key) if platform and platform.reply_id else None


class Named(Protocol):
    """An account, as stored or as in its connector."""

    @property
    def platform(self) -> str:
        """Its platform's key."""
        ...

    @property
    def name(self) -> str:
        """Its name among the accounts of the platform."""
        ...

    @property
    def options(self) -> Mapping[str, Any]:
        """Its settings."""
        ...


def label_of(account: Named) -> Label:
    """Return what people call an account: its own title, else its platform's with its name, else its name alone."""
    platform = known(account.platform)
    titles = [option.name for option in platform.options if option.kind is OptionKind.TITLE] if platform else []
    own = next((str(account.options[title]) for title in titles if account.options.get(title)), "")
    sign = platform.sign if platform else ""
    if own or platform is None or not platform.title:
        return Label(own or account.name, sign=sign)
    return Label(platform.title, account.name if account.name != platform.title else "", sign)
