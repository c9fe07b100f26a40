"""One schedule: what happens in it follows from its seed. It is told in lines that can be read."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import structlog
from aiohttp import ClientSession
from sqlmodel import col, select

from bot import accounts, db
from bot.connectors import http
from bot.domain.hours import is_open
from bot.models import Account, Act, Agent, AnswerDraft, Clock, Message, Reply, Role, Team
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from bot.slack.writing import is_in_arrears
from bot.team.settings import TeamSettings
from tests.clocks import AMSTERDAM, local
from tests.conftest import MANIFEST, MARIEKE, YOUSSEF, settings_for
from tests.faults.board import Board
from tests.faults.citizens_at_random import Citizens
from tests.faults.desks import OF, Process, ToAnyProcess, keeper, tasks_know_their_process
from tests.faults.disasters import Disasters
from tests.faults.people_at_random import BEHEER, READER, People
from tests.faults.source import SECRET, Source
from tests.faults.trouble import Trouble, Weather
from tests.faults.virtual_time import VirtualTime

INSTALLED = Path(__file__).parent / "installed"
BEGINS = (
    "2026-11-20 15:40",  # a Friday, before the weekend
    "2026-11-23 08:20",  # a Monday, before the team opens
    "2026-10-24 23:50",  # the night in which summer time ends
    "2027-03-27 23:50",  # the night in which it begins
    "2026-12-24 14:00",  # before Christmas
    "2026-11-25 11:00",
)
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"always_open": True},
    {"week": [[("22:00", "06:00")]] * 7},
    {"claim_reminder": 5, "claim_return": 5, "norm": {"first_reaction": 10, "next_reaction": 10, "resolution": 30}},
)
TOPICS = ["Afval", "Verkeer"]
PASSES = (2, 8, 8, 20, 60, 60, 300, 900, 3600, 4 * 3600, 16 * 3600, 64 * 3600)
"""Seconds that pass after a round."""
BUSY = 15.0
"""Seconds between the ticks of a process while much happens; the jobs ask what is due, so they may come at any time."""


@dataclass
class World:
    """Everything that a schedule is about, and what was seen of it."""

    seed: int
    database: str
    url: str
    dice: Random
    loop: VirtualTime
    start: datetime
    slack: Sandbox
    weather: Weather
    trouble: Trouble
    source: Source
    board: Board
    processes: list[Process] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    disasters: Disasters = field(init=False)
    people: People = field(init=False)
    citizens: Citizens = field(init=False)
    tick: float = BUSY
    born: int = 0

    def now(self) -> datetime:
        return self.start + self.loop.told()

    def log(self, line: str) -> None:
        """Tell what happens now."""
        self.lines.append(f"{self.now().astimezone(AMSTERDAM):%a %d %b %H:%M:%S} {line}")

    def is_published(self, words: str) -> bool:
        return any(each.text in words for each in [*self.source.published, *self.board.published])

    # -- processes

    async def new_process(self) -> None:
        """Start one more process of the bot."""
        self.born += 1
        settings = settings_for(
            self.url, self.slack, slack_pace=1.0, undo_seconds=10, slack_timeout=10, time_zone="Europe/Amsterdam"
        )
        dice = Random(self.dice.random())
        process = Process(f"p{self.born}", settings, self.now, dice, lambda: self._tick(dice))
        self.processes.append(process)
        self.log(f"{process.name} starts")
        try:
            await process.start()
        except db.GONE:  # whoever looks after it starts another
            self.log(f"{process.name} could not start: the database is gone")
            process.kill()

    def _tick(self, dice: Random) -> float:
        return dice.uniform(1, 2) * self.tick

    async def kill(self, dice: Random) -> None:
        """Kill a process: now, or at one of its next statements."""
        alive = [process for process in self.processes if process.alive]
        if not alive:
            return
        process = dice.choice(alive)
        if dice.random() < 0.7:
            number = dice.randint(1, 60)
            self.log(f"{process.name} will be killed at its statement {number} from now")
            process.dies_at_statement(number)
        else:
            self.log(f"{process.name} is killed")
            process.kill()

    async def bury(self) -> None:
        """Wait until nothing is left of the killed processes."""
        for process in [each for each in self.processes if not each.alive]:
            await process.is_gone()
            self.log(f"{process.name} is gone")
            self.faults += [f"{process.name}: {fault}" for fault in process.faults]
            self.processes.remove(process)


async def run(
    seed: int, database: str, url: str, check: Callable[[World], Awaitable[None]], lines: list[str], processes: int = 0
) -> None:
    """Run the schedule of a seed on a database, then let all settle, and check what must hold; `lines` tell it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTime)
    loop.set_task_factory(tasks_know_their_process)
    loop.keeper = keeper
    dice = Random(f"{seed} {database}")
    start = local(dice.choice(BEGINS))
    clock = lambda: start + loop.told()  # noqa: E731
    weather = Weather(dice=Random(dice.random()))
    trouble = Trouble(Random(dice.random()))
    rules = Rules(redelivery_seconds=(1.0, 60.0, 300.0))
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(http, "steady_now", clock)  # a Retry-After may name a date
        slack = await stack.enter_async_context(Sandbox(MANIFEST, rules=rules, now=lambda: clock().timestamp()))
        source = await stack.enter_async_context(Source(trouble, clock))
        board = await stack.enter_async_context(Board(trouble, clock).open())
        session = await stack.enter_async_context(ClientSession())
        world = World(seed, database, url, dice, loop, start, slack, weather, trouble, source, board, lines=lines)
        weather.log = trouble.log = world.log
        slack.faults = slack.api.faults = weather
        loop.set_exception_handler(lambda _, context: world.faults.append(f"nobody caught this: {context}"))
        slack.delivery = ToAnyProcess(world.processes, Random(dice.random()))
        world.disasters = Disasters(loop, slack, url, world.processes, world.log)
        world.people = People(slack, clock, world.log, world.is_published)
        world.people.move_in()
        world.citizens = Citizens(source, board, session, world.processes, clock, world.log)
        _keep_the_log(world)
        try:
            await _set_up(world, processes)
            for _ in range(dice.randint(3, 8)):
                await _round(world)
            await _settle(world)
            await check(world)
        finally:
            await world.disasters.end()
            for process in world.processes:
                process.kill()
            await world.bury()


