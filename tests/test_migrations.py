"""The migrations make the tables that the models describe, on both databases, up and down; and the log keeps itself."""

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.cases import index, numbers
from bot.config import BadSettings
from bot.disk import takes_nothing
from bot.domain.case import Status
from bot.domain.event import EventKind
from bot.domain.sla import ClockKind
from bot.figures.search import Asked, search
from bot.keeping import sqlite
from bot.models import (
    Account,
    Agent,
    Author,
    Case,
    CaseWords,
    Clock,
    Event,
    Mention,
    Message,
    MessageKind,
    Note,
    Person,
    Reply,
    ReplyKind,
    ReplyStatus,
    Role,
    Team,
    UtcDateTime,
    Workspace,
)
from bot.texts import Texts
from tests import released_tables
from tests.fakes.command import webcare

TABLES = set(SQLModel.metadata.tables)
FULL_TEXT = ("case_words_fts", "ix_case_words")
"""The full-text index of each database, which has no model."""
WITHOUT_MODEL = (*FULL_TEXT, "procrastinate_")
"""How the names of tables without a model begin: the full-text index, and the queue of a library (PostgreSQL)."""


@pytest.fixture(params=["sqlite", "postgresql"])
async def blank(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """An engine on a database without tables."""
    url = f"sqlite:///{tmp_path}/blank.db"
    if request.param == "postgresql":
        uri, name = request.getfixturevalue("postgres_uri"), f"blank_{uuid.uuid4().hex}"
        async with await psycopg.AsyncConnection.connect(uri, autocommit=True) as connection:
            await connection.execute(f"CREATE DATABASE {name}")
        url = uri.replace("/postgres?", f"/{name}?")
    engine = db.create_engine(url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def migrated(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = db.create_engine(database_url)
    yield engine
    await engine.dispose()


async def with_an_author(session: AsyncSession, now: datetime) -> None:
    """Store what a case refers to: a team, an account and an author, each with the id 1."""
    for each in (
        Team(id=1, name="Webcare", channel="C1", created_at=now),
        Account(id=1, team_id=1, platform="feed", name="nieuws", url="", created_at=now),
        Author(id=1, account_id=1, external_id="1", name="Fatima"),
    ):
        session.add(each)
        await session.flush()


def tables(connection: Connection) -> set[str]:
    names = set(inspect(connection).get_table_names()) - {"alembic_version"}
    return {name for name in names if not name.startswith(WITHOUT_MODEL)}


def configured(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(db.MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def to_base(connection: Connection) -> None:
    command.downgrade(configured(connection), "base")


def differences(connection: Connection) -> list[Any]:
    """What autogenerate would write to bring the tables level with the models."""
    known = {"compare_server_default": True, "include_name": lambda name, *_: not str(name).startswith(WITHOUT_MODEL)}
    context = MigrationContext.configure(connection, opts=known)
    return list(compare_metadata(context, SQLModel.metadata))


async def test_a_blank_database_gets_all_tables_as_the_models_have_them(blank: AsyncEngine) -> None:
    await db.migrate(blank)
    async with blank.connect() as connection:
        assert await connection.run_sync(tables) == TABLES
        assert await connection.run_sync(differences) == []
    assert await db.is_migrated(blank)


def unfit(connection: Connection, tables: released_tables.Tables) -> list[str]:
    """What a program that uses these tables could not work with."""
    found, inspected = list[str](), inspect(connection)
    there = set(inspected.get_table_names())
    for table, used in tables.items():
        columns = {column["name"]: column for column in inspected.get_columns(table)} if table in there else {}
        found += [f"{table}.{name} is gone" for name in used if name not in columns]
        for name, column in columns.items():
            needed = not column["nullable"] and column["default"] is None
            if name not in used and needed:
                found.append(f"{table}.{name} is new, and must be filled")
            elif used.get(name) and not column["nullable"]:
                found.append(f"{table}.{name} could be empty, and may not any more")
    return found


async def test_the_newest_release_can_work_on_these_tables_while_it_is_replaced(migrated: AsyncEngine) -> None:
    """Expand first, contract a release later: what it uses stays, and nothing must be filled that it does not know."""
    async with migrated.connect() as connection:
        assert await connection.run_sync(unfit, released_tables.released()) == []


async def test_tables_that_an_older_program_cannot_work_on_are_named(migrated: AsyncEngine) -> None:
    older = {name: dict(columns) for name, columns in released_tables.present().items()}
    older["cases"]["colour"], older["gone"] = True, {"id": False}
    del older["cases"]["opened_at"], older["cases"]["urgent"]
    older["cases"]["team_id"] = True
    async with migrated.connect() as connection:
        assert sorted(await connection.run_sync(unfit, older)) == [
            "cases.colour is gone",
            "cases.opened_at is new, and must be filled",
            "cases.team_id could be empty, and may not any more",
            "gone.id is gone",
        ]


def test_the_name_of_each_migration_begins_with_its_revision_and_they_are_one_row() -> None:
    """The start reads the newest revision from the names, without Alembic."""
    config = Config()
    config.set_main_option("script_location", str(db.MIGRATIONS))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())[::-1]
    names = sorted(path.name for path in (db.MIGRATIONS / "versions").glob("*.py"))
    assert [name.partition("_")[0] for name in names] == [script.revision for script in scripts]
    assert [script.down_revision for script in scripts] == [None, *(script.revision for script in scripts[:-1])]


def test_a_start_on_tables_that_are_up_to_date_does_not_load_alembic(sqlite_url: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from bot import db, run\n"
        f"asyncio.run(db.prepare(db.create_engine({sqlite_url!r})))\n"
        "print(*(name for name in ('alembic', 'holidays') if name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


async def test_migrating_again_changes_nothing(migrated: AsyncEngine) -> None:
    await db.migrate(migrated)
    assert await db.is_migrated(migrated)


async def test_all_the_way_down_and_up_again(migrated: AsyncEngine) -> None:
    async with migrated.begin() as connection:
        await connection.run_sync(to_base)
        assert await connection.run_sync(tables) == set()
    assert not await db.is_migrated(migrated)
    await db.migrate(migrated)
    async with migrated.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_tables_of_a_restored_file_are_as_all_others_but_that_each_counts_its_ids(sqlite_url: str) -> None:
    engine = db.create_engine(sqlite_url)
    async with engine.begin() as connection:
        await connection.run_sync(sqlite.number_on, 1000, {"cases": 7})
        await connection.run_sync(sqlite.number_on, 1000, {"cases": 7})  # a second restore
    async with engine.begin() as connection:
        assert await connection.run_sync(differences) == []
        counts = text("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'")
        with_ids = {table.name for table in SQLModel.metadata.sorted_tables if "id" in table.c}
        assert set((await connection.execute(counts)).scalars()) == with_ids
        given = text("SELECT seq FROM sqlite_sequence WHERE name = 'cases'")
        assert list((await connection.execute(given)).scalars()) == [2007]
        await connection.run_sync(to_base)
    await db.migrate(engine)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_a_restored_file_counts_its_ids_after_a_migration_that_makes_a_table_anew_too(sqlite_url: str) -> None:
    """So SQLite changes a column: a table is made beside the old one, with its rows, and takes its name."""
    engine = db.create_engine(sqlite_url)
    async with engine.begin() as connection:
        await connection.run_sync(sqlite.number_on, 1000, {"replies": 7})
        await connection.run_sync(lambda sync: command.downgrade(configured(sync), "0025"))
    await db.migrate(engine)
    async with engine.connect() as connection:
        made = text("SELECT sql FROM sqlite_master WHERE name = 'replies'")
        assert "AUTOINCREMENT" in str(await connection.scalar(made))
        given = text("SELECT seq FROM sqlite_sequence WHERE name = 'replies'")
        assert list((await connection.execute(given)).scalars()) == [1007]
    await engine.dispose()


async def test_a_close_reason_of_a_teams_own_is_kept_as_words_by_the_way_down(migrated: AsyncEngine) -> None:
    now = datetime.now(UTC)
    async with db.sessions(migrated)() as session:
        await with_an_author(session, now)
        for number, reason in enumerate(("spam", "Doorverwezen naar het waterschap, dat erover gaat"), 1):
            case = Case(team_id=1, number=number, account_id=1, author_id=1, opened_at=now, close_reason=reason)
            case.close_text = "ja"
            session.add(case)
    async with migrated.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(configured(sync), "0003"))
        rows = await connection.execute(text("SELECT close_reason, close_text FROM cases ORDER BY id"))
        assert rows.all() == [("spam", "ja"), ("other", "Doorverwezen naar het waterschap, dat erover gaat ja")]
    await db.migrate(migrated)


async def test_the_steps_that_running_clocks_have_told_are_stored_by_their_percentage(migrated: AsyncEngine) -> None:
    now = datetime.now(UTC)
    ladder = [{"percent": percent, "to": "thread"} for percent in (90, 50)]
    async with db.sessions(migrated)() as session:
        session.add_all(
            [
                Team(id=1, name="Webcare", channel="C1", created_at=now),
                Team(id=2, name="Wegen", channel="C2", created_at=now, settings={"ladder": ladder}),
                Team(id=3, name="Niets", channel="C3", created_at=now, settings={"ladder": []}),
            ]
        )
        await session.flush()
        session.add(Account(id=1, team_id=1, platform="feed", name="nieuws", url="", created_at=now))
        await session.flush()
        session.add(Author(id=1, account_id=1, external_id="1", name="Fatima"))
        await session.flush()
        session.add(Case(id=1, team_id=1, number=1, account_id=1, author_id=1, opened_at=now))
        await session.flush()
        for team, kind, told in STEPS_TOLD:
            session.add(Clock(case_id=1, team_id=team, kind=kind, started_at=now, told_percent=told))
    async with migrated.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(configured(sync), "0017"))
        rows = await connection.execute(text("SELECT steps FROM clocks ORDER BY id"))
        assert [steps for (steps,) in rows] == [3, 0, 2, 2, 0]
        await connection.execute(text("UPDATE clocks SET steps = 4 WHERE id IN (3, 4)"))
    await db.migrate(migrated)
    async with db.readings(migrated)() as session:
        percentages = await session.exec(select(col(Clock.told_percent)).order_by(col(Clock.id)))
        assert percentages.all() == [125, 0, 90, 100, 0]


async def test_existing_cases_are_numbered_in_their_team_in_the_order_in_which_they_came(migrated: AsyncEngine) -> None:
    now = datetime.now(UTC)
    async with db.sessions(migrated)() as session:
        for team in (1, 2):
            session.add(Team(id=team, name=f"Team {team}", channel=f"C{team}", created_at=now))
            await session.flush()
            session.add(Account(id=team, team_id=team, platform="feed", name=f"nieuws {team}", url="", created_at=now))
            await session.flush()
            session.add(Author(id=team, account_id=team, external_id="1", name="Fatima"))
            await session.flush()
        for case, team in ((3, 1), (5, 2), (6, 2), (9, 1)):
            session.add(Case(id=case, team_id=team, number=case, account_id=team, author_id=team, opened_at=now))
    await to_revision(migrated, "0030")
    await db.migrate(migrated)
    async with db.sessions(migrated)() as session:
        cases = await session.exec(select(Case).order_by(col(Case.id)))
        assert [(case.team_id, case.number) for case in cases] == [(1, 1), (2, 1), (2, 2), (1, 2)]
        assert list(await numbers.take(session, 2, 2)) == [3, 4]


STEPS_TOLD = [
    (1, ClockKind.RESOLUTION, 125),
    (1, ClockKind.RESOLUTION, 0),
    (2, ClockKind.RESOLUTION, 90),
    (2, ClockKind.PROMISE, 100),
    (3, ClockKind.RESOLUTION, 80),
]


async def test_who_an_account_is_comes_out_of_what_its_check_learned_and_goes_back(migrated: AsyncEngine) -> None:
    now = datetime.now(UTC)
    async with db.sessions(migrated)() as session:
        session.add(Team(id=1, name="Webcare", channel="C1", created_at=now))
        await session.flush()
        for name in ("known", "new"):
            session.add(Account(team_id=1, platform="mastodon", name=name, url="", created_at=now))
    older = {"account_id": "7", "acct": "gemeente", "max_characters": 500}
    async with migrated.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(configured(sync), "0007"))
        update = text("UPDATE accounts SET known = :known WHERE name = 'known'")
        await connection.execute(update, {"known": json.dumps(older)})
    await db.migrate(migrated)
    async with db.readings(migrated)() as session:
        found = {row.name: row for row in await session.exec(select(Account))}
    assert found["known"].limits == {"max_characters": 500}
    assert found["known"].identity == {"id": "7", "handle": "gemeente", "name": "", "url": ""}
    assert (found["new"].limits, found["new"].identity) == ({}, None)
    async with migrated.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(configured(sync), "0007"))
        kept = (await connection.execute(text("SELECT known FROM accounts WHERE name = 'known'"))).scalar()
        assert (json.loads(kept) if isinstance(kept, str) else kept) == older


async def test_each_agent_becomes_one_in_every_team_and_is_away_as_one_person(migrated: AsyncEngine) -> None:
    then, later = datetime(2026, 11, 2, 8, 0, tzinfo=UTC), datetime(2026, 11, 3, 8, 0, tzinfo=UTC)
    agents = table("agents", "slack_id", "initials", "role", "away_since", "duty_since", "looked_at", "created_at")
    teams = table("teams", "id", "name", "channel", "settings", "created_at")
    await to_revision(migrated, "0009")
    async with migrated.begin() as connection:
        for team_id, name, settings in (
            (1, "Webcare", {"language": "en"}),
            (2, "Wegen", None),
            (3, "Zorg", {"topics": []}),
        ):
            row = {"id": team_id, "name": name, "channel": f"C{team_id}", "settings": settings, "created_at": then}
            await connection.execute(teams.insert().values(row))
        for slack_id, initials, role, away, duty in (
            ("U1", "SB", "coordinator", None, later), ("U2", None, "reader", then, None),
        ):  # fmt: skip
            await connection.execute(agents.insert().values(
                slack_id=slack_id, initials=initials, role=role, away_since=away, duty_since=duty, created_at=then
            ))  # fmt: skip

    await db.migrate(migrated)
    async with db.sessions(migrated)() as session:
        rows = await session.exec(select(Agent).order_by(col(Agent.team_id), Agent.slack_id))
        assert [(a.team_id, a.slack_id, a.initials, a.role, a.duty_since, a.created_at) for a in rows] == [
            each
            for team_id in (1, 2, 3)
            for each in (
                (team_id, "U1", "SB", Role.COORDINATOR, later, then), (team_id, "U2", None, Role.READER, None, then)
            )
        ]  # fmt: skip
        people = await session.exec(select(Person).order_by(Person.slack_id))
        assert [(each.slack_id, each.away_since) for each in people] == [("U1", None), ("U2", then)]
        [workspace] = await session.exec(select(Workspace))
        kept = list(await session.exec(select(Team).order_by(col(Team.id))))
        assert {team.workspace_id for team in kept} == {workspace.id}
        assert [team.settings for team in kept] == [
            {"language": "en"}, {"language": "en"}, {"topics": [], "language": "en"}
        ]  # fmt: skip
        session.add(Agent(team_id=2, slack_id="U3", initials="MV", created_at=later))
        session.add(Agent(team_id=3, slack_id="U4", initials="MV", created_at=later))

    await to_revision(migrated, "0009")
    async with migrated.begin() as connection:
        before = (await connection.execute(agents.select().order_by(agents.c.slack_id))).all()
        assert [(row.slack_id, row.initials, row.role) for row in before] == [
            ("U1", "SB", "coordinator"), ("U2", None, "reader"), ("U3", "MV", "agent"), ("U4", None, "agent"),
        ]  # fmt: skip
        assert [row.away_since is None for row in before] == [True, False, True, True]
    await db.migrate(migrated)
    async with migrated.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_cases_that_are_there_are_found_by_their_words(migrated: AsyncEngine) -> None:
    """The migration folds words itself: it must do so as the bot does."""
    now = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
    texts = ("Straße vól Yılmaz-ﬁetsen, foto's!", "", "x" * 99, "zo'n ① İnce 😀", " ".join(map(str, range(6_000))))
    async with db.sessions(migrated)() as session:
        session.add(Team(id=1, name="Webcare", channel="C1", created_at=now))
        await session.flush()
        session.add(Account(id=1, team_id=1, platform="feed", name="nieuws", url="", created_at=now))
        await session.flush()
        for number, words in enumerate(texts, 1):
            author = Author(id=number, account_id=1, external_id=str(number), name="Fatma Yılmaz", handle="FatmaÖz")
            session.add(author)
            await session.flush()
            session.add(Case(id=number, number=number, team_id=1, account_id=1, author_id=number, opened_at=now))
            await session.flush()
            session.add(Mention(id=number, case_id=number, account_id=1, external_id=str(number), text=words,
                                published_at=now, received_at=now))  # fmt: skip
            await session.flush()
            session.add(Note(case_id=number, by="U1", text="Bel éven", at=now))
            session.add(Note(case_id=number, by="U1", text="weg", at=now, deleted_at=now))
            of_case: dict[str, Any] = {
                "case_id": number,
                "mention_id": number,
                "account_id": 1,
                "by": "U1",
                "draft": "",
            }
            for status in (ReplyStatus.SENT, ReplyStatus.WITHDRAWN):
                session.add(Reply(**of_case, key=f"{number}{status}", text=status, status=status, created_at=now,
                                  send_at=now))  # fmt: skip
        await index(session, range(1, len(texts) + 1))
        before = [(row.case_id, row.names, row.words) for row in await session.exec(select(CaseWords))]
    await to_revision(migrated, "0032")
    await db.migrate(migrated)
    async with db.readings(migrated)() as session:
        assert [(row.case_id, row.names, row.words) for row in await session.exec(select(CaseWords))] == before
        found = await search(session, [1], Asked("ince withd"), most=10)
        assert (found.count, (await search(session, [1], Asked("ince sent"), most=10)).count) == (0, 1)


async def test_whoever_was_an_agent_because_all_were_is_one_by_the_channel_from_now_on(migrated: AsyncEngine) -> None:
    now = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
    before = {"U1": "coordinator", "U2": "reader", "U3": "agent"}
    await to_revision(migrated, "0022")
    async with migrated.begin() as connection:
        teams = table("teams", "id", "name", "channel", "created_at")
        await connection.execute(teams.insert().values(id=1, name="Webcare", channel="C1", created_at=now))
        insert = text("INSERT INTO agents (team_id, slack_id, role, created_at) VALUES (1, :who, :role, :now)")
        for slack_id, role in before.items():
            at = now if migrated.dialect.name == "postgresql" else now.isoformat(" ")
            await connection.execute(insert, {"who": slack_id, "role": role, "now": at})

    await db.migrate(migrated)
    async with db.readings(migrated)() as session:
        after = {agent.slack_id: agent.role for agent in await session.exec(select(Agent))}
    assert after == {"U1": Role.COORDINATOR, "U2": Role.READER, "U3": None}
    await to_revision(migrated, "0022")
    async with migrated.connect() as connection:
        assert dict((await connection.execute(text("SELECT slack_id, role FROM agents"))).all()) == before


def table(name: str, *columns: str) -> sa.TableClause:
    """A table as it was at an older revision."""
    types: dict[str, Any] = {"settings": sa.JSON(), "id": sa.Integer()}
    moments = {each: sa.DateTime(timezone=True) for each in columns if each.endswith(("_at", "_since"))}
    return sa.table(name, *(sa.column(each, {**types, **moments}.get(each, sa.String())) for each in columns))


async def to_revision(engine: AsyncEngine, revision: str) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(configured(sync), revision))


