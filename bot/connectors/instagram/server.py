"""Requests to the Graph API for one Instagram account, who we are there, and its refusals in plain words."""

from collections.abc import Mapping
from typing import Any

from bot.connectors.base import Account
from bot.connectors.json_api import within
from bot.connectors.meta.graph import Graph
from bot.connectors.platform import Tools
from bot.domain.text import Text, text

REFUSALS: Mapping[tuple[int, int | None], Text] = {
    (10, 2534022): text(
        "Instagram takes an answer within 24 hours after the citizen's last message, and that is over."
    ),
    (10900, None): text("This comment was answered privately already, and Instagram allows that once."),
    (10903, None): text("Instagram does not let this citizen get a private answer."),
    (551, None): text("The citizen cannot be reached on Instagram now."),
}
"""By code and subcode: https://developers.facebook.com/docs/messenger-platform/error-codes and
https://developers.facebook.com/docs/graph-api/reference/page/messages"""


class Server(Graph):
    """The requests of one account; each may raise a verdict. Options: `instagram_id`, `messages`."""

    refusals = REFUSALS

    def __init__(self, account: Account, tools: Tools) -> None:
        super().__init__(account, tools)
        self.account = account
        self.id = id_of(account)
        self.has_messages = has_messages(account)

    def is_us(self, by: Any) -> bool:
        """Tell whether somebody, in Graph's form, is this account."""
        return is_us(self.account, by)


def id_of(account: Account) -> str:
    """Return the id that an account has on Instagram."""
    return str(account.options.get("instagram_id", ""))


def has_messages(account: Account) -> bool:
    """Tell whether an account reads messages and answers privately."""
    return bool(account.options.get("messages"))


def is_us(account: Account, by: Any) -> bool:
    """Tell whether somebody is this account: below its own posts it may have another id."""
    handle = account.identity.handle if account.identity else ""
    return within(by, "id") == id_of(account) or (bool(handle) and within(by, "username") == handle)