class _Kept(logging.Handler):
    """Keeps what libraries log: the message, and the text of the exception."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.name}: {self.format(record)}")


def _keep_the_log(world: World) -> None:
    """Keep every line that a process logs; an error that is not of a killed process is a fault."""
    logging.getLogger().addHandler(_Kept(world.logged))

    def keep(_: Any, name: str, line: Any) -> Any:
        process = OF.get()
        world.logged.append(repr(line))
        excused = world.disasters.excuse(str(line.get("error", "")))
        if name in {"error", "critical", "exception"} and (process is None or process.alive) and not excused:
            world.faults.append(f"logged as {name}: {line}")
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, keep],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )


async def _set_up(world: World, processes: int) -> None:
    engine = db.create_engine(world.url)
    settings = settings_for(world.url, world.slack)
    async with db.sessions(engine)() as session:
        await accounts.ensure_team(session, settings, world.now())
        await session.flush()
        team = (await session.exec(select(Team))).one()
        chosen = world.dice.choice(SETTINGS)
        team.settings = {
            **chosen,
            "coordinators": [MARIEKE],
            "rota": {day: [YOUSSEF] for day in range(7)},
            "topics": TOPICS,
        }
        session.add(team)
        session.add(Team(name="Beheer", channel=BEHEER, settings=team.settings, created_at=world.now()))
        for who, role in ((READER, Role.READER), (MARIEKE, Role.COORDINATOR)):
            session.add(Agent(team_id=team.id, slack_id=who, role=role, created_at=world.now()))
        about: dict[str, Any] = {"now": world.now()}
        await accounts.add(
            session, settings, platform="webhook", name="plein", url="", secrets={"signing_secret": SECRET},
            options={"callback_url": f"{world.source.url}/replies"}, **about,
        )  # fmt: skip
        await accounts.add(
            session, settings, platform="board", name="prikbord", url=world.board.url, secrets={}, options={}, **about
        )
    await engine.dispose()
    world.log(f"the team: {chosen}")
    chosen_by_dice = world.dice.choice((1, 2, 2, 3) if world.database == "postgresql" else (1, 1, 2))
    for _ in range(processes if processes and world.database == "postgresql" else chosen_by_dice):
        await world.new_process()
    await world.citizens.act(world.dice)


async def _round(world: World) -> None:
    """Let several things happen at once, then let time pass."""
    dice = world.dice
    if dice.random() < 0.5:
        world.weather.bad = dice.choice((0, 0, 0.1, 0.3, 0.6))
        world.trouble.bad = dice.choice((0, 0, 0.2, 0.5, 0.9))
        world.log(f"Slack fails {world.weather.bad:.0%} of the calls, the platforms {world.trouble.bad:.0%}")
    if dice.random() < 0.5:
        world.disasters.begin(dice)
    moves = [_move(world, Random(dice.random())) for _ in range(dice.randint(3, 14))]
    await asyncio.gather(*moves)
    await world.bury()
    if not world.processes or dice.random() < 0.1:
        await world.new_process()
    seconds = dice.choice(PASSES)
    world.log(f"{timedelta(seconds=seconds)} pass")
    await _pass(world, seconds)


async def _pass(world: World, seconds: float) -> None:
    """Let time pass, in which each job of a process runs six times at most."""
    world.tick = max(BUSY, seconds / 6)
    await asyncio.sleep(seconds)
    world.tick = BUSY
    for process in world.processes:
        process.nudge()


async def _move(world: World, dice: Random) -> None:
    await asyncio.sleep(dice.choice((0, 0, 0.01, 0.5, 3, 15)))
    match dice.choices(("citizen", "people", "kill"), (5, 14, 1))[0]:
        case "citizen":
            await world.citizens.act(dice)
        case "people":
            await world.people.act(dice)
        case _:
            await world.kill(dice)


async def _settle(world: World) -> None:
    """End all trouble, and let time pass until nothing is due."""
    world.weather.bad = world.trouble.bad = 0
    await world.disasters.end()
    world.log("all trouble is over")
    await world.bury()
    if not world.processes:
        await world.new_process()
    for person in list(world.slack.workspace.stacks):
        while world.slack.view(person):
            await world.slack.close_view(person)
    engine = db.create_engine(world.url)
    try:
        await _start_stopped_accounts(world, engine)
        for _ in range(40):
            await _pass(world, 300)
            await asyncio.sleep(10)  # let the jobs end that begin now, so that we look between two ticks
            await world.bury()
            if not world.processes:
                await world.new_process()
            if not world.citizens.news and not await _left(world, engine):
                break
        else:
            world.faults.append(f"it does not settle: {await _left(world, engine)}")
            world.faults += [line for process in world.processes for line in process.doing()]
    finally:
        await engine.dispose()
    world.log("it has settled")


async def _start_stopped_accounts(world: World, engine: Any) -> None:
    async with db.sessions(engine)() as session:
        for account in await session.exec(select(Account).where(col(Account.stopped_at).is_not(None))):
            accounts.start(session, account, world.now())


async def _left(world: World, engine: Any) -> list[str]:
    """What has yet to be done, without what waits until a team opens."""
    async with db.readings(engine)() as session:
        waits = is_in_arrears(world.now()) | (col(Message.posting_since).is_not(None) & col(Message.ts).is_not(None))
        stale = [_waiting(message) for message in await session.exec(select(Message).where(waits))]
        unsent = await session.exec(select(Reply.key).where(col(Reply.status).in_(["approved", "sending"])))
        undone = await session.exec(select(Act.key).where(col(Act.status).in_(["approved", "sending"])))
        board = (await session.exec(select(Account.cursor).where(Account.platform == "board"))).one()
        unread = [] if board.get("after", 0) >= len(world.board.items) else ["the board is not read"]
        writing = await session.exec(select(AnswerDraft).where(col(AnswerDraft.writing)))
        said = [f"{draft.by} is said to be writing about case {draft.case_id}" for draft in writing]
        due = await session.exec(select(Clock).where(col(Clock.next_at) <= world.now()))
        late = forgotten(due, await session.exec(select(Team)), world.now())
        return [*stale, *unsent, *undone, *unread, *said, *late]


def forgotten(clocks: Iterable[Clock], teams: Iterable[Team], now: datetime) -> list[str]:
    """What should have been told of these clocks: their moment has come, and their team is open."""
    hours = {team.id: TeamSettings.of(team.settings).hours(now) for team in teams}
    return [
        f"clock {clock.id} of case {clock.case_id} was to be told of at {clock.next_at}, and it is {now}"
        for clock in clocks
        if clock.stopped_at is None and clock.next_at is not None and clock.next_at <= now
        if is_open(hours[clock.team_id], now)
    ]


def _waiting(message: Message) -> str:
    """Why a message may not be level yet."""
    parts = ("ts", "channel", "shown_version", "version", "posting_since", "leased_until", "retry_at", "problem")
    return f"{message.key}: " + ", ".join(f"{part} {getattr(message, part)}" for part in parts)
