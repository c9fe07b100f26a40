"""The bot in processes of its own: run, killed, and looked at through the database and Slack that they share."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from sqlalchemy import text
from sqlmodel import select

from bot import accounts, cases, db
from bot.cases import inbox
from bot.domain.event import EventKind
from bot.domain.mention import Act, Author, Post, permits
from bot.domain.sla import ClockKind
from bot.models import Act as ActRow
from bot.models import Clock, Event, Message, Reply, Team
from bot.run import open_desk
from bot.sandbox.app import Sandbox
from bot.slack import messages
from jobs import members
from tests.clocks import AMSTERDAM, RunningClock
from tests.conftest import CHANNEL, MARIEKE, SANNE, SECRET_KEY, Bot, eventually, settings_for
from tests.fakes.between import Between
from tests.fakes.process import killed_at_the_end
from tests.people import connect, signed

REPLIES = "/replies"


class Citizens:
    """Where answers go: each key once, as a platform that knows keys has it; `to` is what stands before it."""

    def __init__(self, to: Between) -> None:
        self.to = to
        self.read = dict[str, str]()
        self.requests = 0

    async def take(self, request: web.Request) -> web.Response:
        told = await request.json()
        if told["type"] == "reply.created":
            self.requests += 1
            self.read.setdefault(request.headers["webhook-id"], told["data"]["text"])
        return web.json_response({"id": request.headers["webhook-id"]})

    def texts(self) -> list[str]:
        return sorted(self.read.values())


@asynccontextmanager
async def citizens_at_their_platform() -> AsyncIterator[Citizens]:
    """The platform on which answers are read, behind what can hold them up."""
    to = Between("")
    there = Citizens(to)
    app = web.Application()
    app.router.add_post(REPLIES, there.take)
    async with TestServer(app) as server:
        to.target = str(server.make_url("/")).rstrip("/")
        async with to:
            yield there


@asynccontextmanager
async def looking_on(database_url: str, slack: Sandbox, mastodon_url: str = "") -> AsyncIterator[Bot]:
    """A desk on the database that the killed bot works on, with the team's account; it does what is woken in it.

    Whenever this is, the team's next digest comes tomorrow: else a test that is at work at nine has one more message.
    """
    engine = db.create_engine(database_url)
    settings = settings_for(database_url, slack)
    try:
        async with open_desk(settings, engine) as desk:
            async with desk.session() as session:
                await accounts.ensure_team(session, settings, desk.now())
                await session.flush()
                team = await session.get_one(Team, 1)
                before = team.created_at.astimezone(AMSTERDAM) - timedelta(minutes=1)
                team.settings = {"digest_at": f"{before:%H:%M}"}
            bot = Bot(desk, slack, RunningClock(), engine)
            if mastodon_url:
                await connect(bot, mastodon_url)
            yield bot
    finally:
        await engine.dispose()


def running(bot: Bot, folder: Path, *arguments: str, **changes: object) -> AbstractAsyncContextManager[BaseProcess]:
    """`webcare run` on this bot's database, killed at the end of the block."""
    usual: dict[str, object] = {
        "database_url": bot.desk.settings.database_url,
        "slack_bot_token": bot.slack.app.bot_token,
        "slack_app_token": bot.slack.app.app_token,
        "slack_channel": CHANNEL,
        "slack_api_url": bot.slack.api_url,
        "slack_pace": 0,
        "undo_seconds": 0,
        "poll_seconds": 1,
        "port": 0,
        "watch_port": 0,
        "allow_private_addresses": True,
        "webcare_secret_key": SECRET_KEY,
    }
    return killed_at_the_end(folder, *arguments, **{**usual, **changes})


async def add_square(bot: Bot, callback: str = "", *, since: datetime | None = None) -> None:
    """Add the square as a source of the team; answers go to `callback`."""
    async with bot.desk.session() as session:
        await accounts.add(
            session, bot.desk.settings, platform="webhook", name="plein", url="",
            secrets={"signing_secret": bot.slack.square.secret}, options={"callback_url": callback} if callback else {},
            now=since or bot.desk.now(),
        )  # fmt: skip


