"""The composition root: builds the desk once, and runs the bot until it is stopped."""

import asyncio
import contextlib
import gc
import importlib
import signal
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from sqlalchemy.ext.asyncio import AsyncEngine

import jobs
from bot import accounts, db
from bot.accounts import seal
from bot.accounts.bodies import Bodies, BodyRefused
from bot.accounts.web import build_web
from bot.app import build_app
from bot.config import BadSettings, Settings, lacking
from bot.connectors.http import new_client
from bot.connectors.platform import Platform
from bot.desk import Desk
from bot.disk import Disk
from bot.logs import going_on, shown_to, trace
from bot.meters import Meters
from bot.models import Act, Message, Reply
from bot.outgoing import outbox, queue
from bot.own_lanes import OwnLanes
from bot.slack import address, check, messages, places, writing
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
    when_set_back,
)
from bot.slack.contact import Contact
from bot.slack.pace import Pace
from bot.slack.signed import Signed
from bot.steady_clock import steady_now, utc_now
from bot.team import teams
from bot.wake import Drain, Lanes
from bot.watch.readiness import READY, STARTING, STOPPING
from bot.watch.sentry import reporting
from bot.watch.web import Watch, followed
from bot.web_server import served
from jobs import poll

if TYPE_CHECKING:
    from bot.shared_lanes import SharedLanes

log = structlog.get_logger()

CLOSE_SECONDS = 1.9
"""How long Slack's socket may take to close, with what is still to be acknowledged on it."""
ACK_SECONDS = 1.0
"""How long, of these, what came in on it may take until it is acknowledged: Slack shows an error for anything else."""
CLICK_SECONDS = 2.0
"""How long clicks that were acknowledged when we stop may take."""
LANE_SECONDS = 2.5
"""How long calls to Slack and the platforms may take when we stop; their work is in the database.

All four together stay well under the 10 seconds after which Docker and others kill a process.
"""
CONNECT_SECONDS = 5.0
"""How long the start waits for Slack's socket; after that, the client keeps trying to connect."""


ALONE = (
    "--only is for several processes that share one PostgreSQL (DATABASE_URL). With SQLite one process does "
    "everything: run webcare without --only."
)


@asynccontextmanager
async def open_desk(
    settings: Settings,
    engine: AsyncEngine,
    now: Callable[[], datetime] = utc_now,
    speed: float = 1.0,
    stand_ins: Mapping[str, Platform] | None = None,
    lanes: Lanes | None = None,
    within: db.Within | None = None,
) -> AsyncIterator[Desk]:
    """Build the desk on a migrated database; its lanes, connections and clients end with the block.

    `stand_ins`, by name, replace platforms of the registry. Without `lanes` the process has lanes of its own. All
    transactions that write are `within` this.
    """
    lanes, meters = lanes or OwnLanes(now, speed), Meters()
    shared = None if engine.dialect.name == "sqlite" else engine  # SQLite has one process
    pace = Pace(settings.slack_pace, shared)
    async with (
        new_client(allow_private=settings.allow_private_addresses) as client,
        slack_session(settings) as http_session,
    ):
        desk = Desk(
            settings=settings,
            session=db.sessions(engine, within),
            reading=db.readings(engine),
            slack=paced_client(settings, http_session, pace, now, meters),
            http=client,
            connector=accounts.connector_of(settings, client, now, db.sessions(engine), stand_ins),
            wake=lanes,
            now=now,
            disk=Disk(engine, now),
            speed=speed,
            stand_ins=stand_ins or {},
            meters=meters,
        )
        when_set_back(desk.slack, partial(_put_off_no_longer, desk))
        await address.recall(desk)
        drains: dict[str, Drain] = {
            "messages": partial(messages.drain, desk),
            "outgoing": partial(outbox.drain, desk),
            "poll": partial(poll.poll, desk),
            jobs.LANE: partial(jobs.run, desk),
        }
        lanes.serve(drains)
        for kind in drains:
            meters.lanes.labels(kind).set_function(partial(lanes.running, kind))
        try:
            # The work goes on after a fault, so that nobody may see it.
            with shown_to(lambda line: meters.faults.labels(line["event"]).inc()):
                yield desk
        finally:
            await lanes.stop(LANE_SECONDS)


async def _put_off_no_longer(desk: Desk) -> None:
    """Try now what waits for another try: our clock was ahead when that was put off, as before a network is there."""
    with going_on("what was put off waits longer than it should"):
        async with desk.session() as session:
            await writing.put_off_no_longer(session)
            await queue.put_off_no_longer(session, desk.now())
        await messages.wake_lanes(desk)


class Part(StrEnum):
    """A part of the bot that a process may run without the others, where several share one PostgreSQL."""

    WEB = "web"
    WORKER = "worker"
    CLOCK = "clock"