@pytest.mark.parametrize("statement", ["UPDATE events SET kind = 'other'", "DELETE FROM events"])
async def test_the_database_itself_refuses_to_change_the_log(migrated: AsyncEngine, statement: str) -> None:
    await refuses_to_rewrite_the_log(migrated, statement)


@pytest.mark.parametrize(
    ("database", "statement"),
    [
        ("sqlite", "INSERT OR REPLACE INTO events (id, kind, \"by\", at, details) "
                   "VALUES (1, 'other', 'U1', '2026-11-25 10:00:00', '{}')"),
        ("sqlite", "REPLACE INTO events (id, kind, \"by\", at, details) "
                   "SELECT id, 'other', \"by\", at, details FROM events"),
        ("postgresql", "TRUNCATE events"),
        ("postgresql", "TRUNCATE accounts CASCADE"),
        ("postgresql", "INSERT INTO events (id, kind, \"by\", at, details) VALUES (1, 'other', 'U1', now(), '{}') "
                       "ON CONFLICT (id) DO UPDATE SET kind = 'other'"),
    ],
)  # fmt: skip
async def test_the_log_is_not_rewritten_by_replacing_or_emptying_either(
    database: str, statement: str, migrated: AsyncEngine
) -> None:
    if migrated.dialect.name == database:
        await refuses_to_rewrite_the_log(migrated, statement)


