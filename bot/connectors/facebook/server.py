"""Requests to the Graph API for one page, and in plain words why it refuses."""

from collections.abc import Mapping
from typing import Any

import httpx

from bot.connectors.base import Account, Rejected
from bot.connectors.facebook.posts import Page
from bot.connectors.meta.graph import Graph, error_of
from bot.connectors.platform import Tools
from bot.domain.text import Text, text

REFUSALS: Mapping[tuple[Any, Any], Text] = {
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

    def __init__(self, account: Account, tools: Tools) -> None:
        super().__init__(account, tools)
        self.account = account
        self.page = page_of(account)

    def judge(self, response: httpx.Response) -> None:
        """Raise the verdict on an answer."""
        error = error_of(response)
        code, subcode = error.get("code"), error.get("error_subcode")
        refusal = REFUSALS.get((code, subcode)) or REFUSALS.get((code, None))
        if refusal is not None:
            raise Rejected(refusal.message)
        super().judge(response)


def page_of(account: Account) -> Page:
    """Return the page of an account."""
    return Page(str(account.options.get("page_id", "")), bool(account.options.get("messages")))
