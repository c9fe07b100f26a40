"""The images of answers: each is stored once, as it will be published, while an answer or a draft uses it.

An image is stored as long as the words of its reply, so that we can show what was published. An image that no reply
and no draft uses any more is deleted after a day.
"""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col, delete, exists, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.domain.image import Image, Images
from bot.models import AnswerDraft, Reply, StoredImage

UNUSED_FOR = timedelta(days=1)
"""How long an unused image is stored: an open modal may still use it."""


async def store(session: AsyncSession, image: Image, now: datetime) -> str:
    """Store an image, unless it is already stored; returns its SHA-256."""
    new = StoredImage(
        sha256=hashlib.sha256(image.content).hexdigest(), content=image.content, kind=image.kind,
        size=len(image.content), width=image.width, height=image.height,
    )  # fmt: skip
    stored = await db.lock_or_add(session, new)
    stored.look_at = now + UNUSED_FOR
    session.add(stored)
    return stored.sha256


async def fits(session: AsyncSession, sha256: str, takes: Images) -> bool:
    """Tell whether an image is stored and is taken as it is."""
    columns = select(StoredImage.kind, StoredImage.size, StoredImage.width, StoredImage.height)
    row = (await session.exec(columns.where(StoredImage.sha256 == sha256))).first()
    return row is not None and takes.take(row[0], row[1], row[2] * row[3])


async def of(session: AsyncSession, reply: Reply) -> Image | None:
    """Return the image that is published with a reply, if any."""
    if reply.image is None:
        return None
    stored = await session.get_one(StoredImage, reply.image)
    return Image(stored.content, stored.kind, stored.width, stored.height, reply.image_description)


async def any_due(session: AsyncSession, now: datetime) -> bool:
    """Tell whether it is time to check whether some images are still used."""
    return (await session.exec(select(StoredImage.sha256).where(_due(now)).limit(1))).first() is not None


async def forget_unused(session: AsyncSession, now: datetime) -> None:
    """Delete the due images that nothing uses; an image of a reply stays, one of a draft is checked again later."""
    in_reply = exists().where(col(Reply.image) == col(StoredImage.sha256))
    in_draft = exists().where(col(AnswerDraft.image) == col(StoredImage.sha256))
    due = update(StoredImage).where(_due(now)).execution_options(synchronize_session=False)
    await session.exec(due.where(in_reply).values(look_at=None))
    await session.exec(due.where(in_draft).values(look_at=now + UNUSED_FOR))
    await session.exec(delete(StoredImage).where(_due(now)).execution_options(synchronize_session=False))


def _due(now: datetime) -> ColumnElement[bool]:
    return col(StoredImage.look_at) <= now
