"""The command `webcare` as people and scripts use it."""

import asyncio
import contextlib
import hmac
import itertools
import json
import os
import pty
import re
import resource
import shlex
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from sqlalchemy import make_url
from sqlmodel import select

from bot import accounts, db
from bot.accounts import seal
from bot.config import Settings
from bot.connectors.webhook.mentions import posts_of
from bot.connectors.webhook.signing import verify
from bot.domain.text import Text
from bot.models import Account, Author, Event, Role
from bot.sandbox.app import Sandbox
from bot.steady_clock import utc_now
from bot.team import agents, teams
from tests.conftest import CHANNEL, Databases, eventually, running_bot
from tests.connectors.email.mail_server import PASSWORD, MailServer
from tests.connectors.email.token_server import CLIENT, SCOPE, SECRET, FakeTokens
from tests.connectors.mastodon.fake import FakeMastodon
from tests.fakes.command import Done, webcare, webcare_of_another_user
from tests.fakes.ports import free_port
from tests.people import held_up

Webcare = Callable[..., Awaitable[Done]]

FEED = """<rss version="2.0"><channel><title>Nieuws \x1b[31m</title>
<item><guid>1</guid><title>Brug dicht</title><link>https://nieuws.example/1</link></item></channel></rss>"""


@pytest.fixture
def settings(slack: Sandbox, tmp_path: Path) -> dict[str, Any]:
    """Settings with which all is well."""
    return {
        "slack_bot_token": slack.app.bot_token,
        "slack_app_token": slack.app.app_token,
        "slack_channel": CHANNEL,
        "slack_api_url": slack.api_url,
        "slack_timeout": 60,  # this machine may be busy
        "allow_private_addresses": True,
        "port": free_port(),
    }


@pytest.fixture
def run(tmp_path: Path, settings: dict[str, Any]) -> Webcare:
    """Runs the command in the test's folder."""

    def run(*arguments: str, **changes: Any) -> Awaitable[Done]:
        return webcare(tmp_path, *arguments, **{**settings, **changes})

    return run


@pytest.fixture
async def feed_url() -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=FEED.replace("\x1b", "&#155;"), content_type="application/rss+xml")

    app = web.Application()
    app.router.add_get("/rss", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/rss"))


async def stored(folder: Path, model: type[Any]) -> list[Any]:
    """Return the rows in the folder's database."""
    engine = db.create_engine(f"sqlite:///{folder / 'webcare.db'}")
    try:
        async with db.readings(engine)() as session:
            return list(await session.exec(select(model).order_by(model.id)))
    finally:
        await engine.dispose()


async def change(folder: Path, changed: Callable[[Any, Account], None]) -> None:
    """Change the first account in the folder's database."""
    engine = db.create_engine(f"sqlite:///{folder / 'webcare.db'}")
    async with db.sessions(engine)() as session:
        account = (await session.exec(select(Account))).one()
        changed(session, account)
        session.add(account)
    await engine.dispose()


# --- Bad settings are one sentence -----------------------------------------------------------------

RUNS_NOT: dict[str, tuple[dict[str, Any], str]] = {
    "no token": ({"slack_bot_token": ""}, "SLACK_BOT_TOKEN is not set"),
    "wrong token": ({"slack_bot_token": "xoxb-wrong"}, "Slack does not accept SLACK_BOT_TOKEN"),
    "no app token": ({"slack_app_token": ""}, "SLACK_APP_TOKEN is not set"),
    "wrong app token": ({"slack_app_token": "xapp-wrong"}, "Slack does not accept SLACK_APP_TOKEN"),
    "no channel": ({"slack_channel": ""}, "SLACK_CHANNEL is not set"),
    "the name of a channel": ({"slack_channel": "#webcare"}, "SLACK_CHANNEL is not the id of a channel (C…)"),
    "channel not found": ({"slack_channel": "C0NOWHERE"}, "Slack knows no channel C0NOWHERE"),
    "bot not in channel": ({"slack_channel": "C0ALGEMEEN"}, "The bot is not in channel C0ALGEMEEN"),
    "database in a missing folder": ({"database_url": "sqlite:///missing/w.db"}, "missing/w.db cannot be opened"),
    "no database": ({"database_url": "sqlite:///picture.db"}, "file is not a database"),
    "no PostgreSQL there": ({"database_url": "postgresql://u:hunter2@127.0.0.1:1/w"}, "127.0.0.1:1/w cannot be opened"),
    "a password elsewhere": (
        {"database_url": "postgresql://127.0.0.1:1/w?user=u&password=hunter2"},
        "127.0.0.1:1/w?user=u cannot",
    ),
    "a password with an @": ({"database_url": "postgresql://u:pass@hunter2@127.0.0.1:1/w"}, "write each @ as %40."),
    "one with a slash behind it": ({"database_url": "postgresql://u:pa@ss/hunter2@127.0.0.1:1/w"}, "each @ as %40."),
    "no database address": ({"database_url": "webcare.db"}, "DATABASE_URL is not a database address"),
    "a port that is no number": ({"database_url": "postgresql://u@host:port/w"}, "DATABASE_URL is not a database"),
    "no file": ({"database_url": "sqlite://"}, "DATABASE_URL names no file"),
    "a file in memory": ({"database_url": "sqlite:///:memory:"}, "DATABASE_URL names no file"),
    "memory by its URI": ({"database_url": "sqlite:///file::memory:?uri=true"}, "DATABASE_URL names no file"),
    "memory by its mode": ({"database_url": "sqlite:///file:w?mode=memory&uri=true"}, "DATABASE_URL names no file"),
    "a folder that is read as a host": ({"database_url": "sqlite://data/w.db"}, "DATABASE_URL names no file"),
    "a file by its URI": ({"database_url": "sqlite:///file:w.db?uri=true"}, "DATABASE_URL names its file by a URI"),
    "an option that is no number": ({"database_url": "sqlite:///w.db?timeout=long"}, "DATABASE_URL has an option that"),
    "an option that nobody has": (
        {"database_url": "postgresql://u:hunter2@127.0.0.1:1/w?plugin=x"},
        "DATABASE_URL has an option that",
    ),
    "an option for programs": (
        {"database_url": "postgresql://u:hunter2@127.0.0.1:1/w?prepare_threshold=0"},
        "DATABASE_URL has an option that",
    ),
    "another database": ({"database_url": "mysql://host/w"}, "DATABASE_URL names a database we do not use"),
    "malformed key": ({"webcare_secret_key": "not-a-key"}, "WEBCARE_SECRET_KEY is not a valid key"),
    "bad value": ({"poll_seconds": "often"}, "POLL_SECONDS must be a number."),
    "no whole number": ({"port": "many"}, "PORT must be a whole number."),
    "too much": ({"undo_seconds": 90}, "UNDO_SECONDS must be at most 60."),
    "too little": ({"port": -1}, "PORT must be at least 0."),
    "neither true nor false": (
        {"allow_private_addresses": "perhaps"},
        "ALLOW_PRIVATE_ADDRESSES must be true or false.",
    ),
    "one of a few": ({"webcare_language": "fr"}, "WEBCARE_LANGUAGE must be nl or en."),
    "no web address": ({"public_url": "foo"}, "PUBLIC_URL is wrong: write it like https://webcare.example.nl, without"),
    "no Slack there": ({"slack_api_url": "slack.com/api"}, "SLACK_API_URL is wrong: it begins with https://"),
    "an address to listen on": ({"host": "http://0.0.0.0"}, "HOST is wrong: write a name or an IP address"),
    "unknown time zone": ({"time_zone": "Europe/Nowhere"}, "TIME_ZONE is wrong: there is no time zone of this name"),
}


@pytest.mark.parametrize("case", RUNS_NOT)
async def test_what_keeps_the_bot_from_running_is_told_in_one_sentence(case: str, run: Webcare, tmp_path: Path) -> None:
    (tmp_path / "picture.db").write_bytes(b"GIF89a" * 500)
    changes, sentence = RUNS_NOT[case]
    done = await run("run", **changes)
    assert done.code == 2
    assert sentence in done.err
    assert "hunter2" not in done.err
    assert done.err.count("\n") == 1, done.err


@pytest.mark.parametrize("case", ["no token", "no PostgreSQL there", "bad value"])
@pytest.mark.parametrize("by_file", [False, True])
async def test_a_log_that_a_machine_reads_has_what_keeps_the_bot_from_running_in_it(
    case: str, by_file: bool, run: Webcare, tmp_path: Path, settings: dict[str, Any]
) -> None:
    changes, sentence = RUNS_NOT[case]
    given = {**changes, "log_format": "json"}
    if by_file:
        (tmp_path / ".env").write_text("".join(f"{name.upper()}={value}\n" for name, value in given.items()))
        given = dict.fromkeys(changes.keys() & settings.keys(), "")
    done = await run("run", **given)
    line = json.loads(done.err)
    assert (done.code, line["level"], line["event"]) == (2, "error", "webcare does not start")
    assert sentence in line["why"].replace(" (.env, line 1)", "")
    people = await run("check" if case == "bad value" else "migrate", log_format="json", **changes)
    assert not people.err.startswith("{"), "who types a command reads a sentence"


async def test_a_line_of_a_file_that_is_wrong_is_in_a_log_that_a_machine_reads_too(
    run: Webcare, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_bytes(b"THIS IS NO SETTING\nLOG_FORMAT=json\n")
    assert "this is no setting" in json.loads((await run("run")).err)["why"]
    (tmp_path / ".env").write_bytes(b"LOG_FORMAT=json\nTEAM_NAME=Caf\xe9\n")
    assert (await run("run")).err == ".env, line 2: this is not UTF-8 text; save the file as UTF-8.\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\n\nTEAM_NAME=Webcare\nUNDO_SECONDS=soon\n", ".env, line 4) must be a number."),
        (b"TEAM_NAME=Webcare\n\nTHIS IS NO SETTING\n", ".env, line 3: this is no setting"),
        (b"TEAM_NAME=Webcare\nPOLL_SECONDS\n", ".env, line 2: this is no setting"),
        (b'TEAM_NAME="Webcare\nPOLL_SECONDS=3\n', ".env, line 1: this is no setting"),
        (b"# ok\nTEAM_NAME=Caf\xe9\n", ".env, line 2: this is not UTF-8 text"),
    ],
)
async def test_the_line_of_a_file_that_is_wrong_is_told(
    run: Webcare, tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / ".env").write_bytes(content)
    done = await run("check")
    assert done.code == 2
    assert sentence in done.err
    assert done.err.count("\n") == 1, done.err


