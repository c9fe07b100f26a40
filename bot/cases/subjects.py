"""Which new cases are about the same, by their posts (bot.domain.alike), in a fixed number of queries for a page.

Only public posts: what someone wrote in private is never put with what others wrote.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db, many
from bot.domain.alike import ALIKE, WITHIN, Index, Said, said
from bot.domain.mention import Post
from bot.models import ROLLED_UP, Case, Mention, Rollup, Subject, SubjectStem, Team, UtcDateTime

AT_ONCE = 500
"""Subjects deleted at once."""
LOOKED_AT = 25
"""Posts among which another is looked for that says what a deleted one said."""
KEPT = WITHIN + timedelta(hours=1)
"""How long a subject is stored: while nothing is just coming in that found it."""

# Statements for each page are built once: to build one takes longer than to run it.
_SUBJECT = sqlalchemy.select(col(Subject.id), col(Subject.key), col(Subject.stems)).where(
    col(Subject.team_id) == bindparam("team"), col(Subject.begun_at) > bindparam("since", type_=UtcDateTime)
)
OF_KEYS = _SUBJECT.where(many.among(col(Subject.key), "keys")).order_by(col(Subject.id))
OF_STEMS = (
    _SUBJECT.add_columns(col(SubjectStem.stem))
    .join(SubjectStem, col(SubjectStem.subject_id) == Subject.id)
    .where(col(SubjectStem.team_id) == bindparam("team"), many.among(col(SubjectStem.stem), "stems"))
    .order_by(col(Subject.id))
)
STANDS = (
    sqlalchemy.select(col(Rollup.subject_id))
    .where(many.among(col(Rollup.subject_id), "ids"))
    .order_by(col(Rollup.subject_id))
    .with_for_update(read=True)
)


async def of_new(session: AsyncSession, team: Team, posts: Sequence[Post], now: datetime) -> dict[str, int]:
    """Return, by external id, the subjects of posts that open cases of a team; new subjects are stored.

    The caller holds the team's numbers, so that the same words on two accounts at once are one subject. Posts that are
    private or say too little are left out.
    """
    texts = {post.external_id: found for post in posts if not post.private and (found := said(post.text)) is not None}
    if not texts:
        return {}
    index = await _known(session, team.id, texts.values(), now - WITHIN)
    new, stems, of_each = list[Said](), list[list[str]](), dict[str, int]()
    for external_id, text in texts.items():
        number = index.find(text)
        if number is None:
            new.append(text)
            number = -len(new)  # until it is stored
            stems.append(index.add(text, number))
        of_each[external_id] = number
    if new:
        stored = await _store(session, team.id, new, stems, now)
        of_each = {each: number if number > 0 else stored[new[-number - 1].key] for each, number in of_each.items()}
    return of_each


async def standing(session: AsyncSession, subject_ids: Collection[int]) -> set[int]:
    """Return which of these subjects have a roll-up, none of which ends before this transaction."""
    if not subject_ids:
        return set()
    return set((await (await session.connection()).execute(STANDS, {"ids": list(subject_ids)})).scalars())


async def needs_no_card(session: AsyncSession, case: Case) -> bool:
    """Tell whether a case needs no card of its own: it is on that of a roll-up, and nothing was said in its thread."""
    if case.subject_id is None:
        return False
    return (await session.exec(select(Case.id).where(Case.id == case.id, ROLLED_UP))).first() is not None


async def delete_old(session: AsyncSession, now: datetime) -> bool:
    """Delete some subjects to which nothing new can be alike; return whether there may be more.

    One with a roll-up stays, without what it is found by.
    """
    old = select(Subject.id).where(col(Subject.begun_at) <= now - KEPT)
    ids = (await session.exec(old.where(col(Subject.id).not_in(select(Rollup.subject_id))).limit(AT_ONCE))).all()
    if ids:
        unsynced = {"synchronize_session": False}
        stems = delete(SubjectStem).where(col(SubjectStem.subject_id).in_(ids))
        await session.exec(stems.execution_options(**unsynced))
        await session.exec(delete(Subject).where(col(Subject.id).in_(ids)).execution_options(**unsynced))
    return len(ids) == AT_ONCE


async def forget(session: AsyncSession, texts: Collection[str]) -> None:
    """Delete the words of posts that were deleted where they are those of a subject, which gets those of another post.

    One without such a post has no words any more: nothing new is alike to it.
    """
    keys = {found.key for text in texts if (found := said(text)) is not None}
    theirs = select(Subject).where(col(Subject.key).in_(keys)).order_by(col(Subject.id))
    locked = theirs.with_for_update(key_share=True).execution_options(populate_existing=True)
    for subject in (await session.exec(locked)).all():
        other = await _another(session, subject)
        found_by = delete(SubjectStem).where(col(SubjectStem.subject_id) == subject.id)
        await session.exec(found_by.execution_options(synchronize_session=False))
        subject.key, subject.stems = (other.key, " ".join(other.stems)) if other else ("", "")
        session.add(subject)
        for stem in Index[int]().add(other, subject.id) if other else ():
            session.add(SubjectStem(team_id=subject.team_id, stem=stem, subject_id=subject.id))


async def _another(session: AsyncSession, subject: Subject) -> Said | None:
    """Return what another post says that is about a subject, one of the first that are still there."""
    of_it = select(Mention.text).join(Case, col(Mention.case_id) == Case.id).where(Case.subject_id == subject.id)
    there = of_it.where(col(Mention.gone_at).is_(None), ~col(Mention.private)).order_by(col(Mention.id))
    first = Said(subject.key, tuple(subject.stems.split()))
    found = [said(text) for text in await session.exec(there.limit(LOOKED_AT))]
    return next((each for each in found if each is not None and each.likeness(first) >= ALIKE), None)


async def _known(session: AsyncSession, team_id: int, texts: Collection[Said], since: datetime) -> Index[int]:
    """Return the subjects that these texts can be alike to."""
    index, asked = Index[int](), {"team": team_id, "since": since}
    connection = await session.connection()
    keys = {text.key for text in texts}
    for subject_id, key, stems in await connection.execute(OF_KEYS, {**asked, "keys": list(keys)}):
        index.put(Said(key, tuple(stems.split())), subject_id)
        keys.discard(key)
    others = sorted({stem for text in texts if text.key in keys for stem in text.stems})
    if others:
        found = dict[int, tuple[Said, list[str]]]()
        for subject_id, key, stems, stem in await connection.execute(OF_STEMS, {**asked, "stems": others}):
            found.setdefault(subject_id, (Said(key, tuple(stems.split())), []))[1].append(stem)
        for subject_id, (text, found_by) in found.items():
            index.put(text, subject_id, found_by)
    return index


async def _store(
    session: AsyncSession, team_id: int, new: Sequence[Said], stems: Sequence[Sequence[str]], now: datetime
) -> Mapping[str, int]:
    """Store new subjects, each to be found by its rare stems; returns their ids by key."""
    connection = await session.connection()
    rows = [{"team_id": team_id, "key": text.key, "stems": " ".join(text.stems), "begun_at": now} for text in new]
    ids: dict[str, int] = dict(await many.add(connection, db.table_of(Subject), rows, "key", "id"))
    found_by: list[dict[str, Any]] = [
        {"team_id": team_id, "stem": stem, "subject_id": ids[text.key]}
        for text, of_text in zip(new, stems, strict=True)
        for stem in of_text
    ]
    if found_by:
        await many.add(connection, db.table_of(SubjectStem), found_by)
    return ids
