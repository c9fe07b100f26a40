"""The composition root: builds the desk once, and runs the bot until it is stopped."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import select

import jobs
from bot import accounts, db
from bot.accounts import seal
from bot.accounts.bodies import Bodies, BodyRefused
from bot.accounts.web import build_web
from bot.app import build_app
from bot.config import BadSettings, Settings
from bot.connectors.http import new_client
from bot.connectors.platform import Platform
from bot.desk import Desk
from bot.models import Account
from bot.outgoing import outbox
from bot.slack import check, messages, places
from bot.slack.calls import (
    SlackDown,
    SlackLater,
    SlackRefuses,
    call,
    contact_of,
    open_socket,
    paced_client,
    slack_session,
    try_channel,
)
from bot.slack.contact import Contact
from bot.slack.pace import Pace
from bot.team import teams
from bot.wake import InProcess
from jobs import poll

log = structlog.get_logger()

CLOSE_SECONDS = 1.5
"""How long Slack's socket may take to close."""
REQUEST_SECONDS = 2.0
"""How long requests that are running when we stop may take."""
CLICK_SECONDS = 2.0
"""How long clicks that were acknowledged when we stop may take."""
LANE_SECONDS = 2.5
"""How long calls to Slack and the platforms may take when we stop; their work is in the database.

All four together stay well under the 10 seconds after which Docker and others kill a process.
"""
CONNECT_SECONDS = 5.0
"""How long the start waits for Slack's socket; after that, the client keeps trying to connect."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_desk(
    settings: Settings,
    engine: AsyncEngine,
    now: Callable[[], datetime] = utc_now,
    speed: float = 1.0,
    stand_ins: Mapping[str, Platform] | None = None,
) -> AsyncIterator[Desk]:
    """Build the desk on a migrated database; its lanes, connections and clients end with the block.

    `stand_ins`, by name, replace platforms of the registry.
    """
    lanes = InProcess(now, speed)
    shared = None if engine.dialect.name == "sqlite" else db.sessions(engine)  # SQLite has one process
    pace = Pace(settings.slack_pace, shared)
    async with (
        new_client(allow_private=settings.allow_private_addresses) as client,
        slack_session(settings) as http_session,
    ):
        desk = Desk(
            settings=settings,
            session=db.sessions(engine),
            reading=db.readings(engine),
            slack=paced_client(settings, http_session, pace, now),
            http=client,
            connector=accounts.connector_of(settings, client, now, db.sessions(engine), stand_ins),
            wake=lanes,
            now=now,
            speed=speed,
            stand_ins=stand_ins or {},
        )
        async with desk.reading() as session:  # before Slack says it again: cards need it for links to each other
            contact_of(desk.slack).identity = {"url": await teams.workspace_url(session)}
        lanes.serve(
            {
                "messages": partial(messages.drain, desk),
                "outgoing": partial(outbox.drain, desk),
                "poll": partial(poll.poll, desk),
            }
        )
        try:
            yield desk
        finally:
            await lanes.stop(LANE_SECONDS)


async def run(
    settings: Settings,
    *,
    http: bool = False,
    ready: asyncio.Future[str] | None = None,
    now: Callable[[], datetime] = utc_now,
    speed: float = 1.0,
    stand_ins: Mapping[str, Platform] | None = None,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Run the bot until SIGINT or SIGTERM (or until cancelled); raises BadSettings when it cannot start.

    Slack reaches it by Socket Mode, or with `http` by requests to /slack/events. `ready` gets the address of its web
    routes when they are open. `now` is its clock, which runs `speed` times as fast as the real one. `stand_ins`
    are as for `open_desk`. `stopping` is called when the bot begins to stop.
    """
    _refuse_unusable(settings, http=http)
    engine = db.create_engine(settings.database_url)
    try:
        await db.prepare(engine)
        async with open_desk(settings, engine, now, speed, stand_ins) as desk:
            async with desk.session() as session:
                await accounts.ensure_team(session, settings, desk.now())
                for account in await session.exec(select(Account)):
                    accounts.opened(account, settings)  # a wrong secret key is reported now, not at the first reply
                if resealed := await accounts.seal_anew(session, settings):
                    log.info("tokens are encrypted with the first key; the others may be removed", accounts=resealed)
            await _check_slack(desk)
            running = set[asyncio.Task[Any]]()
            app = build_app(desk, running=running)
            async with (
                _finished(running),
                serving(desk, app, http=http) as address,
                listening(desk, app, http=http),
            ):
                scheduler = jobs.start(desk)
                # Everything loaded by now stays: without freeze, garbage collection of it costs a tenth of all work.
                gc.collect()
                gc.freeze()
                log.info("webcare runs", slack="http" if http else "socket mode", address=address)
                if ready is not None:
                    ready.set_result(address)
                try:
                    await _until_stopped()
                finally:
                    stopping()
                    gc.unfreeze()
                    scheduler.shutdown(wait=False)
                    log.info("webcare stops")
    finally:
        await engine.dispose()