async def test_what_is_empty_is_no_error_and_a_check_makes_no_database(run: Webcare, tmp_path: Path) -> None:
    checked = await run("check")
    assert "sqlite:///webcare.db is not there yet" in checked.out
    assert not list(tmp_path.glob("*.db*"))  # noqa: ASYNC240
    for words in (("teams", "list"), ("accounts", "list"), ("accounts", "check")):
        assert (await run(*words, slack_channel="")).code == 0


async def test_one_who_removes_what_does_not_exist_is_not_asked_whether_they_are_sure(run: Webcare) -> None:
    done = await run("accounts", "remove", "niemand")
    assert done.code == 2
    assert "There is no account named niemand" in done.err
    assert "hunter2" not in done.err


@pytest.mark.parametrize("flags", [("--mastodon", "https://s.example"), ("--hashtag", "afval")])
async def test_the_trial_reads_a_server_by_its_hashtags_only(flags: tuple[str, ...], run: Webcare) -> None:
    done = await run("try", *flags)
    assert (done.code, done.err) == (
        2, "Reading from Mastodon needs both: --mastodon https://SERVER --hashtag TAG.\n",
    )  # fmt: skip


async def test_a_setting_that_keeps_the_trial_from_running_is_told_in_one_sentence(run: Webcare) -> None:
    done = await run("try", "--no-browser", "--port", "0", undo_seconds="soon")
    assert (done.code, done.err) == (2, "UNDO_SECONDS must be a number.\n")


async def test_with_sqlite_one_process_does_everything_and_a_part_alone_is_refused(run: Webcare) -> None:
    done = await run("run", "--only", "worker")
    assert (done.code, "With SQLite one process does everything" in done.err) == (2, True)
    assert "Traceback" not in done.err


async def test_a_port_that_is_taken_is_told_in_one_sentence(run: Webcare, settings: dict[str, Any]) -> None:
    async with TestServer(web.Application(), port=settings["port"]):
        done = await run("run")
        checked = await run("check")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"Cannot listen on 127.0.0.1:{settings['port']}" in done.err
    assert checked.code == 1
    assert f"✘ Web server: Cannot listen on 127.0.0.1:{settings['port']}" in checked.out


async def test_a_secret_key_that_does_not_fit_is_told_in_one_sentence(
    run: Webcare, mastodon: FakeMastodon, tmp_path: Path
) -> None:
    await run("accounts", "add", "mastodon", "--url", mastodon.base_url, webcare_token=mastodon.token)
    wrong = await run("run", webcare_secret_key=seal.new_key())
    (tmp_path / ".env").unlink()
    lost = await run("run")
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)
    assert "WEBCARE_SECRET_KEY cannot decrypt" in wrong.err
    assert (lost.code, lost.err.count("\n")) == (2, 1)
    assert "restore that key" in lost.err


async def test_a_database_of_a_newer_version_is_told_in_one_sentence(run: Webcare, tmp_path: Path) -> None:
    assert (await run("migrate")).code == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "webcare.db")) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = 'later'")
    done = await run("migrate")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "newer version" in done.err


async def test_a_fault_of_ours_gives_a_reference_and_no_traceback(run: Webcare, tmp_path: Path) -> None:
    assert (await run("migrate")).code == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "webcare.db")) as broken, broken:
        broken.execute("DROP TABLE teams")
    done = await run("teams", "list")
    assert done.code == 70
    reference = re.search(r"\(reference ([0-9A-F]{6})\)", done.err)
    assert reference
    assert f"reference={reference[1]}" in done.err
    assert "Traceback" not in done.err


# --- Running -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_bot_runs_until_it_is_told_to_stop(
    number: signal.Signals, settings: dict[str, Any], tmp_path: Path
) -> None:
    environment = {"PATH": os.defpath, **{name.upper(): str(value) for name, value in settings.items()}}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", cwd=tmp_path, env=environment, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    line = await asyncio.wait_for(process.stderr.readline(), 60)
    assert b"webcare runs" in line
    checked = await webcare(tmp_path, "check", **settings)
    process.send_signal(number)
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err
    assert b"Traceback" not in err
    assert checked.code == 0, checked.out
    assert "webcare is running already" in checked.out


STOPPED_WHILE_LOADING = """
import os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests themselves run in the background

class Stops:
    def find_spec(self, name, *_):
        if name == "bot.cli.app":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Stops())
import bot.__main__
"""


def test_a_command_that_is_stopped_while_it_loads_ends_without_a_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_WHILE_LOADING], capture_output=True, check=False, cwd=Path(__file__).parents[2]
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


async def test_the_version_and_the_help_are_told(run: Webcare) -> None:
    version, help_, nothing = await run("--version"), await run("--help"), await run()
    assert re.fullmatch(r"webcare \d+\.\d+\.\d+\n", version.out)
    for command in ("run", "check", "doctor", "migrate", "key", "teams", "accounts"):
        assert re.search(rf"^│ {command} ", help_.out, re.MULTILINE)
    assert "Usage: webcare" in nothing.out + nothing.err


