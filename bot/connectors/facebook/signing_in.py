"""Signing in for the pages that somebody has at Facebook.

https://developers.facebook.com/docs/permissions
"""

from collections.abc import Sequence

from bot.connectors.base import Account
from bot.connectors.meta import signing_in
from bot.connectors.platform import Code, Offer, Tools

RIGHTS = ("pages_manage_engagement", "pages_manage_metadata", "pages_read_engagement", "pages_read_user_content")
IN_MESSENGER = ("pages_messaging",)


def _rights(account: Account) -> Sequence[str]:
    return (*RIGHTS, *(IN_MESSENGER if account.options.get("messages") else ()))


async def _offers(account: Account, code: Code, tools: Tools) -> Sequence[Offer]:
    pages = await signing_in.pages(account, code, tools, "id,name")
    return [
        Offer(str(page["id"]), signing_in.name_of(page), {"page_id": str(page["id"])}, {"token": page["access_token"]})
        for page in pages
        if page.get("id")
    ]


SIGN_IN = signing_in.sign_in("page_id", _rights, _offers)
