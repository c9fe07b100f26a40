"""Mirror what became of a post: edits, removals and returns, in whatever order their news arrives."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases.indexing import index
from bot.cases.state import touch
from bot.domain.event import EventKind
from bot.domain.mention import Gone, Post
from bot.models import Event, Mention, Removal

NEVER = datetime.min.replace(tzinfo=UTC)


def versions_of(posts: Iterable[Post]) -> dict[str, list[Post]]:
    """Return the posts of a page by their id, the versions of each from the oldest to the last; a removal comes last.

    Of versions that do not say when they were made, the one that stands later in the page is the later one.
    """
    versions: dict[str, list[Post]] = {}
    for post in posts:
        versions.setdefault(post.external_id, []).append(post)
    for same in versions.values():
        same.sort(key=lambda post: (post.gone is Gone.BY_AUTHOR, post.edited_at or NEVER))
    return versions


async def removed_before(session: AsyncSession, account_id: int, ids: Collection[str]) -> set[str]:
    """Return which of these posts were removed by their author before they came in."""
    if not ids:
        return set()
    known = select(Removal.external_id).where(Removal.account_id == account_id, col(Removal.external_id).in_(ids))
    return set(await session.exec(known))


async def remember_removals(
    session: AsyncSession, account_id: int, unknown: Mapping[str, Sequence[Post]], now: datetime
) -> None:
    """Remember which of these posts, given with their versions, their author removed before they came in."""
    removed = {external_id for external_id, same in unknown.items() if same[-1].gone is Gone.BY_AUTHOR}
    for external_id in removed - await removed_before(session, account_id, removed):
        session.add(Removal(account_id=account_id, external_id=external_id, at=now))
    await session.flush()


async def change(session: AsyncSession, mention: Mention, post: Post, now: datetime) -> set[int]:
    """Mirror one version of a mention's post; returns the case when something changed.

    What its author removed stays removed and as it was: a version that comes after that is one that was overtaken.
    """
    if mention.gone is Gone.BY_AUTHOR:
        return set()
    kinds = _removed(mention, post.gone, now) if post.gone else [*_back(mention), *_edited(mention, post)]
    for kind in kinds:
        details = {"mention": mention.id, **({"gone": post.gone} if post.gone else {})}
        session.add(Event(case_id=mention.case_id, kind=kind, at=now, details=details))
    if not kinds:
        return set()
    session.add(mention)
    await index(session, {mention.case_id})
    await touch(session, mention.case_id)
    return {mention.case_id}


def _removed(mention: Mention, gone: Gone, now: datetime) -> list[EventKind]:
    if mention.gone is gone:
        return []
    mention.gone_at, mention.gone = mention.gone_at or now, gone
    return [EventKind.MENTION_GONE]


def _back(mention: Mention) -> list[EventKind]:
    if mention.gone_at is None:
        return []
    mention.gone_at, mention.gone = None, None
    return [EventKind.MENTION_BACK]


def _edited(mention: Mention, post: Post) -> list[EventKind]:
    """Take over a version that says it is a later one: any edit is later than what was never edited.

    Of two with one time, which many platforms tell in whole seconds, the one that came in last, if it has other words.
    """
    media = [asdict(each) for each in post.media]
    is_later = post.edited_at is not None and (mention.edited_at is None or post.edited_at > mention.edited_at)
    is_later |= post.edited_at is not None and post.edited_at == mention.edited_at and post.text != mention.text
    if not is_later or (mention.text == post.text and mention.media == media):
        return []
    mention.earlier_text = mention.earlier_text or mention.text
    mention.text, mention.edited_at, mention.media = post.text, post.edited_at, media
    return [EventKind.MENTION_EDITED]
