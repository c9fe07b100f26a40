"""What must be in order before the bot can work: the sentences for what is not, and all of it tried in turn."""

import contextlib
import errno
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from sqlalchemy import false, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, select

from bot import accounts, connectors, db, seal
from bot.config import BadSettings, Settings
from bot.connectors.http import Client, new_client
from bot.models import Account, Team
from bot.slack_calls import SlackDown, SlackLater, SlackRefuses, call, open_socket, slack_client

MANIFEST = Path(__file__).parent / "slack_manifest.json"
NO_CONNECTION = "Slack does not accept SLACK_APP_TOKEN: make an app-level token (xapp-…) with scope connections:write."
HEALTH_SECONDS = 3
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to reach what listens on all addresses


@dataclass(frozen=True)
class Finding:
    """One thing that was tried: what about, whether it works, and in words what was found or how to mend it."""

    about: str
    works: bool
    words: str


def missing(settings: Settings, *, http: bool) -> Iterator[str]:
    """Yield a sentence for every setting that Slack needs and that is not there."""
    if not settings.slack_bot_token.get_secret_value():
        yield "SLACK_BOT_TOKEN is not set: copy the bot token (xoxb-…) of your Slack app into .env."
    if not http and not settings.slack_app_token.get_secret_value():
        yield "SLACK_APP_TOKEN is not set: make an app-level token (xapp-…) with scope connections:write."
    if http and not settings.slack_signing_secret.get_secret_value():
        yield "SLACK_SIGNING_SECRET is not set: copy it from Basic Information of your Slack app."
    if not settings.slack_channel:
        yield "SLACK_CHANNEL is not set: give the id (C…) of the channel where the cards must appear."


def explain(error: str, channel: str, *, where: str = "SLACK_CHANNEL") -> str:
    """Say in one plain sentence what one of Slack's errors means and how to mend it; `where` sets the channel."""
    match error:
        case "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired":
            return "Slack does not accept SLACK_BOT_TOKEN: copy the bot token (xoxb-…) of your app again."
        case "not_allowed_token_type":
            return "SLACK_BOT_TOKEN is a token of another kind: copy the bot token (xoxb-…) of your app."
        case "channel_not_found":
            return f"Slack knows no channel {channel}: check {where} (the id, C…), and invite the bot if private."
        case "not_in_channel":
            return f"The bot is not in channel {channel}: type /invite @webcare there."
        case "is_archived":
            return f"Channel {channel} is archived: choose another in {where}."
        case "missing_scope":
            return "The Slack app lacks a permission: paste bot/slack_manifest.json again and reinstall the app."
        case _:
            return f"Slack refuses ({error}); see https://docs.slack.dev/reference/methods for what that means."


async def findings(settings: Settings) -> AsyncGenerator[Finding, None]:
    """Try everything, whatever fails on the way, and yield what was found as it is found."""
    lacking = list(missing(settings, http=by_http(settings)))
    for sentence in lacking or ["all that Slack needs is set."]:
        yield Finding("Settings", not lacking, sentence)
    channels, rows = [(settings.team_name, settings.slack_channel)], list[Account]()
    async with _database(settings) as (found, engine):
        yield found
        if engine is not None:
            channels, rows = await _stored(engine, channels)
    async for found in _slack(settings, channels):
        yield found
    yield _secret_key(settings, rows)
    async with new_client() as client:
        for row in rows:
            yield await _account(row, settings, client)
    yield await _port(settings)


def _secret_key(settings: Settings, rows: list[Account]) -> Finding:
    key = settings.webcare_secret_key.get_secret_value()
    try:
        seal.refuse_malformed(key)
        for row in rows:
            accounts.opened(row, settings)
    except BadSettings as error:
        return Finding("Secret key", False, str(error))
    if not key:
        return Finding("Secret key", True, "none is set, and no stored token needs one.")
    return Finding("Secret key", True, "it fits the tokens stored in the database.")


def by_http(settings: Settings) -> bool:
    """Tell whether Slack is to reach us over HTTP: there is a signing secret and no token for Socket Mode."""
    return bool(settings.slack_signing_secret.get_secret_value()) and not settings.slack_app_token.get_secret_value()


# --- The database --------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[tuple[Finding, AsyncEngine | None]]:
    """Open the database and give it with what was found; None when it cannot be read."""
    try:
        engine = db.create_engine(settings.database_url)
    except BadSettings as error:
        yield Finding("Database", False, str(error)), None
        return
    try:
        found = await _try_database(engine)
        readable = found.works and await db.is_migrated(engine)
        yield found, engine if readable else None
    finally:
        await engine.dispose()


async def _try_database(engine: AsyncEngine) -> Finding:
    where = db.place(engine)
    try:
        if not await db.is_migrated(engine):
            if engine.dialect.name == "sqlite":
                return Finding("Database", True, f"{where} opens; the bot makes its tables when it starts.")
            return Finding("Database", False, db.NOT_MIGRATED)
        async with db.connected(engine) as connection:
            await connection.execute(update(Team).where(false()).values(name=Team.name))
    except BadSettings as error:
        return Finding("Database", False, str(error))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
        return Finding("Database", False, f"{where} cannot be written ({reason}): give its user the right to.")
    return Finding("Database", True, f"{where} opens, its tables are up to date and it can be written.")