async def refuses_to_rewrite_the_log(engine: AsyncEngine, statement: str) -> None:
    async with db.sessions(engine)() as session:
        session.add(Event(kind=EventKind.OPENED, at=datetime.now(UTC)))
    with pytest.raises(DBAPIError, match="append-only"):
        async with engine.begin() as connection:
            await connection.execute(text(statement))
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT kind FROM events"))).scalars().all() == ["opened"]


async def test_the_way_down_before_roll_ups_keeps_the_log(migrated: AsyncEngine) -> None:
    async with db.sessions(migrated)() as session:
        session.add(Event(kind=EventKind.PICKED_OUT, at=datetime.now(UTC)))
    await to_revision(migrated, "0064")
    async with migrated.connect() as connection:
        assert (await connection.execute(text("SELECT kind FROM events"))).scalars().all() == ["picked_out"]


async def test_the_kind_of_an_event_that_only_a_newer_program_knows_is_read_and_never_written(
    migrated: AsyncEngine,
) -> None:
    async with migrated.begin() as connection:
        newer = text("INSERT INTO events (kind, \"by\", at, details) VALUES ('parked', '', :at, '{}')")
        await connection.execute(newer.bindparams(sa.bindparam("at", datetime.now(UTC), UtcDateTime)))
    async with db.readings(migrated)() as session:
        assert [event.kind for event in await session.exec(select(Event))] == [EventKind.UNKNOWN]
    with pytest.raises(StatementError, match="only read"):
        async with db.sessions(migrated)() as session:
            session.add(Event(kind=EventKind.UNKNOWN, at=datetime.now(UTC)))