async def time_passes(bot: Bot, **time: float) -> None:
    """Let the database be as if the crash was this long ago: the waits and leases that it left are then over."""
    passed = timedelta(**time)
    async with bot.desk.session() as session:
        for message in await session.exec(select(Message)):
            message.leased_until = message.leased_until and message.leased_until - passed
            message.retry_at = message.retry_at and message.retry_at - passed
        for reply in await session.exec(select(Reply)):
            reply.send_at -= passed
            reply.first_tried_at = reply.first_tried_at and reply.first_tried_at - passed
        for act in await session.exec(select(ActRow)):
            act.send_at -= passed
            act.first_tried_at = act.first_tried_at and act.first_tried_at - passed
        if not db.is_sqlite(session):
            died = text("UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - :passed")
            await (await session.connection()).execute(died, {"passed": passed})


STEPS = (80, 100, 125, 150)
AGES = (49, 61, 76, 120)
"""So many minutes ago came the cases of `late`, in turn: of each is now due one of STEPS, and those before it."""


A_MONTH = 60 * 24 * 30


async def late(bot: Bot, count: int, *, claimed: int = 0) -> None:
    """Let cases come in so long ago that steps of their first reaction are due; their cards are in Slack."""
    author, now = Author("a", "Fatima"), bot.desk.now()
    then = now - timedelta(minutes=max(AGES))
    posts = [
        Post(str(n), author, f"Vraag {n:02}", then, conversation=str(n), permits=permits(Act.ANSWER))
        for n in range(count)
    ]
    await add_square(bot, since=then)
    async with bot.desk.session() as session:
        team = await session.get_one(Team, 1)
        team.created_at -= timedelta(days=3)
        team.settings = {
            "always_open": True, "coordinators": [MARIEKE], "escalation_channel": "C0ESCALATIE", "digest_at": "00:00",
            "norm": {"first_reaction": 60, "next_reaction": 60, "resolution": A_MONTH}, "claim_reminder": A_MONTH,
        }  # fmt: skip
        for n, post in enumerate(posts):
            await inbox.take_in(session, 1, [post], now=now - timedelta(minutes=AGES[n % len(AGES)]))
        for case_id in range(1, claimed + 1):
            await cases.claim(session, case_id, by=SANNE, now=then)
        await cases.retime(session, 1, now)
    await members.read_channels(bot.desk)
    await messages.wake_lanes(bot.desk)
    await bot.slack.wait_for(lambda: len(bot.cards()) == count)


async def steps_due(bot: Bot) -> int:
    return sum(not clock.told_percent for clock in await bot.rows(Clock) if clock.kind is ClockKind.FIRST_REACTION)


async def caught_or(caught: Awaitable[None], done: Callable[[], Awaitable[object]]) -> None:
    """Wait for the call at which it is killed, or until all is done: a run may have fewer calls left than that."""
    waits = [asyncio.ensure_future(each) for each in (caught, eventually(done))]
    first, others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for each in others:
        each.cancel()
    await asyncio.gather(*first)


async def is_level(bot: Bot) -> bool:
    """Whether Slack shows all that there is to show."""
    return all(message.shown_version >= message.version for message in await bot.rows(Message))


async def steps_told(bot: Bot) -> Counter[tuple[int, int]]:
    """How often each step (a clock and its percentage) is told of."""
    log = [event.details for event in await bot.rows(Event) if event.kind == EventKind.REMINDED]
    return Counter((details["clock"], details["percent"]) for details in log)


async def all_is_in_slack_once(bot: Bot) -> None:
    """Check that Slack has each message of ours, in channels, threads and direct messages, and none twice."""
    assert in_slack(bot) == Counter(m.key for m in await bot.rows(Message))


def in_slack(bot: Bot) -> Counter[str]:
    """The keys of all our messages in Slack, in channels, threads and direct messages."""
    placed = (m for channel in bot.slack.workspace.messages.values() for m in channel.values())
    return Counter(m["metadata"]["event_payload"]["key"] for m in placed if "metadata" in m)


async def pushed(session: ClientSession, bot: Bot, url: str, number: int, *, words: str) -> int:
    """Send a mention to one process as a source does; returns how that answered."""
    author = {"id": f"a{number}", "name": f"Burger {number}"}
    body = json.dumps({"id": f"p{number}", "text": f"{words} {number:02}", "author": author})
    headers = signed(bot.slack.square.secret, body, f"m{number}")
    async with session.post(url, data=body, headers=headers) as answered:
        await answered.read()
        return answered.status