@pytest.mark.parametrize(
    "words",
    [
        ("doctor", "99999999999999999999"), ("doctor", "2147483648"), ("doctor", "2147483648", "--id"),
        ("try", "--port", "99999"), ("try", "--port", "-1"),
    ],
)  # fmt: skip
async def test_a_number_that_cannot_be_is_no_fault_of_ours(
    words: tuple[str, ...], run: Webcare, databases: Databases, postgres_uri: str
) -> None:
    done = await run(*words, database_url=await databases.postgresql(postgres_uri))
    assert (done.code, "Invalid value" in done.err) == (2, True), done


def environment_of(settings: dict[str, Any]) -> dict[str, str]:
    """What a process of its own needs to be the program with these settings."""
    # What Python compiles on a full disk it leaves cut off, for whoever runs it next.
    here = {"PATH": os.defpath, "PYTHONPATH": str(Path.cwd()), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**here, **{name.upper(): str(value) for name, value in settings.items()}}


async def test_a_full_disk_is_told_in_one_sentence(tmp_path: Path, settings: dict[str, Any]) -> None:
    await webcare(tmp_path, "accounts", "add", "webhook", "--name", "een", **settings)
    environment = environment_of(settings)
    words = ("accounts", "add", "webhook", "--name", "twee", "--anyway", f"--callback-url=https://x.nl/{'x' * 60_000}")
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "bot", *words], cwd=tmp_path, env=environment, capture_output=True,
        text=True, check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (33_000, 33_000)),
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "The disk of the database is full" in done.stderr


async def test_a_disk_that_is_full_when_the_bot_starts_is_in_a_log_that_a_machine_reads(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "bot", "run"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=environment_of({**settings, "log_format": "json"}),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)),
    )  # fmt: skip
    line = json.loads(done.stderr.splitlines()[-1])
    assert (done.returncode, line["event"]) == (2, "webcare does not start")
    assert "The disk of the database is full" in line["why"]


@pytest.mark.parametrize("word", ["migrate", "run", "check"])
async def test_a_disk_that_is_so_full_that_the_database_does_not_open_is_told(
    word: str, tmp_path: Path, settings: dict[str, Any]
) -> None:
    await webcare(tmp_path, "migrate", **settings)
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "bot", word], cwd=tmp_path, env=environment_of(settings),
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000)),
    )  # fmt: skip
    assert "webcare.db cannot be opened (disk I/O error): make room on its disk" in done.stderr + done.stdout
    assert done.returncode in {1, 2}


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("try", "--help"), ("teams", "list"), ("check",)])
async def test_a_full_disk_of_the_output_is_told_in_one_sentence(
    words: tuple[str, ...], tmp_path: Path, settings: dict[str, Any]
) -> None:
    with Path("/dev/full").open("w") as full:  # noqa: ASYNC230
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-m", "bot", *words], cwd=tmp_path, env=environment_of(settings),
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "The disk to which this is written is full" in done.stderr


async def test_output_that_has_no_sign_for_a_mark_has_a_similar_one(tmp_path: Path, settings: dict[str, Any]) -> None:
    """As Windows writes files and pipes."""
    await webcare(tmp_path, "migrate", **settings)
    environment = environment_of(settings)
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "bot", "check"], cwd=tmp_path,
        env={**environment, "PYTHONIOENCODING": "cp1252"}, capture_output=True, check=False,
    )  # fmt: skip
    assert b"+ Database: sqlite:///webcare.db opens" in done.stdout, done
    assert b"Error" not in done.stderr


# --- The secret key ----------------------------------------------------------------------------------


async def test_a_key_is_made_once_and_other_lines_of_the_file_stay(run: Webcare, tmp_path: Path) -> None:
    before = "# Onze instellingen\nTEAM_NAME='Team Zuid'\nWEBCARE_SECRET_KEY=\n\n# een regel  met = erin"
    (tmp_path / ".env").write_text(before)
    made, again, shown = await run("key"), await run("key"), await run("key", "--show")
    lines = (tmp_path / ".env").read_text().splitlines()
    key = lines[2].removeprefix("WEBCARE_SECRET_KEY=")
    assert [*lines[:2], *lines[3:]] == ["# Onze instellingen", "TEAM_NAME='Team Zuid'", "", "# een regel  met = erin"]
    assert seal.unseal(seal.seal({"token": "x"}, key), key) == {"token": "x"}
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert key not in made.out + made.err + again.out + again.err
    assert "already" in again.out
    assert key in shown.out


async def test_what_root_makes_in_the_folder_of_a_service_belongs_to_the_service(run: Webcare, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path, 4321, 4321)
    await run("migrate")
    made = await run("key")
    (tmp_path / ".env").write_text("WEBCARE_SECRET_KEY=\n")
    again = await run("key")
    assert (made.code, again.code) == (0, 0)
    for file in (tmp_path / ".env", tmp_path / "webcare.db"):
        assert (owner_of(file), stat.S_IMODE(file.stat().st_mode)) == (owner_of(tmp_path), 0o600)


def owner_of(file: Path) -> tuple[int, int]:
    """Return the user and the group to whom a file belongs."""
    of_it = file.stat()
    return of_it.st_uid, of_it.st_gid


async def test_a_file_that_may_not_be_written_is_a_matter_of_rights(
    run: Webcare, tmp_path: Path, settings: dict[str, Any]
) -> None:
    await run("migrate")
    (tmp_path / "webcare.db").chmod(0o400)
    done = await webcare_of_another_user(tmp_path, "accounts", "list", **settings)
    assert (done.code, "may not write in the database: give that user the right" in done.err) == (2, True)
    (tmp_path / "webcare.db").chmod(0)
    done = await webcare_of_another_user(tmp_path, "accounts", "list", **settings)
    assert (done.code, "give the user of the bot the right to write it and its folder" in done.err) == (2, True)


async def test_tables_that_may_not_be_written_are_a_matter_of_rights(
    run: Webcare, databases: Databases, postgres_uri: str
) -> None:
    url = await databases.postgresql(postgres_uri)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("CREATE ROLE reader LOGIN")
        await connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    done = await run(
        "accounts", "list", database_url=make_url(url).set(username="reader").render_as_string(hide_password=False)
    )
    assert (done.code, "may not write in the database: give that user the right" in done.err) == (2, True)


async def test_why_the_local_workspace_cannot_listen_on_a_port_is_said(run: Webcare) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = await run("try", "--no-browser", "--port", str(other.getsockname()[1]))
    assert (done.code, "(Address already in use): choose another with --port" in done.err) == (2, True)