async def test_a_python_whose_sqlite_finds_no_words_is_refused_at_the_start(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "FULL_TEXT", "fts9")
    engine = db.create_engine(sqlite_url)
    with pytest.raises(BadSettings, match="no full-text search"):
        await db.prepare(engine)
    await engine.dispose()


async def test_a_database_of_a_version_we_do_not_know_is_refused_in_a_sentence(migrated: AsyncEngine) -> None:
    await at_revision(migrated, "9999")
    with pytest.raises(BadSettings, match="newer version of webcare: update the program"):
        await db.migrate(migrated)
    with pytest.raises(BadSettings, match="newer version of webcare: update the program"):
        await db.prepare(migrated)
    assert not await db.is_migrated(migrated)


async def test_a_database_that_is_not_up_to_date_is_refused_or_brought_up_to_date(blank: AsyncEngine) -> None:
    """SQLite is migrated at the start; on PostgreSQL, which several processes share, a person says when."""
    if blank.dialect.name == "sqlite":
        await db.prepare(blank)
        assert await db.is_migrated(blank)
    else:
        with pytest.raises(BadSettings, match="run `webcare migrate` first"):
            await db.prepare(blank)


async def test_tables_of_another_program_are_refused_in_a_sentence_and_left_alone(blank: AsyncEngine) -> None:
    async with blank.begin() as connection:
        await connection.execute(text("CREATE TABLE teams (points INTEGER)"))
    with pytest.raises(BadSettings, match="cannot be brought up to date"):
        await db.migrate(blank)
    async with blank.connect() as connection:
        assert await connection.run_sync(tables) == {"teams"}


