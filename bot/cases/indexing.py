"""The search words of a case, updated in the transaction that changes the case.

They come from what can be read: the citizen's posts that still exist, with what their texts leave out, our replies that
were not taken back, and notes.
Code that changes the words of a case locks the case. A new name of an author changes only `names`, and locks the
author's account instead of the cases.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import union_all
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db, many
from bot.domain.mention import LEFT_OUT, Post
from bot.domain.words import names_of, words_of
from bot.models import Author, Case, CaseWords, Mention, Note, Reply, ReplyStatus

BATCH = 300
"""Cases whose words are stored at once; each is two parameters of a statement (SQLite: at most 32,766)."""
PAGES = 200
"""About how many pages of the full-text index are written again in one transaction: a hundredth of a second."""
TABLE = db.table_of(CaseWords)
FOUND_BY = ("names", "words")
CHANGES = "SELECT total_changes()"
MERGE = "INSERT INTO case_words_fts (case_words_fts, rank) VALUES ('merge', ?)"


async def index(session: AsyncSession, case_ids: Collection[int]) -> None:
    """Store the search words of these cases as they are now; call it after each change of what is written in a case."""
    ordered = sorted(case_ids)
    await session.flush()
    for start in range(0, len(ordered), BATCH):
        await _write(session, ordered[start : start + BATCH])


async def add(session: AsyncSession, opened: Mapping[int, Post]) -> None:
    """Store the search words of new cases, each with one post so far."""
    rows = [
        {
            "case_id": case_id,
            "names": names_of(post.author.name, post.author.handle),
            "words": words_of([post.whole_text]),
        }
        for case_id, post in sorted(opened.items())
    ]
    if rows:
        await many.add(await session.connection(), TABLE, rows)


async def _write(session: AsyncSession, case_ids: Sequence[int]) -> None:
    texts = await _texts(session, case_ids)
    authors = await session.exec(
        select(Case.id, Author.name, Author.handle)
        .join(Author, col(Case.author_id) == Author.id)
        .where(col(Case.id).in_(case_ids))
        .order_by(col(Case.id))
    )
    rows = [
        {"case_id": case_id, "names": names_of(name, handle), "words": words_of(texts[case_id])}
        for case_id, name, handle in authors
    ]
    connection = await session.connection()
    dialect = connection.dialect.name
    added = many.inserting(TABLE, ("case_id", *FOUND_BY), dialect)
    changed = {name: added.excluded[name] for name in FOUND_BY}
    upsert = added.on_conflict_do_update(index_elements=["case_id"], set_=changed)
    await connection.execute(upsert, many.rows_for(dialect, rows))


async def _texts(session: AsyncSession, case_ids: Sequence[int]) -> dict[int, list[str]]:
    exists, left_out = col(Mention.gone_at).is_(None), col(Mention.place)[LEFT_OUT].as_string()
    written: tuple[tuple[Any, ...], ...] = (
        (Mention, col(Mention.text), exists),
        (Mention, left_out, exists & left_out.is_not(None)),
        (Reply, col(Reply.text), col(Reply.status) != ReplyStatus.WITHDRAWN),
        (Note, col(Note.text), col(Note.deleted_at).is_(None)),
    )
    each = [
        select(model.case_id, words).where(col(model.case_id).in_(case_ids), holds) for model, words, holds in written
    ]
    texts = defaultdict(list)
    for case_id, text in (await (await session.connection()).execute(union_all(*each))).all():
        texts[case_id].append(text)
    return texts


async def rename(session: AsyncSession, author_id: int, name: str, handle: str) -> None:
    """Make all cases of an author searchable by the new name and handle, and no longer by the old ones."""
    theirs = select(Case.id).where(Case.author_id == author_id)
    await session.exec(
        update(CaseWords)
        .where(col(CaseWords.case_id).in_(theirs))
        .values(names=names_of(name, handle))
        .execution_options(synchronize_session=False)
    )


async def drop_deleted(session: AsyncSession, *, begin: bool) -> bool:
    """Write a part of the full-text index of SQLite again, without deleted words; returns whether there is more to do.

    FTS5 only marks a word as deleted, until it merges the parts of its index; `begin` to merge all that there are now.
    https://www.sqlite.org/fts5.html#the_merge_command says how it is seen that all was done.
    """
    connection = await session.connection()
    if connection.dialect.name != "sqlite":
        return False
    before = int((await connection.exec_driver_sql(CHANGES)).scalar_one())
    await connection.exec_driver_sql(MERGE, (-PAGES if begin else PAGES,))
    return int((await connection.exec_driver_sql(CHANGES)).scalar_one()) >= before + 2