@asynccontextmanager
async def _finished(running: set[asyncio.Task[Any]]) -> AsyncIterator[None]:
    """After the block, wait some seconds for running handlers: their requests are acknowledged and not sent again."""
    try:
        yield
    finally:
        if running:
            await asyncio.wait(set(running), timeout=CLICK_SECONDS)


def _refuse_unusable(settings: Settings, *, http: bool) -> None:
    for sentence in check.missing(settings, http=http):
        raise BadSettings(sentence)
    seal.refuse_malformed(settings.webcare_secret_key.get_secret_value())


async def _check_slack(desk: Desk) -> None:
    """Refuse to start with a token that cannot work; if Slack is down, start nevertheless.

    If the bot never wrote in Slack, the channel must work too. Later the other teams need a running bot, even if one
    team's channel has a problem, of which its coordinators are notified.
    """
    async with desk.reading() as session:
        channel = (await teams.all_teams(session))[0].channel
        is_new = not await places.any_shown(session)
    try:
        installed = await call(desk.slack, "auth.test")
        if is_new:
            await try_channel(desk.slack, channel)
    except SlackRefuses as refusal:
        raise BadSettings(check.explain(refusal.error, channel)) from None
    except (SlackDown, SlackLater):
        log.warning("Slack does not answer yet; starting all the same")
        return
    async with desk.session() as session:
        await teams.learn_workspace(session, installed["team_id"], installed["url"])


@asynccontextmanager
async def serving(desk: Desk, app: AsyncApp, *, http: bool, bodies: Bodies | None = None) -> AsyncIterator[str]:
    """Serve the web routes, and Slack's requests in HTTP mode; yields the address."""
    bodies = bodies or Bodies()
    site = build_web(desk, bodies)
    if http:
        verifier = SignatureVerifier(desk.settings.slack_signing_secret.get_secret_value())

        async def slack_events(request: web.Request) -> web.Response:
            try:
                async with bodies.reading(request) as body:
                    if not _is_signed(verifier, request, body):
                        return web.Response(status=401)
                    bolt_request = AsyncBoltRequest(
                        body=body.decode(), query=request.query_string, headers=dict(request.headers)
                    )
                    return await to_aiohttp_response(await app.async_dispatch(bolt_request))
            except BodyRefused as refused:
                return web.Response(status=refused.http)

        site.router.add_post("/slack/events", slack_events)
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=REQUEST_SECONDS)
    await runner.setup()
    try:
        settings = desk.settings
        try:
            await _begun(web.TCPSite(runner, settings.host, settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise BadSettings(f"Cannot listen on {where} ({error.strerror}): choose another HOST or PORT.") from None
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def _begun(site: web.TCPSite) -> None:
    """Start listening; a cancelled start is completed first, because its port would stay in use."""
    starting = asyncio.ensure_future(site.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await starting
        raise


def _is_signed(verifier: SignatureVerifier, request: web.Request, body: bytes) -> bool:
    """Tell whether Slack sent this. Bolt checks it too, but parses the body first and fails on unsigned requests."""
    try:
        return verifier.is_valid_request(body, request.headers)
    except (ValueError, TypeError):  # a time that is not a number, a body or signature that is not text
        return False


@asynccontextmanager
async def listening(desk: Desk, app: AsyncApp, *, http: bool) -> AsyncIterator[None]:
    """Keep the Socket Mode connection open, unless `http`; raises BadSettings when Slack refuses the app token."""
    if http:
        yield
        return
    settings, contact = desk.settings, contact_of(desk.slack)
    handler = AsyncSocketModeHandler(app, settings.slack_app_token.get_secret_value())
    # We ask for the address, because the client would ask forever with a token that Slack refuses.
    handler.client.wss_uri = await _socket_address(settings)
    handler.client.issue_new_wss_url = partial(_new_socket_address, settings, contact)  # type: ignore[method-assign]
    contact.is_connected = handler.client.is_connected
    connecting = asyncio.create_task(handler.connect_async())  # type: ignore[no-untyped-call]
    try:
        await asyncio.wait({connecting}, timeout=CONNECT_SECONDS)
        yield
    finally:
        connecting.cancel()
        with contextlib.suppress(Exception):  # at the end; the connection may already be closed, or hang
            async with asyncio.timeout(CLOSE_SECONDS):
                await handler.close_async()  # type: ignore[no-untyped-call]


async def _socket_address(settings: Settings) -> str | None:
    """Return the address of one connection; None when Slack does not answer yet, and the client asks again."""
    try:
        return await open_socket(settings)
    except SlackRefuses:
        raise BadSettings(check.NO_CONNECTION) from None
    except (SlackDown, SlackLater):
        return None


async def _new_socket_address(settings: Settings, contact: Contact) -> str:
    """Return the address of a new connection, for the client; it asks again when Slack gives none."""
    try:
        address = await open_socket(settings)
    except SlackRefuses as refusal:
        if not contact.refused:
            log.error("Slack gives no connection: clicks do not arrive; run `webcare check`", reason=refusal.error)
        contact.refused = refusal.error
        raise
    contact.refused = ""
    return address


async def _until_stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop.set)
    await stop.wait()
