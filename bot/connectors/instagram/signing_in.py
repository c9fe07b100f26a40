"""Sign in at Facebook for the Instagram accounts that are linked to somebody's pages.

https://developers.facebook.com/docs/permissions
"""

from collections.abc import Iterator, Sequence

from bot.connectors.base import Account
from bot.connectors.json_api import Json, within
from bot.connectors.meta import signing_in
from bot.connectors.meta.graph import words
from bot.connectors.platform import Code, Offer, Tools

RIGHTS = ("instagram_basic", "instagram_manage_comments", "pages_manage_metadata", "pages_read_engagement")
FOR_MESSAGES = ("instagram_manage_messages",)


def _rights(account: Account) -> Sequence[str]:
    return (*RIGHTS, *(FOR_MESSAGES if account.options.get("messages") else ()))


async def _offers(account: Account, code: Code, tools: Tools) -> Sequence[Offer]:
    pages = await signing_in.pages(account, code, tools, "id,name,instagram_business_account{id,username}")
    return list(_linked(pages))


def _linked(pages: Sequence[Json]) -> Iterator[Offer]:
    for page in pages:
        ident = words(within(page, "instagram_business_account", "id"))
        name = words(within(page, "instagram_business_account", "username")) or signing_in.name_of(page)
        if ident:
            yield Offer(ident, name, {"instagram_id": ident}, {"token": page["access_token"]})


SIGN_IN = signing_in.sign_in("instagram_id", _rights, _offers)