async def test_a_key_is_added_to_a_file_without_one(run: Webcare, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TEAM_NAME=Zuid")
    assert (await run("key")).code == 0
    first, second = (tmp_path / ".env").read_text().splitlines()
    assert first == "TEAM_NAME=Zuid"
    assert second.startswith("WEBCARE_SECRET_KEY=")


async def test_a_key_is_rotated_and_the_old_one_may_be_removed(run: Webcare, feed_url: str) -> None:
    """check says whether the old key is still needed."""
    old, new = seal.new_key(), seal.new_key()
    await run("accounts", "add", "webhook", "--name", "forum", webcare_secret_key=old)
    both = f"{new},{old}"
    assert "An older key is still needed, for 1 of 1 accounts" in (await run("check", webcare_secret_key=both)).out
    rotated = await run("key", "--rotate", webcare_secret_key=both)
    assert rotated.code == 0 and "1 accounts were encrypted again" in rotated.out
    assert "the others may be removed" in (await run("check", webcare_secret_key=both)).out
    assert "it decrypts the tokens in the database." in (await run("check", webcare_secret_key=new)).out
    assert "cannot decrypt" in (await run("check", webcare_secret_key=old)).out
    again = await run("key", "--rotate", webcare_secret_key=new)
    assert again.code == 0 and "0 accounts" in again.out
    lost = await run("key", "--rotate", webcare_secret_key=old)
    assert lost.code == 2 and "cannot decrypt" in lost.err


async def test_after_the_key_is_lost_the_accounts_go_on_with_new_tokens(
    run: Webcare, mastodon: FakeMastodon, tmp_path: Path
) -> None:
    token, new = {"webcare_token": mastodon.token}, seal.new_key()
    await run("accounts", "add", "mastodon", "--url", mastodon.base_url, "--name", "ons", **token)
    await run("accounts", "add", "webhook", "--name", "zaak")
    changed = {"webcare_secret_key": new}
    listed, checked = await run("accounts", "check", **changed), await run("check", **changed)
    assert listed.code == checked.code == 1
    assert listed.out.count("✘ WEBCARE_SECRET_KEY cannot decrypt") == 2
    assert "webcare accounts renew NAME" in checked.out
    ended = await run("accounts", "renew", "zaak", "--end-old", **changed)
    assert (ended.code, "cannot decrypt" in ended.err) == (2, True), ended
    without = await run("accounts", "renew", "ons", **changed)
    assert (without.code, "--token-file is missing" in without.err) == (2, True), without
    renewed = await run("accounts", "renew", "ons", **changed, **token)
    source = await run("accounts", "renew", "zaak", **changed)
    assert (renewed.code, source.code) == (0, 0), (renewed, source)
    ours, theirs = [seal.unseal(row.sealed, new) for row in await stored(tmp_path, Account)]
    assert ours == {"token": mastodon.token}
    assert list(theirs) == ["signing_secret"]
    assert f"Its new signing secret: {theirs['signing_secret']}" in source.out
    assert "--end-old" not in source.out
    assert (await run("check", **changed)).code == 0


async def test_a_stopped_account_with_tokens_that_no_key_opens_holds_nothing_up(
    run: Webcare, mastodon: FakeMastodon, tmp_path: Path
) -> None:
    add = ("accounts", "add", "mastodon", "--url", mastodon.base_url)
    await run(*add, "--name", "ons", webcare_token=mastodon.token)
    await run("accounts", "stop", "ons")
    key = {"webcare_secret_key": seal.new_key()}
    checked, rotated = await run("check", **key), await run("key", "--rotate", **key)
    assert "! Secret key: it does not decrypt the tokens of mastodon/ons" in checked.out
    assert rotated.code == 0, rotated.err
    started = await run("accounts", "start", "ons", **key)
    assert (started.code, "cannot decrypt" in started.err) == (2, True), started
    assert (await run("accounts", "add", "webhook", "--name", "zaak", **key)).code == 0


async def test_a_second_key_is_made_only_when_the_first_is_lost(run: Webcare, tmp_path: Path) -> None:
    await run("accounts", "add", "webhook", "--name", "zaak", webcare_secret_key=seal.new_key())
    refused = await run("key")
    assert (refused.code, "encrypted with a key: restore that key" in refused.err) == (2, True), refused
    assert not (tmp_path / ".env").exists()
    assert "webcare key --lost" in (await run("accounts", "renew", "zaak")).err
    assert (await run("key", "--lost")).code == 0
    assert (await run("accounts", "renew", "zaak")).code == 0


async def test_no_second_key_is_made_beside_the_tokens_of_an_earlier_version(run: Webcare, tmp_path: Path) -> None:
    await run("accounts", "add", "webhook", "--name", "zaak", webcare_secret_key=seal.new_key())
    with contextlib.closing(sqlite3.connect(tmp_path / "webcare.db")) as former, former:
        former.execute("UPDATE alembic_version SET version_num = '0050'")
    refused = await run("key")
    assert (refused.code, "encrypted with a key: restore that key" in refused.err) == (2, True), refused
    assert not (tmp_path / ".env").exists()


async def test_no_key_is_made_beside_a_file_that_may_have_tokens_and_cannot_be_read(
    run: Webcare, tmp_path: Path
) -> None:
    (tmp_path / "webcare.db").write_bytes(b"no database" * 1000)
    refused = await run("key")
    assert (refused.code, "cannot be opened" in refused.err) == (2, True), refused
    assert not (tmp_path / ".env").exists()
    assert (await run("key", "--lost")).code == 0


async def test_a_key_in_the_environment_is_not_written_down(run: Webcare, tmp_path: Path) -> None:
    done = await run("key", webcare_secret_key=seal.new_key())
    assert "already" in done.out
    assert not (tmp_path / ".env").exists()


# --- Teams -------------------------------------------------------------------------------------------


async def test_teams_are_added_moved_and_listed(run: Webcare, tmp_path: Path) -> None:
    added = await run("teams", "add", "Afval", "C0ESCALATIE")
    moved = await run("teams", "add", "Afval", "C0AFVAL")
    listed = await run("teams", "list")
    assert (added.code, moved.code, listed.code) == (0, 0, 0)
    assert re.search(r"Webcare +│ C0WEBCARE +│ 0", listed.out)
    assert re.search(r"Afval +│ C0AFVAL", listed.out)
    logged = [(each.by, each.details) for each in await stored(tmp_path, Event) if each.kind == "settings"]
    assert logged == [("", {"team": 2, "field": "channel", "before": "C0ESCALATIE", "after": "C0AFVAL"})]


async def test_the_list_of_teams_has_whole_names_and_channels_where_there_is_little_room(run: Webcare) -> None:
    name, channel = "Publieksdienstverlening_en_communicatie_Voorbeeldstad", "C0ABCDEFGHIJK"
    await run("teams", "add", name, channel)
    listed = (await run("teams", "list", columns=60)).out
    cells = [[cell.strip() for cell in line.split("│")[1:4]] for line in listed.splitlines() if "│" in line]
    team, channels, _ = ("".join(column) for column in zip(*cells, strict=True))
    assert name in team and channel in channels


async def test_a_name_that_differs_from_that_of_a_team_in_its_capitals_alone_is_refused(run: Webcare) -> None:
    await run("teams", "add", "Afval", "C0AFVAL")
    done = await run("teams", "add", "afval", "C0TWEE")
    assert done.code == 2
    assert "There already is a team Afval" in done.err


@pytest.mark.parametrize(
    ("name", "channel", "sentence"),
    [
        ("Afval", "#afval", "the id of a channel"),
        ("Webcare", "C0AFVAL", "set its channel in Slack"),
        ("Afval", CHANNEL, "is the channel of Webcare"),
    ],
)
async def test_a_team_that_cannot_be_is_refused(run: Webcare, name: str, channel: str, sentence: str) -> None:
    done = await run("teams", "add", name, channel)
    assert done.code == 2
    assert sentence in done.err


@pytest.mark.parametrize("name", ["Afval", "Zorg"])
async def test_a_channel_that_another_team_takes_at_that_moment_is_refused(
    name: str, run: Webcare, databases: Databases, postgres_uri: str
) -> None:
    url = await databases.postgresql(postgres_uri)
    for team, channel in (("Wegen", "C0WEGEN"), ("Zorg", "C0ZORG")):
        assert (await run("teams", "add", team, channel, database_url=url)).code == 0
    engine = db.create_engine(url)

    async def waits() -> bool:
        return adding.done() or await held_up(engine, 1)

    async with db.sessions(engine)() as session:  # a coordinator in Slack
        await teams.change(session, 2, {"channel": "C0AFVAL"}, by="U0SANNE", now=utc_now())
        adding = asyncio.ensure_future(run("teams", "add", name, "C0AFVAL", database_url=url))
        await eventually(waits)
    done = await adding
    assert (done.code, done.err) == (2, "This is the channel of the team Wegen. Choose another.\n")
    async with db.readings(engine)() as session:
        assert [each.name for each in await teams.all_teams(session) if each.channel == "C0AFVAL"] == ["Wegen"]
    await engine.dispose()


async def test_two_teams_with_one_name_are_told_in_one_sentence(run: Webcare) -> None:
    await run("teams", "add", "Afval", "C0AFVAL")
    done = await run("run", team_name="Afval")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "another team has that name" in done.err


@pytest.mark.parametrize("written", ["@marieke", "Marieke Visser", "U0MARIEKE"])
async def test_who_runs_the_bot_names_a_coordinator(run: Webcare, tmp_path: Path, written: str) -> None:
    done = await run("teams", "coordinator", written)
    assert (done.code, done.out.strip()) == (0, "Marieke Visser is a coordinator of Webcare.")
    engine = db.create_engine(f"sqlite:///{tmp_path / 'webcare.db'}")
    async with db.readings(engine)() as session:
        assert await agents.with_role(session, 1, Role.COORDINATOR) == ["U0MARIEKE"]
    await engine.dispose()
    assert [event.details["after"] for event in await stored(tmp_path, Event)] == ["coordinator"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["@niemand"], "Slack knows nobody by @niemand"),
        (["U0NIEMAND"], "Slack knows nobody by U0NIEMAND"),
        (["@webcare"], "Slack knows nobody by @webcare"),
        (["@sanne", "--team", "Zorg"], "There is no team Zorg"),
    ],
)
async def test_one_whom_slack_or_a_team_that_nobody_knows_is_refused(
    run: Webcare, arguments: list[str], sentence: str
) -> None:
    done = await run("teams", "coordinator", *arguments)
    assert done.code == 2
    assert sentence in done.err


