"""The composition root: builds the desk once, and runs the bot until it is told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import select

import jobs
from bot import accounts, db
from bot.app import build_app
from bot.config import BadSettings, Settings
from bot.connectors.http import new_client
from bot.desk import Desk
from bot.models import Account
from bot.slack_calls import SlackDown, SlackLater, SlackRefuses, call
from bot.texts import Texts
from bot.wake import InProcess
from bot.web import build_web
from jobs import deliver, poll

log = structlog.get_logger()

CONNECT_AGAIN = 5.0
"""Seconds between tries to reach a Slack that is down when we start."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_desk(
    settings: Settings, engine: AsyncEngine, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[Desk]:
    """Build the desk on a migrated database; its lanes, connections and clients end with the block."""
    lanes = InProcess(now)
    async with new_client() as client, aiohttp.ClientSession() as slack_session:
        desk = Desk(
            settings=settings,
            session=db.sessions(engine),
            reading=db.readings(engine),
            slack=slack_client(settings, slack_session),
            connector=accounts.connector_of(settings, client),
            wake=lanes,
            now=now,
            t=Texts(settings.webcare_language, settings.time_zone),
        )
        lanes.serve(
            {
                "messages": partial(deliver.messages, desk),
                "replies": partial(deliver.replies, desk),
                "poll": partial(poll.poll, desk),
            }
        )
        try:
            yield desk
        finally:
            await lanes.stop()


def slack_client(settings: Settings, session: aiohttp.ClientSession) -> AsyncWebClient:
    """Return the Slack client. It never retries by itself: a retry after a lost connection would post twice."""
    return AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        session=session,
        retry_handlers=[],
    )


async def run(settings: Settings, *, http: bool = False, ready: asyncio.Event | None = None) -> None:
    """Run the bot until SIGINT or SIGTERM (or until cancelled); raises BadSettings when it cannot start.

    Slack reaches it by Socket Mode, or with `http` by requests to /slack/events. `ready` is set once it serves.
    """
    _refuse_missing(settings, http=http)
    engine = db.create_engine(settings.database_url)
    try:
        await _prepare(engine)
        async with open_desk(settings, engine) as desk:
            async with desk.session() as session:
                await accounts.ensure_team(session, settings, desk.now())
                for account in await session.exec(select(Account)):
                    accounts.opened(account, settings)  # a wrong secret key is told now, not at the first reply
            await _check_slack(desk)
            app = build_app(desk)
            async with serving(desk, app, http=http), listening(settings, app, http=http):
                scheduler = jobs.start(desk)
                log.info("webcare runs", slack="http" if http else "socket mode", port=settings.port)
                if ready is not None:
                    ready.set()
                try:
                    await _until_stopped()
                finally:
                    scheduler.shutdown(wait=False)
                    log.info("webcare stops")
    finally:
        await engine.dispose()


def _refuse_missing(settings: Settings, *, http: bool) -> None:
    if not settings.slack_bot_token.get_secret_value():
        raise BadSettings("SLACK_BOT_TOKEN is not set: copy the bot token (xoxb-…) of your Slack app into .env.")
    if not http and not settings.slack_app_token.get_secret_value():
        raise BadSettings("SLACK_APP_TOKEN is not set: make an app-level token (xapp-…) with scope connections:write.")
    if http and not settings.slack_signing_secret.get_secret_value():
        raise BadSettings("SLACK_SIGNING_SECRET is not set: copy it from Basic Information of your Slack app.")
    if not settings.slack_channel:
        raise BadSettings("SLACK_CHANNEL is not set: give the id (C…) of the channel where the cards must appear.")


async def _prepare(engine: AsyncEngine) -> None:
    if engine.dialect.name == "sqlite":
        await db.migrate(engine)
    elif not await db.is_migrated(engine):
        raise BadSettings("The tables are not up to date: run `webcare migrate` first.")


async def _check_slack(desk: Desk) -> None:
    """Refuse to start with a token or channel that cannot work; a Slack that is down is waited for."""
    channel = desk.settings.slack_channel
    try:
        await call(desk.slack, "auth.test")
        await call(desk.slack, "conversations.history", channel=channel, limit=1)
    except SlackRefuses as refusal:
        raise BadSettings(explain(refusal.error, channel)) from None
    except (SlackDown, SlackLater):
        log.warning("Slack does not answer yet; starting all the same")


def explain(error: str, channel: str) -> str:
    """Say in one plain sentence what one of Slack's errors at the start means and how to mend it."""
    match error:
        case "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired":
            return "Slack does not accept SLACK_BOT_TOKEN: copy the bot token (xoxb-…) of your app again."
        case "channel_not_found":
            return f"Slack knows no channel {channel}: check SLACK_CHANNEL (the id, C…), and invite the bot if private."
        case "not_in_channel":
            return f"The bot is not in channel {channel}: type /invite @webcare there."
        case "is_archived":
            return f"Channel {channel} is archived: choose another in SLACK_CHANNEL."
        case "missing_scope":
            return "The Slack app lacks a permission: paste bot/slack_manifest.json again and reinstall the app."
        case _:
            return f"Slack refuses ({error}); see https://docs.slack.dev/reference/methods for what that means."


@asynccontextmanager
async def serving(desk: Desk, app: AsyncApp, *, http: bool) -> AsyncIterator[str]:
    """Serve the web routes, and Slack's requests in HTTP mode; yields the address."""
    site = build_web(desk)
    if http:

        async def slack_events(request: web.Request) -> web.Response:
            return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

        site.router.add_post("/slack/events", slack_events)
    runner = web.AppRunner(site, access_log=None)
    await runner.setup()
    try:
        settings = desk.settings
        try:
            await web.TCPSite(runner, settings.host, settings.port).start()
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise BadSettings(f"Cannot listen on {where} ({error.strerror}): choose another HOST or PORT.") from None
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def listening(settings: Settings, app: AsyncApp, *, http: bool) -> AsyncIterator[None]:
    """Hold the Socket Mode connection, unless Slack comes to us."""
    if http:
        yield
        return
    handler = AsyncSocketModeHandler(app, settings.slack_app_token.get_secret_value())
    connecting: asyncio.Task[None] | None = None
    try:
        if not await _connect(handler):
            connecting = asyncio.create_task(_keep_connecting(handler))
        yield
    finally:
        if connecting is not None:
            connecting.cancel()
        with contextlib.suppress(Exception):  # on the way out; the connection may be gone already
            await handler.close_async()  # type: ignore[no-untyped-call]


async def _connect(handler: AsyncSocketModeHandler) -> bool:
    """Try to connect; False when Slack cannot be reached. From then on the client reconnects by itself."""
    try:
        await handler.connect_async()  # type: ignore[no-untyped-call]
    except SlackApiError as error:
        if error.response.status_code >= 500:
            return False
        raise BadSettings("Slack does not accept SLACK_APP_TOKEN (xapp-…, scope connections:write).") from None
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False
    return True


async def _keep_connecting(handler: AsyncSocketModeHandler) -> None:
    while True:
        await asyncio.sleep(CONNECT_AGAIN)
        if await _connect(handler):
            return


async def _until_stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop.set)
    await stop.wait()
