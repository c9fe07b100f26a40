"""Put a backup in the place of the database, and prepare that for the next start of the bot.

With SQLite all of it happens in a file beside the database, which takes its place in one step at the end: until then
the database is as it was. With PostgreSQL the database is marked as unfinished until the end, and no bot starts on it.
"""

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import accounts, db
from bot.config import BadSettings, Settings
from bot.desk import Desk
from bot.keeping import files, leftovers, postgres, settling, sqlite, unfinished
from bot.keeping.settling import Settled
from bot.keeping.sqlite import Progress
from bot.models import Account
from bot.run import open_desk
from bot.slack.calls import SlackProblem, call, slack_client, slack_session

HALF = (
    "A restore of this database was begun and did not end, so the bot does not start on it: "
    "run `webcare restore` again, with --force."
)
NO_SLACK = (
    "Slack does not let us look for messages that are newer than the backup ({reason}): check SLACK_BOT_TOKEN and try "
    "again, or leave that out with --without-slack. Then those messages keep their buttons, which do nothing."
)
STUCK = (
    "What is in the database cannot be put aside ({reason}), so nothing was changed. The user of DATABASE_URL must own "
    "its tables and be allowed to make a schema in it: GRANT CREATE ON DATABASE …"
)
ELSEWHERE = (
    "{file} has its tables in the schema {schema}, where DATABASE_URL does not lead: make that with CREATE SCHEMA, if "
    "it is not there, and let the search_path of the user begin with it. Nothing was changed."
)
NEWER = "{file} was made by a newer version of webcare: update the program first."


@dataclass(frozen=True)
class Restored:
    """What was restored; `retired` is how many newer messages in Slack lost their buttons, None if that was left out.

    `unopened` are the accounts whose tokens the key cannot open, `before` is where the data went that were there: a
    file, or a schema of PostgreSQL.
    """

    settled: Settled
    retired: int | None = None
    unopened: list[str] = field(default_factory=list)
    before: Path | str | None = None


def restore(settings: Settings, file: Path, progress: Progress, *, force: bool = False, slack: bool = True) -> Restored:
    """Restore the database from a backup; raises BadSettings with what is in the way, and then changes nothing.

    `force`: replace what the database holds. `slack`: take the buttons from messages that are newer than the backup.
    """
    if not file.is_file():
        raise BadSettings(f"There is no file {file}.")
    url = db.create_engine(settings.database_url).url
    if slack:
        asyncio.run(_reach_slack(settings))
    if url.get_backend_name() == "sqlite":
        place = files.end_of(Path(url.database or ""))
        return _into_sqlite(settings, place, file, progress, force=force, slack=slack)
    return _into_postgres(settings, url, file, progress, force=force, slack=slack)


# --- SQLite --------------------------------------------------------------------------------------


def _into_sqlite(
    settings: Settings, place: Path, file: Path, progress: Progress, *, force: bool, slack: bool
) -> Restored:
    """Prepare the database beside its place, then let it take that place; nobody can use the other one meanwhile."""
    used, before, given = place.exists() and place.stat().st_size > 0, None, dict[str, int]()
    with ExitStack() as held, files.drafted(place) as draft:
        if used:
            replaced = held.enter_context(sqlite.alone(place))
            _refuse_filled(_is_filled(replaced), force=force)
            given = sqlite.given(replaced)
        bring_in(file, draft, progress)
        beside = settings.model_copy(update={"database_url": db.address_of_file(draft)})
        restored = asyncio.run(_prepared(beside, given, slack=slack))
        with sqlite.alone(draft) as ready:  # all of it is in one file now
            sqlite.check(ready, draft)  # what SQLite keeps of the tables was written by hand
        files.let_be_used_as(draft, place)
        if used:
            before = _kept(place)
        else:
            files.remove(place)  # the WAL of a database that somebody deleted would be read into this one
        files.put(draft, place, force=used)
    if before is not None:
        _refuse_begun(before)
    return replace(restored, before=before)


def bring_in(file: Path, draft: Path, progress: Progress) -> None:
    """Copy a backup into this file; raises BadSettings if it is damaged, no database of ours, or of a newer version."""
    with sqlite.opened(file) as source:
        if sqlite.revision(source, file) not in db.revisions():
            raise BadSettings(NEWER.format(file=file))
        sqlite.check(source, file)
        sqlite.copy(source, draft, progress)


def _is_filled(connection: sqlite3.Connection) -> bool:
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return any(connection.execute(f"SELECT 1 FROM {each} LIMIT 1").fetchone() for each in unfinished.FILLED & there)  # noqa: S608


def _refuse_filled(filled: bool, *, force: bool) -> None:
    if filled and not force:
        raise BadSettings("The database is not empty: with --force the backup takes its place.")


def _kept(place: Path) -> Path:
    """Give the database in this place a second name, under which it stays when another takes the place."""
    before = place.with_name(f"{place.name}.before-{datetime.now().astimezone():%Y%m%d-%H%M%S-%f}")
    try:
        os.link(place, before)
    except OSError:  # a file system without hard links
        with files.drafted(before) as copy:
            shutil.copyfile(place, copy)
            files.let_be_used_as(copy, place)
            files.put(copy, before, force=False)
    return before


