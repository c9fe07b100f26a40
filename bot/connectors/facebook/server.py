"""Requests to the Graph API for one page, and its refusals in plain words."""

from collections.abc import Mapping

from bot.connectors.base import Account
from bot.connectors.facebook.posts import Page
from bot.connectors.meta.graph import Graph
from bot.connectors.platform import Tools
from bot.domain.text import Text, text

REFUSALS: Mapping[tuple[int, int | None], Text] = {
    (10, 2018278): text(
        "Messenger takes an answer within 24 hours after the citizen's last message, and that is over."
    ),
    (10900, None): text("This post was answered privately already, and Facebook allows that once."),
    (10903, None): text("Facebook does not let this citizen get a private answer."),
    (10904, None): text("The page takes no messages; switch them on in its settings."),
    (551, None): text("The citizen cannot be reached in Messenger now."),
}
"""By code and subcode: https://developers.facebook.com/docs/graph-api/reference/page/messages
and https://developers.facebook.com/docs/messenger-platform/error-codes"""


class Server(Graph):
    """The requests of one account; each may raise a verdict. Options: `page_id`, `messages`."""

    refusals = REFUSALS

    def __init__(self, account: Account, tools: Tools) -> None:
        super().__init__(account, tools)
        self.account = account
        self.page = page_of(account)


def page_of(account: Account) -> Page:
    """Return the page of an account."""
    return Page(str(account.options.get("page_id", "")), bool(account.options.get("messages")))