async def test_two_that_bring_the_tables_up_to_date_at_once_both_succeed(blank: AsyncEngine, tmp_path: Path) -> None:
    """As when each host begins with `webcare migrate`: the others wait, and find that it is done."""
    address = blank.url.set(drivername=blank.url.get_backend_name()).render_as_string(hide_password=False)
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir()
    at_once = [webcare(folder, "migrate", database_url=address) for folder in folders]
    assert [(done.code, done.err) for done in await asyncio.gather(*at_once)] == [(0, "")] * 3
    assert await db.is_migrated(blank)


FULL = {
    "sqlite": ("PRAGMA max_page_count = 1",),
    "postgresql": (
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'disk_full'; END $$",
        "CREATE EVENT TRIGGER refusing ON ddl_command_start EXECUTE FUNCTION refuse()",
    ),
}
"""What lets each database refuse a new table as it does when its disk is full; SQLite for this connection."""


async def test_a_disk_that_is_full_in_the_middle_of_a_migration_is_not_taken_for_another_program(
    blank: AsyncEngine,
) -> None:
    """A command says of such an error that the disk is full."""
    async with blank.begin() as connection:
        for statement in FULL[blank.dialect.name]:
            await connection.execute(text(statement))
    with pytest.raises(DBAPIError) as refused:
        await db.migrate(blank)
    assert takes_nothing(refused.value)


