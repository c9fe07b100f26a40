"""`webcare copy`: an SQLite installation moves to PostgreSQL, whatever cuts it off, and the bot goes on there."""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlmodel import col, select

from bot import db
from bot.config import BadSettings
from bot.domain.case import Status
from bot.domain.period import Period
from bot.domain.queue import Filter, Which
from bot.domain.signals import Signal
from bot.figures import digests, export, home, reports, search
from bot.figures.search import Asked
from bot.keeping import copying, soundness, unfinished
from bot.keeping.copying import Copied
from bot.models import Case, Mention, Team
from bot.sandbox.app import Sandbox
from bot.slack import messages
from bot.team import agents
from bot.texts import Texts
from bot.views.home import home_tab
from tests.bench.fill import AGENT, count_days, fill
from tests.conftest import CHANNEL, SANNE, Bot, eventually, running_bot, settings_for
from tests.fakes.command import webcare
from tests.keeping import dying
from tests.keeping.rows import rows_of
from tests.people import answer


@pytest.fixture
async def target(postgres_uri: str, sqlite_url: str) -> str:
    """A PostgreSQL database without tables."""
    name = f"copy_{Path(make_url(sqlite_url).database or '').stem}"
    async with await psycopg.AsyncConnection.connect(postgres_uri, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    return postgres_uri.replace("/postgres?", f"/{name}?")


@pytest.fixture
def source(sqlite_url: str) -> Path:
    return Path(make_url(sqlite_url).database or "")


@pytest.fixture
async def filled(sqlite_url: str, source: Path, slack: Sandbox) -> Path:
    """A source with the work of a year for its size."""
    await fill(settings_for(sqlite_url, slack), cases=300, waiting=40, claimed=10)
    return source


async def copied(source: Path, target: str, seen: list[int] | None = None) -> Copied:
    engine = db.create_engine(target)
    try:
        return await copying.copy(source, engine, lambda done, _: None if seen is None else seen.append(done))
    finally:
        await engine.dispose()


def mix(source: Path) -> None:
    """Make the cases that wait differ in all by which lists are ordered."""
    hurt, press = json.dumps([Signal.HURT]), json.dumps([Signal.PRESS])
    with closing(sqlite3.connect(source)) as database, database:
        database.execute("UPDATE cases SET urgent = id % 7 = 0 WHERE assignee IS NULL")
        database.execute("UPDATE cases SET signals = CASE id % 5 WHEN 0 THEN ? WHEN 1 THEN ? END", (hurt, press))
        database.execute(
            "UPDATE clocks SET due_at = NULL, next_at = NULL, running_since = NULL, rests_for = 'citizen'"
            " WHERE stopped_at IS NULL AND case_id % 3 = 0"
        )


async def coordinated_by(slack_id: str, url: str) -> None:
    engine = db.create_engine(url)
    async with db.sessions(engine)() as session:
        await agents.name_coordinator(session, 1, slack_id, now=datetime.now(UTC))
    await engine.dispose()


async def reads(url: str, now: datetime) -> dict[str, Any]:
    """What people read of a database at a moment: the Home with each list, the figures, a digest, and searches."""
    t, engine = Texts("nl", "Europe/Amsterdam"), db.create_engine(url)
    zone, read = ZoneInfo("Europe/Amsterdam"), dict[str, Any]()
    try:
        async with db.readings(engine)() as session:
            team = await session.get_one(Team, 1)
            for which, page in product(Which, range(2)):
                wanted = Filter(which, AGENT if which is Which.MINE else "", page=page)
                read[wanted.to_text()] = home_tab(await home.home(session, AGENT, t, now, wanted), t, now)
            for days in (1, 30, 400):
                period = Period(now - timedelta(days=days), now)
                read[f"figures of {days} days"] = repr(await reports.figures(session, team, period, now))
                lines = await export.lines(session, team, period, now)
                read[f"export of {days} days"] = export.csv_of(lines, t, zone)
            read["digest"] = repr(await digests.daily(session, team, now))
            texts = await session.exec(select(Mention.text).order_by(col(Mention.id)).limit(40))
            for word in sorted({word for each in texts for word in each.split()}):
                found = await search.search(session, [1], Asked(word), most=20)
                read[word] = found.count, [line.case.id for line in found.lines]
    finally:
        await engine.dispose()
    return read


@pytest.mark.parametrize("hours", [0, 30])
async def test_people_read_the_same_on_both_databases(sqlite_url: str, filled: Path, target: str, hours: int) -> None:
    await count_days(sqlite_url)
    mix(filled)
    await coordinated_by(AGENT, sqlite_url)
    await copied(filled, target)
    at = datetime.now(UTC) + timedelta(hours=hours)
    before, after = await reads(sqlite_url, at), await reads(target, at)
    assert "Te laat" in str(before["open||0|"]) or hours == 0
    for what, shown in before.items():
        assert after[what] == shown, what


async def test_a_source_of_a_newer_version_is_not_said_to_be_older(source: Path, target: str) -> None:
    with closing(sqlite3.connect(source)) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(BadSettings, match="newer version of webcare: update the program"):
        await copied(source, target)


async def test_the_bot_goes_on_where_it_was(sqlite_url: str, target: str, slack: Sandbox, tmp_path: Path) -> None:
    async with running_bot(sqlite_url, slack) as bot:
        first = bot.citizen_posts("Wanneer komt de vuilniswagen? 🙈")
        await answer(bot, SANNE, await bot.card("vuilniswagen"), "Donderdag!")
        await bot.card("*Beantwoord*", "Donderdag!")
        bot.citizen_posts("En het papier?", name="Piet")
        card = await bot.card("papier")
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
        done = await webcare(tmp_path, "copy", target, database_url=sqlite_url)
        assert (done.code, "is in use: stop the bot first" in done.err) == (2, True)
    before, shown = await rows_of(sqlite_url), len(slack.messages(CHANNEL))
    done = await webcare(tmp_path, "copy", target, database_url=sqlite_url)
    assert done.code == 0, done.err
    assert "were copied, read back and are the same" in done.out
    assert await rows_of(target) == before
    async with running_bot(target, slack) as bot:
        assert await wrong(bot) == set()
        await messages.wake_lanes(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
        assert len(slack.messages(CHANNEL)) == shown
        await slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
        await eventually(lambda: claimed(bot, 2))
        bot.citizen_posts("Welke donderdag?", in_reply_to=first["id"])
        await eventually(lambda: joined(bot))
        assert [case.status for case in await bot.rows(Case)] == [Status.NEW, Status.CLAIMED]
        bot.citizen_posts("Mag mijn hond mee?", name="Kees")
        await bot.card("hond")
        assert [row.id for row in await bot.rows(Case)] == [1, 2, 3]


async def test_no_id_is_given_again_that_was_given_before_the_copy(filled: Path, target: str) -> None:
    with closing(sqlite3.connect(filled)) as source:
        source.execute("INSERT OR REPLACE INTO sqlite_sequence VALUES ('subjects', 5000)")
        source.commit()
    await copied(filled, target)
    engine = db.create_engine(target)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT nextval('subjects_id_seq')")) == 5001
    await engine.dispose()


async def wrong(bot: Bot) -> set[str]:
    found = [each async for each in soundness.findings(bot.engine, bot.desk.settings, bot.desk.now())]
    return {each.about for each in found if not each.works}


async def claimed(bot: Bot, case_id: int) -> bool:
    return (await bot.case(case_id)).status is Status.CLAIMED


async def joined(bot: Bot) -> bool:
    return [mention.case_id for mention in await bot.rows(Mention)] == [1, 2, 1]


async def test_a_copy_that_is_cut_off_goes_on_and_no_bot_starts_on_half_of_it(
    filled: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH", 70)
    seen = list[int]()

    class Cut(Exception):
        pass

    def cut(done: int, _total: int) -> None:
        if done > max(seen, default=0):
            seen.append(done)
            if len(seen) % 7 == 0:
                raise Cut

    for _ in range(100):
        engine = db.create_engine(target)
        try:
            await copying.copy(filled, engine, cut)
            break
        except Cut:
            with pytest.raises(BadSettings, match="run `webcare copy` again"):
                await db.prepare(engine)
        finally:
            await engine.dispose()
    assert len(seen) > 50
    assert await rows_of(target) == await rows_of(f"sqlite:///{filled}")
    engine = db.create_engine(target)
    await db.prepare(engine)
    assert {copying.COPIED, db.UNFINISHED}.isdisjoint(await unfinished.tables(engine))
    await engine.dispose()


async def test_a_copy_that_is_killed_goes_on(filled: Path, target: str) -> None:
    for batches in (1, 5, 9, 14, 0):
        assert await dying.copied(filled, target, after=batches) == (-signal.SIGKILL if batches else 0)
    assert await rows_of(target) == await rows_of(f"sqlite:///{filled}")


async def test_it_is_not_copied_twice_or_over_something_else(filled: Path, target: str) -> None:
    await copied(filled, target)
    with pytest.raises(BadSettings, match="not empty"):
        await copied(filled, target)


async def test_a_source_that_changed_while_the_copy_was_cut_off_is_noticed(filled: Path, target: str) -> None:
    def cut(done: int, total: int) -> None:
        if done * 2 >= total:
            raise ZeroDivisionError

    engine = db.create_engine(target)
    with pytest.raises(ZeroDivisionError):
        await copying.copy(filled, engine, cut)
    await engine.dispose()
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("UPDATE mentions SET text = 'anders' WHERE id = 7")
        connection.commit()
    with pytest.raises(BadSettings, match="mentions is not the same in both databases \\(300 and 300 rows\\)"):
        await copied(filled, target)
    engine = db.create_engine(target)
    with pytest.raises(BadSettings, match="begun and did not end"):
        await db.prepare(engine)
    await engine.dispose()


async def test_a_copy_goes_on_from_its_own_source_only(filled: Path, target: str) -> None:
    engine = db.create_engine(target)
    for what, details in ((copying.HALF, "2020-01-01 00:00:00"), ("A restore was begun.", "")):
        await unfinished.mark(engine, what, details)
        with pytest.raises(BadSettings, match="Something else was begun"):
            await copied(filled, target)
    await engine.dispose()


async def test_a_copy_that_was_cut_off_before_its_first_row_goes_on(filled: Path, target: str) -> None:
    engine = db.create_engine(target)
    await unfinished.mark(engine, copying.HALF, identity(filled))
    await db.migrate(engine)
    await engine.dispose()
    await copied(filled, target)


def identity(source: Path) -> str:
    with closing(sqlite3.connect(source)) as connection:
        return copying._identity(connection)


async def test_what_only_sqlite_stores_is_copied_as_near_as_it_can_be(filled: Path, target: str) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        for change in (
            "UPDATE mentions SET text = 'a' || char(0) || 'b' WHERE id = 1",
            """UPDATE mentions SET media = '[{"alt": "x\\u0000y \\ud83d \\ud83d\\ude00", "n": NaN}]' WHERE id = 2""",
            "UPDATE mentions SET text = CAST(X'6180FF62' AS TEXT) WHERE id = 3",
            "UPDATE mentions SET media = 5 WHERE id = 4",
            "UPDATE mentions SET received_at = '2026-11-28 00:00:00' WHERE id = 5",
            "UPDATE mentions SET text = 'tab' || char(9) || char(10) || '\\N \\. ' || char(13) || '\\' WHERE id = 6",
            """UPDATE mentions SET media = '["back\\\\u0000slash"]' WHERE id = 7""",
            "UPDATE mentions SET text = X'6F6B' WHERE id = 8",
        ):
            connection.execute(change)
        connection.commit()
    done = await copied(filled, target)
    assert done.mended == 2
    engine = db.create_engine(target)
    async with engine.connect() as connection_:
        rows = await connection_.execute(text("SELECT text, media::text FROM mentions WHERE id < 9 ORDER BY id"))
        found = [tuple(row) for row in rows]
    await engine.dispose()
    assert found[0][0] == "a\N{REPLACEMENT CHARACTER}b"
    assert "\\ufffd" in found[1][1]
    assert "\\ud83d\\ude00" in found[1][1]
    assert "null" in found[1][1]
    assert found[2][0] == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b"
    assert found[3][1] == "5"
    assert found[7][0] == "ok"
    assert found[5][0] == "tab\t\n\\N \\. \r\\"
    assert found[6][1] == '["back\\\\u0000slash"]'


async def test_a_number_that_postgresql_does_not_take_is_named(filled: Path, target: str) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("UPDATE mentions SET rating = 3000000000 WHERE id = 7")
        connection.commit()
    with pytest.raises(BadSettings, match=r"stopped at mentions \(.*out of range.*line 7, column rating"):
        await copied(filled, target)
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("UPDATE mentions SET rating = 3 WHERE id = 7")
        connection.commit()
    await copied(filled, target)


@pytest.fixture
def killed(source: Path, tmp_path: Path) -> Path:
    """A source of which the last changes are in the file beside it, as a bot leaves it that was killed."""
    program = (
        "import os, sqlite3; c = sqlite3.connect('webcare.db'); c.execute('PRAGMA journal_mode=WAL');"
        "c.execute(\"INSERT INTO slack_pace VALUES ('k', '2026-11-28 00:00:00.000000')\"); c.commit(); os._exit(0)"
    )
    killed = tmp_path / "webcare.db"
    killed.write_bytes(source.read_bytes())
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert (tmp_path / "webcare.db-wal").stat().st_size > 0
    return killed


async def test_a_change_that_is_not_in_the_file_yet_is_copied(killed: Path, target: str) -> None:
    await copied(killed, target)
    assert [row[0] for row in (await rows_of(target))["slack_pace"]] == ["k"]


@pytest.mark.parametrize(
    ("settings", "to"),
    [
        ({"database_url": "postgresql://h/w"}, "postgresql://h/w"),
        ({"database_url": "sqlite:///webcare.db"}, "sqlite:///other.db"),
        ({"database_url": "sqlite:///missing.db"}, "postgresql://127.0.0.1:1/w"),
    ],
)
async def test_what_cannot_be_copied_is_one_sentence(tmp_path: Path, settings: dict[str, str], to: str) -> None:
    done = await webcare(tmp_path, "copy", to, **settings)
    assert (done.code, "Traceback" in done.err, done.err.count("\n")) == (2, False, 1)


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("foo", "give postgresql://user@host/name"),
        ("mysql://h/w", "give postgresql://user@host/name"),
        ("postgresql://user:a@b@h/w", "TARGET has an @ too many"),
        ("postgresql://user@h:port/w", "TARGET is not a database address"),
        ("postgresql://user@127.0.0.1:1/w", "check TARGET"),
    ],
)
async def test_what_is_wrong_with_the_address_of_the_new_database_is_not_said_of_the_old_one(
    tmp_path: Path, to: str, words: str
) -> None:
    settings = {"database_url": "sqlite:///webcare.db"}
    await webcare(tmp_path, "migrate", **settings)
    done = await webcare(tmp_path, "copy", to, **settings)
    assert (done.code, words in done.err, done.err.count("\n")) == (2, True, 1)
    assert "DATABASE_URL" not in done.err.replace("SQLite (DATABASE_URL)", "")


async def test_who_may_make_no_table_there_reads_that_in_one_sentence(
    filled: Path, sqlite_url: str, target: str, tmp_path: Path
) -> None:
    """Since version 15, PostgreSQL lets only the owner of a database, and whom they let, make a table in it."""
    async with await psycopg.AsyncConnection.connect(target, autocommit=True) as connection:
        await connection.execute("CREATE ROLE guest LOGIN")
    to = make_url(target).set(username="guest").render_as_string(hide_password=False)
    done = await webcare(tmp_path, "copy", to, database_url=sqlite_url)
    assert (done.code, "Traceback" in done.err, done.err.count("\n")) == (2, False, 1)
    assert "permission denied for schema public" in done.err and "GRANT ALL ON SCHEMA public" in done.err
    await copied(filled, target)
