"""Posts to which a platform gave an id that another post has: mails with a Message-ID that was used before."""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import many
from bot.domain.mention import Delivery, Post, own_id_of
from bot.models import Mention

# Built once, for each page: to build it takes longer than to run it.
TAKEN = sqlalchemy.select(col(Mention.external_id), col(Mention.place)).where(
    col(Mention.account_id) == bindparam("account"), many.among(col(Mention.external_id), "ids")
)


async def told_apart(
    session: AsyncSession, account_id: int, items: Sequence[Post | Delivery]
) -> Sequence[Post | Delivery]:
    """Return the items of a page; a post whose id another post has gets its own, the same one each time it is read.

    Mails that an earlier version stored have no id of their own: a mail that comes in under their id is another.
    """
    ids = {item.external_id for item in items if isinstance(item, Post) and own_id_of(item.place)}
    if not ids:
        return items
    stored = await (await session.connection()).execute(TAKEN, {"account": account_id, "ids": list(ids)})
    has_it = {external_id: own_id_of(place) for external_id, place in stored}
    apart: list[Post | Delivery] = []
    for item in items:
        own_id = own_id_of(item.place) if isinstance(item, Post) else ""
        if isinstance(item, Post) and own_id and has_it.setdefault(item.external_id, own_id) != own_id:
            item = replace(item, external_id=own_id)
        apart.append(item)
    return apart