async def _stored(engine: AsyncEngine, first: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[Account]]:
    """Return the teams' names and channels, the first as the settings have it, and the accounts."""
    async with db.readings(engine)() as session:
        teams = list(await session.exec(select(Team).order_by(col(Team.id))))
        return [*first, *((team.name, team.channel) for team in teams[1:])], await accounts.connected(session)


# --- Slack ---------------------------------------------------------------------------------------


async def _slack(settings: Settings, channels: list[tuple[str, str]]) -> AsyncIterator[Finding]:
    async with aiohttp.ClientSession() as session:
        client = slack_client(settings, session)
        if client.token:
            try:
                answer = await call(client, "auth.test")
            except (SlackRefuses, SlackDown, SlackLater) as problem:
                yield Finding("Bot token", False, _slack_problem(problem, settings, ""))
            else:
                yield Finding("Bot token", True, f"it is of {answer['user']} in the workspace {answer['team']}.")
                yield _scopes(answer)
                for number, (team, channel) in enumerate(channels):
                    where = "SLACK_CHANNEL" if number == 0 else f"`webcare teams add {team} …`"
                    if channel:
                        yield await _channel(settings, client, team, channel, where)
        if settings.slack_app_token.get_secret_value():
            yield await _app_token(settings)
        elif by_http(settings):
            yield Finding("Signing secret", True, "it is set; the first click in Slack shows whether it is right.")


def _slack_problem(problem: Exception, settings: Settings, channel: str, where: str = "SLACK_CHANNEL") -> str:
    match problem:
        case SlackRefuses(error=error):
            return explain(error, channel, where=where)
        case SlackLater(wait=wait):
            return f"Slack asks us to wait: try again in {wait.total_seconds():.0f} seconds."
        case _:
            return f"Slack cannot be reached at {settings.slack_api_url}: check the network and SLACK_API_URL."


def _scopes(answer: AsyncSlackResponse) -> Finding:
    """Compare the token's scopes, which Slack tells in a header of every answer, with those of the manifest."""
    # https://docs.slack.dev/authentication/installing-with-oauth ("x-oauth-scopes")
    told = {str(name).lower(): str(value) for name, value in dict(answer.headers).items()}.get("x-oauth-scopes", "")
    given = {scope.strip() for scope in told.split(",")}
    wanted = json.loads(MANIFEST.read_text(encoding="utf-8"))["oauth_config"]["scopes"]["bot"]
    lacking = [scope for scope in wanted if scope not in given]
    if not lacking:
        return Finding("Permissions", True, "the Slack app has all it needs.")
    return Finding(
        "Permissions",
        False,
        f"The Slack app lacks {', '.join(lacking)}: paste bot/slack_manifest.json again and reinstall the app.",
    )


async def _channel(settings: Settings, client: AsyncWebClient, team: str, channel: str, where: str) -> Finding:
    try:
        await call(client, "conversations.history", channel=channel, limit=1)
    except (SlackRefuses, SlackDown, SlackLater) as problem:
        return Finding(f"Channel of {team}", False, _slack_problem(problem, settings, channel, where))
    return Finding(f"Channel of {team}", True, f"the bot is in {channel} and reads it.")


async def _app_token(settings: Settings) -> Finding:
    try:
        await open_socket(settings)
    except SlackRefuses:
        return Finding("App token", False, NO_CONNECTION)
    except (SlackDown, SlackLater) as problem:
        return Finding("App token", False, _slack_problem(problem, settings, ""))
    return Finding("App token", True, "Slack lets us connect by Socket Mode.")


# --- Accounts and the web server -----------------------------------------------------------------


async def _account(row: Account, settings: Settings, client: Client) -> Finding:
    about = f"Account {row.platform}/{row.name}"
    try:
        opened = accounts.opened(row, settings)
    except BadSettings:
        return Finding(about, False, "It cannot be tried without its tokens: mend WEBCARE_SECRET_KEY first.")
    health = await accounts.health(connectors.connect(opened, client))
    if health.problems:
        return Finding(about, False, " ".join(map(str, health.problems)))
    if row.stopped_at is not None:
        mend = "start" if accounts.is_stopped_by_hand(row) else "check"
        return Finding(about, False, f"It works but is stopped: run `webcare accounts {mend} {row.name}`.")
    return Finding(about, True, " ".join(map(str, health.working)) or "it works.")


async def _port(settings: Settings) -> Finding:
    where = f"{settings.host}:{settings.port}"
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
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
    """Tell whether what listens there is the bot itself."""
    host = EVERYWHERE.get(settings.host, settings.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/health"
    timeout = aiohttp.ClientTimeout(total=HEALTH_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            told = await response.json()
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return False
    return isinstance(told, dict) and "database" in told
