"""Try, one after the other, everything that the bot needs: settings, database, Slack, accounts, web server."""

import contextlib
import errno
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

import aiohttp
from pydantic import ValidationError
from sqlalchemy import false, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, select

from bot import accounts, connectors, db
from bot.accounts import seal
from bot.cli import surfaces
from bot.cli.terminal import starting
from bot.config import BadSettings, Settings
from bot.connectors import base
from bot.connectors.http import new_client
from bot.keeping import soundness
from bot.models import NOT_TAKEN, Account, Team
from bot.slack import messages
from bot.slack.check import Finding, Group, by_http, missing, slack_findings
from bot.steady_clock import utc_now
from bot.team.settings import TeamSettings
from bot.watch.web import LIVES

HEALTH_SECONDS = 3
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to reach what listens on all addresses


async def findings(settings: Settings, *, deep: bool = False) -> AsyncGenerator[Finding, None]:
    """Try everything, even after a failure, and yield each finding at once.

    `deep`: the whole database is read, and Slack also checks the blocks of our messages and views, without showing
    them.
    """
    lacking = list(missing(settings, http=by_http(settings)))
    for sentence in lacking or ["all that Slack needs is set."]:
        yield Finding("Settings", not lacking, sentence)
    channels, groups, rows = [(settings.team_name, settings.slack_channel)], list[Group](), list[Account]()
    async with _database(settings) as (finding, engine):
        yield finding
        if engine is not None:
            channels, groups, rows = await _stored(engine, settings, channels)
            async for finding in _unreadable(engine):
                yield finding
            async for finding in _waiting(engine):
                yield finding
        if engine is not None and deep:
            async for finding in soundness.findings(engine, settings, utc_now()):
                yield finding
        async for finding in slack_findings(settings, channels, groups):
            yield finding
        if engine is not None and deep:
            async for finding in surfaces.findings(settings, engine):
                yield finding
        yield _secret_key(settings, rows)
        for name, reason in connectors.registry().broken.items():
            yield Finding(f"Platform {name}", False, f"its package cannot be used: {reason}")
        if engine is not None:
            async for finding in _accounts(rows, settings, engine):
                yield finding
    yield await _port(settings)


def _secret_key(settings: Settings, rows: list[Account]) -> Finding:
    key = settings.webcare_secret_key.get_secret_value()
    try:
        seal.refuse_malformed(key)
        for row in rows:
            if row.stopped_at is None:
                accounts.opened(row, settings)
    except BadSettings as error:
        return Finding("Secret key", False, str(error))
    if closed := accounts.unopened(rows, settings):
        names = ", ".join(map(accounts.key, closed))
        words = f"it does not decrypt the tokens of {names}, which nothing needs while it is stopped."
        mend = "With the old key lost, give it new ones with `webcare accounts renew NAME`, or remove it."
        return Finding("Secret key", True, f"{words} {mend}", warns=True)
    if not key:
        return Finding("Secret key", True, "none is set, and there are no tokens that need one.")
    words = "it decrypts the tokens in the database."
    if count := accounts.outdated(rows, settings):
        return Finding(
            "Secret key",
            True,
            f"{words} An older key is still needed, for {count} of {len(rows)} accounts: run `webcare key --rotate`.",
        )
    if "," in key:
        words += " All are encrypted with the first key: the others may be removed."
    return Finding("Secret key", True, words)


# --- The database --------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[tuple[Finding, AsyncEngine | None]]:
    """Open the database; yield the finding, and the engine or None when the database cannot be read."""
    try:
        engine = db.create_engine(settings.database_url, looks=True)
    except BadSettings as error:
        yield Finding("Database", False, str(error)), None
        return
    try:
        if db.is_new(engine):
            yield (
                Finding("Database", True, f"{db.place(engine)} is not there yet; the bot makes it when it starts."),
                None,
            )
            return
        finding = await _try_database(engine)
        readable = finding.works and await db.is_migrated(engine)
        yield finding, engine if readable else None
    finally:
        await engine.dispose()


async def _try_database(engine: AsyncEngine) -> Finding:
    where = db.place(engine)
    try:
        await db.refuse_unfinished(engine)
        if why := await db.misfit(engine):
            if engine.dialect.name == "sqlite" and why == db.NOT_MIGRATED:
                return Finding("Database", True, f"{where} opens; the bot makes its tables when it starts.")
            return Finding("Database", False, why)
        async with db.connected(engine) as connection:
            await connection.execute(update(Team).where(false()).values(name=Team.name))
    except BadSettings as error:
        return Finding("Database", False, str(error))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
        return Finding("Database", False, f"{where} cannot be written ({reason}): give its user the right to.")
    return Finding("Database", True, f"{where} opens, its tables are up to date and it can be written.")


