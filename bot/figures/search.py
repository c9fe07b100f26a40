"""Search cases by words: who wrote, what they wrote, what we answered, and notes. A case must contain all words.
A number returns the case with that number first, then those that had it before a transfer.

A word also matches words that begin with it. The newest case comes first, and at most MAX_COUNTED are counted, so that
the others need not be read.

A full-text index is slow at words that occur in very many cases, and at filters that leave few of the matches. So the
newest cases that the filters leave are scanned first. That is usually enough when a word is common or a filter narrow.
Otherwise the index looks up the words that turned out to be rare.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, and_, case, cast, column, literal, literal_column, table, type_coerce
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.domain.case import OPEN, Status
from bot.domain.words import asked_number, asked_words
from bot.figures import lists
from bot.figures.lists import CaseList
from bot.models import WAITING, Account, Case, CaseWords, Team, on_our_desk

MAX_COUNTED = 1_000
LOOKED_THROUGH = 10_000
"""How many of the newest cases are scanned without the index."""
RARE = LOOKED_THROUGH // 20
"""A word that at most this many of those contain is looked up in the index."""

GIN = "array_to_tsvector(string_to_array(btrim(case_words.names || ' ' || case_words.words), ' '))"
"""The exact expression of the index ix_case_words."""


@dataclass(frozen=True)
class Asked:
    """What to search for: words and filters; "" and None leave a filter open.

    `open_at`, instead of statuses: what stands in the lists of what is open at this moment, so that it waits or its
    answer lingers.
    `public` leaves out cases with something private in them.
    """

    words: str
    platform: str = ""
    since: datetime | None = None
    statuses: Collection[Status] = ()
    open_at: datetime | None = None
    public: bool = False


async def platforms_of(session: AsyncSession, team_ids: Collection[int]) -> Sequence[str]:
    """Return the names of the platforms from which these teams may have cases: those of their whole organisation.

    A team also has cases of other teams' accounts, which were routed or handed over.
    """
    organisations = select(Team.workspace_id).where(col(Team.id).in_(team_ids))
    rows = await session.exec(
        select(Account.platform)
        .join(Team, col(Account.team_id) == Team.id)
        .where(col(Team.workspace_id).in_(organisations))
        .distinct()
        .order_by(col(Account.platform))
    )
    return rows.all()


async def search(
    session: AsyncSession, team_ids: Collection[int], asked: Asked, *, most: int, page: int = 0
) -> CaseList:
    """Return one page of the cases of these teams that match, the newest first; the number before all others.

    If the page no longer exists, the last page is returned. Cases after the first MAX_COUNTED are on no page.
    """
    words = asked_words(asked.words)
    if not words:
        return CaseList(0, [])
    wanted = await _wanted(session, team_ids, asked)
    number = asked_number(asked.words)
    numbered = await cases.by_number(session, number, wanted) if number is not None else []
    ids = [*numbered, *(each for each in await _search(session, words, wanted) if each not in numbered)]
    count = min(len(ids), MAX_COUNTED)
    pages = max(1, -(-count // most))
    page = max(0, min(page, pages - 1))
    shown = ids[page * most : min((page + 1) * most, count)]
    found = (await lists.listed(session, col(Case.id).in_(shown), most=most)).lines
    lines = sorted(found, key=lambda line: shown.index(line.case.id))
    return CaseList(count, lines, page=page, pages=pages, more=len(ids) > MAX_COUNTED)


async def _wanted(session: AsyncSession, team_ids: Collection[int], asked: Asked) -> list[ColumnElement[bool]]:
    """Return the conditions for the cases, other than their words."""
    wanted: list[ColumnElement[bool]] = [col(Case.team_id).in_(team_ids)]
    if asked.platform:
        accounts = await session.exec(select(Account.id).where(Account.platform == asked.platform))
        wanted.append(col(Case.account_id).in_(accounts.all()))
    if asked.since:
        wanted.append(col(Case.opened_at) >= asked.since)
    if asked.open_at:
        wanted.append(on_our_desk(asked.open_at))
    elif asked.statuses:
        wanted.append(col(Case.status).in_(asked.statuses))
        if OPEN.issuperset(asked.statuses):
            wanted.append(WAITING)
    if asked.public:
        wanted.append(lists.PUBLIC)
    return wanted


async def _search(session: AsyncSession, words: Sequence[str], wanted: Sequence[ColumnElement[bool]]) -> Sequence[int]:
    """Return the first cases that contain all words, the newest first: one more than are counted, if there is one."""
    newest = select(Case.id).where(*wanted).order_by(col(Case.opened_at).desc()).limit(LOOKED_THROUGH)
    sqlite, holds = db.is_sqlite(session), [_holds(word) for word in words]
    gathered = (func.json_group_array if sqlite else func.json_agg)(CaseWords.case_id).filter(and_(*holds))
    counts: list[Any] = [func.count(), *(func.sum(case((each, 1), else_=0)) for each in holds)]
    those = col(CaseWords.case_id).in_(newest) if sqlite else db.any_of(col(CaseWords.case_id), newest)
    rows = await session.exec(select(type_coerce(gathered, JSON), *counts).where(those))
    with_all, looked_through, *with_each = tuple[Any, ...](rows.one())
    if looked_through < LOOKED_THROUGH or len(with_all or []) > MAX_COUNTED:
        return sorted(with_all or [], reverse=True)[: MAX_COUNTED + 1]
    limit = max(RARE, min(with_each))
    rare = [word for word, count in zip(words, with_each, strict=True) if count <= limit]
    common = [each for each, count in zip(holds, with_each, strict=True) if count > limit]
    ids = select(CaseWords.case_id).order_by(col(CaseWords.case_id).desc()).limit(MAX_COUNTED + 1)
    indexed = _by_fts5(ids, rare) if sqlite else ids.where(db.any_of(col(CaseWords.case_id), _by_gin(rare)))
    ids_by_index = await session.exec(indexed.join(Case, col(Case.id) == CaseWords.case_id).where(*common, *wanted))
    return list(ids_by_index.all())


def _holds(word: str) -> ColumnElement[bool]:
    """Return the condition that a case contains a word with this beginning, by a scan of its words."""
    return (literal(" ") + col(CaseWords.names) + " " + col(CaseWords.words)).contains(f" {word}")


def _by_fts5(ids: Any, words: Sequence[str]) -> Any:
    """Return the query with these words by the index of SQLite (https://www.sqlite.org/fts5.html#fts5_prefix_queries).

    The words contain only letters and digits, so they cannot contain operators.
    """
    match = literal_column("case_words_fts").op("MATCH")(" ".join(f'"{word}"*' for word in words))
    fts = table("case_words_fts", column("rowid"))
    return ids.join(fts, fts.c.rowid == CaseWords.case_id).where(match).order_by(None).order_by(fts.c.rowid.desc())


def _by_gin(words: Sequence[str]) -> Any:
    """Return the query for all cases with these words by the index of PostgreSQL, which has the same words."""
    asked = cast(" & ".join(f"'{word}':*" for word in words), TSQUERY)
    return select(CaseWords.case_id).where(literal_column(GIN).op("@@")(asked))