@pytest.mark.parametrize("blank", ["postgresql"], indirect=True)
async def test_a_migration_that_is_in_the_way_of_a_running_bot_is_to_be_tried_again(blank: AsyncEngine) -> None:
    """PostgreSQL ends one of two that wait for each other: the old program writes until the new one takes its place."""
    async with blank.begin() as connection:
        for statement in FULL["postgresql"]:
            await connection.execute(text(statement.replace("disk_full", "deadlock_detected")))
    with pytest.raises(BadSettings, match="try again"):
        await db.migrate(blank)


async def at_revision(engine: AsyncEngine, revision: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


async def test_earlier_reminders_of_cases_that_still_wait_say_nothing_any_more(migrated: AsyncEngine) -> None:
    now = datetime.now(UTC)
    async with db.sessions(migrated)() as session:
        await with_an_author(session, now)
        for number, status in ((1, Status.NEW), (2, Status.ANSWERED)):
            session.add(
                Case(id=number, team_id=1, number=number, account_id=1, author_id=1, opened_at=now, status=status)
            )
    await to_revision(migrated, "0035")
    steps = [json.dumps({"steps": [{"case": case, "clock": case, "percent": 80}]}) for case in (1, 2)]
    rows = [("reminder", None, steps[0]), ("reminder", None, steps[1]), ("still", 1, None), ("asked_again", 2, None)]
    async with migrated.begin() as connection:
        for number, (kind, case, details) in enumerate(rows):
            await connection.execute(
                text(
                    "INSERT INTO messages (key, kind, case_id, subject_id, details, channel, in_thread, version,"
                    " shown_version, problem) VALUES (:key, :kind, :case, 1, :details, 'C1', false, 1, 1, '')"
                ),
                {"key": f"m{number}", "kind": kind, "case": case, "details": details},
            )
    await db.migrate(migrated)
    async with db.readings(migrated)() as session:
        found = (await session.exec(select(Message).order_by(col(Message.id)))).all()
    assert {message.kind for message in found} == {MessageKind.REMINDER}
    assert [message.version for message in found] == [2, 1, 2, 1]


async def test_what_the_thread_was_told_of_the_owner_is_stored_in_words_from_now_on(migrated: AsyncEngine) -> None:
    now = datetime.now(UTC)
    async with db.sessions(migrated)() as session:
        await with_an_author(session, now)
        session.add(Case(id=1, number=1, team_id=1, account_id=1, author_id=1, opened_at=now, assignee="U2"))
    await to_revision(migrated, "0058")
    rows = [
        ("assigned", {"to": "U1", "former": ""}),
        ("assigned", {"to": "U1", "former": "U3"}),
        ("assigned", None),
        ("taken_over", {"to": "U1", "former": "U3"}),
        ("returned", None),
        ("returned", {"away": "U3"}),
        ("returned", {"away": "", "reader": "U3"}),
        ("note", None),
    ]
    async with migrated.begin() as connection:
        for number, (kind, details) in enumerate(rows):
            await connection.execute(
                text(
                    "INSERT INTO messages (key, kind, case_id, details, channel, in_thread, version, shown_version,"
                    " problem) VALUES (:key, :kind, 1, :details, 'C1', true, 1, 0, '')"
                ),
                {"key": f"m{number}", "kind": kind, "details": details and json.dumps(details)},
            )
    await db.migrate(migrated)
    async with db.readings(migrated)() as session:
        found = (await session.exec(select(Message).order_by(col(Message.id)))).all()
    assert [message.kind for message in found] == [MessageKind.NOTICE] * 7 + [MessageKind.NOTE]
    assert [Texts("nl", "Europe/Amsterdam").stored(message.details) for message in found] == [
        "<@U1>, deze zaak is aan jou toegewezen.",
        "<@U1>, deze zaak is aan jou toegewezen. <@U3>, deze zaak staat niet meer op jouw naam.",
        "<@U2>, deze zaak is aan jou toegewezen.",
        "<@U3>, <@U1> heeft deze zaak van je overgenomen.",
        "Er gebeurde niets met deze zaak. Daarom staat die weer in de wachtrij.",
        "<@U3> is afwezig. Daarom staat deze zaak weer in de wachtrij.",
        "<@U3> kijkt alleen mee. Daarom staat deze zaak weer in de wachtrij.",
        "",
    ]


async def test_a_case_whose_last_reply_is_a_question_waits_for_the_citizen_from_now_on(migrated: AsyncEngine) -> None:
    now = datetime.now(UTC)
    replies = {1: ["question"], 2: ["final"], 3: ["question", "final"], 4: ["final", "question"], 5: []}
    async with db.sessions(migrated)() as session:
        await with_an_author(session, now)
        for case_id, kinds in replies.items():
            about: dict[str, Any] = {"team_id": 1, "account_id": 1, "author_id": 1, "opened_at": now}
            session.add(Case(id=case_id, number=case_id, status=Status.ANSWERED, **about))
            await session.flush()
            about = {"case_id": case_id, "account_id": 1, "text": ""}
            session.add(Mention(id=case_id, external_id=str(case_id), published_at=now, received_at=now, **about))
            await session.flush()
            about |= {"mention_id": case_id, "by": "U1", "draft": "", "created_at": now, "send_at": now}
            for number, kind in enumerate(kinds):
                session.add(Reply(key=f"{case_id}-{number}", kind=ReplyKind(kind), status=ReplyStatus.SENT, **about))
                await session.flush()
    async with migrated.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(configured(sync), "0036"))
    await db.migrate(migrated)
    async with db.sessions(migrated)() as session:
        cases = (await session.exec(select(Case).order_by(col(Case.id)))).all()
    assert [case.status for case in cases] == ["with_citizen", "answered", "answered", "with_citizen", "answered"]
    assert [case.waits_since is not None and case.waits_since >= now for case in cases] == [
        case.status == "with_citizen" for case in cases
    ]
