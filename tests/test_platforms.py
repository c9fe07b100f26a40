"""The registry of platforms: ours, those of installed packages, and what happens when such a package is broken."""

from importlib.metadata import EntryPoint
from types import MappingProxyType

import pytest

from bot import connectors
from bot.connectors import OURS, registered
from bot.connectors.base import Account, Unavailable
from bot.connectors.http import new_client
from bot.connectors.platform import Capability, OptionKind, Platform
from tests.fakes.tools import tools


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, connectors.GROUP)


@pytest.mark.parametrize("platform", OURS, ids=lambda platform: platform.name)
def test_a_platform_declares_what_it_needs(platform: Platform) -> None:
    assert platform.docs.startswith("https://")
    assert platform.sign and [other for other in OURS if other.sign == platform.sign] == [platform]
    assert platform.can(Capability.PUSHES) is (platform.receiver is not None)
    names = [option.name for option in platform.options]
    assert len(set(names)) == len(names)
    for option in platform.options:
        assert option.secret is (option.kind in {OptionKind.TOKEN, OptionKind.MADE}), option.name
        assert (option.make is not None) is (option.kind is OptionKind.MADE), option.name
        assert option.choices or option.kind not in {OptionKind.CHOICES, OptionKind.MAPPING}, option.name
        assert option.ask or option.help or option.kind is OptionKind.MADE, f"nobody can know what {option.name} is"


def test_a_platform_of_another_package_joins_ours() -> None:
    found = registered((), [entry("rss", "bot.connectors.feed:PLATFORM")])
    assert list(found.platforms) == ["feed"]
    assert found.broken == {}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("bot.no_such_module:PLATFORM", "ModuleNotFoundError"),
        ("bot.connectors.feed:NOTHING", "AttributeError"),
        ("bot.connectors.feed:MAX_SEEN", "not a Platform"),
        ("bot.connectors.feed:PLATFORM", "already is a platform named feed"),
        ("tests.fakes.leaves:PLATFORM", "SystemExit"),
    ],
)
def test_a_broken_package_is_named_and_stops_no_other(value: str, reason: str) -> None:
    good = entry("good", "bot.connectors.mastodon:PLATFORM")
    ours = tuple(platform for platform in OURS if platform.name == "feed")
    found = registered(ours, [entry("bad", value), good])
    assert reason in found.broken["bad"]
    assert set(found.platforms) == {"feed", "mastodon"}


async def test_an_account_whose_platform_is_not_installed_says_so() -> None:
    async with new_client() as client:
        with pytest.raises(Unavailable, match="geocities is not installed here"):
            connectors.connect(Account(1, "geocities", "Gemeente", "", MappingProxyType({})), tools(client))


@pytest.mark.parametrize(
    ("platform", "name", "options", "label"),
    [
        ("mastodon", "@ons@social.example", {}, "Mastodon · @ons@social.example"),
        ("mastodon", "Mastodon", {}, "Mastodon"),
        ("mastodon", "ons", {"title": "no option of Mastodon"}, "Mastodon · ons"),
        ("webhook", "zaak", {}, "zaak"),
        ("webhook", "zaak", {"title": "Zaakformulier"}, "Zaakformulier"),
        ("webhook", "zaak", {"title": ""}, "zaak"),
        ("manual", "Slack (Webcare)", {}, "Slack (Webcare)"),
        ("geocities", "oud", {"title": "x"}, "oud"),
    ],
)
def test_an_account_is_called_by_its_platform_and_name(
    platform: str, name: str, options: dict[str, str], label: str
) -> None:
    assert str(connectors.label_of(Account(1, platform, name, "", options=options))) == label
