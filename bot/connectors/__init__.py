"""The platforms, one a file. `connect` builds the connector of an account."""

from bot.connectors.base import Account, Connector
from bot.connectors.feed import Feed
from bot.connectors.http import Client
from bot.connectors.mastodon import Mastodon
from bot.connectors.webhook import Webhook

PLATFORMS: dict[str, type[Mastodon] | type[Feed] | type[Webhook]] = {
    kind.platform: kind for kind in (Mastodon, Feed, Webhook)
}


def connect(account: Account, client: Client) -> Connector:
    """Return the connector of an account; raises KeyError for a platform we do not know."""
    return PLATFORMS[account.platform](account, client)


def title(platform: str) -> str:
    """Return a platform's name for people; empty when its accounts have names of their own (webhooks)."""
    return PLATFORMS[platform].title if platform in PLATFORMS else ""