# --- Adding accounts ---------------------------------------------------------------------------------


async def test_a_mastodon_account_is_tried_and_stored_with_what_was_learned(
    run: Webcare, mastodon: FakeMastodon, tmp_path: Path
) -> None:
    flags = ("--url", f"{mastodon.base_url}/@gemeente", "--token-file", "-", "--hashtag", "#afval", "--hashtag", "zuid")
    done = await run("accounts", "add", "mastodon", *flags, typed=f"{mastodon.token}\n")
    [account] = await stored(tmp_path, Account)
    key = re.search(r"WEBCARE_SECRET_KEY=(.+)", (tmp_path / ".env").read_text())
    assert done.code == 0, done.err
    assert "We are logged in as @gemeente." in done.out
    assert "Made WEBCARE_SECRET_KEY" in done.out
    assert "only after it is stopped and started" in done.out, "what was added would not be read"
    assert mastodon.token not in done.out + done.err
    assert (account.platform, account.name, account.url) == ("mastodon", "@gemeente@127.0.0.1", mastodon.base_url)
    assert account.options == {"hashtags": ["afval", "zuid"]}
    assert account.identity is not None
    assert account.identity["handle"] == "gemeente"
    assert key
    assert seal.unseal(account.sealed, key[1]) == {"token": mastodon.token}


async def test_an_account_is_connected_once(run: Webcare, mastodon: FakeMastodon, tmp_path: Path) -> None:
    """One that was removed, but kept for its history, may be connected anew under another name."""
    flags = ("accounts", "add", "mastodon", "--url", mastodon.base_url, "--name")
    token = {"webcare_token": mastodon.token}
    assert (await run(*flags, "gemeente", **token)).code == 0
    again = await run(*flags, "Gemeente Voorbeeld", "--anyway", **token)
    assert (again.code, "renew mastodon/gemeente" in again.err) == (2, True), again
    assert len(await stored(tmp_path, Account)) == 1
    await change(
        tmp_path, lambda session, row: session.add(Author(account_id=row.id or 0, external_id="1", name="Jan"))
    )
    await run("accounts", "remove", "gemeente", "--yes")
    assert (await run(*flags, "Gemeente Voorbeeld", **token)).code == 0


async def test_an_account_that_does_not_work_is_stored_only_when_told_to(
    run: Webcare, mastodon: FakeMastodon, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("wrong\n")
    flags = ("accounts", "add", "mastodon", "--url", mastodon.base_url, "--token-file", "token")
    refused = await run(*flags)
    before = await stored(tmp_path, Account)
    kept = await run(*flags, "--anyway")
    assert (refused.code, kept.code) == (1, 0)
    assert "✘ 127.0.0.1 does not accept our access token" in refused.out
    assert before == []
    assert len(await stored(tmp_path, Account)) == 1


async def test_a_mastodon_server_can_be_read_without_a_token(
    run: Webcare, mastodon: FakeMastodon, tmp_path: Path
) -> None:
    done = await run("accounts", "add", "mastodon", "--url", mastodon.base_url, "--hashtag", "afval", "--name", "Afval")
    [account] = await stored(tmp_path, Account)
    assert done.code == 0, done.err
    assert account.name == "Afval"
    assert account.options == {"hashtags": ["afval"]}
    assert not (tmp_path / ".env").exists(), "no secret, so no key"


async def test_without_a_token_and_hashtags_nothing_can_be_read(run: Webcare, tmp_path: Path) -> None:
    done = await run("accounts", "add", "mastodon", "--url", "https://s.example")
    assert done.code == 1
    assert "✘ Without an access token only hashtags can be read" in done.out
    assert await stored(tmp_path, Account) == []


async def test_a_feed_is_tried_and_stored_and_its_words_cannot_steer_the_terminal(
    run: Webcare, feed_url: str, tmp_path: Path
) -> None:
    done = await run("accounts", "add", "feed", "--url", feed_url)
    twice = await run("accounts", "add", "feed", "--url", feed_url)
    listed = await run("accounts", "list")
    [account] = await stored(tmp_path, Account)
    assert done.code == 0, done.err
    assert "Nieuws" in done.out
    assert not {"\x1b", "\x9b"} & set(done.out)
    assert (account.name, account.url) == ("127.0.0.1", feed_url)
    assert twice.code == 2
    assert "already is an account feed/127.0.0.1" in twice.err
    assert re.search(r"feed +│ 127.0.0.1 +│ Webcare +│ Not read yet +│ –", listed.out)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("mastodon",), "--url is missing"),
        (("feed",), "--url is missing"),
        (("webhook",), "--name is missing"),
        (("mastodon", "--url", "https://s.example", "--token-file", "nowhere"), "nowhere cannot be read"),
        (("mastodon", "--url", "https://s.example", "--token-file", "-"), "no token in standard input"),
        (("mastodon", "--url", "ftp://s.example", "--hashtag", "x"), "no web address"),
        (("mastodon", "--url", "http://[", "--hashtag", "x"), "no web address"),
        (("webhook", "--name", "Zaak Formulier"), "small letters"),
        (("webhook", "--name", "zaak", "--accept", "magic"), "--accept takes"),
        (("webhook", "--name", "zaak", "--mapping", "colour=blue"), "--mapping takes"),
        (("webhook", "--name", "zaak", "--max-length", "0"), "--max-length takes a whole number above 0"),
        (("webhook", "--name", "zaak", "--callback-url", "http://:80/"), "no web address"),
        (("feed", "--url", "https://s.example", "--since", "all"), "--since takes a whole number above 0"),
        (("webhook", "--name", "zaak", "--team", "Nobody"), "no team named Nobody"),
    ],
)
async def test_flags_that_cannot_be_are_told_in_one_sentence(
    run: Webcare, arguments: tuple[str, ...], sentence: str
) -> None:
    done = await run("accounts", "add", *arguments)
    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err


