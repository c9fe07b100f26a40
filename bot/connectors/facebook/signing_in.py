"""Sign in for the pages that somebody has on Facebook.

https://developers.facebook.com/docs/permissions
"""

from collections.abc import Sequence

from bot.connectors.base import Account
from bot.connectors.meta import signing_in
from bot.connectors.platform import Code, Offer, Tools

RIGHTS = ("pages_manage_engagement", "pages_manage_metadata", "pages_read_engagement", "pages_read_user_content")
ALSO = {"messages": "pages_messaging", "images": "pages_manage_posts"}
"""The extra right that each option needs."""


def rights_of(account: Account) -> Sequence[str]:
    """Return the rights that an account needs: only those that its options use."""
    return (*RIGHTS, *(right for option, right in ALSO.items() if account.options.get(option)))


async def _offers(account: Account, code: Code, tools: Tools) -> Sequence[Offer]:
    pages = await signing_in.pages(account, code, tools, "id,name")
    return [
        Offer(str(page["id"]), signing_in.name_of(page), {"page_id": str(page["id"])}, {"token": page["access_token"]})
        for page in pages
        if page.get("id")
    ]


SIGN_IN = signing_in.sign_in("page_id", rights_of, _offers)