def _refuse_begun(before: Path) -> None:
    """Raise BadSettings when somebody had opened the old database in the moment in which it was replaced."""
    try:
        with sqlite.alone(before):
            pass
    except BadSettings:
        raise BadSettings(f"A bot began just now to use the database that was replaced ({before}): stop it.") from None


# --- PostgreSQL ----------------------------------------------------------------------------------


def _into_postgres(
    settings: Settings, url: URL, file: Path, progress: Progress, *, force: bool, slack: bool
) -> Restored:
    """Mark the database as unfinished, fill it in one transaction, prepare it and take the mark away."""

    def pulse() -> None:
        progress(0, 0)

    postgres.check(file, pulse=pulse)
    schema, revision = postgres.origin(file)
    if revision not in db.revisions():
        raise BadSettings(NEWER.format(file=file))
    known, here = asyncio.run(_looked_at(settings))
    if here != schema:
        raise BadSettings(ELSEWHERE.format(file=file, schema=schema))
    without = postgres.unknown(file, known)
    before, given = asyncio.run(_begun(settings, force=force))
    try:
        with postgres.address(url) as address:
            postgres.fill(address, file, schema, without, pulse=pulse)
        return replace(asyncio.run(_prepared(settings, given, slack=slack)), before=before)
    except BadSettings as error:
        kept = f" What was in the database is in its schema {before}." if before else ""
        raise BadSettings(f"{error}{kept} Run it again with --force.") from None


async def _looked_at(settings: Settings) -> tuple[frozenset[str], str | None]:
    """Return the names of the settings that the server has, and the schema in which the bot has its tables there."""
    engine = db.create_engine(settings.database_url)
    try:
        async with db.connected(engine) as connection:
            here = await connection.scalar(text("SELECT current_schema()"))
            return await postgres.settings_of(connection), here
    finally:
        await engine.dispose()


async def _begun(settings: Settings, *, force: bool) -> tuple[str | None, Mapping[str, int]]:
    """Mark the database, and put what it holds aside; return where that is now, and the ids that it gave."""
    engine = db.create_engine(settings.database_url)
    try:
        there = await unfinished.tables(engine)
        filled = bool(there & {db.UNFINISHED}) or await unfinished.is_filled(engine, unfinished.FILLED & there)
        _refuse_filled(filled, force=force)
        given = await _given(engine, there)
        await unfinished.mark(engine, HALF, json.dumps(given))
        return await _put_aside(engine, there) if there & unfinished.FILLED else None, given
    finally:
        await engine.dispose()


async def _put_aside(engine: AsyncEngine, there: Collection[str]) -> str:
    """Put aside what a database holds; raises BadSettings when that is refused, and then a bot may start on it."""
    try:
        return await unfinished.put_aside(engine)
    except DBAPIError as error:
        if db.UNFINISHED not in there:
            await unfinished.unmark(engine)
        raise BadSettings(STUCK.format(reason=" ".join(str(error.orig).split()))) from None


async def _given(engine: AsyncEngine, there: Collection[str]) -> Mapping[str, int]:
    """Return the ids that a database gave, also before a restore that was cut off put it aside."""
    async with db.connected(engine) as connection:
        given = await postgres.given(connection, there)
        if db.UNFINISHED in there:
            given.pop(sqlite.MADE, None)  # what it restored tells nothing of the database that was there
            cut_off = text(f"SELECT details FROM {db.UNFINISHED} WHERE what = :what")  # noqa: S608
            for name, highest in json.loads(await connection.scalar(cut_off, {"what": HALF}) or "{}").items():
                given[name] = max(highest, given.get(name, 0))
    return given


# --- Both ----------------------------------------------------------------------------------------


async def _prepared(settings: Settings, given: Mapping[str, int], *, slack: bool) -> Restored:
    """Bring the tables of a restored database up to date, and settle what may have happened since.

    `given` has the ids that the database gave whose place it takes.
    """
    engine = db.create_engine(settings.database_url)
    try:
        await db.migrate(engine)
        async with open_desk(settings, engine) as desk:
            async with desk.session() as session:
                settled = await settling.settle(session, desk.now(), given)
                unopened = await _unopened(session, settings)
            as_of = settled.as_of
            retired = await _retired(desk, as_of) if slack and as_of is not None else None
        if engine.dialect.name != "sqlite":
            await unfinished.unmark(engine)
        return Restored(settled, retired, unopened)
    finally:
        await engine.dispose()


async def _reach_slack(settings: Settings) -> None:
    """Raise BadSettings when Slack takes no calls, before anything is begun."""
    try:
        async with slack_session(settings) as session:
            await call(slack_client(settings, session), "auth.test")
    except SlackProblem as problem:
        raise BadSettings(NO_SLACK.format(reason=problem.error)) from None


async def _retired(desk: Desk, as_of: datetime) -> int:
    try:
        return await leftovers.retire(desk, as_of)
    except SlackProblem as problem:
        raise BadSettings(NO_SLACK.format(reason=problem.error)) from None


async def _unopened(session: AsyncSession, settings: Settings) -> list[str]:
    """Return the accounts whose tokens the key cannot open."""
    unopened = []
    for row in await session.exec(select(Account).order_by(col(Account.id))):
        try:
            accounts.opened(row, settings)
        except BadSettings:
            unopened.append(accounts.key(row))
    return unopened