async def test_a_token_goes_over_https_only(run: Webcare) -> None:
    flags = ("--url", "http://social.example", "--token-file", "-")
    done = await run("accounts", "add", "mastodon", *flags, typed="t0ken\n", allow_private_addresses=False)
    assert done.code == 2
    assert "https://" in done.err


async def test_a_person_is_asked_and_the_token_is_not_shown(
    mastodon: FakeMastodon, settings: dict[str, Any], tmp_path: Path
) -> None:
    # The space after the second question comes once the terminal shows nothing that is typed.
    answers = {
        b"in a browser?": "n",
        b"Address of the server": mastodon.base_url,
        b"only read hashtags): ": mastodon.token,
        b"Hashtags": "afval",
    }
    environment = {"PATH": os.defpath, **{name.upper(): str(value) for name, value in settings.items()}}
    ours, theirs = pty.openpty()
    arguments = ("-m", "bot", "accounts", "add", "mastodon")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=tmp_path, env=environment,
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = await asyncio.to_thread(converse, ours, answers)
    assert await process.wait() == 0, shown
    assert mastodon.token.encode() not in shown
    [account] = await stored(tmp_path, Account)
    assert account.options == {"hashtags": ["afval"]}


def converse(terminal: int, answers: dict[bytes, str]) -> bytes:
    """Answer each question on a terminal when it is asked, and return all that was shown."""
    shown, waiting = b"", dict(answers)
    while True:
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # the other side is gone
            return shown
        for question in [q for q in waiting if q in shown]:
            os.write(terminal, f"{waiting.pop(question)}\n".encode())


# --- Sources that call us ----------------------------------------------------------------------------

CURL = """#!/bin/sh
printf '%s\\0' "$@" > asked
"""


@pytest.mark.parametrize("method", ["standard", "hub", "token"])
async def test_the_example_for_a_source_works_when_it_is_pasted(method: str, run: Webcare, tmp_path: Path) -> None:
    flags = ("--name", "zaak-formulier", "--accept", method, "--mapping", "text=content.it's", "--mapping", "url=")
    done = await run("accounts", "add", "webhook", *flags, public_url="https://bot.example/")
    assert done.code == 0, done.err
    (tmp_path / "curl").write_text(CURL)
    (tmp_path / "curl").chmod(0o700)
    example = "\n".join(line for line in done.out.splitlines() if line.startswith("  "))
    pasted = ["sh", "-c", f"PATH=.:$PATH\n{example}"]
    await asyncio.to_thread(subprocess.run, pasted, cwd=tmp_path, check=True)
    asked = (tmp_path / "asked").read_bytes().decode().split("\0")
    headers = dict(value.split(": ", 1) for flag, value in itertools.pairwise(asked) if flag == "-H")
    body = asked[asked.index("-d") + 1].encode()
    address, _, query = asked[0].partition("?")

    [row] = await stored(tmp_path, Account)
    key = (tmp_path / ".env").read_text().partition("=")[2].strip()
    opened = accounts.opened(row, Settings(webcare_secret_key=SecretStr(key), _env_file=None))
    verify(opened, headers, body, token=query.removeprefix("token=") or None)
    [post] = posts_of(opened, body)
    assert address == "https://bot.example/in/zaak-formulier"
    assert post.text == "Wanneer wordt mijn straat geveegd?"
    assert post.author.name == "Jan"


async def test_a_source_is_read_by_the_options_it_is_given(run: Webcare, tmp_path: Path) -> None:
    flags = ("--title", "Zaakformulier", "--private", "--max-length", "900")
    assert (await run("accounts", "add", "webhook", "--name", "zaak", *flags)).code == 0
    [row] = await stored(tmp_path, Account)
    assert row.options == {"title": "Zaakformulier", "private": True, "max_length": 900}
    assert (tmp_path / "webcare.db").stat().st_mode & 0o777 == 0o600


async def test_a_renewed_secret_of_a_source_goes_beside_the_old_one_until_that_ends(
    run: Webcare, tmp_path: Path
) -> None:
    async def secrets_now() -> dict[str, str]:
        [row] = await stored(tmp_path, Account)
        return seal.unseal(row.sealed, (tmp_path / ".env").read_text().partition("=")[2].strip())

    await run("accounts", "add", "webhook", "--name", "zaak")
    first = await secrets_now()
    renewed = await run("accounts", "renew", "zaak")
    both = await secrets_now()
    again = await run("accounts", "renew", "zaak")
    assert await secrets_now() == both, "the source uses the old one until it is given the new one"
    assert again.out == renewed.out
    ended = await run("accounts", "renew", "zaak", "--end-old")
    assert (renewed.code, ended.code) == (0, 0)
    assert both["signing_secret"] in renewed.out
    assert both["signing_secret"] not in ended.out
    assert both["signing_secret_old"] == first["signing_secret"] != both["signing_secret"]
    assert await secrets_now() == {"signing_secret": both["signing_secret"]}


async def test_a_secret_is_renewed_although_the_source_does_not_accept_it_before_it_has_it(
    run: Webcare, tmp_path: Path
) -> None:
    known = list[str]()

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        right = {"sha256=" + hmac.new(each.encode(), body, "sha256").hexdigest() for each in known}
        is_right = not known or request.headers["X-Hub-Signature-256"] in right
        return web.json_response({"id": "1"}, status=200 if is_right else 401)

    app = web.Application()
    app.router.add_post("/replies", receive)
    async with TestServer(app) as server:
        await run("accounts", "add", "webhook", "--name=bron", f"--callback-url={server.make_url('/replies')}")
        key = (tmp_path / ".env").read_text().partition("=")[2].strip()
        known += seal.unseal((await stored(tmp_path, Account))[0].sealed, key).values()
        renewed = await run("accounts", "renew", "bron")
        assert (renewed.code, "does not accept our signature" in renewed.out) == (0, True), renewed
        new = seal.unseal((await stored(tmp_path, Account))[0].sealed, key)["signing_secret"]
        assert new in renewed.out
        early = await run("accounts", "renew", "bron", "--end-old")
        known[:] = [new]
        ended = await run("accounts", "renew", "bron", "--end-old")
    assert (early.code, ended.code) == (1, 0)


async def test_an_option_is_changed_and_what_says_which_account_it_is_is_not(run: Webcare, tmp_path: Path) -> None:
    async def options_now() -> dict[str, Any]:
        return (await stored(tmp_path, Account))[0].options

    await run("accounts", "add", "webhook", "--name", "bron", "--title", "Bron", "--private")
    moved = await run("accounts", "change", "bron", "--callback-url", "http://127.0.0.1:1/replies")
    assert (moved.code, "Nothing was changed" in moved.out) == (1, True), "it is tried first"
    kept = await run("accounts", "change", "bron", "--callback-url", "http://127.0.0.1:1/replies", "--anyway")
    assert (kept.code, await options_now()) == (
        0, {"title": "Bron", "private": True, "callback_url": "http://127.0.0.1:1/replies"}
    )  # fmt: skip
    emptied = await run("accounts", "change", "bron", "--callback-url", "", "--no-private", "--mapping", "text=woorden")
    assert (emptied.code, await options_now()) == (0, {"title": "Bron", "mapping": {"text": "woorden"}})
    same = await run("accounts", "change", "bron", "--mapping", "text=woorden")
    assert same.code == 0
    for flags in ((), ("--hashtag", "glas"), ("--accept", "token"), ("--max-length", "veel")):
        refused = await run("accounts", "change", "bron", *flags)
        assert refused.code == 2, flags
    assert await options_now() == {"title": "Bron", "mapping": {"text": "woorden"}}
    logged = [each.details for each in await stored(tmp_path, Event) if each.kind == "account_changed"]
    assert logged == [{"options": ["callback_url"]}, {"options": ["callback_url", "mapping", "private"]}]