async def _stored(
    engine: AsyncEngine, settings: Settings, first: list[tuple[str, str]]
) -> tuple[list[tuple[str, str]], list[Group], list[Account]]:
    """Return the teams' names and channels (the first team's as at the next start), their user groups, the accounts."""
    async with db.readings(engine)() as session:
        teams = list(await session.exec(select(Team).order_by(col(Team.id))))
        if teams and settings.slack_channel:
            stands = accounts.in_force(teams[0], settings)
            first = [(stands["name"], stands["channel"])]
        channels = [*first, *((team.name, team.channel) for team in teams[1:])]
        return channels, _groups(teams), await accounts.connected(session)


async def _unreadable(engine: AsyncEngine) -> AsyncIterator[Finding]:
    """Yield the teams whose settings cannot be read, with the errors in them."""
    async with db.readings(engine)() as session:
        teams = list(await session.exec(select(Team).order_by(col(Team.id))))
    for team in teams:
        try:
            TeamSettings.of(team.settings)
        except ValidationError as error:
            places = ", ".join(".".join(map(str, each["loc"])) or each["msg"] for each in error.errors())
            words = f"they cannot be read ({places}): put back those of a copy of the database, or correct them in it."
            yield Finding(f"Settings of {team.name}", False, words)


async def _waiting(engine: AsyncEngine) -> AsyncIterator[Finding]:
    """Yield what Slack refused last time, or could not take, per channel and reason."""
    async with db.readings(engine)() as session:
        waiting = await messages.waiting(session)
    for channel, reason, count in waiting:
        refused = reason not in NOT_TAKEN
        why = f"Slack {'refuses them' if refused else 'did not take them yet'} ({reason})"
        words = f"{count} wait, because {why}; they are tried again and again."
        yield Finding(f"Messages in {channel}", not refused, words, warns=not refused)


def _groups(teams: Sequence[Team]) -> list[Group]:
    """Return the user groups that follow duty, with Slack's last error for each."""
    groups = []
    for team in teams:
        settings, shown = TeamSettings.if_readable(team), team.duty_shown or {}
        group = settings.duty_group if settings else ""
        if group:
            groups.append(Group(team.name, group, shown.get("problem", "") if shown.get("group") == group else ""))
    return groups


# --- Accounts and the web server -----------------------------------------------------------------


async def _accounts(rows: Sequence[Account], settings: Settings, engine: AsyncEngine) -> AsyncGenerator[Finding, None]:
    async with new_client(allow_private=settings.allow_private_addresses) as client:
        connector = accounts.connector_of(settings, client, utc_now, db.sessions(engine))
        for row in rows:
            yield await _account(row, connector)


async def _account(row: Account, connector: Callable[[Account], base.Connector]) -> Finding:
    about = f"Account {accounts.key(row)}"
    if row.was_removed:
        return Finding(about, True, accounts.ONLY_KEPT)
    try:
        health = await accounts.health(connector(row))
    except BadSettings:
        return Finding(about, False, "It cannot be tried without its tokens: correct WEBCARE_SECRET_KEY first.")
    except base.Unavailable as verdict:
        return Finding(about, False, str(verdict))
    if faults := [*health.problems, *health.faults, *accounts.seen_in_use(row)]:
        return Finding(about, False, " ".join(map(str, faults)))
    if row.stopped_at is not None:
        return Finding(about, False, f"It works but is stopped: run `{starting(row)}`.")
    return Finding(about, True, " ".join(map(str, (*health.working, *health.warnings))) or "it works.")


async def _port(settings: Settings) -> Finding:
    where = f"{settings.host}:{settings.port}"
    try:
        addresses = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = addresses[0]
        with socket.socket(family, kind, protocol) as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and await _is_ours(settings):
            return Finding("Web server", True, f"webcare is running already and answers at {where}.")
        return Finding(
            "Web server", False, f"Cannot listen on {where} ({error.strerror}): choose another HOST or PORT."
        )
    return Finding("Web server", True, f"{where} is free.")


async def _is_ours(settings: Settings) -> bool:
    """Tell whether the bot itself is listening there."""
    host = EVERYWHERE.get(settings.host, settings.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/healthz"
    timeout = aiohttp.ClientTimeout(total=HEALTH_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            return await response.text() == LIVES
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return False