EVERYTHING = frozenset(Part)


async def run(
    settings: Settings,
    *,
    http: bool = False,
    parts: Collection[Part] = EVERYTHING,
    ready: asyncio.Future[str] | None = None,
    now: Callable[[], datetime] | None = None,
    speed: float = 1.0,
    stand_ins: Mapping[str, Platform] | None = None,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Run the bot until SIGINT or SIGTERM (or until cancelled); raises BadSettings when it cannot start.

    Slack reaches it by Socket Mode, or with `http` by requests to /slack/events. `parts` is what this process does.
    `ready` gets the address of its web routes when they are open. `now` is its clock, if it is not to be the machine's;
    it runs `speed` times as fast as the real one. `stand_ins` are as for `open_desk`. `stopping` is called when the bot
    begins to stop.
    """
    _refuse_unusable(settings, http=http, parts=parts)
    engine, now = db.create_engine(settings.database_url), now or steady_now
    try:
        await db.prepare(engine)
        async with (
            reporting(settings),
            _shared_lanes(engine, now, speed) as shared,
            open_desk(settings, engine, now, speed, stand_ins, shared, shared.waking if shared else None) as desk,
        ):
            await _begin(desk, parts)
            watch = Watch(desk, why_not=STARTING)
            is_web = Part.WEB in parts
            async with _open_to_others(desk, watch, http=http) if is_web else _open_to_monitors(desk, watch) as address:
                schedulers = _set_to_work(desk, shared, parts)
                gc.freeze()  # what is loaded by now stays: to look for garbage in it costs a tenth of all work
                watch.why_not = READY
                log.info("webcare runs", **_what_runs(parts, http=http), address=address)
                if ready is not None:
                    ready.set_result(address)
                try:
                    await _until_stopped()
                finally:
                    watch.why_not = STOPPING
                    stopping()
                    gc.unfreeze()
                    for scheduler in schedulers:
                        await scheduler.stop()
                    log.info("webcare stops")
    finally:
        await engine.dispose()


@asynccontextmanager
async def _shared_lanes(
    engine: AsyncEngine, now: Callable[[], datetime], speed: float
) -> AsyncIterator["SharedLanes | None"]:
    """Open the lanes that all processes on this database share; SQLite has one process, which needs none."""
    if engine.dialect.name == "sqlite":
        yield None
        return
    try:  # imported only here: it comes with the extra for PostgreSQL
        shared_lanes = importlib.import_module("bot.shared_lanes").shared_lanes
    except ModuleNotFoundError:
        raise lacking("PostgreSQL needs its queue", "postgres") from None
    async with shared_lanes(engine, now, speed, _work_of) as lanes:
        yield lanes


def _work_of(row: object) -> str | None:
    """Return the lane for which a row that was just stored is new work, if it is any."""
    match row:
        case Message():
            return messages.lane_of(row)
        case Reply() | Act():
            return queue.lane_of(row)
    return None


async def _begin(desk: Desk, parts: Collection[Part]) -> None:
    """Do what comes before all else at a start."""
    settings = desk.settings
    async with desk.session() as session:
        await accounts.ensure_team(session, settings, desk.now())
        # A wrong secret key is reported now, not at the first reply.
        if resealed := await accounts.seal_anew(session, settings):
            log.info("tokens are encrypted with the first key; the others may be removed", accounts=resealed)
    if {Part.WEB, Part.WORKER} & set(parts):
        await _check_slack(desk)


@asynccontextmanager
async def _open_to_others(desk: Desk, watch: Watch, *, http: bool) -> AsyncIterator[str]:
    """Hear Slack and serve the web routes; yields their address."""
    running = set[asyncio.Task[Any]]()
    app = build_app(desk, running=running)
    async with (
        _finished(running),
        serving(desk, app, http=http, watch=watch) as address,
        listening(desk, app, http=http),
    ):
        yield address


def _set_to_work(desk: Desk, shared: "SharedLanes | None", parts: Collection[Part]) -> list[jobs.Scheduler]:
    """Begin the work that nobody asks for: the jobs, and lanes that are shared; returns what to shut down."""
    if shared is None:
        return [jobs.start(desk)]
    schedulers = []
    if Part.WORKER in parts:
        shared.work()
    if Part.WEB in parts:
        schedulers.append(jobs.start_own(desk))
    if Part.CLOCK in parts:
        schedulers.append(jobs.start_shared(desk, shared.tick))
    return schedulers


def _what_runs(parts: Collection[Part], *, http: bool) -> dict[str, str]:
    """Return what the log says of this process."""
    slack = {"slack": "http" if http else "socket mode"} if Part.WEB in parts else {}
    return slack if set(parts) >= EVERYTHING else {"only": " ".join(sorted(parts)), **slack}


@asynccontextmanager
async def _finished(running: set[asyncio.Task[Any]]) -> AsyncIterator[None]:
    """After the block, wait some seconds for running handlers: their requests are acknowledged and not sent again."""
    try:
        yield
    finally:
        if running:
            await asyncio.wait(set(running), timeout=CLICK_SECONDS)


def _refuse_unusable(settings: Settings, *, http: bool, parts: Collection[Part]) -> None:
    if not set(parts) >= EVERYTHING and db.is_file(settings.database_url):
        raise BadSettings(ALONE)
    for sentence in check.missing(settings, http=http, hears=Part.WEB in parts):
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
    await address.learn(desk, installed)


@asynccontextmanager
async def serving(
    desk: Desk, app: AsyncApp, *, http: bool, bodies: Bodies | None = None, watch: Watch | None = None
) -> AsyncIterator[str]:
    """Serve the web routes, and Slack's requests in HTTP mode; yields the address."""
    bodies = bodies or Bodies()
    site = build_web(desk, bodies)
    site.middlewares.append(followed)
    (watch or Watch(desk)).add_routes(site)
    if http:
        signed = Signed(desk.settings.slack_signing_secret.get_secret_value())

        async def slack_events(request: web.Request) -> web.Response:
            try:
                async with bodies.reading(request) as body:
                    if not signed.holds(request, body):
                        return web.Response(status=401)
                    bolt_request = AsyncBoltRequest(
                        body=body.decode(), query=request.query_string, headers=dict(request.headers)
                    )
                    return await to_aiohttp_response(await app.async_dispatch(bolt_request))
            except BodyRefused as refused:
                return web.Response(status=refused.http)

        site.router.add_post("/slack/events", slack_events)
    settings = desk.settings
    async with AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(served(site, settings.host, settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise BadSettings(f"Cannot listen on {where} ({error.strerror}): choose another HOST or PORT.") from None
        yield address


@asynccontextmanager
async def _open_to_monitors(desk: Desk, watch: Watch) -> AsyncIterator[str]:
    """Answer monitors of a process that serves nothing else; yields the address, "" when another process has it."""
    site, settings = web.Application(middlewares=[followed]), desk.settings
    watch.add_routes(site)
    async with AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(served(site, settings.host, settings.watch_port))
        except OSError as error:
            where = f"{settings.host}:{settings.watch_port}"
            log.warning("no monitor can ask this process: choose another WATCH_PORT", at=where, why=error.strerror)
            address = ""
        yield address


@asynccontextmanager
async def listening(desk: Desk, app: AsyncApp, *, http: bool) -> AsyncIterator[None]:
    """Keep the Socket Mode connection open, unless `http`; raises BadSettings when Slack refuses the app token."""
    if http:
        yield
        return
    settings, contact = desk.settings, contact_of(desk.slack)
    # We ask for the address, because the client would ask forever with a token that Slack refuses.
    address = await _socket_address(settings)
    handler = AsyncSocketModeHandler(app, settings.slack_app_token.get_secret_value())
    handler.client.wss_uri = address
    handler.client.issue_new_wss_url = partial(_new_socket_address, settings, contact)  # type: ignore[method-assign]
    handling = set[asyncio.Task[Any]]()
    handler.client.socket_mode_request_listeners[:] = [partial(_heard, handler, handling)]
    contact.is_connected = handler.client.is_connected
    connecting = asyncio.create_task(handler.connect_async())  # type: ignore[no-untyped-call]
    try:
        await asyncio.wait({connecting}, timeout=CONNECT_SECONDS)
        yield
    finally:
        connecting.cancel()
        with contextlib.suppress(Exception):  # at the end; the connection may already be closed, or hang
            async with asyncio.timeout(CLOSE_SECONDS):
                handler.client.socket_mode_request_listeners.clear()  # what comes now, Slack sends again to another
                if handling:
                    await asyncio.wait(set(handling), timeout=ACK_SECONDS)
                await handler.close_async()  # type: ignore[no-untyped-call]
        await handler.client.aiohttp_client_session.close()  # not yet, if closing the socket took too long


async def _heard(
    handler: AsyncSocketModeHandler, handling: set[asyncio.Task[Any]], client: SocketModeClient, request: Any
) -> None:
    """Handle a request of Slack's socket; `handling` holds it until it is acknowledged."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type
    handling.add(task)
    try:
        await handler.handle(client, request)
    except ConnectionError as error:  # the work is done; Slack sends it again on another connection
        log.warning("Slack's socket closed before a request could be acknowledged", **trace(error))
    finally:
        handling.discard(task)


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
    """Wait for a signal to stop. One that came during the start counts too: a library may have swallowed its cancel."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop.set)
    await stop.wait()