async def test_the_hashtags_of_an_account_with_a_token_are_changed(
    run: Webcare, mastodon: FakeMastodon, tmp_path: Path
) -> None:
    flags = ("--url", mastodon.base_url, "--name", "ons", "--hashtag", "glas")
    await run("accounts", "add", "mastodon", *flags, webcare_token=mastodon.token)
    [before] = await stored(tmp_path, Account)
    done = await run("accounts", "change", "ons", "--hashtag", "#brug", "--hashtag", "sluis")
    [after] = await stored(tmp_path, Account)
    assert (done.code, after.options) == (0, {"hashtags": ["brug", "sluis"]}), done
    assert (after.sealed, after.identity) == (before.sealed, before.identity)


# --- Looking after accounts --------------------------------------------------------------------------


async def test_an_account_with_a_broken_token_is_renewed_and_goes_on(
    run: Webcare, mastodon: FakeMastodon, tmp_path: Path
) -> None:
    flags = ("accounts", "add", "mastodon", "--url", mastodon.base_url, "--name", "ons")
    await run(*flags, "--anyway", webcare_token="wrong")
    await change(tmp_path, lambda _, row: stopped_by_a_fault(row))
    broken = await run("accounts", "check")
    listed = await run("accounts", "list")
    refused = await run("accounts", "renew", "ons", webcare_token="wrong-too")
    renewed = await run("accounts", "renew", "ons", webcare_token=mastodon.token)
    whole = await run("accounts", "check", "ons")
    [row] = await stored(tmp_path, Account)
    assert (broken.code, refused.code, renewed.code, whole.code) == (1, 1, 0, 0)
    assert "✘ 127.0.0.1 does not accept our access token" in broken.out
    assert "Stopped since" in listed.out
    assert "✔ We are logged in as @gemeente." in whole.out
    assert (row.stopped_at, row.problem) == (None, None)


async def test_a_mailbox_goes_by_its_address_and_is_asked_for_the_secret_that_it_has(
    run: Webcare, mail: MailServer, tmp_path: Path
) -> None:
    address = mail.mailbox("webcare", "gemeente.example").address
    at = [f"--{each}={each}://127.0.0.1:{mail.ports[each]}" for each in ("imap", "smtp")]
    (tmp_path / "password").write_text(PASSWORD)
    added = await run(
        "accounts", "add", "email", f"--address={address}", *at, "--password-file=password", webcare_token=""
    )
    assert (added.code, f"Stored as email/{address}" in added.out) == (0, True), added.out
    asked = await run("accounts", "renew", address)
    assert (asked.code, "--password-file is missing" in asked.err) == (2, True), asked
    wrong = await run("accounts", "renew", address, webcare_password="anders")
    assert (wrong.code, "does not accept our user name and password" in wrong.out) == (1, True), wrong
    renewed = await run("accounts", "renew", address, webcare_password=PASSWORD)
    assert renewed.code == 0, renewed
    whole = await run("accounts", "check", address)
    assert (whole.code, f"✔ Sends as {address} through 127.0.0.1." in whole.out) == (0, True), whole.out


async def test_a_change_that_is_not_stored_loses_no_token_that_the_platform_gave_meanwhile(
    run: Webcare, tmp_path: Path, mail: MailServer
) -> None:
    address = mail.mailbox("webcare", "gemeente.example").address
    at = [f"--{each}={each}://127.0.0.1:{mail.ports[each]}" for each in ("imap", "smtp")]
    async with FakeTokens(lambda lasts: mail.token_for(address, lasts)) as tokens:
        tokens.refresh, tokens.told = {"of-sanne"}, timedelta(minutes=1)  # each works once, and a new one is needed now
        flags = f"--token-url={tokens.address}", f"--client-id={CLIENT}", f"--scope={SCOPE}"
        secrets = {"webcare_client_secret": SECRET, "webcare_refresh_token": "of-sanne"}
        added = await run("accounts", "add", "email", f"--address={address}", *at, *flags, **secrets)
        assert added.code == 0, added
        typed_wrong = await run("accounts", "change", address, "--folders", "INBOXX")
        assert (typed_wrong.code, "Nothing was changed" in typed_wrong.out) == (1, True), typed_wrong
        checked = await run("accounts", "check", address)
        assert checked.code == 0, checked
        assert (await run("accounts", "change", address, "--sender", "Gemeente")).code == 0
        assert (await run("accounts", "check", address)).code == 0


async def test_a_team_that_does_not_exist_is_told_before_the_platform_is_asked(run: Webcare) -> None:
    done = await run("accounts", "add", "feed", "--url", "http://127.0.0.1:1/rss", "--team", "Zorg")
    assert (done.code, done.out, done.err) == (2, "", "There is no team named Zorg.\n")


async def test_a_name_that_an_account_has_already_is_told_before_the_platform_is_asked(
    run: Webcare, feed_url: str
) -> None:
    assert (await run("accounts", "add", "feed", "--url", feed_url, "--name", "nieuws")).code == 0
    done = await run("accounts", "add", "feed", "--url", "http://127.0.0.1:1/rss", "--name", "nieuws")
    assert (done.code, done.out) == (2, "")
    assert done.err == "There already is an account feed/nieuws; renew or remove it instead.\n"


async def test_one_feed_is_not_read_under_two_names_however_its_address_is_written(
    run: Webcare, feed_url: str, tmp_path: Path
) -> None:
    await run("accounts", "add", "feed", "--url", feed_url, "--name", "nieuws")
    for url in (feed_url, f"{feed_url}/", f"{feed_url}#laatste"):
        twice = await run("accounts", "add", "feed", "--url", url, "--name", "nieuws 2", "--anyway")
        assert twice.code == 2
        assert "This address is read already, by the account feed/nieuws" in twice.err
    other = await run("accounts", "add", "feed", "--url", f"{feed_url}?van=sport", "--name", "sport")
    assert other.code == 0, other.err
    await run("accounts", "stop", "nieuws")
    assert (await run("accounts", "add", "feed", "--url", feed_url, "--name", "nieuws 2")).code == 0
    assert [account.name for account in await stored(tmp_path, Account)] == ["nieuws", "sport", "nieuws 2"]
    again = await run("accounts", "start", "nieuws")
    assert (again.code, "by the account feed/nieuws 2" in again.err) == (2, True)
    await run("accounts", "stop", "nieuws 2")
    assert (await run("accounts", "start", "nieuws")).code == 0


def stopped_with_many_words(row: Account) -> None:
    words = "{host} does not accept our access token; make a new one in its preferences."
    row.stopped_at, row.problem = utc_now(), Text(words, {"host": "social.overheid.nl"}).to_json()


async def test_the_list_of_accounts_shows_whole_names_where_there_is_little_room(run: Webcare, tmp_path: Path) -> None:
    name = "@gemeente@social.overheid.nl"
    await run("accounts", "add", "feed", "--url", "http://127.0.0.1:1/rss", "--name", name, "--anyway")
    await change(tmp_path, lambda _, row: stopped_with_many_words(row))
    assert name in (await run("accounts", "list")).out


def stopped_by_a_fault(row: Account) -> None:
    row.stopped_at, row.problem = utc_now(), Text("no longer").to_json()


def refused_when_called(row: Account) -> None:
    row.faults = {"calls": Text("What is sent to us is refused: {reason}", {"reason": Text("no signature")}).to_json()}


async def test_what_no_check_can_find_is_told_by_it_too(run: Webcare, feed_url: str, tmp_path: Path) -> None:
    await run("accounts", "add", "feed", "--url", feed_url, "--name", "nieuws")
    await change(tmp_path, lambda _, row: refused_when_called(row))
    checked, everything = await run("accounts", "check"), await run("check")
    listed = await run("accounts", "list")
    assert checked.code == 1
    assert "✘ What is sent to us is refused: no signature" in checked.out
    assert "✘ Account feed/nieuws: What is sent to us is refused: no signature" in everything.out
    assert "Works in part. What is sent to us" in " ".join(listed.out.split())
    await run("accounts", "stop", "nieuws")
    checked, everything = await run("accounts", "check"), await run("check")
    assert (checked.code, "no signature" in checked.out) == (0, False)
    assert "✘ Account feed/nieuws: It works but is stopped" in everything.out


async def test_a_token_of_another_account_is_refused(run: Webcare, mastodon: FakeMastodon) -> None:
    mastodon.post_as("jan", "hallo")
    flags = ("accounts", "add", "mastodon", "--url", mastodon.base_url, "--name", "ons")
    await run(*flags, webcare_token=mastodon.token)
    done = await run("accounts", "renew", "ons", webcare_token="token-of-jan")
    assert done.code == 2
    assert "This token is of @jan, not of @gemeente" in done.err


async def test_an_account_stopped_by_hand_stays_so_until_it_is_started(
    run: Webcare, feed_url: str, tmp_path: Path
) -> None:
    await run("accounts", "add", "feed", "--url", feed_url, "--name", "nieuws")
    assert (await run("accounts", "stop", "nieuws")).code == 0
    checked = await run("accounts", "check")
    everything = await run("check")
    [stopped] = await stored(tmp_path, Account)
    assert (await run("accounts", "start", "feed/nieuws")).code == 0
    [started] = await stored(tmp_path, Account)
    assert checked.code == 0
    assert "webcare accounts start nieuws" in checked.out
    assert everything.code == 1
    assert "✘ Account feed/nieuws: It works but is stopped" in everything.out
    assert stopped.stopped_at is not None
    assert started.stopped_at is None


async def test_a_command_that_we_name_can_be_pasted_also_for_a_name_with_spaces(run: Webcare, feed_url: str) -> None:
    await run("accounts", "add", "feed", "--url", feed_url, "--name", "Het nieuws")
    stopped = await run("accounts", "stop", "Het nieuws")
    everything = await run("check")
    assert "run `webcare accounts start 'feed/Het nieuws'`" in everything.out
    _, *pasted = shlex.split(stopped.out.partition("start it with: ")[2])
    assert (await run(*pasted)).code == 0


async def test_one_who_renews_a_stopped_account_reads_that_it_is_still_stopped(run: Webcare) -> None:
    await run("accounts", "add", "webhook", "--name", "zaak")
    assert "accounts start" not in (await run("accounts", "renew", "zaak")).out
    await run("accounts", "stop", "zaak")
    renewed = await run("accounts", "renew", "zaak")
    assert (renewed.code, "webcare accounts start zaak" in renewed.out) == (0, True), renewed


async def test_a_source_stopped_by_hand_is_asked_to_send_again_later(
    run: Webcare, slack: Sandbox, tmp_path: Path
) -> None:
    async def send() -> int:
        body = b'{"id": "1", "text": "Hallo", "author": {"name": "Jan"}}'
        signature = "sha256=" + hmac.new(slack.square.secret.encode(), body, "sha256").hexdigest()
        headers = {"X-Hub-Signature-256": signature}
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{bot.url}/in/plein", data=body, headers=headers) as told,
        ):
            return told.status

    await run("migrate")
    async with running_bot(f"sqlite:///{tmp_path / 'webcare.db'}", slack) as bot:
        assert (await run("accounts", "stop", "plein")).code == 0
        assert await send() == 503
        assert (await run("accounts", "start", "plein")).code == 0
        assert await send() == 200


async def test_an_account_that_nothing_hangs_on_is_removed(run: Webcare, feed_url: str, tmp_path: Path) -> None:
    await run("accounts", "add", "feed", "--url", feed_url, "--name", "nieuws")
    unsure = await run("accounts", "remove", "nieuws")
    done = await run("accounts", "remove", "nieuws", "--yes")
    assert (unsure.code, done.code) == (2, 0)
    assert "is removed" in done.out
    assert await stored(tmp_path, Account) == []
    assert [event.kind for event in await stored(tmp_path, Event)] == ["account_added", "account_removed"]


async def test_an_account_that_mentions_hang_on_is_stopped_and_kept(
    run: Webcare, feed_url: str, tmp_path: Path
) -> None:
    await run("accounts", "add", "feed", "--url", feed_url, "--name", "nieuws")
    await change(
        tmp_path, lambda session, row: session.add(Author(account_id=row.id or 0, external_id="1", name="Jan"))
    )
    done = await run("accounts", "remove", "nieuws", "--yes")
    [row] = await stored(tmp_path, Account)
    assert done.code == 0
    assert "stopped but kept" in done.out
    assert row.is_stopped_by_hand


@pytest.mark.parametrize("platform", ["webhook", "feed"])
async def test_an_account_that_was_removed_and_kept_is_no_fault(
    run: Webcare, feed_url: str, tmp_path: Path, platform: str
) -> None:
    await run("accounts", "add", platform, "--name", "zaak", *(("--url", feed_url) if platform == "feed" else ()))
    await change(
        tmp_path, lambda session, row: session.add(Author(account_id=row.id or 0, external_id="1", name="Jan"))
    )
    await run("accounts", "remove", "zaak", "--yes")
    each, all_of_it = await run("accounts", "check"), await run("check")
    assert (each.code, all_of_it.code) == (0, 0), (each, all_of_it)
    kept = "People stopped it, and it has no tokens: it is kept for its history."
    assert f"Account {platform}/zaak: {kept}" in all_of_it.out
    assert "✘" not in each.out + all_of_it.out


async def test_an_account_whose_platform_is_not_installed_any_more_is_a_fault_until_it_is_removed(
    run: Webcare, feed_url: str, tmp_path: Path
) -> None:
    await run("accounts", "add", "feed", "--url", feed_url, "--name", "nieuws")
    await change(tmp_path, lambda _, account: setattr(account, "platform", "forum"))
    for command in (["check"], ["accounts", "check"]):
        done = await run(*command)
        assert (done.code, "The platform forum is not installed here." in done.out) == (1, True), done.err
    assert "forum" in (await run("accounts", "list")).out
    assert (await run("accounts", "remove", "nieuws", "--yes")).code == 0
    assert (await run("accounts", "check")).code == 0


async def test_of_an_account_that_is_kept_without_its_tokens_they_are_given_anew(run: Webcare, tmp_path: Path) -> None:
    await run("accounts", "add", "webhook", "--name", "zaak")
    await change(
        tmp_path, lambda session, row: session.add(Author(account_id=row.id or 0, external_id="1", name="Jan"))
    )
    await run("accounts", "remove", "zaak", "--yes")
    [row] = await stored(tmp_path, Account)
    assert row.sealed == b""
    renewed = await run("accounts", "renew", "zaak")
    assert (renewed.code, "Its new signing secret: whsec_" in renewed.out) == (0, True), renewed


async def test_a_name_that_no_or_several_accounts_have_is_told(run: Webcare, feed_url: str) -> None:
    await run("accounts", "add", "feed", "--url", feed_url, "--name", "zaak")
    await run("accounts", "add", "webhook", "--name", "zaak")
    nobody, several = await run("accounts", "stop", "niemand"), await run("accounts", "check", "zaak")
    assert nobody.code == several.code == 2
    assert "There is no account named niemand" in nobody.err
    assert "write feed/zaak or webhook/zaak" in several.err


def test_to_load_the_program_leaves_the_search_for_garbage_on() -> None:
    """It is off while modules load. The tests load it too, and would keep all that they leave behind."""
    program = "import gc; import bot.__main__; print(gc.isenabled())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
